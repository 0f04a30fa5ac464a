//! The program of the `csv-stats` plugin: a host starts it and calls its handlers.
//! Run by hand it says what it is. What it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    plugdock_example_csv_stats::plugin().serve()
}
