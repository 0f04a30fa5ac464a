//! What behaviours do to a backend before it is made: a configuration that is refused, a program that is replaced or is none.
//! The backend itself is not touched.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use plugdock_contracts::ExecutionError;

use super::harness_core::Harness;
use super::package::install_program;

impl Harness {
    /// What making the backend fails with.
    pub(crate) async fn refusal(&self) -> ExecutionError {
        let platform = Arc::clone(&self.services().platform);
        match self.subject.make(self.config.clone(), platform).await {
            Err(error) => error,
            Ok(_backend) => panic!("the backend was made of a faulty configuration"),
        }
    }

    /// Puts a program that is none in the place of the plugin's, before the backend is made.
    pub(crate) fn break_program(&mut self) {
        let program = self.program();
        std::fs::remove_file(&program).unwrap();
        std::fs::write(&program, "no program").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The program that serves the plugin, as a file that belongs to this test alone. Before the backend is made.
    pub(crate) fn program(&mut self) -> PathBuf {
        let Some(host) = self.config.worker_program.clone() else {
            return self.root().join("plugins/conformance/bin/program");
        };
        let own = self.root().join("host");
        install_program(&host, &own);
        self.configure(|config| config.worker_program = Some(own.clone()));
        own
    }

    /// Whether all plugins are served by one program, so that they break together.
    pub(crate) fn serves_from_one_program(&self) -> bool {
        self.config.worker_program.is_some()
    }
}
