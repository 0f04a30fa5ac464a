//! Keeps `docs/configuration.md` in step with the table. `UPDATE_EXPECT=1` writes the generated part.

use expect_test::expect_file;

use crate::config::markdown_reference;

const BEGIN: &str = "<!-- values: begin (generated from the table in core-runtime; UPDATE_EXPECT=1 cargo test -p plugdock-core-runtime) -->\n";
const END: &str = "<!-- values: end -->\n";

#[test]
fn the_documentation_lists_every_value_as_the_table_has_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let current = std::fs::read_to_string(path).unwrap();
    let (before, rest) =
        current.split_once(BEGIN).expect("docs/configuration.md has the line that begins the values");
    let (_, after) = rest.split_once(END).expect("docs/configuration.md has the line that ends the values");
    let wanted = [before, BEGIN, "\n", &markdown_reference(), "\n", END, after].concat();
    expect_file![path].assert_eq(&wanted);
}
