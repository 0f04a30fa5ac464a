//! The documentation of the suite names behaviours that there are. What they show, it says itself.

use plugdock_testkit::suite::{names, pool_names};

const DOCUMENT: &str = include_str!("../../../../docs/testing.md");

/// The part of the document in which behaviours are named.
fn section() -> &'static str {
    let begun = DOCUMENT.split_once("## What the suite covers").expect("the section is there").1;
    begun.split_once("\n## ").map_or(begun, |(section, _)| section)
}

/// Words in backquotes that have the form of a behaviour's name, `…` and `*` at their end included.
fn named() -> Vec<(&'static str, &'static str)> {
    let quoted = section().split('`').skip(1).step_by(2);
    let is_word =
        |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || "_…*".contains(c)) && !text.is_empty();
    quoted
        .filter_map(|text| text.split_once("::"))
        .filter(|(topic, name)| is_word(topic) && is_word(name))
        .collect()
}

#[test]
fn every_behaviour_that_the_documentation_names_is_in_the_lists() {
    let all: Vec<_> = names().chain(pool_names()).collect();
    let is_there = |topic: &str, name: &str| {
        let beginning = name.trim_end_matches(['…', '*']);
        let is_whole = beginning.len() == name.len();
        all.iter().any(|(about, known)| {
            *about == topic && if is_whole { *known == name } else { known.starts_with(beginning) }
        })
    };
    let named = named();
    let missing: Vec<_> = named.iter().filter(|(topic, name)| !is_there(topic, name)).collect();
    assert!(named.len() > 50, "{named:?}");
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_topic_is_named_in_the_documentation() {
    let named = named();
    let topics: std::collections::BTreeSet<_> = names().chain(pool_names()).map(|(topic, _)| topic).collect();
    // The rows that the document goes through ask for nothing of these.
    let silent = ["artifact", "cleanup", "denial", "file", "log_line", "machine", "service", "stream"];
    let missing: Vec<_> = topics
        .iter()
        .filter(|topic| !silent.contains(topic))
        .filter(|topic| !named.iter().any(|(about, _)| about == *topic))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
