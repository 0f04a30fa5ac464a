//! Tests with real namespaces: each forks a single-threaded stand-in for the spawner, as root and as an unprivileged user.
//! They need Linux 5.12 or newer with user namespaces, and root to change the user; `harness` says what is missing.

mod cost;
mod fault;
mod harness;
mod init;
mod plan;
mod root;
mod workspace;
