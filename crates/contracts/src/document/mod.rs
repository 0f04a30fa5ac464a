//! Reading hand-written TOML and JSON: one tree that keeps positions, and typed reading that reports every fault at once.
//! It opens no file and knows no schema; the plugin manifest and the host's configuration are both read through it.
//!
//! ```
//! use plugdock_contracts::document::{Document, Format};
//!
//! let text = "name = \"count\"\nworkres = 4\n";
//! let document = Document::parse(text, "host.toml", Format::Toml).unwrap();
//! let faults = document
//!     .read(|fields| {
//!         let name: Option<String> = fields.required("name");
//!         let workers: Option<u32> = fields.optional("workers");
//!         Some((name?, workers))
//!     })
//!     .unwrap_err();
//! assert_eq!(faults.to_string(), "host.toml:2: workres: unknown key\n  help: did you mean `workers`?");
//! ```
//!
//! A reader knows exactly the keys it asks for, so the list of known keys cannot drift from what is read.

mod cursor;
mod fault;
mod fields;
mod file;
mod from_json;
mod from_node;
mod from_toml;
mod node;
mod place;
mod source;
mod suggest;

pub use cursor::Cursor;
pub use fault::{Fault, Faults};
pub use fields::Fields;
pub use file::{Document, Format, FormatError, MAX_DEPTH, MAX_DOCUMENT_BYTES};
pub use from_node::FromNode;
pub use node::{Entry, Node, Table, Value};
pub use suggest::nearest;
