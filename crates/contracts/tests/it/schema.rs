//! The published schema and the reader know the same keys, and the schema refuses nothing that the reader takes.
//! It may take more: what several keys say together and the pattern languages are beyond it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use plugdock_contracts::document::{Document, Format};
use plugdock_contracts::manifest::Manifest;
use plugdock_contracts::permission::PermissionKind;
use proptest::prelude::*;
use serde_json::{Value, json};

struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("urn:plugdock:schema:plugin:1", schema()).expect("the name is a URI");
        let index = compiler
            .compile("urn:plugdock:schema:plugin:1", &mut schemas)
            .unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    fn check(&self, instance: &Value) -> Result<(), String> {
        self.schemas.validate(instance, self.index).map_err(|error| format!("{error:#}"))
    }
}

fn schema() -> Value {
    serde_json::from_str(Manifest::json_schema()).expect("the schema is JSON")
}

fn reader_accepts(instance: &Value) -> bool {
    Manifest::parse(&instance.to_string(), "plugin.json", Format::Json).is_ok()
}

fn with(key: &str, value: Value) -> Value {
    let mut instance = json!({"manifest_version": 1, "id": "acme/count", "version": "0.1.0"});
    instance[key] = value;
    instance
}

/// Every key that the schema names, in the shape in which the reader lists the keys it asks for.
fn schema_keys(root: &Value, node: &Value, place: &str, keys: &mut BTreeSet<String>) {
    if let Some(target) = node["$ref"].as_str() {
        let pointer = target.strip_prefix('#').expect("references stay inside the schema");
        schema_keys(
            root,
            root.pointer(pointer).unwrap_or_else(|| panic!("{target} leads nowhere")),
            place,
            keys,
        );
    }
    for branch in ["oneOf", "anyOf", "allOf"] {
        for node in node[branch].as_array().into_iter().flatten() {
            schema_keys(root, node, place, keys);
        }
    }
    for properties in ["properties", "patternProperties"] {
        for (key, node) in node[properties].as_object().into_iter().flatten() {
            // The reader takes any key here and asks whether it names a kind of permission.
            let key = if place == "permissions" { "*" } else { key };
            let place = if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
            schema_keys(root, node, &place, keys);
            keys.insert(place);
        }
    }
    if node["items"].is_object() {
        schema_keys(root, &node["items"], &format!("{place}[]"), keys);
    }
}

#[test]
fn reader_and_schema_know_the_same_keys() {
    let document = Document::parse(include_str!("examples/full.toml"), "full.toml", Format::Toml).unwrap();
    let (manifest, asked) = document.read_with_keys(Manifest::read);
    manifest.unwrap_or_else(|faults| panic!("{faults}"));
    let (root, mut in_schema) = (schema(), BTreeSet::new());
    schema_keys(&root, &root, "", &mut in_schema);
    assert_eq!(
        asked.difference(&in_schema).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "read, but not in the schema"
    );
    assert_eq!(
        in_schema.difference(&asked).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "in the schema, but never read"
    );
}

#[test]
fn every_table_of_the_schema_is_closed() {
    fn walk(node: &Value, place: &str) {
        let Some(object) = node.as_object() else { return };
        if place.ends_with("/allOf") || place.ends_with("/then") || place.ends_with("/if") {
            return;
        }
        if object.get("type") == Some(&json!("object")) && object.contains_key("properties") {
            assert_eq!(object.get("additionalProperties"), Some(&json!(false)), "{place} takes any key");
        }
        for (key, value) in object {
            let place = format!("{place}/{key}");
            walk(value, &place);
            for item in value.as_array().into_iter().flatten() {
                walk(item, &place);
            }
        }
    }
    walk(&schema(), "");
}

#[test]
fn the_schema_names_every_kind_of_permission_and_no_other() {
    let schema = schema();
    let named = schema["properties"]["permissions"]["properties"].as_object().unwrap();
    for kind in PermissionKind::known() {
        assert!(named.contains_key(kind.as_str()), "{kind} is not in the schema");
    }
    for (name, node) in named {
        let kind: PermissionKind = name.parse().unwrap_or_else(|_| panic!("{name} is no permission"));
        assert_eq!(node.get("deprecated").is_some(), kind.as_str() != name, "{name}");
    }
}

#[test]
fn examples_are_valid_and_stay_so_written_out() {
    let validator = Validator::new();
    for text in [
        include_str!("examples/full.toml"),
        include_str!("examples/minimal.toml"),
        include_str!("examples/aliases.toml"),
    ] {
        let document = Document::parse(text, "plugin.toml", Format::Toml).unwrap();
        let as_written: Value = serde_json::from_str(&document.root().to_json()).unwrap();
        validator.check(&as_written).unwrap_or_else(|error| panic!("{error}\n{as_written:#}"));
        let written_out = serde_json::to_value(document.read(Manifest::read).unwrap()).unwrap();
        validator.check(&written_out).unwrap_or_else(|error| panic!("{error}\n{written_out:#}"));
    }
    let json: Value = serde_json::from_str(include_str!("examples/full.json")).unwrap();
    validator.check(&json).unwrap_or_else(|error| panic!("{error}"));
}

/// A route, right but for one key.
fn route(key: &str, value: Value) -> Value {
    let mut route = json!({"method": "GET", "path": "/", "handler": "x"});
    route[key] = value;
    json!({"routes": [route]})
}

#[track_caller]
fn both_refuse<const N: usize>(rows: [(&str, Value); N]) {
    let validator = Validator::new();
    for (key, value) in rows {
        let instance = with(key, value);
        assert!(!reader_accepts(&instance), "the reader takes {instance}");
        assert!(validator.check(&instance).is_err(), "the schema takes {instance}");
    }
}

#[test]
fn wrong_descriptions_are_refused_by_both() {
    both_refuse([
        ("manifest_version", json!(2)),
        ("id", json!("count")),
        ("id", json!("Acme/count")),
        ("version", json!("1.0")),
        ("version", json!(1)),
        ("entri", json!("x")),
        ("entry", json!("/bin/sh")),
        ("entry", json!("a/../b")),
        ("entry", json!("..")),
        ("entry", json!("./")),
        ("entry", json!("a\\b")),
        ("main", json!("")),
        ("args", json!(["without entry"])),
        ("host", json!("")),
        ("min_isolation", json!("vm")),
        ("config", json!({"defaults": []})),
        ("hooks", json!({"onInstall": "x"})),
        ("hooks", json!({"on_install": "a/b"})),
        ("homepage", json!("example.com")),
        ("homepage", json!("https:///x")),
        ("keywords", json!("one")),
    ]);
}

#[test]
fn wrong_demands_are_refused_by_both() {
    both_refuse([
        ("permissions", json!({"camera": true})),
        ("permissions", json!({"fs.read": true})),
        ("permissions", json!({"fs.read": []})),
        ("permissions", json!({"fs.read": {"why": "x"}})),
        ("permissions", json!({"cache": false})),
        ("permissions", json!({"cache": {"max_entries": 1}})),
        ("permissions", json!({"state": {"max_entries": 0}})),
        ("permissions", json!({"state": {"max_bytes": "0B"}})),
        ("permissions", json!({"service.X": true})),
        ("resources", json!({"memory": "0MiB"})),
        ("resources", json!({"memory": 0})),
        ("resources", json!({"memory": -1})),
        ("resources", json!({"cpu": "half"})),
        ("resources", json!({"cpu": 0})),
        ("resources", json!({"cpu": "0m"})),
        ("resources", json!({"timeout": "30"})),
        ("resources", json!({"timeout": "0s"})),
        ("resources", json!({"processes": 0})),
        ("resources", json!({"bandwidth": "1MB"})),
    ]);
}

#[test]
fn wrong_routes_and_channels_are_refused_by_both() {
    both_refuse([
        ("http", route("method", json!("get"))),
        ("http", route("path", json!("items"))),
        ("http", route("path", json!("/a/"))),
        ("http", route("path", json!("/a/.."))),
        ("http", route("path", json!("/{*rest}/a"))),
        ("http", route("path", json!("/:id"))),
        ("http", route("extra", json!(1))),
        ("http", json!({"routes": [{}]})),
        ("ws", json!({"channels": [{"path": "/"}]})),
        ("ws", json!({"channels": [{"path": "/", "handler": "x", "idle_timeout": "0"}]})),
    ]);
}

/// Values that are nearly right for some key, so that many of them are right.
fn nearly_right() -> impl Strategy<Value = (&'static str, Value)> {
    let size = "0{0,2}[0-9]{0,3}(\\.[0-9]{0,2})?[ ]?(|b|B|kB|MB|MiB|Gib|xB)";
    let span = "[ ]?[0-9]{0,3}(\\.[0-9]{1,2})?(ns|us|ms|s|m|h|d|x|)[ ]?([1-9]s)?";
    prop_oneof![
        size.prop_map(|text| ("resources", json!({"memory": text}))),
        size.prop_map(|text| ("resources", json!({"output": text}))),
        span.prop_map(|text| ("resources", json!({"timeout": text}))),
        "0?[0-9]{0,4}[m ]?".prop_map(|text| ("resources", json!({"cpu": text}))),
        (-1i64..5_000_000).prop_map(|number| ("resources", json!({"cpu": number, "connections": number}))),
        "[./a\\\\]{0,6}".prop_map(|text| ("entry", json!(text))),
        "@?[a-zA.-]{0,3}/?[a-z0-9_]{0,3}".prop_map(|text| ("id", json!(text))),
        "0?[0-9]\\.[0-9]{1,2}(\\.0?[0-9])?(-[a-z.0]{0,3})?(\\+[a.0]{1,3})?"
            .prop_map(|text| ("version", json!(text))),
        "[=<>~^ ]{0,2}[0-9](\\.[0-9*])?(, <[0-9])?".prop_map(|text| ("host", json!(text))),
        "(/|/a|/\\{a\\}|/\\{\\*a\\}|/\\.|:|@|%){0,4}".prop_map(|text| {
            ("http", json!({"routes": [{"method": "GET", "path": text, "handler": "x"}]}))
        }),
        "[a-zA-Z0-9._:/ -]{0,5}".prop_map(|text| ("hooks", json!({"on_enable": text}))),
        "(https?|ftp|HTTP)(:|:/|://|:///)[a-z.\\\\ /]{0,6}".prop_map(|text| ("homepage", json!(text))),
        "[a-z.A_-]{0,12}".prop_map(|name| ("permissions", json!({(format!("service.{name}")): true}))),
        ("[a-z.*/:>_]{0,8}", 0usize..PermissionKind::known().len()).prop_map(|(pattern, kind)| {
            ("permissions", json!({(PermissionKind::known()[kind].as_str()): [pattern]}))
        }),
    ]
}

proptest! {
    #[test]
    fn the_schema_takes_all_that_the_reader_takes(values in proptest::collection::vec(nearly_right(), 8)) {
        static VALIDATOR: LazyLock<Validator> = LazyLock::new(Validator::new);
        for (key, value) in values {
            let instance = with(key, value);
            if reader_accepts(&instance) {
                let checked = VALIDATOR.check(&instance);
                prop_assert!(checked.is_ok(), "{} {}", instance, checked.unwrap_err());
            }
        }
    }
}
