//! What a person or a program sees of an execution: events while it runs, its outcome at the end.
//! It decides what goes to which stream in which form; it does not touch the execution.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use plugdock_contracts::{ExecutionEvent, LogLine, Outcome, Payload, Progress};
use plugdock_core_runtime::BackendChoice;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::render::{self, Paint, PlainProgress, printable};

/// Streamed data that `--json` keeps for its document. What is over is counted; without `--json` nothing is kept.
const MAX_KEPT_DATA: usize = 64 << 20;

/// Log lines that `--json` keeps. What is over is counted.
const MAX_KEPT_LINES: usize = 100_000;

/// What the command line asks to see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) json: bool,
    pub(crate) explain: bool,
    pub(crate) quiet: bool,
}

/// Shows one execution.
pub(crate) struct Presenter {
    output: Output,
    form: Form,
    paint: Paint,
    plain: PlainProgress,
    bar: Option<ProgressBar>,
    streams: bool,
    kept: Kept,
}

/// What `--json` keeps until the outcome.
#[derive(Debug, Default)]
struct Kept {
    lines: Vec<LogLine>,
    lines_dropped: u64,
    data: Vec<u8>,
    data_dropped: u64,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    outcome: &'a Outcome,
    backend: &'a BackendChoice,
    logs: &'a [LogLine],
    logs_dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Payload>,
    data_dropped: u64,
}

impl Presenter {
    pub(crate) fn new(output: Output, form: Form) -> Self {
        let paint = Paint(output.form().colour);
        Self {
            output,
            form,
            paint,
            plain: PlainProgress::default(),
            bar: None,
            streams: false,
            kept: Kept::default(),
        }
    }

    /// Shows something that happened.
    pub(crate) fn event(&mut self, event: ExecutionEvent) {
        match event {
            ExecutionEvent::Log(line) => self.line(line),
            ExecutionEvent::Progress(progress) => self.progress(&progress),
            ExecutionEvent::Data(bytes) => {
                self.streams = true;
                if !self.form.json {
                    self.output.result(&bytes);
                } else if self.kept.data.len() + bytes.len() <= MAX_KEPT_DATA {
                    self.kept.data.extend_from_slice(&bytes);
                } else {
                    self.kept.data_dropped += bytes.len() as u64;
                }
            }
            ExecutionEvent::DataEnd => self.streams = true,
            ExecutionEvent::Slow { after } => {
                self.note(&format!("still running after {}", render::span(after)));
            }
            // A start, and whatever a later version tells: nothing to show.
            _ => {}
        }
    }

    /// Says something about the command itself.
    pub(crate) fn note(&self, text: &str) {
        if !self.form.quiet {
            self.output.note(&self.paint.faint(text));
        }
    }

    /// Whether nobody reads the result any more.
    pub(crate) fn reader_gone(&self) -> bool {
        self.output.reader_gone()
    }

    /// Shows the outcome.
    pub(crate) fn outcome(mut self, outcome: &Outcome, choice: &BackendChoice) -> Result<(), Failure> {
        self.output.show_bar(None);
        self.bar = None;
        if self.form.explain {
            self.output.note(&render::explain(outcome, choice, self.paint));
        }
        if self.form.json {
            return self.document(outcome, choice);
        }
        match &outcome.result {
            Ok(payload) if self.streams => self.note(&format!("result: {}", text_of(payload))),
            Ok(payload) => self.payload(payload),
            // The reader of a stream went away, which is how a person says "enough".
            Err(_aborted) if self.output.reader_gone() => return Ok(()),
            Err(error) => return Err(error.clone().into()),
        }
        if !self.form.explain {
            self.artifacts(outcome);
        }
        Ok(())
    }

    fn line(&mut self, line: LogLine) {
        if !self.form.quiet {
            self.output.note(&render::log_line(&line, self.paint));
        }
        if !self.form.json {
            return;
        }
        if self.kept.lines.len() < MAX_KEPT_LINES {
            self.kept.lines.push(line);
        } else {
            self.kept.lines_dropped += 1;
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if self.form.quiet {
            return;
        }
        if !self.output.form().note_terminal {
            if let Some(line) = self.plain.line(progress) {
                self.output.note(&line);
            }
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = bar();
            self.output.show_bar(Some(bar.clone()));
            bar
        });
        if let Some(fraction) = progress.fraction {
            bar.set_length(1000);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a fraction lies between 0 and 1"
            )]
            bar.set_position((fraction * 1000.0) as u64);
        }
        bar.set_message(printable(&progress.note).into_owned());
    }

    fn payload(&self, payload: &Payload) {
        if !payload.is_json() {
            self.output.result(payload.as_bytes());
        } else if self.output.form().result_terminal {
            self.output.result_line(&pretty(payload));
        } else {
            self.output.result_line(&String::from_utf8_lossy(payload.as_bytes()));
        }
    }

    fn artifacts(&self, outcome: &Outcome) {
        for artifact in &outcome.artifacts.taken {
            if let Some(path) = &artifact.path {
                self.note(&format!("artifact: {} ({})", path.display(), render::bytes(artifact.size)));
            }
        }
        for skipped in &outcome.artifacts.skipped {
            self.note(&format!(
                "artifact not taken: {}: {}",
                printable(&skipped.name),
                printable(&skipped.reason)
            ));
        }
        let dropped = outcome.artifacts.taken.iter().filter(|artifact| artifact.path.is_none()).count();
        if dropped > 0 {
            let count =
                if dropped == 1 { "an artifact was".to_owned() } else { format!("{dropped} artifacts were") };
            self.note(&format!("{count} removed with the workspace; --artifacts DIR keeps artifacts"));
        }
    }

    fn document(self, outcome: &Outcome, choice: &BackendChoice) -> Result<(), Failure> {
        let data = self.streams.then(|| Payload::new(self.kept.data, "application/octet-stream"));
        let document = Document {
            outcome,
            backend: choice,
            logs: &self.kept.lines,
            logs_dropped: self.kept.lines_dropped,
            data,
            data_dropped: self.kept.data_dropped,
        };
        let text = serde_json::to_string(&document).expect("an outcome and its log lines have a JSON form");
        self.output.result_line(&text);
        match &outcome.result {
            Ok(_payload) => Ok(()),
            // The document has the error; only the exit code remains to be told.
            Err(error) => Err(Failure::Shown(error.code().exit_code())),
        }
    }
}

fn text_of(payload: &Payload) -> String {
    if payload.is_json() {
        printable(&String::from_utf8_lossy(payload.as_bytes())).into_owned()
    } else {
        format!("{} of {}", render::bytes(payload.len() as u64), payload.content_type())
    }
}

fn pretty(payload: &Payload) -> String {
    let text = String::from_utf8_lossy(payload.as_bytes());
    // A handler that says JSON and sends none is shown as it is.
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_json) => render::indented(&text),
        Err(_other) => printable(&text).into_owned(),
    }
}

pub(super) fn bar() -> ProgressBar {
    /// Often enough to move, seldom enough to cost nothing.
    const TICK: Duration = Duration::from_millis(120);
    let style = ProgressStyle::with_template("{spinner} {bar:30} {percent:>3}% {elapsed} {wide_msg}")
        .expect("the template is fixed and a test builds it");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(TICK);
    bar
}
