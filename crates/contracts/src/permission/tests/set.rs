//! The compiled set by hand: compiling, answering, intersecting, crossing as data.

use super::{granting, widened};
use crate::permission::{
    Decision, Grant, NormalPath, PermissionError, PermissionKind, Permissions, RequestUrl, ServiceName,
    StateQuota,
};

fn path(text: &str) -> NormalPath {
    NormalPath::parse(text).unwrap()
}

fn url(text: &str) -> RequestUrl {
    RequestUrl::parse(text).unwrap()
}

fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

/// A kind, a scope that allows one question of it, and the question.
type Row = (PermissionKind, &'static str, fn(&Permissions) -> Decision);

fn every_question() -> Vec<Row> {
    vec![
        (PermissionKind::FsRead, "workspace/a", |set| set.fs_read(&path("a"))),
        (PermissionKind::FsWrite, "workspace/a", |set| set.fs_write(&path("a"))),
        (PermissionKind::NetHttp, "https://x.com", |set| set.net_http(&url("https://x.com/"))),
        (PermissionKind::EnvRead, "HOME", |set| set.env_read("HOME")),
        (PermissionKind::ShellExec, "git", |set| set.shell_exec("git")),
        (PermissionKind::Invoke, "acme/count#run", |set| set.invoke("acme/count", "run")),
        (PermissionKind::Cache, "ns", |set| set.cache("ns:a")),
        (PermissionKind::State, "ns", |set| set.state("ns:a")),
        (PermissionKind::Storage, "ns", |set| set.storage("ns/a")),
        (PermissionKind::EventsPublish, "a.b", |set| set.publish("a.b")),
        (PermissionKind::EventsSubscribe, "a.*", |set| set.subscribe("a.*")),
        (PermissionKind::Service(service("llm")), "complete", |set| set.service(&service("llm"), "complete")),
        (PermissionKind::Service(service("jobs")), "complete", |set| {
            set.service(&service("jobs"), "complete")
        }),
    ]
}

#[test]
fn nothing_is_allowed_that_nobody_granted() {
    let empty = Permissions::from_grants([]).unwrap();
    for set in [Permissions::deny_all(), Permissions::default(), empty] {
        assert!(set.is_empty() && set.grants().is_empty() && set.all_of().len() == 0);
        for (kind, scope, ask) in every_question() {
            let denial = ask(&set).denial().expect("nothing was granted");
            assert_eq!((denial.kind.clone(), denial.missing_scope.as_deref()), (kind, Some(scope)));
            assert!(
                ask(&widened(&set, &denial)).is_allowed(),
                "the missing grant is the one that allows: {denial}"
            );
        }
    }
}

#[test]
fn a_grant_answers_questions_of_its_kind_only() {
    for (granted, scope, _) in every_question() {
        let set = granting(granted.clone(), &[scope]);
        for (asked, _, ask) in every_question() {
            assert_eq!(ask(&set).is_allowed(), asked == granted, "{granted} against {asked}");
        }
    }
}

#[test]
fn the_rule_that_allows_is_named() {
    let set = granting(PermissionKind::FsRead, &["b", "**/*.md", "a"]);
    assert_eq!(set.fs_read(&path("a/x.md")), Decision::Allowed { rule: "**/*.md".to_owned() });
    assert_eq!(set.fs_read(&path("a/x.txt")).into_result().as_deref(), Ok("a"));
}

#[test]
fn every_fault_of_every_grant_is_reported() {
    let errors = Permissions::from_grants([
        Grant::new(PermissionKind::FsRead, ["ok", "../up", "a\\b"]),
        Grant::new(PermissionKind::Cache, [""; 0]),
        Grant::new(PermissionKind::Storage, ["fine"]),
        Grant::new(PermissionKind::NetHttp, ["api.x.com"]),
    ])
    .unwrap_err();
    let places: Vec<(usize, Option<usize>)> = errors
        .errors()
        .iter()
        .map(|error| match error {
            PermissionError::Pattern { grant, entry, .. } => (*grant, Some(*entry)),
            PermissionError::EmptyScope { grant, .. } => (*grant, None),
        })
        .collect();
    assert_eq!(places, [(0, Some(1)), (0, Some(2)), (1, None), (3, Some(0))]);
    let text = errors.to_string();
    for part in
        ["4 fault(s)", "../up", "a\\\\b", "cache has an empty scope", "api.x.com", "https://api.example.com"]
    {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[test]
fn a_fixed_rule_wins_and_no_grant_is_suggested() {
    let set = granting(PermissionKind::FsRead, &["workspace"]);
    let denial = set.fs_read(&path("x/.env")).denial().unwrap();
    assert_eq!(
        denial.to_string(),
        r#"fs.read of "workspace/x/.env" is denied: files named `.env` are never opened, whatever is granted"#
    );
    assert_eq!((denial.missing(), denial.missing_grant()), (None, None));
    for decision in [
        granting(PermissionKind::EventsPublish, &[">"]).publish("a.*"),
        granting(PermissionKind::EventsSubscribe, &[">"]).subscribe("a..b"),
        granting(PermissionKind::State, &["*"]).state("a:../b"),
        granting(PermissionKind::Storage, &["*"]).storage("/etc/passwd"),
        granting(PermissionKind::ShellExec, &["*"]).shell_exec("./evil"),
        granting(PermissionKind::Invoke, &["*"]).invoke("evil", "run"),
        granting(PermissionKind::EnvRead, &["APP_*"]).env_read("APP_A=B"),
        granting(PermissionKind::Service(service("llm")), &["*"]).service(&service("llm"), ""),
    ] {
        assert!(decision.denial().unwrap().rule.is_some());
    }
}

#[test]
fn a_denial_cannot_forge_or_flood_a_log() {
    let long = format!("a\n{}", "x".repeat(100_000));
    for denial in [
        Permissions::deny_all().cache(&long).denial().unwrap(),
        Permissions::deny_all().invoke(&long, &long).denial().unwrap(),
        Permissions::deny_all().fs_read(&path("a\nb")).denial().unwrap(),
    ] {
        let text = denial.to_string();
        assert!(!text.contains('\n') && text.chars().count() < 600, "{text}");
    }
}

#[test]
fn a_denial_crosses_as_data() {
    let denial = Permissions::deny_all().publish("a.b").denial().unwrap();
    let json = serde_json::to_string(&denial).unwrap();
    assert_eq!(json, r#"{"kind":"events.publish","subject":"a.b","rule":null,"missing_scope":"a.b"}"#);
    assert_eq!(serde_json::from_str::<crate::permission::Denial>(&json).unwrap(), denial);
}

#[test]
fn a_set_crosses_as_its_grants() {
    let quota = StateQuota { max_entries: Some(5), ..StateQuota::default() };
    let grants = [
        Grant::new(PermissionKind::FsRead, ["workspace"]).why("read the files you name").optional(),
        Grant::new(PermissionKind::Service(service("llm")), ["complete"]),
    ];
    let set = Permissions::from_grants(grants).unwrap().with_state_quota(quota);
    let both = set.intersect(&granting(PermissionKind::FsRead, &["src"]));
    for set in [set, both, Permissions::deny_all()] {
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Permissions>(&json).unwrap(), set, "{json}");
    }
}

#[test]
fn data_that_is_not_understood_is_refused_and_never_widens() {
    for json in [
        "{}",
        r#"{"all_of":[[{"kind":"fs.raed","scope":["a"]}]]}"#,
        r#"{"all_of":[[{"kind":"fs.read","scope":["../a"]}]]}"#,
        r#"{"all_of":[[{"kind":"fs.read","scope":[]}]]}"#,
        r#"{"all_of":[[{"kind":"fs.read","scope":["a"],"until":"noon"}]]}"#,
        r#"{"all_of":[],"any_of":[]}"#,
    ] {
        assert!(serde_json::from_str::<Permissions>(json).is_err(), "{json}");
    }
    for json in
        [r#"{"all_of":[]}"#, r#"{"all_of":[[]]}"#, r#"{"all_of":[[{"kind":"fs.read","scope":["a"]}],[]]}"#]
    {
        assert!(serde_json::from_str::<Permissions>(json).unwrap().is_empty(), "{json}");
    }
}

#[test]
fn a_grant_reads_with_its_defaults() {
    let grant: Grant = serde_json::from_str(r#"{"kind":"network","scope":["https://x.com"]}"#).unwrap();
    assert_eq!(grant, Grant::new(PermissionKind::NetHttp, ["https://x.com"]));
    assert!(grant.required);
}

#[test]
fn an_intersection_allows_what_both_allow() {
    let own = granting(PermissionKind::FsRead, &["workspace/src", "plugin"]);
    let other = granting(PermissionKind::FsRead, &["**/*.rs", "artifacts"]);
    let both = own.intersect(&other);
    for (text, expected) in [
        ("src/a.rs", true),
        ("src/a.txt", false),
        ("b.rs", false),
        ("plugin/x", false),
        ("artifacts/x", false),
    ] {
        assert_eq!(both.fs_read(&path(text)).is_allowed(), expected, "{text}");
    }
    assert_eq!(both.fs_read(&path("src/a.rs")).into_result().as_deref(), Ok("workspace/src"));
    assert!(both.intersect(&Permissions::deny_all()).is_empty());
    assert!(Permissions::deny_all().intersect(&both).is_empty());
    assert_eq!(own.intersect(&own), own);
    assert_eq!(both.intersect(&other).intersect(&own).all_of().len(), 2, "a chain of calls does not grow");
    assert_eq!(both.grants(), own.grants());
}

#[test]
fn an_intersection_has_the_tighter_quota() {
    let quota =
        |entries, bytes| StateQuota { max_entries: entries, max_bytes: bytes, operations_per_minute: None };
    let set = |q| granting(PermissionKind::State, &["*"]).with_state_quota(q);
    let both = set(quota(Some(5), None)).intersect(&set(quota(Some(7), Some(10))));
    assert_eq!(both.state_quota(), quota(Some(5), Some(10)));
}
