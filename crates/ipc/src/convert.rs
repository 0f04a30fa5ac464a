//! The wire's error report and the contracts' error, in both directions, with every property kept.
//! This is the only place in the crate that knows the contracts.

use std::time::Duration;

use plugdock_contracts::error::{CrashCause, Resource, Step};
use plugdock_contracts::{ErrorCode, ExecutionError, Fault};
use serde::de::IntoDeserializer;
use serde::de::value::Error as PlainError;
use serde::{Deserialize, Serialize};

use crate::frame::{ErrorReport, FaultSide};
use crate::limit::{MAX_CHAIN, MAX_NAME, MAX_STDERR_LINES, cut};

// The sum of these, with every byte escaped as six by JSON, stays inside one meta.

/// Longest message or backtrace.
const MAX_TEXT: usize = 24 * 1024;
/// Longest help or location, and longest entry of a chain or line of standard error.
const MAX_LINE: usize = 512;
/// Longest details and cause: JSON already, so that escaping doubles it at most.
const MAX_JSON: usize = 64 * 1024;

impl From<&ExecutionError> for ErrorReport {
    /// Texts beyond what one frame holds are cut; details and cause, being JSON, are left out whole.
    fn from(error: &ExecutionError) -> Self {
        let text = |text: &str| cut(text, MAX_TEXT).to_owned();
        let line = |text: &str| cut(text, MAX_LINE).to_owned();
        let lines = |lines: &[String], max| lines.iter().take(max).map(|text| line(text)).collect();
        let tail = &error.stderr_tail()[error.stderr_tail().len().saturating_sub(MAX_STDERR_LINES)..];
        Self {
            code: cut(error.code().as_str(), MAX_NAME).to_owned(),
            message: text(error.message()),
            retryable: error.is_retryable(),
            fault: side(error.fault()),
            step: error.step().and_then(|step| word(&step)),
            limit_us: error.limit().map(micros),
            retry_after_us: error.retry_after().map(micros),
            resource: error.resource().and_then(|resource| word(&resource)),
            cause: error.cause().and_then(json),
            help: error.help().map(line),
            details: Some(error.details()).filter(|details| !details.is_null()).and_then(json),
            chain: lines(error.chain(), MAX_CHAIN),
            location: error.location().map(line),
            backtrace: error.backtrace().map(text),
            stderr_tail: lines(tail, MAX_STDERR_LINES),
        }
    }
}

impl From<ExecutionError> for ErrorReport {
    fn from(error: ExecutionError) -> Self {
        Self::from(&error)
    }
}

impl From<ErrorReport> for ExecutionError {
    /// A step, resource or cause that this version does not know is left out; details that are no JSON stay as text.
    fn from(report: ErrorReport) -> Self {
        let mut error = Self::new(ErrorCode::from(report.code), report.message)
            .with_retryable(report.retryable)
            .with_fault(fault(report.fault))
            .with_chain(report.chain)
            .with_stderr_tail(report.stderr_tail);
        if let Some(step) = report.step.and_then(|text| from_word::<Step>(&text)) {
            error = error.with_step(step);
        }
        if let Some(resource) = report.resource.and_then(|text| from_word::<Resource>(&text)) {
            error = error.with_resource(resource);
        }
        if let Some(limit) = report.limit_us {
            error = error.with_limit(Duration::from_micros(limit));
        }
        if let Some(after) = report.retry_after_us {
            error = error.with_retry_after(Duration::from_micros(after));
        }
        if let Some(cause) = report.cause.and_then(|text| serde_json::from_str::<CrashCause>(&text).ok()) {
            error = error.with_cause(cause);
        }
        if let Some(help) = report.help {
            error = error.with_help(help);
        }
        if let Some(details) = report.details {
            let details = serde_json::from_str(&details).unwrap_or(serde_json::Value::String(details));
            error = error.with_details(details);
        }
        if let Some(location) = report.location {
            error = error.with_location(location);
        }
        if let Some(backtrace) = report.backtrace {
            error = error.with_backtrace(backtrace);
        }
        error
    }
}

/// A report with the properties that hang on its code, for failures this crate itself tells a peer about.
pub(crate) fn report(code: ErrorCode, message: impl Into<String>) -> ErrorReport {
    ExecutionError::new(code, message).into()
}

fn side(fault: Fault) -> FaultSide {
    match fault {
        Fault::Host => FaultSide::Host,
        Fault::Caller => FaultSide::Caller,
        // A side that a later release adds is a plugin's to its older peers, as an unknown code is.
        _ => FaultSide::Plugin,
    }
}

fn fault(side: FaultSide) -> Fault {
    match side {
        FaultSide::Plugin => Fault::Plugin,
        FaultSide::Host => Fault::Host,
        FaultSide::Caller => Fault::Caller,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok().filter(|text| text.len() <= MAX_JSON)
}

/// The name of a unit variant.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(ToOwned::to_owned)
}

/// The unit variant of a name.
fn from_word<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    T::deserialize(IntoDeserializer::<PlainError>::into_deserializer(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Bounded;

    #[test]
    fn every_property_survives_the_wire() {
        let error = ExecutionError::new(ErrorCode::Unknown("ROW_BROKEN".into()), "row 3 is broken")
            .with_retryable(true)
            .with_fault(Fault::Caller)
            .with_step(Step::Call)
            .with_limit(Duration::from_millis(1500))
            .with_retry_after(Duration::from_secs(2))
            .with_resource(Resource::InvokeDepth)
            .with_cause(CrashCause::Signal { signal: 11, core: true })
            .with_help("mend the row")
            .with_details(serde_json::json!({ "row": 3, "cells": ["a", null] }))
            .with_chain(vec!["outer".into(), "inner".into()])
            .with_location("src/rows.rs:3:7")
            .with_backtrace("0: rows")
            .with_stderr_tail(vec!["last words".into()]);
        assert_eq!(ExecutionError::from(ErrorReport::from(&error)), error);
    }

    #[test]
    fn every_known_code_survives_with_its_properties() {
        for code in ErrorCode::known() {
            let error = ExecutionError::new(code, "m");
            assert_eq!(ExecutionError::from(ErrorReport::from(&error)), error);
        }
    }

    #[test]
    fn an_error_of_any_size_fits_one_meta() {
        let long = "\0".repeat(crate::limit::MAX_META);
        let error = ExecutionError::new(ErrorCode::Unknown(long.clone()), long.clone())
            .with_help(long.clone())
            .with_details(serde_json::Value::String("\"".repeat(MAX_JSON / 2 - 2)))
            .with_chain(vec![long.clone(); 500])
            .with_location(long.clone())
            .with_backtrace(long.clone())
            .with_stderr_tail(vec![long; 500]);
        let report = ErrorReport::from(&error);
        report.check().unwrap();
        let mut out = Vec::new();
        crate::codec::CodecKind::Json.encode(&report, &mut out).unwrap();
        assert!(out.len() <= crate::limit::MAX_META, "{}", out.len());
    }

    #[test]
    fn words_of_a_newer_peer_do_no_harm() {
        let report = ErrorReport {
            code: "X".into(),
            step: Some("dream".into()),
            resource: Some("luck".into()),
            cause: Some("{".into()),
            details: Some("no json".into()),
            ..ErrorReport::default()
        };
        let error = ExecutionError::from(report);
        assert_eq!((error.step(), error.resource(), error.cause()), (None, None, None));
        assert_eq!(error.details(), "no json");
    }
}
