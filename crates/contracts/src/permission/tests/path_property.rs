//! Paths by generation: what must hold for every path and pattern.

use globset::GlobBuilder;
use proptest::prelude::*;

use super::{granting, readable};
use crate::permission::{NormalPath, PathPattern, PathRoot, PermissionKind};

/// Few letters, so that patterns and paths meet; `?` and classes are kept to ASCII, because globset counts bytes.
fn component() -> impl Strategy<Value = String> {
    "[abA.-]{1,4}".prop_filter("dots are no name", |name| name != "." && name != "..")
}

fn relative_path() -> impl Strategy<Value = String> {
    prop::collection::vec(component(), 1..5).prop_map(|components| components.join("/"))
}

fn pattern_component() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[abA.-]",
        2 => Just("*".to_owned()),
        1 => Just("?".to_owned()),
        1 => prop_oneof![Just("[ab]"), Just("[a-z]"), Just("[!a]"), Just("[!a-z]"), Just("[A-]")].prop_map(str::to_owned),
    ];
    let glob = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    let glob = glob.prop_filter("no component of dots, no doubled star", |glob| {
        glob != "." && glob != ".." && !glob.contains("**")
    });
    prop_oneof![3 => glob, 1 => Just("**".to_owned())]
}

fn pattern() -> impl Strategy<Value = String> {
    prop::collection::vec(pattern_component(), 1..5).prop_map(|mut components| {
        components.dedup_by(|a, b| a == b && a == "**");
        components.join("/")
    })
}

/// Globs have no prefix meaning in globset, and `a/**` does not cover `a` there; both are put in by hand.
fn globset_covers(pattern: &str, path: &str) -> bool {
    let is_glob = pattern.contains(['*', '?', '[']);
    // A negated class of globset takes a slash, so that the slash is named there.
    let pattern = &pattern.replace("[!a]", "[!a/]").replace("[!a-z]", "[!a-z/]");
    let mut patterns = vec![pattern.clone()];
    if let Some(base) = pattern.strip_suffix("/**") {
        patterns.push(base.to_owned());
    } else if !is_glob {
        patterns.push(format!("{pattern}/**"));
    }
    patterns.iter().any(|pattern| {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().unwrap();
        glob.compile_matcher().is_match(path)
    })
}

proptest! {
    #[test]
    fn globset_agrees_on_the_shared_language(pattern in pattern(), path in relative_path()) {
        // No generated name is always denied or names a root: the alphabet has no such word.
        let ours = pattern.parse::<PathPattern>().unwrap().matches(&NormalPath::parse(&path).unwrap());
        prop_assert_eq!(ours, globset_covers(&pattern, &path), "{} against {}", pattern, path);
    }

    #[test]
    fn a_plain_pattern_covers_exactly_its_components(pattern in relative_path(), path in relative_path()) {
        let by_component = path == pattern || path.starts_with(&format!("{pattern}/"));
        prop_assert_eq!(readable(&pattern, &path), by_component);
    }

    #[test]
    fn a_suffix_never_widens(path in relative_path(), suffix in "[-._a-z0-9é ]{1,6}") {
        let sibling = format!("{path}{suffix}");
        prop_assert!(!readable(&path, &sibling));
        let (below, absolute, absolute_sibling) = (format!("{sibling}/a"), format!("/{path}"), format!("/{sibling}"));
        prop_assert!(!readable(&path, &below));
        prop_assert!(!readable(&absolute, &absolute_sibling));
    }

    #[test]
    fn no_number_of_climbs_leaves_the_grant(path in "(\\.\\./|\\./|a/|/|b/){0,12}[a-z]{0,3}") {
        let Ok(path) = NormalPath::parse(&format!("/data/{path}")) else { return Ok(()) };
        let allowed = granting(PermissionKind::FsRead, &["/data"]).fs_read(&path).is_allowed();
        prop_assert_eq!(allowed, path.components().next() == Some("data"));
    }

    #[test]
    fn what_means_nothing_changes_nothing(pattern in pattern(), path in relative_path(), at in 0_usize..20) {
        let plain = readable(&pattern, &path);
        prop_assert_eq!(readable(&pattern, &format!("{path}/")), plain);
        prop_assert_eq!(readable(&pattern, &format!("./{path}")), plain);
        prop_assert_eq!(readable(&pattern, &format!("workspace/{path}")), plain);
        let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        if let Some(slash) = slashes.get(at % slashes.len().max(1)) {
            for noise in ["/", "./", "x/../"] {
                let mut noisy = path.clone();
                noisy.insert_str(slash + 1, noise);
                prop_assert_eq!(readable(&pattern, &noisy), plain, "{}", noisy);
            }
        }
    }

    #[test]
    fn case_counts(path in "[a-c]{1,3}/[a-c]{1,3}") {
        prop_assert!(readable(&path, &path));
        prop_assert!(!readable(&path, &path.to_uppercase()));
    }

    #[test]
    fn any_text_is_answered_and_normal_form_is_stable(text in any::<String>(), pattern in any::<String>()) {
        if let Ok(path) = NormalPath::parse(&text) {
            prop_assert_eq!(&NormalPath::parse(&path.to_string()).unwrap(), &path);
            prop_assert_eq!(&NormalPath::inside(path.root(), path.below()).unwrap(), &path);
            prop_assert!(path.components().all(|c| c != "." && c != ".." && !c.contains(['/', '\0'])));
            if let Ok(pattern) = pattern.parse::<PathPattern>() {
                // A pattern covers paths under its base and no others.
                let below_base = path.root() == pattern.base().root()
                    && path.to_string().starts_with(&pattern.base().to_string());
                prop_assert!(below_base || !pattern.matches(&path));
            }
        }
    }

    #[test]
    fn an_always_denied_name_is_denied_anywhere_in_any_case(
        before in prop::collection::vec("[a-z]{1,3}", 0..3),
        name in prop_oneof![Just(".git"), Just(".ssh"), Just(".env"), Just(".env.x"), Just("a.pem"), Just("credentials"), Just("id_rsa")],
        upper in any::<u16>(),
        after in prop::collection::vec("[a-z]{1,3}", 0..3),
    ) {
        let cased: String = name
            .chars()
            .enumerate()
            .map(|(at, c)| if upper >> (at % 16) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let path = before.iter().chain([&cased]).chain(&after).cloned().collect::<Vec<_>>().join("/");
        for root in [PathRoot::Workspace, PathRoot::Absolute] {
            let path = NormalPath::inside(root, &path).unwrap();
            let denial = granting(PermissionKind::FsRead, &["workspace", "/"]).fs_read(&path).denial();
            prop_assert!(denial.is_some_and(|denial| denial.rule.is_some()));
        }
    }
}
