//! Rows that are no attempt from inside: the broker's, the host's and the set-up's. Each names the tests that prove it, or those
//! that are still to be written. `tests/it/escape.rs` checks that what is named as a proof exists.

use super::row::{Proof, Row};

const fn elsewhere(id: &'static str, title: &'static str, tests: &'static [&'static str]) -> Row {
    Row { id, title, proof: Proof::Elsewhere(tests) }
}

const fn planned(id: &'static str, title: &'static str, tests: &'static [&'static str]) -> Row {
    Row { id, title, proof: Proof::Planned(tests) }
}

const fn partly(
    id: &'static str,
    title: &'static str,
    tests: &'static [&'static str],
    missing: &'static [&'static str],
) -> Row {
    Row { id, title, proof: Proof::Partly(tests, missing) }
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    planned("E17", "swap a path while the broker opens it", &["platform: e17_a_path_that_is_swapped_leaves_nothing"]),
    elsewhere("E18", "siblings and suffixes of a grant", &["contracts: e18_siblings_and_suffixes_are_denied"]),
    elsewhere("E19", "variants of a path", &["contracts: e19_variants_of_a_path_are_denied_or_canonical"]),
    partly(
        "E66",
        "look-alikes of a granted address",
        &["contracts: e66_no_url_trick_reaches_another_host"],
        &["platform: e66_a_look_alike_is_not_connected_to"],
    ),
    partly(
        "E67",
        "redirects to what is not granted",
        &["contracts: e67_every_hop_of_a_redirect_is_asked_about_again"],
        &["platform: e67_a_refused_hop_is_not_connected_to"],
    ),
    planned("E68", "names that change their address", &["platform: e68_the_checked_address_is_the_one_connected_to"]),
    planned("E69", "a tunnel to another name", &["platform: e69_a_tunnel_is_bound_to_its_host"]),
    planned("E70", "connections and downloads without end", &["platform: e70_connections_and_bytes_are_bounded"]),
    planned("E71", "headers inside headers", &["platform: e71_headers_with_line_ends_are_refused"]),
    planned("E72", "another plugin's answer", &["testkit: e72_an_answer_reaches_only_its_connection"]),
    planned("E80", "a forged identity", &["testkit: e80_identity_is_the_connection"]),
    elsewhere("E81", "methods that are not granted", &[
        "testkit: every_service_is_denied_without_a_grant",
        "testkit: a_grant_covers_its_scope_and_nothing_else",
    ]),
    elsewhere("E82", "a call after its end", &["testkit: a_context_that_outlives_its_execution_reaches_nothing"]),
    elsewhere("E83", "another plugin's grants", &[
        "testkit: a_nested_call_never_gains_grants",
        "testkit: a_nested_call_without_a_grant_is_denied",
    ]),
    partly(
        "E84",
        "what stays in a worker",
        &["testkit: a_worker_serves_one_plugin", "testkit: a_worker_serves_one_sandbox_plan"],
        &["testkit: e84_a_worker_serves_one_tenant"],
    ),
    partly(
        "E85",
        "artifacts that are none",
        &[
            "execution-factory: a_link_as_artifact_directory_is_refused",
            "execution-factory: a_plugin_that_replaces_its_own_directories_redirects_nothing",
            "execution-factory: reading_a_fifo_does_not_wait_for_a_writer",
        ],
        &["execution-factory: e85_devices_sparse_files_hard_links_and_set_user_id_bits_are_refused"],
    ),
    partly(
        "E96",
        "work before the receipt",
        &["execution-factory: the_receipt_says_what_the_worker_finds"],
        &["execution-factory: e96_nothing_of_the_program_runs_before_its_receipt"],
    ),
];
