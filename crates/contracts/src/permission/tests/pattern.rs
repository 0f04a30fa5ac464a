//! The small languages: names of kinds, variables, programs, plugins, keys, methods and topics.

use std::fmt;
use std::str::FromStr;

use proptest::prelude::*;

use crate::permission::{
    EnvPattern, KeyPattern, MethodPattern, PatternError, PermissionKind, PermissionKindError, PluginPattern,
    ProgramPattern, ServiceName, TopicPattern,
};

#[track_caller]
fn parsed<P: FromStr<Err = PatternError> + fmt::Display>(text: &str) -> P {
    let pattern: P = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(pattern.to_string(), text, "a pattern reads as it was written");
    pattern
}

#[track_caller]
fn refused<P: FromStr<Err = PatternError>>(texts: &[&str]) {
    for text in texts {
        let error = text.parse::<P>().err().unwrap_or_else(|| panic!("{text:?} was taken"));
        assert!(!error.problem.is_empty() && !error.fix.is_empty(), "{error:?}");
    }
}

#[test]
fn kinds_read_as_they_are_written() {
    for kind in PermissionKind::known() {
        assert_eq!(kind.as_str().parse::<PermissionKind>().as_ref(), Ok(kind));
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("{:?}", kind.as_str()));
        assert!(!kind.in_words().is_empty());
    }
    let service: PermissionKind = "service.vector-store".parse().unwrap();
    assert_eq!(service, PermissionKind::Service("vector-store".parse().unwrap()));
    assert_eq!(
        (service.to_string().as_str(), service.in_words().as_str()),
        ("service.vector-store", "use the service `vector-store`")
    );
    assert_eq!(serde_json::from_str::<PermissionKind>("\"service.vector-store\"").unwrap(), service);
}

#[test]
fn aliases_are_read_as_their_kind_and_written_under_its_name() {
    for (alias, kind) in [
        ("network-access", PermissionKind::NetHttp),
        ("network", PermissionKind::NetHttp),
        ("storage-read", PermissionKind::Storage),
        ("storage-write", PermissionKind::Storage),
        ("filesystem-access", PermissionKind::FsRead),
        ("filesystem", PermissionKind::FsRead),
    ] {
        assert_eq!(alias.parse::<PermissionKind>(), Ok(kind));
    }
}

#[test]
fn an_unknown_kind_suggests_a_near_one_and_none_that_is_far() {
    for (text, expected) in [
        ("fs.raed", Some("fs.read")),
        ("FS.READ", Some("fs.read")),
        ("net.htp", Some("net.http")),
        ("event.publish", Some("events.publish")),
        ("netwrk", Some("net.http")),
        ("stat", Some("state")),
        ("quantum-tunnel", None),
        ("", None),
        ("fs.read\n", Some("fs.read")),
    ] {
        let Err(PermissionKindError::Unknown { suggestion, .. }) = text.parse::<PermissionKind>() else {
            panic!("{text:?} was taken");
        };
        assert_eq!(suggestion.as_ref().map(PermissionKind::as_str), expected, "{text:?}");
    }
    let message = "fs.raed".parse::<PermissionKind>().unwrap_err().to_string();
    assert_eq!(message, r#"unknown permission "fs.raed", did you mean fs.read?"#);
    for name in ["", "LLM", "vectorStore", "1a", "a.b", "a b", "-a", "é", &"a".repeat(65)] {
        assert!(name.parse::<ServiceName>().is_err(), "{name:?}");
        assert!(format!("service.{name}").parse::<PermissionKind>().is_err(), "{name:?}");
    }
}

#[test]
fn variables_are_covered_by_name_or_prefix() {
    let rows =
        [("HOME", "HOME", true), ("HOME", "HOMEX", false), ("HOME", "home", false), ("HOME", "HOM", false)];
    let rows = rows.into_iter().chain([
        ("APP_*", "APP_A", true),
        ("APP_*", "APP_", false),
        ("APP_*", "APP", false),
        ("APP_*", "APPLE", false),
        ("APP_*", "APP_A=B", false),
        ("APP_*", "APP_A\0", false),
        ("APP_*", "MY_APP_A", false),
        ("_*", "_X", true),
        ("APP_", "APP_", true),
    ]);
    for (pattern, name, expected) in rows {
        assert_eq!(parsed::<EnvPattern>(pattern).matches(name), expected, "{pattern} against {name:?}");
    }
    refused::<EnvPattern>(&[
        "", "*", "APP*", "A*B", "*_X", "1A", "A-B", "A=B", "A\0", "A ", "é", "APP_**", "${A}",
    ]);
}

#[test]
fn programs_are_covered_as_they_are_written() {
    for (pattern, program, expected) in [
        ("git", "git", true),
        ("git", "git-evil", false),
        ("git", "Git", false),
        ("git", "/usr/bin/git", false),
        ("git", "/tmp/git", false),
        ("git", "./git", false),
        ("git", "git push", false),
        ("/usr/bin/git", "/usr/bin/git", true),
        ("/usr/bin/git", "git", false),
        ("/usr/bin/git", "/usr/bin/git-evil", false),
        ("/usr/bin/git", "/usr/bin/../bin/git", false),
        ("/usr/bin/git", "/usr//bin/git", false),
        ("/usr/bin/git", "/usr/bin/git/", false),
        ("/opt/my app/run", "/opt/my app/run", true),
        ("*", "sh", true),
        ("*", "/bin/sh", true),
        ("*", "./sh", false),
        ("*", "bin/sh", false),
        ("*", "../sh", false),
        ("*", "/bin/../sh", false),
        ("*", "/", false),
        ("*", "", false),
        ("*", ".", false),
        ("*", "sh\0x", false),
        ("*", "sh -c x", false),
    ] {
        assert_eq!(
            parsed::<ProgramPattern>(pattern).matches(program),
            expected,
            "{pattern} against {program:?}"
        );
    }
    refused::<ProgramPattern>(&[
        "",
        "git*",
        "/usr/bin/*",
        "./git",
        "bin/git",
        "..",
        "/",
        "/usr/../git",
        "git push",
        "a\0b",
        "/a\n",
    ]);
}

#[test]
fn plugins_are_covered_by_id_scope_and_handler() {
    for (pattern, plugin, handler, expected) in [
        ("acme/count", "acme/count", "run", true),
        ("acme/count", "acme/count-evil", "run", false),
        ("acme/count", "acme/counts", "run", false),
        ("acme/count", "@acme/count", "run", false),
        ("@acme/count", "@acme/count", "run", true),
        ("acme/*", "acme/x", "run", true),
        ("acme/*", "acme-evil/x", "run", false),
        ("acme/*", "@acme/x", "run", false),
        ("acme/*", "acme/", "run", false),
        ("acme/*", "acme/x/y", "run", false),
        ("acme/count#run", "acme/count", "run", true),
        ("acme/count#run", "acme/count", "run2", false),
        ("acme/*#run", "acme/x", "run", true),
        ("*", "any/thing", "run", true),
        ("*", "@any/thing", "a.b:c", true),
        ("*", "thing", "run", false),
        ("*", "../x", "run", false),
        ("*", "a/b", "", false),
        ("*", "a/b", "run#x", false),
        ("*", "", "run", false),
    ] {
        let covered = parsed::<PluginPattern>(pattern).matches(plugin, handler);
        assert_eq!(covered, expected, "{pattern} against {plugin:?} {handler:?}");
    }
    refused::<PluginPattern>(&[
        "",
        "count",
        "acme/",
        "/count",
        "acme/c*",
        "a*/b",
        "*/*",
        "acme/count#",
        "acme/count#*",
        "@*",
        "a/b/c",
        "a/..b/c",
    ]);
}

#[test]
fn keys_are_covered_on_the_boundary_of_a_segment() {
    for (pattern, key, expected) in [
        ("ns", "ns", true),
        ("ns", "ns:a", true),
        ("ns", "ns/a:b", true),
        ("ns", "nsother", false),
        ("ns", "nsother:a", false),
        ("ns", "NS:a", false),
        ("ns", "n", false),
        ("ns", "a:ns", false),
        ("ns", "ns:http://x", true),
        ("ns", "ns:../x", false),
        ("ns", "ns/./x", false),
        ("ns:*", "ns", false),
        ("ns:*", "ns:a", true),
        ("ns:*", "ns:a:b", true),
        ("ns:*", "ns/a", false),
        ("ns:*", "ns:", false),
        ("mind:*", "mindx:", false),
        ("a:b", "a:b:c", true),
        ("a:b", "a/b", false),
        ("*", "anything", true),
        ("*", "", false),
        ("*", "a\nb", false),
        ("*", "..", false),
    ] {
        assert_eq!(parsed::<KeyPattern>(pattern).matches(key), expected, "{pattern} against {key:?}");
    }
    assert!(!parsed::<KeyPattern>("*").matches(&"k".repeat(1025)));
    refused::<KeyPattern>(&[
        "", "ns:", ":ns", "a::b", "ns*", "a:*:b", "a:b*", "**", "a/../b", ".", "a\0b", "a:**",
    ]);
}

#[test]
fn storage_paths_separate_with_slashes_only() {
    for (pattern, path, expected) in [
        ("data", "data", true),
        ("data", "data/a/b", true),
        ("data", "data:a", false),
        ("data", "data-evil/a", false),
        ("data", "data/../other", false),
        ("data", "data//a", false),
        ("data", "data/", false),
        ("data", "/data", false),
        ("data", "data/a\\b", false),
        ("data/*", "data/a", true),
        ("data/*", "data", false),
        ("*", "a/b", true),
        ("*", "/etc/passwd", false),
    ] {
        assert_eq!(parsed::<KeyPattern>(pattern).matches_path(path), expected, "{pattern} against {path:?}");
    }
}

#[test]
fn methods_are_covered_by_name() {
    for (pattern, method, expected) in [
        ("complete", "complete", true),
        ("complete", "completeAll", false),
        ("models.*", "models.list", true),
        ("models.*", "models.a.b", true),
        ("models.*", "models", false),
        ("models.*", "modelsx.list", false),
        ("models", "models.list", false),
        ("*", "anything", true),
        ("*", "", false),
        ("*", "a..b", false),
        ("*", "a b", false),
    ] {
        assert_eq!(
            parsed::<MethodPattern>(pattern).matches(method),
            expected,
            "{pattern} against {method:?}"
        );
    }
    refused::<MethodPattern>(&["", "a*", "*.a", "a.", ".*", "a.*.b", "a b", "**"]);
}

#[test]
fn topics_follow_the_rules_of_nats() {
    for (pattern, topic, expected) in [
        ("a.b", "a.b", true),
        ("a.b", "a.bc", false),
        ("a.b", "a.b.c", false),
        ("a.b.*", "a.b.c", true),
        ("a.b.*", "a.b", false),
        ("a.b.*", "a.b.c.d", false),
        ("a.*.c", "a.x.c", true),
        ("a.>", "a.b", true),
        ("a.>", "a.b.c.d", true),
        ("a.>", "a", false),
        ("a.>", "ax.b", false),
        (">", "a", true),
        ("a.*", "a.*", false),
        (">", "a.>", false),
        (">", "a..b", false),
        (">", "", false),
        ("a", "A", false),
    ] {
        assert_eq!(parsed::<TopicPattern>(pattern).matches(topic), expected, "{pattern} against {topic:?}");
    }
    refused::<TopicPattern>(&["", ".", "a.", ".a", "a..b", "a.>.b", "a*", "a.b>", "a b", "a\n"]);
}

#[test]
fn a_subscription_is_covered_when_every_topic_of_it_is() {
    for (granted, wanted, expected) in [
        ("a.>", "a.b", true),
        ("a.>", "a.*", true),
        ("a.>", "a.>", true),
        ("a.>", "a.b.>", true),
        ("a.>", ">", false),
        ("a.*", "a.>", false),
        ("a.*", "a.*", true),
        ("a.*", "a.*.*", false),
        ("*.b", "a.b", true),
        ("a.b", "*.b", false),
        ("a.b", "a.b", true),
        ("*.>", "a.>", true),
        ("a.*.>", "a.>", false),
        ("*", ">", false),
    ] {
        let covered = parsed::<TopicPattern>(granted).covers(&parsed::<TopicPattern>(wanted));
        assert_eq!(covered, expected, "{granted} against {wanted}");
    }
}

fn topic_pattern() -> impl Strategy<Value = String> {
    let token = prop_oneof![3 => "[ab]", 1 => Just("*".to_owned())];
    (prop::collection::vec(token, 0..4), any::<bool>()).prop_map(|(mut tokens, open)| {
        if open || tokens.is_empty() {
            tokens.push(">".to_owned());
        }
        tokens.join(".")
    })
}

proptest! {
    #[test]
    fn covering_is_covering_every_topic(granted in topic_pattern(), wanted in topic_pattern(), topic in "[ab](\\.[ab]){0,4}") {
        let (granted, wanted): (TopicPattern, TopicPattern) = (granted.parse().unwrap(), wanted.parse().unwrap());
        if granted.covers(&wanted) {
            prop_assert!(!wanted.matches(&topic) || granted.matches(&topic));
        } else {
            // A token that no pattern names stands for all that a wildcard admits, and `>` for one and for many.
            let text = wanted.to_string().replace('*', "zz");
            let short = text.replace('>', "zz");
            let long = text.replace('>', "zz.zz.zz.zz.zz.zz");
            prop_assert!(wanted.matches(&short) && wanted.matches(&long));
            prop_assert!(!granted.matches(&short) || !granted.matches(&long));
        }
    }

    #[test]
    fn a_suffix_never_widens(name in "[a-z]{1,6}", noise in "[a-z0-9_-]{1,4}") {
        let longer = format!("{name}{noise}");
        let [key_below, method, scoped] = [":a", ".a", "/x"].map(|end| format!("{longer}{end}"));
        let (program, plugin) = (format!("/bin/{longer}"), format!("a/{longer}"));
        let covered = [
            parsed::<KeyPattern>(&name).matches(&longer),
            parsed::<KeyPattern>(&name).matches(&key_below),
            parsed::<KeyPattern>(&format!("{name}:*")).matches(&key_below),
            parsed::<ProgramPattern>(&name).matches(&longer),
            parsed::<ProgramPattern>(&format!("/bin/{name}")).matches(&program),
            parsed::<PluginPattern>(&format!("a/{name}")).matches(&plugin, "run"),
            parsed::<PluginPattern>(&format!("{name}/*")).matches(&scoped, "run"),
            parsed::<MethodPattern>(&format!("{name}.*")).matches(&method),
            parsed::<TopicPattern>(&format!("{name}.>")).matches(&method),
        ];
        prop_assert_eq!(covered, [false; 9]);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>(), other in any::<String>()) {
        let answers = [
            text.parse::<EnvPattern>().is_ok_and(|p| p.matches(&other)),
            text.parse::<ProgramPattern>().is_ok_and(|p| p.matches(&other)),
            text.parse::<PluginPattern>().is_ok_and(|p| p.matches(&other, &text)),
            text.parse::<KeyPattern>().is_ok_and(|p| p.matches(&other) || p.matches_path(&other)),
            text.parse::<MethodPattern>().is_ok_and(|p| p.matches(&other)),
            text.parse::<TopicPattern>().is_ok_and(|p| p.matches(&other)),
        ];
        prop_assert!(answers.iter().all(|covered| !covered) || !other.is_empty());
        prop_assert!(text.parse::<PermissionKind>().is_err() || text.contains(|c: char| c.is_ascii_lowercase()));
    }
}
