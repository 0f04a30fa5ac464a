//! The layer table: which crate may use which, and who owns the outside crates with reach.
//! Data and look-ups only; it does not know how a graph is read or a violation printed.

/// One row: a folder, its package, and the workspace crates it may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    /// Folder below `crates/`; `xtask` lies beside `crates/`; `examples/*` stands for every example.
    pub(crate) folder: &'static str,
    /// Package name; for `examples/*` the prefix that the example's folder completes.
    pub(crate) package: &'static str,
    /// Folders of the rows above this one that it may use.
    pub(crate) may_use: &'static [&'static str],
    /// What the layer brings in from outside, for readers.
    pub(crate) brings: &'static str,
    /// What the layer must never know, for readers.
    pub(crate) never_knows: &'static str,
}

/// An outside crate with reach: a direct dependency on it is its owners' alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned {
    /// Package name of the outside crate.
    pub(crate) name: &'static str,
    /// Folders that may depend on it.
    pub(crate) owners: &'static [&'static str],
    /// Whether any crate may have it as a dev-dependency.
    pub(crate) dev_anywhere: bool,
    /// Whether `deny.toml` can hold it too, and which outside crates legitimately depend on it there.
    pub(crate) deny: Deny,
    /// Why these owners and no others.
    pub(crate) reason: &'static str,
}

/// Whether cargo-deny can hold an ownership as well.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deny {
    /// Banned except below the owners and these outside crates.
    Wrappers(&'static [&'static str]),
    /// Not expressible: the whole ecosystem depends on it, or dev-dependencies are free.
    DirectEdgesOnly,
}

/// An outside crate that some layers must stay free of, directly or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Barred {
    /// Package name of the outside crate.
    pub(crate) name: &'static str,
    /// Folders that must not depend on it.
    pub(crate) from: &'static [&'static str],
    /// Why not.
    pub(crate) reason: &'static str,
}

/// The three tables that the check compares the workspace with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) layers: &'static [Layer],
    pub(crate) owned: &'static [Owned],
    pub(crate) barred: &'static [Barred],
}

/// This repository's table, bottom layer first.
pub(crate) const TABLE: Table = Table { layers: LAYERS, owned: OWNED, barred: BARRED };

const LAYERS: &[Layer] = &[
    Layer {
        folder: "contracts",
        package: "plugdock-contracts",
        may_use: &[],
        brings: "serde, serde_json, thiserror",
        never_knows: "tokio, tracing, files, processes, the wire",
    },
    Layer {
        folder: "ipc",
        package: "plugdock-ipc",
        may_use: &["contracts"],
        brings: "bincode (one file), fd passing, memfd",
        never_knows: "handlers, processes, signals, the pool",
    },
    Layer {
        folder: "platform",
        package: "plugdock-platform",
        may_use: &["contracts"],
        brings: "embedded stores (cache, state, storage, events), files and HTTP for plugins",
        never_knows: "ipc, plugins' code, how a backend works",
    },
    Layer {
        folder: "sandbox",
        package: "plugdock-sandbox",
        may_use: &["contracts"],
        brings: "landlock, seccompiler, rlimits, cgroups, namespaces",
        never_knows: "tokio, ipc, plugins' code",
    },
    Layer {
        folder: "plugin-runtime",
        package: "plugdock-plugin-runtime",
        may_use: &["contracts", "ipc", "sandbox"],
        brings: "tokio",
        never_knows: "who spawned it, the pool, how a service is implemented",
    },
    Layer {
        folder: "execution-factory",
        package: "plugdock-execution-factory",
        may_use: &["contracts", "ipc", "platform", "sandbox", "plugin-runtime"],
        brings: "process spawning, signals, tempfile, hdrhistogram",
        never_knows: "configuration files, subscribers",
    },
    Layer {
        folder: "plugin-execution",
        package: "plugdock",
        may_use: &["contracts", "plugin-runtime", "execution-factory"],
        brings: "axum (HTTP routes, WebSocket channels)",
        never_knows: "core-runtime",
    },
    Layer {
        folder: "core-runtime",
        package: "plugdock-core-runtime",
        may_use: &["contracts", "platform", "plugin-runtime", "execution-factory"],
        brings: "configuration, tracing-subscriber",
        never_knows: "the wire, how a worker is spawned",
    },
    Layer {
        folder: "cli",
        package: "plugdock-cli",
        may_use: &["contracts", "core-runtime", "plugin-execution"],
        brings: "clap, terminal output",
        never_knows: "ipc, nix",
    },
    Layer {
        folder: "testkit",
        package: "plugdock-testkit",
        may_use: &["contracts", "plugin-runtime", "execution-factory"],
        brings: "nothing (tests only: the conformance suite, the fault plugin)",
        never_knows: "core-runtime",
    },
    Layer {
        folder: "examples/*",
        package: "plugdock-example-",
        may_use: &["plugin-runtime"],
        brings: "what its own work needs",
        never_knows: "everything a plugin author does not depend on",
    },
    Layer {
        folder: "xtask",
        package: "plugdock-xtask",
        may_use: &[],
        brings: "cargo_metadata",
        never_knows: "every other crate",
    },
];

/// Rows may name crates that nobody uses yet: a row is a prohibition for everyone else, and it has to
/// stand before the first use to be of any worth. (A layer's `may_use` is a permission, and an unused
/// permission is a violation.)
const OWNED: &[Owned] = &[
    owned("annotate-snippets", &["cli"], "how an error looks on a terminal is the command's business"),
    owned("axum", &["plugin-execution"], "HTTP routes and WebSocket channels are mounted by the face alone"),
    owned("bincode", &["ipc"], "the wire format has one owner, so that it can be replaced in one place"),
    owned("cap-std", &["platform"], "confined directory access is how the storage service is built"),
    owned("cargo_metadata", &["xtask"], "reading the workspace is a chore, not a product feature"),
    Owned {
        deny: Deny::Wrappers(&["clap_complete"]),
        ..owned("clap", &["cli"], "a library that parses a command line takes it from its host")
    },
    owned("clap_complete", &["cli"], "completions belong to the command"),
    owned("hdrhistogram", &["execution-factory"], "latencies are measured where executions run"),
    owned("hyper", &["platform"], "the host makes requests for plugins in one place, where each is checked"),
    owned("indicatif", &["cli"], "progress bars belong to the command; layers report progress as data"),
    owned("landlock", &["sandbox"], "what the kernel enforces is decided and applied in one crate"),
    Owned {
        deny: Deny::DirectEdgesOnly,
        ..owned(
            "libc",
            &["sandbox", "execution-factory", "testkit"],
            "raw system calls stay where unsafe code is read, and where a hostile plugin makes them",
        )
    },
    owned("moka", &["platform"], "the cache service is the only cache"),
    owned(
        "nix",
        &["sandbox", "execution-factory", "testkit"],
        "processes and signals are known by two crates, and by the plugins that test them",
    ),
    owned("redb", &["platform"], "the state service is the only key-value store"),
    Owned {
        deny: Deny::DirectEdgesOnly,
        ..owned(
            "rustix",
            &["sandbox", "execution-factory", "platform"],
            "raw calls without unsafe code; the platform opens files beneath held directories with it",
        )
    },
    owned("seccompiler", &["sandbox"], "what the kernel enforces is decided and applied in one crate"),
    Owned {
        dev_anywhere: true,
        deny: Deny::DirectEdgesOnly,
        ..owned(
            "tempfile",
            &["execution-factory", "testkit"],
            "a workspace is the factory's to create and remove; the test kit makes them for tests",
        )
    },
    owned(
        "tracing-subscriber",
        &["core-runtime"],
        "a library that installs a subscriber takes it from its host",
    ),
];

const BARRED: &[Barred] = &[
    Barred {
        name: "tokio",
        from: &["contracts", "sandbox", "xtask"],
        reason: "contracts do no I/O, the sandbox runs single-threaded between exec and the plugin, chores run in order",
    },
    Barred {
        name: "tracing",
        from: &["contracts"],
        reason: "contracts are data; who logs is decided by the layers that act",
    },
];

/// The usual row: owners alone, in `check-deps` and in `deny.toml`, dev-dependencies included.
const fn owned(name: &'static str, owners: &'static [&'static str], reason: &'static str) -> Owned {
    Owned { name, owners, dev_anywhere: false, deny: Deny::Wrappers(&[]), reason }
}

/// The one package that is not named after its folder: the face that a host depends on.
const FACE: (&str, &str) = ("plugin-execution", "plugdock");
const PREFIX: &str = "plugdock-";
const EXAMPLES: &str = "examples/";

impl Layer {
    /// Whether a member in `folder` (as [`folder_of`] spells it) falls under this row.
    pub(crate) fn covers(&self, folder: &str) -> bool {
        match self.folder.strip_suffix('*') {
            Some(parent) => folder.strip_prefix(parent).is_some_and(|name| !name.is_empty()),
            None => self.folder == folder,
        }
    }

    /// Whether the row stands for several members.
    pub(crate) fn is_family(&self) -> bool {
        self.folder.ends_with('*')
    }
}

impl Table {
    /// The row for a member's folder.
    pub(crate) fn layer(&self, folder: &str) -> Option<&'static Layer> {
        self.layers.iter().find(|layer| layer.covers(folder))
    }
}

/// A member's folder as the table spells it: below `crates/`, or as it is for `xtask`.
pub(crate) fn folder_of(relative: &str) -> &str {
    relative.strip_prefix("crates/").unwrap_or(relative)
}

/// The package name that the naming rule gives a folder.
pub(crate) fn package_for(folder: &str) -> String {
    if folder == FACE.0 {
        return FACE.1.to_owned();
    }
    match folder.strip_prefix(EXAMPLES) {
        Some(example) => format!("{PREFIX}example-{}", example.trim_end_matches('*')),
        None => format!("{PREFIX}{folder}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE, folder_of, package_for};

    #[test]
    fn packages_are_named_after_their_folders() {
        let rows = [
            ("contracts", "plugdock-contracts"),
            ("plugin-execution", "plugdock"),
            ("examples/markdown", "plugdock-example-markdown"),
            ("xtask", "plugdock-xtask"),
        ];
        for (folder, package) in rows {
            assert_eq!(package_for(folder), package);
        }
    }

    #[test]
    fn examples_share_one_row() {
        let row = TABLE.layer(folder_of("crates/examples/markdown")).unwrap();
        assert!(row.is_family());
        assert_eq!(row.may_use, ["plugin-runtime"]);
        assert!(TABLE.layer("examples").is_none());
        assert!(TABLE.layer("examples/").is_none());
    }

    #[test]
    fn every_owner_is_a_layer() {
        let named =
            TABLE.owned.iter().flat_map(|row| row.owners).chain(TABLE.barred.iter().flat_map(|row| row.from));
        for folder in named {
            assert!(TABLE.layer(folder).is_some(), "{folder} has no row");
        }
    }
}
