//! The check after every test that nothing is left: no process, no descriptor, no directory.
//! It waits for nothing but ends that were promised already, and reports what stayed.

use std::path::Path;

use super::process_table::{children, descriptors, processes_naming};
use super::wait::wait_for_blocking;

/// What there was before a test.
#[derive(Debug)]
pub struct LeakOracle {
    children: Vec<u32>,
    descriptors: usize,
}

impl LeakOracle {
    /// Looks before a test.
    ///
    /// # Panics
    /// When no runtime can be made, and so no test run.
    pub fn before() -> Self {
        // With tokio's signal feature, which another crate of the same build may want, the first runtime opens
        // descriptors that live as long as the process.
        drop(
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made"),
        );
        Self {
            children: children().iter().map(|child| child.pid).collect(),
            descriptors: descriptors().len(),
        }
    }

    /// Looks after the test whose files were below `root`; call it outside the runtime, which has descriptors too.
    ///
    /// # Panics
    /// With everything that stayed.
    pub fn check(&self, root: &Path) {
        wait_for_blocking("the end of every process of the test", || {
            let left = processes_naming(root);
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        wait_for_blocking("the end of every child", || {
            let left: Vec<_> =
                children().into_iter().filter(|child| !self.children.contains(&child.pid)).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        wait_for_blocking("every descriptor to be closed", || {
            let open = descriptors();
            if open.len() <= self.descriptors {
                Ok(())
            } else {
                Err(format!("{} before, now {open:#?}", self.descriptors))
            }
        });
    }
}

/// Waits until a directory of workspaces holds nothing.
pub(super) fn wait_until_empty(workspaces: &Path) {
    wait_for_blocking("every workspace to be removed", || {
        // A backend that never came to its workspaces made no directory.
        let Ok(entries) = std::fs::read_dir(workspaces) else { return Ok(()) };
        let left: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}
