//! Makes a backend from the configuration: the one file that knows how the factory is called.

use std::sync::Arc;

use plugdock_contracts::{BackendKind, ExecutionBackend, ExecutionError};
use plugdock_execution_factory::{BackendConfig, create_execution_backend};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::Registry;

use crate::config::RuntimeConfig;

/// Whether any plugin is linked into the program.
pub(crate) fn has_plugins(registry: &Registry) -> bool {
    registry.iter().next().is_some()
}

/// Makes a backend of this kind.
pub(crate) async fn backend(
    kind: BackendKind,
    config: &RuntimeConfig,
    registry: Registry,
    platform: Arc<Platform>,
) -> Result<Arc<dyn ExecutionBackend>, ExecutionError> {
    create_execution_backend(backend_config(kind, config), registry, platform).await
}

fn backend_config(kind: BackendKind, config: &RuntimeConfig) -> BackendConfig {
    let section = config.execution();
    let mut wanted = BackendConfig::new(kind);
    wanted.limits = config.limits().clone();
    wanted.timeouts = config.timeouts().clone();
    wanted.max_concurrent = section.max_concurrent;
    wanted.max_waiting = section.max_waiting;
    wanted.workspace_root.clone_from(&section.workspace_root);
    wanted.plugin_dirs.clone_from(&section.plugin_dirs);
    wanted.spawner_program.clone_from(&section.spawner_program);
    wanted.worker_program.clone_from(&section.worker_program);
    wanted.handshake = section.handshake;
    wanted.profile = section.profile.demanded();
    wanted.pool = config.pool().clone();
    wanted
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugdock_contracts::ByteSize;
    use plugdock_execution_factory::PoolConfig;

    use super::*;
    use crate::config::{ConfigError, ConfigValue, FIELDS, Field, Kind};

    fn built(values: &[(&Field, ConfigValue)]) -> Result<RuntimeConfig, ConfigError> {
        let bare = RuntimeConfig::builder().base("/").set("platform.data_dir", "/data");
        let set = |builder: crate::config::RuntimeConfigBuilder, (field, value): &(&Field, ConfigValue)| {
            builder.set(field.key, value.clone())
        };
        values.iter().fold(bare, set).build()
    }

    fn pool_rows() -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(|field| field.key.starts_with("pool."))
    }

    #[test]
    fn our_defaults_are_the_factorys_own() {
        let config = built(&[]).unwrap();
        for kind in [BackendKind::InProcess, BackendKind::Subprocess, BackendKind::WorkerPool] {
            let mut ours = backend_config(kind, &config);
            let mut theirs = BackendConfig::new(kind);
            // Ours lies with the host's other data: a name in the folder for temporary files can be taken by anyone first.
            assert_eq!(ours.workspace_root.to_str(), Some("/data/workspaces"));
            theirs.workspace_root.clone_from(&ours.workspace_root);
            // The defaults of the times are said here and applied there.
            let filled = theirs.timeouts.clone();
            assert_eq!(
                (ours.timeouts.call(), ours.timeouts.acquire(), ours.timeouts.grace()),
                (filled.call(), filled.acquire(), filled.grace())
            );
            ours.timeouts = filled;
            assert_eq!(ours, theirs);
        }
    }

    /// A value that the row accepts and that is not its default.
    fn another(field: &Field) -> ConfigValue {
        let of = |kind| match kind {
            Kind::Word(words) => words[1].into(),
            // Longer than the shortest quarantine where that is the bound.
            Kind::Span(..) if field.key == "pool.quarantine_max" => Duration::from_secs(77).into(),
            Kind::Span(..) => Duration::from_secs(7).into(),
            Kind::Size(..) => ByteSize::from_mib(7).into(),
            Kind::Count(..) => 7u64.into(),
            Kind::Weights(..) => "acme/a=7".into(),
            Kind::List(_) => "acme/a".into(),
            other => panic!("no row of the pool is {other:?}"),
        };
        match field.kind {
            Kind::OrNone(kind) => of(*kind),
            kind => of(kind),
        }
    }

    /// The first field in which two configurations differ, as `Debug` names it.
    fn first_difference(a: &PoolConfig, b: &PoolConfig) -> Option<String> {
        let (a, b) = (format!("{a:?}"), format!("{b:?}"));
        let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b)?;
        let name = a[..at].rsplit_once(": ")?.0.rsplit(' ').next()?;
        Some(name.to_owned())
    }

    #[test]
    fn every_row_of_the_pool_reaches_its_own_field() {
        for field in pool_rows() {
            let config = built(&[(field, another(field))]).unwrap();
            let wanted = backend_config(BackendKind::WorkerPool, &config).pool;
            let changed = first_difference(&wanted, &PoolConfig::default());
            assert_eq!(changed.as_deref(), field.key.strip_prefix("pool."));
        }
    }

    /// The edges of what a row accepts.
    fn edges(kind: Kind) -> Vec<ConfigValue> {
        match kind {
            Kind::Span(least, most) => vec![least.into(), most.into()],
            Kind::Size(least, most) => vec![least.into(), most.into()],
            Kind::Count(least, most) => vec![least.into(), most.into()],
            Kind::Word(words) => words.iter().map(|word| ConfigValue::from(*word)).collect(),
            Kind::Weights(least, most) => vec![format!("acme/a={least},acme/b={most}").into()],
            Kind::List(_) => vec!["acme/a,acme/b".into(), "acme/a,acme/b,acme/c,acme/d,acme/e,acme/f".into()],
            Kind::OrNone(kind) => edges(*kind).into_iter().chain([ConfigValue::Nothing]).collect(),
            other => panic!("no row of the pool is {other:?}"),
        }
    }

    #[test]
    fn what_is_accepted_here_the_factory_accepts() {
        let all: Vec<(&Field, ConfigValue)> = pool_rows()
            .flat_map(|field| edges(field.kind).into_iter().map(move |edge| (field, edge)))
            .collect();
        let mut n_accepted = 0;
        for (index, first) in all.iter().enumerate() {
            for second in &all[index..] {
                let Ok(config) = built(&[first.clone(), second.clone()]) else { continue };
                n_accepted += 1;
                let faults = backend_config(BackendKind::WorkerPool, &config).faults();
                assert_eq!(faults, Vec::<String>::new(), "{first:?} and {second:?}");
            }
        }
        assert!(
            n_accepted > all.len(),
            "{n_accepted} of the pairs of {} are too few to say anything",
            all.len()
        );
    }
}
