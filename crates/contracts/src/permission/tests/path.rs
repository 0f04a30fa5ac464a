//! Paths by hand: normal form, patterns, what is always denied.

use super::{granting, readable};
use crate::permission::{NormalPath, NormalPathError, PathPattern, PathRoot, PermissionKind};

#[track_caller]
fn check(scope: &str, rows: &[(&str, bool)]) {
    for (path, expected) in rows {
        assert_eq!(readable(scope, path), *expected, "{scope:?} against {path:?}");
    }
}

#[test]
fn normal_form_collapses_what_means_nothing() {
    for (text, expected) in [
        ("/a//b/./c/", "/a/b/c"),
        ("/", "/"),
        ("//", "/"),
        ("/a/../b", "/b"),
        ("a", "workspace/a"),
        ("./a/", "workspace/a"),
        (".", "workspace"),
        ("a/..", "workspace"),
        ("workspace", "workspace"),
        ("workspace/", "workspace"),
        ("artifacts/x/../y", "artifacts/y"),
        ("plugin//data", "plugin/data"),
        ("Plugin/data", "workspace/Plugin/data"),
        ("workspace/plugin/x", "workspace/plugin/x"),
        ("a/../plugin/x", "workspace/plugin/x"),
        ("a\\b", "workspace/a\\b"),
        ("...", "workspace/..."),
    ] {
        let path = NormalPath::parse(text).unwrap();
        assert_eq!(path.to_string(), expected, "{text:?}");
        assert_eq!(NormalPath::parse(expected).unwrap(), path, "display of {text:?} reads back");
    }
}

type Check = fn(&NormalPathError) -> bool;

#[test]
fn what_has_no_normal_form_is_refused_with_the_reason() {
    let long_name = "x".repeat(256);
    let long_path = "x/".repeat(2049);
    let rows: [(&str, Check); 11] = [
        ("", |e| matches!(e, NormalPathError::Empty)),
        ("..", |e| matches!(e, NormalPathError::AboveRoot { .. })),
        ("/..", |e| matches!(e, NormalPathError::AboveRoot { .. })),
        ("a/../..", |e| matches!(e, NormalPathError::AboveRoot { .. })),
        ("workspace/..", |e| matches!(e, NormalPathError::AboveRoot { .. })),
        ("workspace/../plugin/x", |e| matches!(e, NormalPathError::AboveRoot { .. })),
        ("../workspace/x", |e| matches!(e, NormalPathError::AboveRoot { .. })),
        ("a\0b", |e| matches!(e, NormalPathError::Nul { .. })),
        ("/data\0/../etc", |e| matches!(e, NormalPathError::Nul { .. })),
        (&long_name, |e| matches!(e, NormalPathError::ComponentTooLong { .. })),
        (&long_path, |e| matches!(e, NormalPathError::TooLong { .. })),
    ];
    for (text, expected) in rows {
        let error = NormalPath::parse(text).unwrap_err();
        assert!(expected(&error), "{text:.40?}: {error:?}");
        assert!(error.to_string().chars().count() < 300, "messages stay short");
    }
    assert!(matches!(NormalPath::inside(PathRoot::Workspace, "/etc"), Err(NormalPathError::Absolute { .. })));
}

#[test]
fn inside_never_takes_a_component_for_a_root() {
    let path = NormalPath::inside(PathRoot::Workspace, "plugin/x").unwrap();
    assert_eq!((path.root(), path.below()), (PathRoot::Workspace, "plugin/x"));
    assert_eq!(NormalPath::inside(PathRoot::Artifacts, "").unwrap().to_string(), "artifacts");
    assert!(NormalPath::inside(PathRoot::Plugin, "a/../..").is_err());
}

#[test]
fn a_plain_pattern_covers_the_path_and_what_is_below_by_component() {
    check("/data", &[("/data", true), ("/data/", true), ("/data/a/b", true), ("/", false), ("/dat", false)]);
    check(
        "data/in",
        &[("data/in", true), ("workspace/data/in/x", true), ("data", false), ("/data/in", false)],
    );
    check(
        "workspace",
        &[(".", true), ("x", true), ("artifacts/x", false), ("plugin/x", false), ("/x", false)],
    );
    check("artifacts", &[("artifacts", true), ("artifacts/x", true), ("x", false)]);
    check("plugin/assets", &[("plugin/assets/a", true), ("plugin", false), ("assets/a", false)]);
    check("/", &[("/", true), ("/etc/passwd", true), ("x", false), ("plugin/x", false)]);
}

#[test]
fn e18_siblings_and_suffixes_are_denied() {
    check(
        "/data",
        &[("/data-evil", false), ("/data-evil/a", false), ("/database", false), ("/data.bak", false)],
    );
    check(
        "src/*.ts",
        &[("src/a.ts", true), ("src/a.ts.bak", false), ("src/x/a.ts", false), ("xsrc/a.ts", false)],
    );
    check("proj", &[("../proj-secret", false), ("proj-secret/x", false), ("proj/../proj-secret", false)]);
}

#[test]
fn e19_variants_of_a_path_are_denied_or_canonical() {
    let rows = [
        ("/data/a", true),
        ("//data//a/", true),
        ("/data/./a", true),
        ("/DATA/a", false),
        ("/Data/a", false),
        ("/data\0/a", false),
        ("/data/../etc/passwd", false),
        ("/data/a/../../data-evil", false),
        ("/data/../../etc", false),
        ("/d\u{430}ta/a", false),
        ("/data\u{200b}/a", false),
        ("/ｄａｔａ/a", false),
        ("/data%2fa", false),
        ("\\data\\a", false),
        (" /data/a", false),
    ];
    check("/data", &rows);
    // One letter in two encodings is two names for the kernel, and two here.
    check("/caf\u{e9}", &[("/caf\u{e9}/a", true), ("/cafe\u{301}/a", false), ("/CAF\u{c9}", false)]);
    let long = format!("/data/{}", "a/".repeat(3000));
    check("/data", &[(&long, false)]);
}

#[test]
fn globs_match_inside_a_component() {
    check("*", &[("a", true), ("a/b", false), (".hidden", true), (".", false)]);
    check("a?c", &[("abc", true), ("aéc", true), ("ac", false), ("abbc", false), ("a/c", false)]);
    check("[a-c]x", &[("ax", true), ("cx", true), ("dx", false), ("Ax", false)]);
    check("[!a-c]x", &[("dx", true), ("ax", false), ("x", false)]);
    check("[]x]", &[("]", true), ("x", true), ("a", false)]);
    check("[a-]", &[("a", true), ("-", true), ("b", false)]);
    check("[*]", &[("*", true), ("a", false)]);
    check("[{]a[}]", &[("{a}", true), ("a", false)]);
    check("*a*b*", &[("xaxbx", true), ("ab", true), ("ba", false), ("aab", true)]);
    check("/logs/*", &[("/logs/a", true), ("/logs", false), ("/logs/a/b", false)]);
}

#[test]
fn two_stars_are_any_number_of_components() {
    check("**", &[(".", true), ("a", true), ("a/b/c", true), ("/a", false), ("artifacts/a", false)]);
    check("src/**", &[("src", true), ("src/a", true), ("src/a/b", true), ("srcx", false)]);
    check("src/**/*.ts", &[("src/a.ts", true), ("src/a/b/c.ts", true), ("src", false), ("src/a.tsx", false)]);
    check(
        "**/test/**",
        &[("test", true), ("a/test", true), ("test/b", true), ("a/b/test/c/d", true), ("tests", false)],
    );
    check("a/**/**/b", &[("a/b", true), ("a/x/y/b", true), ("a", false)]);
    check("/**", &[("/", true), ("/etc", true), ("etc", false)]);
    check("workspace/**", &[("workspace", true), ("a/b", true), ("plugin/a", false)]);
}

#[test]
fn a_hostile_pattern_takes_no_time_that_grows_exponentially() {
    let stars = format!("{}b", "*a".repeat(60));
    check(&stars, &[(&"a".repeat(250), false)]);
    let depths = format!("{}b", "**/a/".repeat(60));
    check(&depths, &[(&"a/".repeat(2000), false)]);
}

#[test]
fn patterns_are_refused_with_what_to_write() {
    for (pattern, problem, fix) in [
        ("", "is empty", "workspace/data"),
        ("a/../b", "`..`", "the path it leads to"),
        ("./a", "`.`", "leave it out"),
        ("a//b", "empty component", "one slash"),
        ("a/", "empty component", "none at the end"),
        ("//", "empty component", "one slash"),
        ("a\\b", "backslash", "[*]"),
        ("a\0b", "NUL", "no path"),
        ("*.{ts,js}", "brace", "one pattern for each"),
        ("a}", "brace", "[{]"),
        ("a**", "`**` inside", "whole component"),
        ("***", "`**` inside", "whole component"),
        ("[a", "`[` without", "[[]"),
        ("[]", "`[` without", "[[]"),
        ("[!]", "`[` without", "[[]"),
        ("[a/b]", "`[` without", "[[]"),
        ("a]", "`]` without", "[]]"),
        ("[^a]", "`^`", "[!…]"),
        ("[z-a]", "backwards", "[a-z]"),
        (".git/**", "`.git` are always denied", "remove it"),
        ("/home/me/.SSH", "`.ssh` are always denied", "remove it"),
        ("config/.env.local", "`.env.*` are always denied", "remove it"),
        ("/proc/cpuinfo", "under `/proc` is always denied", "remove it"),
    ] {
        let error = pattern.parse::<PathPattern>().expect_err(pattern);
        assert!(error.problem.contains(problem), "{pattern:?}: {error}");
        assert!(error.fix.contains(fix), "{pattern:?}: {error}");
        assert_eq!(error.pattern, pattern);
    }
}

#[test]
fn no_grant_opens_what_is_always_denied() {
    let set = granting(PermissionKind::FsRead, &["/", "workspace", "**", "artifacts", "plugin"]);
    let write = granting(PermissionKind::FsWrite, &["/", "workspace"]);
    for (path, rule) in [
        (".git/config", Some("`.git`")),
        ("a/.GIT", Some("`.git`")),
        ("/home/me/.ssh/known_hosts", Some("`.ssh`")),
        ("/home/me/.Ssh", Some("`.ssh`")),
        (".env", Some("`.env`")),
        (".env.local", Some("`.env.*`")),
        ("a/.ENV.production/x", Some("`.env.*`")),
        ("tls/server.pem", Some("`*.pem`")),
        ("tls/server.KEY", Some("`*.key`")),
        (".key", Some("`*.key`")),
        ("app.secret", Some("`*.secret`")),
        ("credentials.json", Some("`credentials*`")),
        ("Credentials", Some("`credentials*`")),
        ("/root/id_rsa.pub", Some("`id_rsa*`")),
        ("/root/id_ed25519", Some("`id_ed25519*`")),
        ("x/../.env", Some("`.env`")),
        ("/proc/self/environ", Some("`/proc`")),
        ("/dev/mem", Some("`/dev`")),
        ("node_modules/a/index.js", None),
        (".gitignore", None),
        (".github/workflows/ci.yml", None),
        (".envrc", None),
        ("environment", None),
        ("pem", None),
        ("keys/a.keyboard", None),
        ("my-credentials.md", None),
        ("proc/x", None),
        ("/processes", None),
        ("é.p", None),
    ] {
        let path = NormalPath::parse(path).unwrap();
        for decision in [set.fs_read(&path), write.fs_write(&path)] {
            match (decision.denial(), rule) {
                (None, None) => {}
                (Some(denial), Some(rule)) => {
                    assert!(denial.rule.as_ref().unwrap().contains(rule), "{path}: {denial}");
                    assert_eq!(denial.missing(), None, "{path}: no grant would help");
                }
                (denial, _) => panic!("{path}: {denial:?}"),
            }
        }
    }
}

#[test]
fn a_pattern_says_where_it_begins_and_whether_it_is_a_directory() {
    for (text, base, covers_base) in [
        ("/data", "/data", true),
        ("/data/**", "/data", true),
        ("src/**/*.ts", "workspace/src", false),
        ("*.md", "workspace", false),
        ("workspace", "workspace", true),
        ("/", "/", true),
        ("a/*/b", "workspace/a", false),
    ] {
        let pattern: PathPattern = text.parse().unwrap();
        assert_eq!(pattern.base().to_string(), base, "{text}");
        assert_eq!(pattern.covers_base(), covers_base, "{text}");
        assert_eq!(pattern.to_string(), text);
    }
}
