//! The conformance suite that every backend passes, and the programs that misbehave on purpose. For tests only.
//! It knows no configuration file and no command line: those layers test themselves.
//!
//! Whoever writes a backend says how it is made and adds one line:
//!
//! ```ignore
//! fn remote() -> Subject {
//!     Subject::linked(BackendConfig::in_process()).made_by(|config, registry, platform| Box::pin(make(config, registry, platform)))
//! }
//!
//! conformance_suite!(remote: remote);
//! ```
//!
//! One whose workers stay gets a second list with `pool_suite!`, and [`suite::Table`] shows both side by side.
//!
//! See `docs/testing.md`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test kit fails the test")]

mod behaviour;
pub mod chaos;
pub mod escape;
pub mod harness;
pub mod plugin;
pub mod suite;
