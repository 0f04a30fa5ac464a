//! The `csv-stats` plugin: reads a CSV of any length row by row and tells types and statistics of its columns.
//! It holds no row longer than it needs it, and never the file: what it keeps of each column is bounded.
//!
//! Values are taken as they stand, blanks around them left out. A number with a leading zero (`00501`) is text, as codes are
//! written so; a whole number beyond 64 bits counts as a float. A row with more or fewer fields than the first, or with bytes
//! that are no UTF-8, is counted as malformed and left out. Empty lines are no rows.

mod budget;
mod column;
mod distinct;
mod fault;
mod handler;
mod input;
mod length;
mod moments;
mod output;
mod range;
mod reservoir;
mod row_reader;
mod scan;
mod source;
mod timestamp;
mod value;

use plugdock_plugin_runtime::Plugin;
use serde_json::json;

use crate::input::{ColumnsInput, StatsInput};
use crate::output::{Outline, Summary};

/// The plugin with its handlers `stats` and `columns`.
pub fn plugin() -> Plugin {
    Plugin::new("plugdock/csv-stats", env!("CARGO_PKG_VERSION"))
        .about("Streams a large CSV and reports types and statistics of each column.")
        .stream("stats", handler::stats)
        .doc(
            "Reads a whole file. Its stream has a line of JSON for every 100 000 rows and then one for each column; its result \
             is a summary.",
        )
        .example("a file with a header, given with --file data.csv", json!({ "file": "data.csv" }))
        .example("semicolons, ten most frequent values", json!({ "file": "data.csv", "delimiter": ";", "top": 10 }))
        .schema::<StatsInput, Summary>()
        .idempotent()
        .blocking("columns", |ctx, input| handler::columns(&ctx, input))
        .doc("Tells names and types of the columns by the first 1000 rows.")
        .example("a file with a header, given with --file data.csv", json!({ "file": "data.csv" }))
        .schema::<ColumnsInput, Outline>()
        .idempotent()
}
