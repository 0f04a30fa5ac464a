//! An execution's error as a compiler would print it: code and message, then facts, then what to do.
//! It prints what the error holds, and guesses nothing.

use plugdock_contracts::ExecutionError;
use plugdock_contracts::span::format_span;

use super::paint::{Paint, printable};

/// The error in lines.
pub(crate) fn error(error: &ExecutionError, paint: Paint) -> String {
    let head = format!("error[{}]", error.code());
    let mut lines = vec![format!("{}: {}", paint.error(&head), indented(error.message()))];
    let mut fact = |name: &str, text: &str| {
        lines.push(format!("  {} {}: {}", paint.faint("="), paint.strong(name), indented(text)));
    };
    for cause in error.chain() {
        fact("caused by", cause);
    }
    if let Some(cause) = error.cause() {
        fact("worker", &cause.to_string());
    }
    if let Some(location) = error.location() {
        fact("at", location);
    }
    if let Some(step) = error.step() {
        fact("step", &step.to_string());
    }
    if let Some(limit) = error.limit() {
        fact("limit", &format_span(limit));
    }
    if let Some(resource) = error.resource().and_then(|resource| serde_json::to_value(resource).ok()) {
        fact("resource", resource.as_str().unwrap_or_default());
    }
    if !error.details().is_null() {
        fact("details", &error.details().to_string());
    }
    if !error.stderr_tail().is_empty() {
        fact("last lines of standard error", &format!("\n{}", error.stderr_tail().join("\n")));
    }
    if let Some(backtrace) = error.backtrace() {
        fact("backtrace", &format!("\n{backtrace}"));
    }
    match (error.is_retryable(), error.retry_after()) {
        (_, Some(after)) => fact("note", &format!("try again after {}", format_span(after))),
        (true, None) => fact("note", "the same request may succeed later"),
        (false, None) => {}
    }
    if let Some(help) = error.help() {
        fact("help", help);
    }
    lines.join("\n")
}

/// Further lines of a text stand below its first.
fn indented(text: &str) -> String {
    printable(text).trim_end().replace('\n', "\n      ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;
    use plugdock_contracts::ErrorCode;
    use plugdock_contracts::error::{CrashCause, Step};

    use super::*;

    #[test]
    fn an_error_shows_every_fact_it_has_and_no_other() {
        let bare = ExecutionError::new(ErrorCode::HandlerError, "no such row");
        assert_eq!(error(&bare, Paint(false)), "error[HANDLER_ERROR]: no such row");
        let full = ExecutionError::new(ErrorCode::WorkerCrashed, "the worker died")
            .with_chain(vec!["reading the file".into(), "disk\x1b[31m full".into()])
            .with_cause(CrashCause::Signal { signal: 11, core: false })
            .with_location("src/lib.rs:31:5")
            .with_step(Step::Call)
            .with_limit(Duration::from_secs(1))
            .with_details(serde_json::json!({ "row": 3 }))
            .with_stderr_tail(vec!["one".into(), "two".into()])
            .with_help("look at\nthe last lines");
        expect![[r#"
            error[WORKER_CRASHED]: the worker died
              = caused by: reading the file
              = caused by: disk\u{1b}[31m full
              = worker: killed by SIGSEGV (11)
              = at: src/lib.rs:31:5
              = step: call
              = limit: 1s
              = details: {"row":3}
              = last lines of standard error: 
                  one
                  two
              = note: the same request may succeed later
              = help: look at
                  the last lines"#]]
        .assert_eq(&error(&full, Paint(false)));
    }
}
