//! The table as Markdown, and the machine it is of.

use std::fmt::Write as _;

use crate::sample::Rounds;

/// What measured.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_matches([':', '\t', ' ']);
    let n_cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{n_cpus} CPUs ({model}), Linux {}", kernel.trim())
}

/// Every measure with its ratio to the floor it belongs to.
pub(crate) fn render(table: &Rounds) -> String {
    let mut text = String::from("| measure | median (low–high) | against the floor |\n|---|---|---|\n");
    for name in table.names() {
        let Some((low, median, high)) = table.spread(name) else { continue };
        let ratio = floor_of(name).and_then(|floor| table.spread(floor)).map(|(_, floor, _)| median / floor);
        let ratio =
            ratio.filter(|_| !name.starts_with("floor")).map_or(String::new(), |ratio| format!("{ratio:.2}"));
        // Writing to a string cannot fail.
        let _written = writeln!(text, "| {name} | {median:.1} ({low:.1}–{high:.1}) | {ratio} |");
    }
    text
}

fn floor_of(name: &str) -> Option<&'static str> {
    if name.ends_with("/s") {
        return Some("floor: socket pair, 200 B, one caller /s");
    }
    if name.contains("1 MiB") {
        return Some("floor: socket pair, 1 MiB, p50 µs");
    }
    if name.ends_with("p99 µs") {
        return Some("floor: socket pair, 200 B, p99 µs");
    }
    name.ends_with("p50 µs").then_some("floor: socket pair, 200 B, p50 µs")
}
