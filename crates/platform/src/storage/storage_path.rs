//! A path as plugins name their files: relative, with `/`, without anything that leads elsewhere.
//! It touches no file; that a part is no link is checked where it is opened.

use plugdock_contracts::service::ServiceError;

use super::SERVICE;
use super::storage_config::StorageConfig;

/// Longest part of a path that file systems take, in bytes.
const MAX_PART_BYTES: usize = 255;

/// A path that stays where it is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoragePath(String);

impl StoragePath {
    /// Takes the path of a file.
    pub(super) fn file(text: &str, config: &StorageConfig) -> Result<Self, ServiceError> {
        match fault(text, config) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => {
                let start: String = text.chars().take(64).collect();
                Err(ServiceError::Invalid { service: SERVICE, reason: format!("path {start:?}: {fault}") })
            }
        }
    }

    /// Takes the path of a directory, or nothing for all.
    pub(super) fn directory(text: &str, config: &StorageConfig) -> Result<Option<Self>, ServiceError> {
        if text.is_empty() { Ok(None) } else { Self::file(text, config).map(Some) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The directories it is in, innermost first.
    pub(super) fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.rmatch_indices('/').map(|(at, _)| &self.0[..at])
    }
}

fn fault(text: &str, config: &StorageConfig) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.len() > config.max_path_bytes {
        return Some(format!("it has {} bytes, more than {}", text.len(), config.max_path_bytes));
    }
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return Some("it holds a control character or a backslash".to_owned());
    }
    let parts = text.split('/');
    if parts.clone().count() > config.max_depth {
        return Some(format!("it has more than {} parts", config.max_depth));
    }
    parts.map(part_fault).find_map(|fault| fault.map(str::to_owned))
}

fn part_fault(part: &str) -> Option<&'static str> {
    match part {
        "" => Some("it has an empty part; write it relative, without a slash at either end"),
        "." | ".." => Some("it has a part `.` or `..`"),
        part if part.len() > MAX_PART_BYTES => Some("it has a part of more than 255 bytes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let config = StorageConfig { max_depth: 3, max_path_bytes: 300, ..StorageConfig::default() };
        for good in ["a", "a/b/c", ".hidden", "a b", "ä/ß", "...", "a..b", "-rf"] {
            assert!(StoragePath::file(good, &config).is_ok(), "{good:?} was refused");
        }
        let (long, deep) = ("x".repeat(256), "a/b/c/d");
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "a\0", "a\nb", "a\\b", &long,
            deep,
        ] {
            assert!(StoragePath::file(bad, &config).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn parents_come_innermost_first() {
        let path = StoragePath::file("a/b/c", &StorageConfig::default()).unwrap();
        assert_eq!(path.parents().collect::<Vec<_>>(), ["a/b", "a"]);
    }

    proptest! {
        #[test]
        fn an_accepted_path_is_plain_parts_only(text in "[a./\\\\\0 -]{0,12}") {
            if let Ok(path) = StoragePath::file(&text, &StorageConfig::default()) {
                let plain = Path::new(path.as_str()).components().all(|part| matches!(part, Component::Normal(_)));
                prop_assert!(plain && !path.as_str().is_empty());
            }
        }
    }
}
