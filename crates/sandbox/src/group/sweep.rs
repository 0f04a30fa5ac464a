//! Removing groups that a host left behind when it was killed.
//! A group whose maker may be alive is not touched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::host::GroupHost;
use super::mount;
use super::name::Maker;
use super::place::{GroupDirectory, GroupPlace};
use super::{kill, removal};

/// How long the dead of one leftover may take to be gone. What stays is tried again at the next start.
const PATIENCE: Duration = Duration::from_secs(2);

/// Kills what is left in groups of makers that ended, removes them, and answers their names. What cannot be removed is
/// left for the next sweep.
pub fn sweep(host: &GroupHost) -> Vec<String> {
    leftovers(host).into_values().filter(end).map(|place| place.name).collect()
}

fn leftovers(host: &GroupHost) -> BTreeMap<String, GroupPlace> {
    let mut found: BTreeMap<String, GroupPlace> = BTreeMap::new();
    for hierarchy in &host.hierarchies {
        let Some(entries) =
            hierarchy.directory(&hierarchy.base).and_then(|base| std::fs::read_dir(base).ok())
        else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if Maker::of(&name).is_some_and(|maker| maker.is_dead()) {
                let place = found.entry(name.clone()).or_insert_with(|| GroupPlace {
                    name: name.clone(),
                    directories: Vec::new(),
                    cpu_millicores: None,
                });
                place.directories.push(GroupDirectory {
                    version: hierarchy.version,
                    controllers: hierarchy.controllers.clone(),
                    group: mount::child(&hierarchy.base, &name),
                    path: entry.path(),
                });
            }
        }
    }
    found
}

fn end(place: &GroupPlace) -> bool {
    let deadline = Instant::now() + PATIENCE;
    // A group without members is removed without a signal to anybody.
    while let Err(errno) = removal::remove(place) {
        if !removal::may_pass(errno) || Instant::now() >= deadline || kill::kill(place).is_err() {
            return false;
        }
        kill::await_change(place);
    }
    true
}
