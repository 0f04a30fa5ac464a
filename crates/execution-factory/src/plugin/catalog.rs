//! Plugins that a host knows by their id because they lie in directories it named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plugdock_contracts::PluginId;
use plugdock_contracts::manifest;

use super::{CatalogError, Package};

/// Plugins by their id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    roots: BTreeMap<PluginId, PathBuf>,
}

impl Catalog {
    /// Reads each directory: every directory in it that holds a manifest is a plugin.
    ///
    /// # Errors
    /// [`CatalogError`] when a directory cannot be listed, a plugin in it cannot be used, or two have one id.
    pub fn open(dirs: &[PathBuf]) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for dir in dirs {
            let list = |source| CatalogError::List { path: dir.clone(), source };
            for entry in std::fs::read_dir(dir).map_err(list)? {
                let root = entry.map_err(list)?.path();
                if root.join(manifest::TOML_FILE_NAME).is_file()
                    || root.join(manifest::JSON_FILE_NAME).is_file()
                {
                    catalog.add(&root)?;
                }
            }
        }
        Ok(catalog)
    }

    /// Adds the plugin of one directory.
    ///
    /// # Errors
    /// [`CatalogError`] when it cannot be used, or another has its id.
    pub fn add(&mut self, root: &Path) -> Result<(), CatalogError> {
        let package = Package::open(root)?;
        let id = package.manifest.id;
        if let Some(first) = self.roots.get(&id) {
            return Err(CatalogError::Duplicate { id, first: first.clone(), second: root.to_owned() });
        }
        self.roots.insert(id, root.to_owned());
        Ok(())
    }

    /// The directory of a plugin.
    pub fn root(&self, id: &PluginId) -> Option<&Path> {
        self.roots.get(id).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_with_a_manifest_is_a_plugin() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let root = dir.path().join(name);
            std::fs::create_dir(&root).unwrap();
            let text = format!("manifest_version = 1\nid = \"acme/{name}\"\nversion = \"1.0.0\"\n");
            std::fs::write(root.join("plugin.toml"), text).unwrap();
        }
        std::fs::create_dir(dir.path().join("no-plugin")).unwrap();
        let mut catalog = Catalog::open(&[dir.path().to_owned()]).unwrap();
        let id = PluginId::new("acme/b").unwrap();
        assert_eq!(catalog.root(&id), Some(dir.path().join("b").as_path()));
        assert!(matches!(catalog.add(&dir.path().join("b")), Err(CatalogError::Duplicate { .. })));
    }
}
