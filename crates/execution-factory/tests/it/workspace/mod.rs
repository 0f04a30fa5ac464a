//! Workspaces on a real disk, among hostile trees, dead hosts and other hosts.
//! No test sleeps; a test that needs another process re-executes this binary.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod area;
mod artifact;
mod fixture;
mod lease;
mod sequence;
mod sweep;
mod tree_remover;
