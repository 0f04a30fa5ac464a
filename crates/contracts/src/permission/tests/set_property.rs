//! The compiled set by generation: what must hold for every set and every question.

use proptest::prelude::*;

use super::widened;
use crate::permission::{Decision, Grant, NormalPath, PermissionKind, Permissions, RequestUrl, ServiceName};

/// Scopes that meet each other and the questions below often.
fn grant() -> impl Strategy<Value = Grant> {
    let scope = |choices: &'static [&'static str]| prop::sample::subsequence(choices, 1..3);
    let paths: &[&str] = &["workspace", "a", "a/b", "**/*.md", "/data", "/data/**", "artifacts", "a/*"];
    let urls: &[&str] =
        &["https://x.com", "https://*.x.com", "https://*", "http://127.0.0.1:8080", "https://x.com/v1"];
    let keys: &[&str] = &["ns", "ns:*", "*", "a/b"];
    let topics: &[&str] = &["a.*", "a.>", ">", "a.b"];
    prop_oneof![
        scope(paths).prop_map(|scope| Grant::new(PermissionKind::FsRead, scope)),
        scope(paths).prop_map(|scope| Grant::new(PermissionKind::FsWrite, scope)),
        scope(urls).prop_map(|scope| Grant::new(PermissionKind::NetHttp, scope)),
        scope(&["HOME", "APP_*"]).prop_map(|scope| Grant::new(PermissionKind::EnvRead, scope)),
        scope(&["git", "/usr/bin/git", "*"]).prop_map(|scope| Grant::new(PermissionKind::ShellExec, scope)),
        scope(&["acme/a", "acme/*", "*#run"]).prop_map(|scope| Grant::new(PermissionKind::Invoke, scope)),
        scope(keys).prop_map(|scope| Grant::new(PermissionKind::Cache, scope)),
        scope(keys).prop_map(|scope| Grant::new(PermissionKind::State, scope)),
        scope(keys).prop_map(|scope| Grant::new(PermissionKind::Storage, scope)),
        scope(topics).prop_map(|scope| Grant::new(PermissionKind::EventsPublish, scope)),
        scope(topics).prop_map(|scope| Grant::new(PermissionKind::EventsSubscribe, scope)),
        scope(&["complete", "*"]).prop_map(|scope| Grant::new("service.llm".parse().unwrap(), scope)),
    ]
}

fn set() -> impl Strategy<Value = Permissions> {
    prop::collection::vec(grant(), 0..6).prop_map(|grants| Permissions::from_grants(grants).unwrap())
}

/// Every question that a few words can be made into; words that are no subject of a kind are not asked about there.
fn answers(set: &Permissions, word: &str, other: &str) -> Vec<Decision> {
    let llm: ServiceName = "llm".parse().unwrap();
    let mut answers = vec![
        set.env_read(word),
        set.shell_exec(word),
        set.invoke(word, other),
        set.cache(word),
        set.state(word),
        set.storage(word),
        set.publish(word),
        set.subscribe(word),
        set.service(&llm, word),
    ];
    if let Ok(path) = NormalPath::parse(word) {
        answers.extend([set.fs_read(&path), set.fs_write(&path)]);
    }
    if let Ok(url) = RequestUrl::parse(word) {
        answers.push(set.net_http(&url));
    }
    answers
}

fn word() -> impl Strategy<Value = String> {
    let known: &[&str] = &[
        "a",
        "a/b",
        "a/b/c.md",
        "/data/x",
        "/data-evil",
        "artifacts/x",
        ".env",
        "a/../b",
        "https://x.com/v1/a",
        "https://a.x.com/",
        "http://127.0.0.1:8080/",
        "http://127.0.0.1/",
        "HOME",
        "APP_X",
        "git",
        "/usr/bin/git",
        "acme/a",
        "acme/z",
        "ns",
        "ns:a",
        "nsother",
        "ns/a",
        "a.b",
        "a.*",
        "a.>",
        "a.b.c",
        "complete",
        "list",
        "*",
        ">",
        "",
    ];
    prop_oneof![
        4 => prop::sample::select(known).prop_map(str::to_owned),
        1 => "[a-z*?\\[\\]{}\\\\!.:/ #@-]{0,12}",
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn an_intersection_allows_if_and_only_if_both_allow(
        a in set(), b in set(), c in set(), word in word(), other in prop::sample::select(&["run", "", "x"][..]),
    ) {
        let allowed = |set: &Permissions| answers(set, &word, other).iter().map(Decision::is_allowed).collect::<Vec<_>>();
        let (in_a, in_b, in_c) = (allowed(&a), allowed(&b), allowed(&c));
        let both = allowed(&a.intersect(&b));
        let expected: Vec<bool> = in_a.iter().zip(&in_b).map(|(a, b)| *a && *b).collect();
        prop_assert_eq!(&both, &expected);
        prop_assert_eq!(allowed(&b.intersect(&a)), both);
        let all: Vec<bool> = expected.iter().zip(&in_c).map(|(ab, c)| *ab && *c).collect();
        prop_assert_eq!(allowed(&a.intersect(&b.intersect(&c))), all);
    }

    #[test]
    fn a_set_answers_the_same_after_crossing_as_data(a in set(), b in set(), word in word()) {
        let both = a.intersect(&b);
        let crossed: Permissions = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
        prop_assert_eq!(&crossed, &both);
        prop_assert_eq!(answers(&crossed, &word, "run"), answers(&both, &word, "run"));
    }

    #[test]
    fn another_grant_never_takes_away(set in set(), grant in grant(), word in word()) {
        let more = Permissions::from_grants(set.grants().iter().cloned().chain([grant])).unwrap();
        for (before, after) in answers(&set, &word, "run").iter().zip(answers(&more, &word, "run")) {
            prop_assert!(!before.is_allowed() || after.is_allowed());
        }
    }

    #[test]
    fn the_missing_grant_is_the_one_that_allows(set in set(), word in word()) {
        for (at, answer) in answers(&set, &word, "run").into_iter().enumerate() {
            let Some(denial) = answer.denial() else { continue };
            prop_assert_eq!(denial.rule.is_some(), denial.missing_scope.is_none(), "{}", denial);
            if denial.rule.is_none() {
                let after = answers(&widened(&set, &denial), &word, "run").swap_remove(at);
                prop_assert!(after.is_allowed(), "{}", denial);
            }
        }
    }
}
