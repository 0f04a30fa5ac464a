//! Each kind of violation, once, on a graph that breaks no other rule.

use crate::check_deps::graph::{Edge, Graph, Member, Section};
use crate::check_deps::tests::layer;
use crate::check_deps::verdict::{Copies, check, dependencies};
use crate::check_deps::{deny, document};
use crate::layers::{Barred, Deny, Layer, Owned, Table};

const fn owned(name: &'static str, owners: &'static [&'static str], dev_anywhere: bool, deny: Deny) -> Owned {
    Owned { name, owners, dev_anywhere, deny, reason: "it has one owner" }
}

const LAYERS: &[Layer] = &[
    layer("base", "plugdock-base", &[]),
    layer("left", "plugdock-left", &["base"]),
    layer("right", "plugdock-right", &["base"]),
    layer("plugin-execution", "plugdock", &["left"]),
    layer("examples/*", "plugdock-example-", &["left"]),
];

const TABLE: Table = Table {
    layers: LAYERS,
    owned: &[
        owned("codec", &["left"], false, Deny::Wrappers(&["codec-helper"])),
        owned("scratch", &["right"], true, Deny::DirectEdgesOnly),
        owned("unused", &["right"], false, Deny::Wrappers(&[])),
    ],
    barred: &[Barred { name: "async", from: &["base"], reason: "it does no I/O" }],
};

/// A graph that keeps [`TABLE`].
fn sound() -> Graph {
    let member =
        |package: &str, directory: &str| Member { package: package.into(), directory: directory.into() };
    Graph {
        members: vec![
            member("plugdock-base", "crates/base"),
            member("plugdock-left", "crates/left"),
            member("plugdock-right", "crates/right"),
            member("plugdock", "crates/plugin-execution"),
            member("plugdock-example-one", "crates/examples/one"),
        ],
        edges: vec![
            edge("plugdock-left", "plugdock-base"),
            edge("plugdock-right", "plugdock-base"),
            edge("plugdock", "plugdock-left"),
            edge("plugdock-example-one", "plugdock-left"),
            edge("plugdock-left", "codec"),
            edge("plugdock-right", "scratch"),
            Edge { section: Section::Dev, ..edge("plugdock-base", "scratch") },
            edge("plugdock-left", "async"),
        ],
    }
}

fn edge(from: &str, to: &str) -> Edge {
    Edge {
        from: from.into(),
        to: to.into(),
        section: Section::Normal,
        optional: false,
        target: None,
        rename: None,
        path: None,
    }
}

fn with(edges: impl IntoIterator<Item = Edge>) -> Graph {
    let mut graph = sound();
    graph.edges.extend(edges);
    graph
}

/// The violations of `graph` as `rule: what`.
fn found(graph: &Graph, table: &Table) -> Vec<String> {
    dependencies(graph, table).into_iter().map(|it| format!("{}: {}", it.rule, it.what)).collect()
}

fn refused(graph: &Graph, expected: &[&str]) {
    assert_eq!(found(graph, &TABLE), expected);
}

#[test]
fn sound_graph_has_no_violation() {
    refused(&sound(), &[]);
}

#[test]
fn sideways_edge_is_refused_in_every_section() {
    let sideways = edge("plugdock-left", "plugdock-right");
    let rows = [
        (sideways.clone(), "[dependencies] plugdock-right"),
        (Edge { section: Section::Build, ..sideways.clone() }, "[build-dependencies] plugdock-right"),
        (Edge { section: Section::Dev, ..sideways.clone() }, "[dev-dependencies] plugdock-right"),
        (Edge { optional: true, ..sideways.clone() }, "[dependencies] plugdock-right, optional"),
        (
            Edge { target: Some("cfg(windows)".into()), ..sideways.clone() },
            "[target.'cfg(windows)'.dependencies] plugdock-right",
        ),
        (
            Edge { rename: Some("wire".into()), ..sideways },
            "[dependencies] plugdock-right, renamed to `wire`",
        ),
    ];
    for (planted, shown) in rows {
        refused(&with([planted]), &[&format!("layer-edge: `plugdock-left` uses `plugdock-right`: {shown}")]);
    }
}

#[test]
fn edge_that_skips_a_layer_is_refused() {
    refused(
        &with([edge("plugdock", "plugdock-base")]),
        &["layer-edge: `plugdock` uses `plugdock-base`: [dependencies] plugdock-base"],
    );
}

#[test]
fn example_may_use_its_one_layer_alone() {
    refused(
        &with([edge("plugdock-example-one", "plugdock-base")]),
        &["layer-edge: `plugdock-example-one` uses `plugdock-base`: [dependencies] plugdock-base"],
    );
}

#[test]
fn every_violation_is_reported_not_the_first() {
    let graph = with([edge("plugdock", "plugdock-base"), edge("plugdock", "plugdock-right")]);
    assert_eq!(dependencies(&graph, &TABLE).len(), 2);
}

#[test]
fn cycle_closed_by_a_dev_edge_prints_its_path() {
    let upward = Edge { section: Section::Dev, ..edge("plugdock-base", "plugdock") };
    refused(
        &with([upward]),
        &[
            "layer-edge: `plugdock-base` uses `plugdock`: [dev-dependencies] plugdock",
            "cycle: plugdock-base -> plugdock -> plugdock-left -> plugdock-base",
        ],
    );
}

#[test]
fn path_to_something_that_is_no_member_is_refused() {
    let outward = Edge { path: Some("../elsewhere".into()), ..edge("plugdock-left", "elsewhere") };
    refused(
        &with([outward]),
        &[
            "path-outside: `plugdock-left` depends on `../elsewhere`, which is not a member: [dependencies] elsewhere",
        ],
    );
}

#[test]
fn member_without_a_row_is_refused() {
    let mut graph = sound();
    graph.members.push(Member { package: "plugdock-stray".into(), directory: "crates/stray".into() });
    refused(
        &graph,
        &["member-without-row: `plugdock-stray` in `crates/stray` has no row in the layer table"],
    );
}

#[test]
fn row_without_a_member_is_refused() {
    let mut graph = sound();
    graph.members.retain(|member| member.package != "plugdock-example-one");
    refused(
        &graph,
        &[
            "row-without-member: row `examples/*` covers no member",
            "unused-edge: `examples/*` may use `left` and does not",
        ],
    );
}

#[test]
fn allowed_edge_that_nobody_uses_is_refused() {
    let mut graph = sound();
    graph.edges.retain(|edge| !(edge.from == "plugdock-right" && edge.to == "plugdock-base"));
    refused(&graph, &["unused-edge: `right` may use `base` and does not"]);
}

#[test]
fn package_not_named_after_its_folder_is_refused() {
    let mut graph = sound();
    graph.members[0].package = "plugdock-bottom".into();
    for edge in &mut graph.edges {
        for end in [&mut edge.from, &mut edge.to] {
            if end == "plugdock-base" {
                *end = "plugdock-bottom".into();
            }
        }
    }
    refused(&graph, &["package-name: package `plugdock-bottom` lies in `crates/base`"]);
}

#[test]
fn outside_crate_is_its_owners_alone() {
    refused(
        &with([Edge { rename: Some("wire".into()), ..edge("plugdock-right", "codec") }]),
        &["outside-owner: `plugdock-right` depends on `codec`: [dependencies] codec, renamed to `wire`"],
    );
    refused(
        &with([Edge { section: Section::Dev, ..edge("plugdock-right", "codec") }]),
        &["outside-owner: `plugdock-right` depends on `codec`: [dev-dependencies] codec"],
    );
}

#[test]
fn crate_free_as_dev_dependency_is_still_owned_otherwise() {
    refused(
        &with([edge("plugdock-left", "scratch")]),
        &["outside-owner: `plugdock-left` depends on `scratch`: [dependencies] scratch"],
    );
}

#[test]
fn barred_crate_is_refused_where_it_is_barred() {
    refused(
        &with([Edge { section: Section::Dev, ..edge("plugdock-base", "async") }]),
        &["outside-barred: `plugdock-base` depends on `async`: [dev-dependencies] async"],
    );
}

#[test]
fn table_that_is_not_bottom_first_is_refused() {
    const UPSIDE_DOWN: &[Layer] =
        &[layer("left", "plugdock-left", &["base"]), layer("base", "plugdock-bottom", &[])];
    let mut graph = sound();
    graph.members.truncate(2);
    assert_eq!(
        found(&graph, &Table { layers: UPSIDE_DOWN, ..TABLE }),
        [
            "table-order: row `left` may use `base`, which has no row above it",
            "table-order: row `base` names package `plugdock-bottom`",
        ]
    );
}

/// A `deny.toml` whose bans are the given lines.
fn deny_file(lines: &str) -> String {
    format!("[bans]\ndeny = [\n{lines}]\n")
}

fn denied(text: &str, graph: &Graph) -> Vec<String> {
    deny::check(text, graph, &TABLE).into_iter().map(|it| it.what).collect()
}

#[test]
fn generated_bans_satisfy_the_check() {
    let lines = deny::generated(&sound(), &TABLE);
    assert_eq!(denied(&deny_file(&lines), &sound()), [""; 0]);
    // Without the indentation, which the comparison would take for the source's own.
    expect_test::expect![[r#"
        { crate = "plugdock-base", wrappers = ["plugdock-left", "plugdock-right"], reason = "layer base" },
        { crate = "plugdock-left", wrappers = ["plugdock", "plugdock-example-one"], reason = "layer left" },
        { crate = "codec", wrappers = ["codec-helper", "plugdock-left"], reason = "it has one owner" },
        { crate = "unused", reason = "it has one owner" },
    "#]]
    .assert_eq(&lines.replace("    {", "{"));
}

#[test]
fn wrappers_that_differ_from_the_table_are_refused_both_ways() {
    let lines = deny::generated(&sound(), &TABLE);
    let without = lines.replace(r#""plugdock", "plugdock-example-one""#, r#""plugdock-example-one""#);
    assert_eq!(
        denied(&deny_file(&without), &sound()),
        ["the ban on `plugdock-left` lacks the wrapper `plugdock`"]
    );
    let extra = lines.replace(r#"["codec-helper""#, r#"["plugdock-right", "codec-helper""#);
    assert_eq!(
        denied(&deny_file(&extra), &sound()),
        ["the ban on `codec` has the wrapper `plugdock-right`, which the table does not allow"]
    );
}

#[test]
fn missing_and_uncalled_for_bans_are_refused() {
    let lines = deny::generated(&sound(), &TABLE);
    let fewer = lines.replace("    { crate = \"unused\", reason = \"it has one owner\" },\n", "");
    assert_eq!(denied(&deny_file(&fewer), &sound()), ["`unused` is not banned"]);
    let more = format!("{lines}    {{ crate = \"scratch@1\" }},\n    \"something-else\",\n");
    assert_eq!(
        denied(&deny_file(&more), &sound()),
        ["`scratch` is banned, which the table does not ask for"]
    );
}

#[test]
fn deny_file_that_cannot_be_read_is_refused() {
    assert_eq!(denied("[bans]\n", &sound()), ["there is no `[bans] deny` list"]);
    assert_eq!(denied("[bans", &sound()).len(), 1);
}

#[test]
fn document_that_differs_from_the_table_is_refused() {
    let (begin, end) = (document::BLOCK.begin, document::BLOCK.end);
    let rows = [
        (format!("# x\n{begin}\n{}{end}\n", document::markdown(&TABLE)), None),
        (format!("{begin}\nold\n{end}\n"), Some("the generated block differs from the layer table")),
        ("# x\n".to_owned(), Some("the markers of the generated block are missing")),
    ];
    for (text, expected) in rows {
        assert_eq!(document::check(&text, &TABLE).map(|it| it.what).as_deref(), expected);
    }
}

#[test]
fn whole_check_covers_the_copies_too() {
    let copies = Copies { deny: "", document: "" };
    let rules: Vec<_> = check(&sound(), &TABLE, copies).into_iter().map(|it| it.rule).collect();
    assert_eq!(rules, ["deny-wrappers", "layers-doc"]);
}

#[test]
fn markdown_and_dot_show_table_and_graph() {
    expect_test::expect![[r#"
        digraph layers {
            rankdir = TB;
            node [shape = box];
            { rank = same; "base"; }
            { rank = same; "left"; "right"; }
            { rank = same; "plugin-execution"; "examples/one"; }
            "plugin-execution" -> "left";
            "examples/one" -> "left";
            "left" -> "base";
            "left" -> "right" [style = dashed];
            "right" -> "base";
        }
    "#]]
    .assert_eq(&document::dot(
        &with([Edge { section: Section::Dev, ..edge("plugdock-left", "plugdock-right") }]),
        &TABLE,
    ));
    let text = document::markdown(&TABLE);
    assert!(text.contains("| `examples/*` | `plugdock-example-<folder>` | `left` |"), "{text}");
    assert!(text.contains("\n2  plugin-execution  --> left\n"), "{text}");
}
