//! Cycles among members, with every section counted: Cargo itself accepts a cycle that a dev-dependency closes.
//! Works on names only; it does not know the layer table.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The shortest cycle through each of the `suspects`, and through every edge that lies on a cycle without
/// any of them. A cycle is returned once, ends where it starts, and starts at its suspect.
///
/// One wrong edge closes a cycle with every way back to it; showing the shortest is showing the cause.
pub(crate) fn cycles<'a>(
    pairs: &BTreeSet<(&'a str, &'a str)>,
    suspects: &BTreeSet<(&'a str, &'a str)>,
) -> Vec<Vec<&'a str>> {
    let innocent = pairs.difference(suspects).copied().collect();
    let mut found: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
    for (edges, within) in [(suspects, pairs), (&innocent, &innocent)] {
        let successors = successors(within);
        for (from, to) in edges {
            if let Some(mut path) = shortest(&successors, to, from) {
                path.insert(0, from);
                found.entry(canonical(&path)).or_insert(path);
            }
        }
    }
    found.into_values().collect()
}

fn successors<'a>(pairs: &BTreeSet<(&'a str, &'a str)>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut successors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in pairs {
        successors.entry(from).or_default().push(to);
    }
    successors
}

/// The shortest path from `start` to `goal`, both included.
fn shortest<'a>(
    successors: &BTreeMap<&'a str, Vec<&'a str>>,
    start: &'a str,
    goal: &'a str,
) -> Option<Vec<&'a str>> {
    let mut reached_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(here) = waiting.pop_front() {
        if here == goal {
            let mut path = vec![goal];
            let mut last = goal;
            while last != start {
                last = reached_from[last];
                path.push(last);
            }
            path.reverse();
            return Some(path);
        }
        for next in successors.get(here).into_iter().flatten() {
            if *next != start && !reached_from.contains_key(next) {
                reached_from.insert(next, here);
                waiting.push_back(next);
            }
        }
    }
    None
}

/// A closed path's nodes from the smallest name on, so that one cycle found from two edges is one.
fn canonical<'a>(path: &[&'a str]) -> Vec<&'a str> {
    let mut nodes: Vec<&str> = path.iter().skip(1).copied().collect();
    let smallest = nodes.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(index, _)| index);
    nodes.rotate_left(smallest);
    nodes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::cycles;

    fn check(
        pairs: &[(&'static str, &'static str)],
        suspects: &[(&'static str, &'static str)],
        expected: &[&str],
    ) {
        let set = |pairs: &[(&'static str, &'static str)]| pairs.iter().copied().collect::<BTreeSet<_>>();
        let found: Vec<String> =
            cycles(&set(pairs), &set(suspects)).iter().map(|path| path.join(" -> ")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn cycles_are_found_with_their_path() {
        check(&[], &[], &[]);
        check(&[("a", "b"), ("b", "c"), ("a", "c")], &[], &[]);
        check(&[("a", "a")], &[], &["a -> a"]);
        check(&[("b", "a"), ("a", "b")], &[], &["a -> b -> a"]);
        check(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")], &[], &["a -> b -> c -> a"]);
    }

    #[test]
    fn every_edge_of_a_cycle_is_shown_where_none_is_suspect() {
        check(
            &[("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "x")],
            &[],
            &["a -> b -> a", "b -> c -> a -> b", "x -> y -> x"],
        );
    }

    #[test]
    fn one_suspect_is_shown_with_its_shortest_way_back() {
        let pairs = [("top", "left"), ("top", "right"), ("left", "base"), ("right", "left"), ("base", "top")];
        check(&pairs, &[("base", "top")], &["base -> top -> left -> base"]);
        check(
            &pairs,
            &[("top", "left")],
            &["top -> left -> base -> top", "base -> top -> right -> left -> base"],
        );
    }
}
