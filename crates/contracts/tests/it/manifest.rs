//! Manifests that are right: what is read from them, in both formats, and written out again.
//! Those that are wrong, and agreement with the published schema, are tested beside it.

use std::time::Duration;

use plugdock_contracts::ByteSize;
use plugdock_contracts::document::Format;
use plugdock_contracts::manifest::{HttpMethod, Isolation, MANIFEST_VERSION, Manifest};
use plugdock_contracts::permission::{NormalPath, PermissionKind, StateQuota};
use proptest::prelude::*;

const FULL_TOML: &str = include_str!("examples/full.toml");
const FULL_JSON: &str = include_str!("examples/full.json");
const MINIMAL: &str = include_str!("examples/minimal.toml");
const ALIASES: &str = include_str!("examples/aliases.toml");

fn toml(text: &str) -> Manifest {
    Manifest::parse(text, "plugin.toml", Format::Toml).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn toml_and_json_give_the_same_manifest() {
    let json =
        Manifest::parse(FULL_JSON, "plugin.json", Format::Json).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(toml(FULL_TOML), json);
}

#[test]
fn every_part_of_a_manifest_is_read() {
    let manifest = toml(FULL_TOML);
    assert_eq!(manifest.manifest_version, MANIFEST_VERSION);
    assert_eq!(manifest.id.as_str(), "@acme/count");
    assert_eq!(manifest.entry.as_ref().unwrap().as_str(), "bin/count");
    assert_eq!(manifest.args, ["--quiet", ""]);
    assert!(manifest.host.as_ref().unwrap().matches(&semver::Version::new(0, 2, 9)));
    assert_eq!(manifest.min_isolation, Isolation::Subprocess);
    let read = NormalPath::parse("data/x/y.csv").unwrap();
    assert!(manifest.permissions.fs_read(&read).is_allowed());
    assert!(!manifest.permissions.fs_write(&read).is_allowed());
    assert!(manifest.permissions.cache("any").is_allowed());
    let quota =
        StateQuota { max_entries: Some(100), max_bytes: Some(1 << 20), operations_per_minute: Some(600) };
    assert_eq!(manifest.permissions.state_quota(), quota);
    assert_eq!(manifest.resources.limits.memory, Some(ByteSize::from_mib(128)));
    assert_eq!(manifest.resources.limits.cpu_millicores, Some(500));
    assert_eq!(manifest.resources.limits.connections, Some(0));
    assert_eq!(manifest.resources.timeout, Some(Duration::from_secs(30)));
    let defaults = manifest.config.defaults.as_deref().unwrap();
    assert_eq!(defaults, r#"{"limits":{"max":3,"names":["a","b"],"on":true,"ratio":0.5},"units":"si"}"#);
    assert_eq!(manifest.hooks.on_update.as_ref().unwrap().as_str(), "migrate");
    let route = &manifest.http.routes[0];
    assert_eq!((route.method, route.path.as_str()), (HttpMethod::Get, "/counts/{id}"));
    assert_eq!(route.timeout, Some(Duration::from_secs(90)));
    assert_eq!(manifest.ws.channels[0].max_message_size, Some(ByteSize::from_kib(64)));
}

#[test]
fn a_minimal_manifest_asks_for_nothing() {
    let manifest = toml(MINIMAL);
    assert!(manifest.permissions.is_empty());
    assert_eq!(manifest.min_isolation, Isolation::InProcess);
    assert_eq!(manifest, Manifest::new("acme/count".parse().unwrap(), semver::Version::new(0, 1, 0)));
}

#[test]
fn older_names_are_read_as_ours() {
    let manifest = toml(ALIASES);
    assert_eq!(manifest.entry.unwrap().as_str(), "bin/old");
    assert_eq!(manifest.config.schema.unwrap().as_str(), "schemas/config.json");
    assert_eq!(manifest.config.defaults.as_deref(), Some(r#"{"units":"si"}"#));
    let kinds: Vec<_> = manifest.permissions.grants().iter().map(|grant| grant.kind.clone()).collect();
    assert_eq!(kinds, [PermissionKind::NetHttp, PermissionKind::FsRead, PermissionKind::Storage]);
    let storage = &manifest.permissions.grants()[2];
    assert_eq!(
        (storage.scope.as_slice(), storage.why.as_deref()),
        (["*".to_owned(), "drafts".to_owned()].as_slice(), Some("keep drafts"))
    );
}

#[test]
fn a_manifest_written_as_json_reads_back_equal() {
    for text in [FULL_TOML, MINIMAL, ALIASES] {
        let manifest = toml(text);
        let json = serde_json::to_string_pretty(&manifest).unwrap();
        let again = Manifest::parse(&json, "plugin.json", Format::Json)
            .unwrap_or_else(|faults| panic!("{faults}\n{json}"));
        assert_eq!(again, manifest, "{json}");
    }
}

/// A line of a manifest with one of its characters changed, or a line out of place: broken the way people break files.
fn damaged() -> impl Strategy<Value = String> {
    let new = proptest::sample::select(vec!["", "\"", "[", "{", "=", "\n", "é", "0", "\u{0}", "#", "."]);
    (0..FULL_TOML.len(), new, 0usize..3).prop_map(|(at, new, cut)| {
        let start = FULL_TOML.floor_char_boundary(at);
        let end = FULL_TOML.ceil_char_boundary((at + cut).min(FULL_TOML.len()));
        format!("{}{new}{}", &FULL_TOML[..start], &FULL_TOML[end..])
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        for format in [Format::Toml, Format::Json] {
            let _parsed = Manifest::parse(&text, "any", format);
        }
    }

    #[test]
    fn a_damaged_manifest_reads_or_says_why(text in damaged()) {
        match Manifest::parse(&text, "plugin.toml", Format::Toml) {
            Ok(manifest) => {
                let json = serde_json::to_string(&manifest).unwrap();
                prop_assert_eq!(Manifest::parse(&json, "plugin.json", Format::Json).unwrap(), manifest);
            }
            Err(faults) => prop_assert!(!faults.is_empty() && !faults.to_string().is_empty()),
        }
    }
}
