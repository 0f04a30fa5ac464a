//! `cargo xtask tidy`: the rules on how the code reads that no compiler or lint holds.
//! Re-exports only; the rules are in `shape`, `word`, `sibling`, `manifest` and `link`.

mod chore;
mod code;
mod link;
mod manifest;
mod shape;
mod sibling;
mod tree;
mod word;

#[cfg(test)]
mod tests;

pub(crate) use chore::run;
