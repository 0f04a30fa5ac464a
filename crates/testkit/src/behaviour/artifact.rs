//! Artifacts: files a handler leaves for its caller.

use std::fs;

use serde_json::{Value, json};

use crate::harness::Harness;

pub(crate) async fn artifacts_are_listed_with_their_sizes(h: &mut Harness) {
    let outcome = h.outcome(h.request("artifacts", &())).await;
    let mut taken: Vec<_> =
        outcome.artifacts.taken.iter().map(|artifact| (artifact.name.as_str(), artifact.size)).collect();
    taken.sort_unstable();
    assert_eq!(taken, [("deep/page.html", 3), ("report.txt", 10)]);
    assert!(outcome.artifacts.skipped.is_empty(), "{:?}", outcome.artifacts.skipped);
    let told: Value = outcome.into_value().unwrap();
    assert_eq!(told, json!({ "names": ["deep/page.html", "report.txt"], "read": "two lines\n" }));
}

pub(crate) async fn artifacts_are_copied_to_the_callers_directory(h: &mut Harness) {
    let outdir = h.root().join("out/of/it");
    let mut request = h.request("artifacts", &());
    request.artifacts.outdir = Some(outdir.clone());
    let outcome = h.outcome(request).await;
    assert!(outcome.is_ok(), "{:?}", outcome.error());
    assert_eq!(fs::read_to_string(outdir.join("report.txt")).unwrap(), "two lines\n");
    assert_eq!(fs::read_to_string(outdir.join("deep/page.html")).unwrap(), "<p>");
    for artifact in outcome.artifacts.taken {
        assert_eq!(artifact.path, Some(outdir.join(&artifact.name)));
    }
}

pub(crate) async fn names_that_lead_out_are_refused(h: &mut Harness) {
    let names = ["../out", "/etc/out", "a/../../out", "", ".", "a//b"];
    let refused: Vec<bool> = h.value("bad-artifact-names", &names).await;
    assert_eq!(refused, names.map(|_| true), "{names:?}");
}

pub(crate) async fn what_is_no_regular_file_is_skipped_with_a_reason(h: &mut Harness) {
    let outdir = h.root().join("out");
    let mut request = h.request("odd-artifacts", &());
    request.artifacts.outdir = Some(outdir.clone());
    let outcome = h.outcome(request).await;
    assert!(outcome.is_ok(), "{:?}", outcome.error());
    let taken: Vec<_> = outcome.artifacts.taken.iter().map(|artifact| artifact.name.as_str()).collect();
    assert_eq!(taken, ["good.txt"]);
    let mut skipped: Vec<_> = outcome.artifacts.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["link.txt", "pipe"]);
    assert!(outcome.artifacts.skipped.iter().all(|skipped| !skipped.reason.is_empty()));
    let copied: Vec<_> = fs::read_dir(outdir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(copied, ["good.txt"]);
}
