//! `cargo xtask check-deps`: the workspace's dependencies against the layer table of [`crate::layers`].
//! Re-exports only; the rules are in `edge`, `row`, `cycle`, `deny` and `document`.

mod block;
mod chore;
mod cycle;
mod deny;
mod document;
mod edge;
mod graph;
mod metadata;
mod row;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use chore::run;
pub(crate) use metadata::{read, relative};
