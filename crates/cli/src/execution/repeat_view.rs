//! What a person or a program sees of many executions: a bar while they run on a terminal, a summary at the end.
//! It counts nothing itself.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use plugdock_contracts::{ErrorCode, ExecutionError};
use plugdock_core_runtime::BackendChoice;
use serde::Serialize;

use super::presenter::Form;
use super::repeat::Plan;
use super::samples::Quantiles;
use super::tally::{Starts, Tally};
use crate::failure::Failure;
use crate::output::Output;
use crate::render::{self, Paint};

/// How often the numbers beside the bar change: as fast as a person reads them.
const REFRESH: Duration = Duration::from_millis(200);

/// Shows many executions.
pub(crate) struct RepeatView {
    output: Output,
    plan: Plan,
    form: Form,
    bar: Option<ProgressBar>,
    shown: Option<Instant>,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    executions: u64,
    asked_for: u64,
    concurrency: u64,
    succeeded: u64,
    failed: u64,
    failed_by_code: &'a std::collections::BTreeMap<String, u64>,
    elapsed_us: u64,
    per_second: f64,
    total: Option<Quantiles>,
    queue: Option<Quantiles>,
    run: Option<Quantiles>,
    workers: Starts,
    backend: &'a BackendChoice,
    first_error: Option<&'a ExecutionError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<String>,
}

impl RepeatView {
    pub(crate) fn new(output: Output, plan: Plan, form: Form) -> Self {
        let bar = (output.form().note_terminal && !form.quiet).then(|| bar(plan.executions));
        output.show_bar(bar.clone());
        Self { output, plan, form, bar, shown: None }
    }

    /// Shows how far it is.
    pub(crate) fn progress(&mut self, tally: &Tally) {
        let Some(bar) = &self.bar else { return };
        if self.shown.is_some_and(|shown| shown.elapsed() < REFRESH) {
            return;
        }
        self.shown = Some(Instant::now());
        bar.set_position(tally.done);
        bar.set_message(live_line(tally, self.plan));
    }

    /// Says that a stop was heard.
    pub(crate) fn stopping(&self) {
        if !self.form.quiet {
            let paint = Paint(self.output.form().colour);
            self.output.note(&paint.faint("stopping; once more stops at once"));
        }
    }

    /// Shows the end. The failure it answers has the exit code, and the first error where it is to be shown still.
    pub(crate) fn summary(self, tally: &Tally, choice: &BackendChoice) -> Result<(), Failure> {
        self.output.show_bar(None);
        if self.form.json {
            self.output.result_line(&self.document(tally, choice));
        } else {
            let form = self.output.form();
            let paint = Paint(form.colour && form.result_terminal);
            self.output.result_line(&render::repetition(tally, self.plan.executions, choice, paint));
        }
        let error = match (tally.stopped_by, &tally.first_error) {
            (Some(signal), first) => {
                if let (Some(first), false) = (first, self.form.json) {
                    self.output.note(&render::error(first, Paint(self.output.form().colour)));
                }
                let message = format!("{signal} after {} of {}", tally.done, self.plan.executions);
                ExecutionError::new(ErrorCode::Aborted, message)
            }
            (None, Some(first)) => first.clone(),
            (None, None) => return Ok(()),
        };
        // The document has everything; only the exit code remains to be told.
        if self.form.json { Err(Failure::Shown(error.code().exit_code())) } else { Err(error.into()) }
    }

    fn document(&self, tally: &Tally, choice: &BackendChoice) -> String {
        let document = Document {
            executions: tally.done,
            asked_for: self.plan.executions,
            concurrency: self.plan.at_once,
            succeeded: tally.succeeded,
            failed: tally.failed(),
            failed_by_code: &tally.failed_by_code,
            elapsed_us: plugdock_contracts::stats::micros(tally.elapsed),
            per_second: tally.rate(),
            total: tally.total.quantiles(),
            queue: tally.queue.quantiles(),
            run: tally.run.quantiles(),
            workers: tally.starts,
            backend: choice,
            first_error: tally.first_error.as_ref(),
            stopped_by: tally.stopped_by.map(|signal| signal.to_string()),
        };
        serde_json::to_string(&document).expect("numbers and an error have a JSON form")
    }
}

/// The numbers beside the bar.
pub(super) fn live_line(tally: &Tally, plan: Plan) -> String {
    let mut parts = Vec::new();
    if tally.failed() > 0 {
        parts.push(format!("{} failed", tally.failed()));
    }
    parts.push(format!("{}/s", render::rate(tally.rate())));
    if let Some(times) = tally.live.quantiles() {
        parts.push(format!("p50 {}", render::span(Duration::from_micros(times.p50))));
    }
    let left = plan.executions.saturating_sub(tally.done);
    if tally.rate() > 0.0 && left > 0 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let seconds = left as f64 / tally.rate();
        // A rate of one in a century is no estimate.
        if let Ok(eta) = Duration::try_from_secs_f64(seconds) {
            parts.push(format!("eta {}", render::span(eta)));
        }
    }
    parts.join("  ")
}

pub(super) fn bar(executions: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}  {wide_msg}")
        .expect("the template is fixed and a test builds it");
    ProgressBar::with_draw_target(Some(executions), ProgressDrawTarget::stderr()).with_style(style)
}
