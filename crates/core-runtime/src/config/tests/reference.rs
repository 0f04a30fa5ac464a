//! Keeps `docs/configuration.md` in step with the table. `UPDATE_EXPECT=1` writes the generated part.

use expect_test::expect_file;

use super::toml;
use crate::config::markdown_reference;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
const BEGIN: &str = "<!-- values: begin (generated from the table in core-runtime; UPDATE_EXPECT=1 cargo test -p plugdock-core-runtime) -->\n";
const END: &str = "<!-- values: end -->\n";

#[test]
fn the_documentation_lists_every_value_as_the_table_has_it() {
    let current = std::fs::read_to_string(PATH).unwrap();
    let (before, rest) =
        current.split_once(BEGIN).expect("docs/configuration.md has the line that begins the values");
    let (_, after) = rest.split_once(END).expect("docs/configuration.md has the line that ends the values");
    let wanted = [before, BEGIN, "\n", &markdown_reference(), "\n", END, after].concat();
    expect_file![PATH].assert_eq(&wanted);
}

#[test]
fn the_examples_of_the_documentation_are_accepted() {
    let text = std::fs::read_to_string(PATH).unwrap();
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        toml(example).expect(example);
    }
}
