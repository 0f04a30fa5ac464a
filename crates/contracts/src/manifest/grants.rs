//! The `permissions` table: from kinds with scopes to the compiled set, and back to the table.
//! The pattern languages are the permission module's; this one puts its faults at their places in the file.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::document::{Cursor, Fields, FromNode, Value, nearest};
use crate::permission::{
    Grant, PermissionError, PermissionKind, PermissionKindError, Permissions, StateQuota,
};
use crate::size::ByteSize;

/// What `true` grants of the kinds that have a whole: all keys, all paths, all methods.
const EVERYTHING: &str = "*";

pub(super) fn read(at: &mut Cursor<'_, '_>) -> Option<Permissions> {
    let mut grants: Vec<Grant> = Vec::new();
    let mut quota = StateQuota::default();
    let _read: Vec<()> = at.entries(|name, at| {
        let kind = kind_named(name, at)?;
        merge(&mut grants, read_grant(kind, at, &mut quota)?);
        Some(())
    })?;
    match Permissions::from_grants(grants) {
        Ok(permissions) => Some(permissions.with_state_quota(quota)),
        // Every pattern was compiled where it stands, so this says what no single pattern could show.
        Err(errors) => at.refuse(errors.to_string()),
    }
}

/// Two names of one kind (`storage-read` and `storage-write` are both `storage`) make one grant.
fn merge(grants: &mut Vec<Grant>, new: Grant) {
    let Some(old) = grants.iter_mut().find(|grant| grant.kind == new.kind) else {
        return grants.push(new);
    };
    for pattern in new.scope {
        if !old.scope.contains(&pattern) {
            old.scope.push(pattern);
        }
    }
    old.required |= new.required;
    old.why = old.why.take().or(new.why);
}

fn kind_named(name: &str, at: &mut Cursor<'_, '_>) -> Option<PermissionKind> {
    let error = match name.parse() {
        Ok(kind) => return Some(kind),
        Err(error) => error,
    };
    if !matches!(error, PermissionKindError::Unknown { .. }) {
        return at.refuse(error.to_string());
    }
    let known = || PermissionKind::known().iter().map(PermissionKind::as_str);
    let help = match nearest(name, known()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("known permissions: {}, service.<name>", known().collect::<Vec<_>>().join(", ")),
    };
    at.refuse_with_help("unknown permission", help)
}

/// `true`, a scope alone, or a table.
fn read_grant(kind: PermissionKind, at: &mut Cursor<'_, '_>, quota: &mut StateQuota) -> Option<Grant> {
    match at.node().value() {
        Value::Bool(true) => Some(Grant::new(kind.clone(), whole(&kind, at)?)),
        Value::Bool(false) => at.refuse_with_help("`false` grants nothing", "leave the key out instead"),
        Value::Array(_) => {
            let scope = scope(&kind, at)?;
            (!scope.is_empty()).then(|| Grant::new(kind, scope))
        }
        Value::Table(_) => read_table(&kind, at, quota),
        _ => at.expected("true, an array of patterns, or a table with `scope`"),
    }
}

fn read_table(kind: &PermissionKind, at: &mut Cursor<'_, '_>, quota: &mut StateQuota) -> Option<Grant> {
    let (has_scope, mut grant) = at.table(|fields| {
        let has_scope = fields.has("scope");
        let scope = fields.optional_with("scope", |at| scope(kind, at)).unwrap_or_default();
        let why: Option<String> = fields.optional("why");
        let required = fields.optional("required").unwrap_or(true);
        if *kind == PermissionKind::State {
            *quota = read_quota(fields);
        }
        (has_scope, Grant { kind: kind.clone(), scope, why, required })
    })?;
    if !has_scope {
        grant.scope = whole(kind, at)?.to_vec();
    }
    // Empty now means that every pattern was refused, which is reported by then.
    (!grant.scope.is_empty()).then_some(grant)
}

fn read_quota(fields: &mut Fields<'_, '_>) -> StateQuota {
    StateQuota {
        max_entries: fields.optional_with("max_entries", positive),
        max_bytes: fields
            .optional_with("max_bytes", |at| super::resources::positive_size(at).map(ByteSize::bytes)),
        operations_per_minute: fields.optional_with("operations_per_minute", positive),
    }
}

fn positive(at: &mut Cursor<'_, '_>) -> Option<u64> {
    match u64::from_node(at)? {
        0 => at.refuse_with_help(
            "zero, with which nothing can be kept",
            "leave the key out for the host's default",
        ),
        number => Some(number),
    }
}

/// The scope that stands for everything, for the kinds where that is the plugin's own.
fn whole(kind: &PermissionKind, at: &mut Cursor<'_, '_>) -> Option<[String; 1]> {
    let example = match kind {
        PermissionKind::Cache
        | PermissionKind::State
        | PermissionKind::Storage
        | PermissionKind::Service(_) => {
            return Some([EVERYTHING.to_owned()]);
        }
        PermissionKind::FsRead | PermissionKind::FsWrite => "workspace",
        PermissionKind::NetHttp => "https://api.example.com",
        PermissionKind::EnvRead => "APP_*",
        PermissionKind::ShellExec => "git",
        PermissionKind::Invoke => "acme/count",
        PermissionKind::EventsPublish | PermissionKind::EventsSubscribe => "orders.*",
    };
    at.refuse_with_help("needs a scope", format!("say which, for example [\"{example}\"]"))
}

/// The patterns of a scope, each compiled on its own so that a fault has the line of its pattern.
fn scope(kind: &PermissionKind, at: &mut Cursor<'_, '_>) -> Option<Vec<String>> {
    if matches!(at.node().value(), Value::Array(items) if items.is_empty()) {
        return at.refuse_with_help(
            "an empty scope grants nothing",
            "name what the plugin may reach, or remove the permission",
        );
    }
    at.items(|at| {
        let pattern = at.string()?;
        let Err(errors) = Permissions::from_grants([Grant::new(kind.clone(), [pattern])]) else {
            return Some(pattern.to_owned());
        };
        for error in errors.errors() {
            let _refused: Option<()> = match error {
                PermissionError::Pattern { source, .. } => at.refuse_with_help(
                    format!("pattern {:?} {}", source.pattern, source.problem),
                    source.fix.clone(),
                ),
                other => at.refuse(other.to_string()),
            };
        }
        None
    })
}

#[derive(Serialize)]
struct GrantForm<'g> {
    scope: &'g [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'g str>,
    required: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaForm>,
}

#[derive(Serialize)]
struct QuotaForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_entries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations_per_minute: Option<u64>,
}

/// Writes the set as the table it is read from.
pub(super) fn serialize<S: Serializer>(permissions: &Permissions, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for grant in permissions.grants() {
        let StateQuota { max_entries, max_bytes, operations_per_minute } = permissions.state_quota();
        let quota = QuotaForm { max_entries, max_bytes, operations_per_minute };
        let form = GrantForm {
            scope: &grant.scope,
            why: grant.why.as_deref(),
            required: grant.required,
            quota: (grant.kind == PermissionKind::State).then_some(quota),
        };
        map.serialize_entry(grant.kind.as_str(), &form)?;
    }
    map.end()
}
