//! The table of values as Markdown: the middle part of `docs/configuration.md`.
//! It describes rows only; precedence and the rules of `auto` are prose around it.

use super::field::{Field, Preset};
use super::table::FIELDS;

/// Every section with its values, as Markdown tables.
pub fn markdown_reference() -> String {
    let mut text = String::new();
    let mut last = "";
    for field in FIELDS {
        let (section, leaf) = field.key.rsplit_once('.').unwrap_or(("", field.key));
        if section != last {
            let gap = if last.is_empty() { "" } else { "\n" };
            text.push_str(gap);
            text.push_str(
                &["### `[", section, "]`\n\n| key | variable | value | default | |\n|---|---|---|---|---|\n"]
                    .concat(),
            );
            last = section;
        }
        text.push_str(&row(field, leaf));
    }
    text
}

fn row(field: &Field, leaf: &str) -> String {
    let preset = match field.preset {
        Preset::Value("") => "empty".to_owned(),
        Preset::Value(text) => format!("`{text}`"),
        Preset::Derived(text) => text.to_owned(),
        Preset::Absent(text) => format!("none: {text}"),
    };
    format!("| `{leaf}` | `{}` | {} | {preset} | {} |\n", field.variable(), field.kind.describe(), field.doc)
}
