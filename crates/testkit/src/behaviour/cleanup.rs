//! The cleanup stack: newest first, going on after one that fails, however the handler ended.

use std::time::Duration;

use plugdock_contracts::{ErrorCode, LogLevel};

use crate::harness::{Harness, Taken, code};

fn check(taken: &Taken, expected: Option<&ErrorCode>) {
    assert_eq!(taken.outcome.error().map(code).as_ref(), expected);
    let lines = taken.lines();
    let after: Vec<_> = lines.iter().filter(|line| line.message != "ready").collect();
    let messages: Vec<_> = after.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert_eq!((messages[0], messages[2]), ("cleanup third", "cleanup first"));
    assert_eq!(after[1].level, LogLevel::Warn);
    assert!(messages[1].contains("a cleanup that fails"), "{messages:?}");
}

pub(crate) async fn cleanups_run_newest_first_after_success(h: &mut Harness) {
    check(&h.take(h.request("cleanup", "ok")).await, None);
}

pub(crate) async fn cleanups_run_after_an_error(h: &mut Harness) {
    check(&h.take(h.request("cleanup", "error")).await, Some(&ErrorCode::HandlerError));
}

pub(crate) async fn cleanups_run_after_a_panic(h: &mut Harness) {
    check(&h.take(h.request("cleanup", "panic")).await, Some(&ErrorCode::HandlerPanic));
}

pub(crate) async fn cleanups_run_after_a_timeout(h: &mut Harness) {
    let request = h.request("cleanup", "hang").with_call_timeout(Duration::from_millis(700));
    check(&h.take(request).await, Some(&ErrorCode::Timeout));
}

pub(crate) async fn cleanups_run_after_a_cancellation(h: &mut Harness) {
    let execution = h.ready(h.request("cleanup", "hang")).await;
    execution.cancel("enough");
    check(&h.take_rest(execution, Vec::new()).await, Some(&ErrorCode::Aborted));
}
