//! The crate's integration tests, as one program.
//! They use only what the crate offers to others.

mod document;
mod errors_doc;
mod manifest;
mod manifest_fault;
mod schema;
