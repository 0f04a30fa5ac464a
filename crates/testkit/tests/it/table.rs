//! The table of behaviours and backends, from runs of all of them. It is no further test of anything: each of its cells is a
//! test of its own elsewhere, so it runs only when it is asked for.

use plugdock_testkit::suite::Table;

use crate::conformance::{linked, own_program, pooled_own_program, pooled_programs, programs};

#[test]
#[ignore = "it runs every test of the suite once more, to print what came of them side by side"]
fn table() {
    let table = Table::of(&[
        ("in-process", linked()),
        ("subprocess", programs()),
        ("subprocess, linked plugins", own_program()),
        ("worker pool", pooled_programs()),
        ("worker pool, linked plugins", pooled_own_program()),
    ]);
    println!("{table}");
    assert_eq!(table.n_failed(), 0, "the table above says which");
}
