//! Whether an outcome is one that this call may have, after what was done to it: exactly the causes that happened, and no other.
//! It decides by data alone; what was done stands in the evidence.

use std::time::{Duration, Instant};

use plugdock_contracts::error::{CrashCause, KillReason, Step};
use plugdock_contracts::{ErrorCode, ExecutionError, Outcome, Payload};

use super::evidence::Evidence;
use super::item::Item;
use super::row::{End, Shape};

/// Clocks of the timer wheel and of the judge differ by a tick.
const TICK: Duration = Duration::from_millis(2);

/// More than the start of a worker takes.
const START: Duration = Duration::from_secs(2);

const SIGKILL: i32 = 9;

/// Times that a call may be taken back from a worker that had not begun it.
const MOST_TAKEN_BACK: u32 = 3;

/// Failures of a nested execution that its caller passes on. What is known of them stands with the nested execution.
const PASSED_ON: &[ErrorCode] = &[
    ErrorCode::AcquireTimeout,
    ErrorCode::HandshakeFailed,
    ErrorCode::Quarantined,
    ErrorCode::ResourceExhausted,
    ErrorCode::ShuttingDown,
    ErrorCode::SpawnFailed,
    ErrorCode::Timeout,
    ErrorCode::WorkerCrashed,
    ErrorCode::WorkerUnhealthy,
];

/// One call and its outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) item: &'a Item,
    pub(super) outcome: &'a Outcome,
    pub(super) begun: Instant,
}

impl Case<'_> {
    /// Judges.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub(super) fn judge(&self, evidence: &Evidence) -> Result<(), String> {
        self.judge_attempts()?;
        match &self.outcome.result {
            Ok(payload) => self.judge_result(payload),
            Err(error) => {
                let strict = self.judge_error(error, evidence);
                if self.item.row.is_nesting() && PASSED_ON.contains(error.code()) { Ok(()) } else { strict }
            }
        }
    }

    fn judge_attempts(&self) -> Result<(), String> {
        let attempts = self.outcome.attempts;
        let most = if self.item.row.idempotent { 2 } else { 1 };
        if attempts.started > most || attempts.taken_back > MOST_TAKEN_BACK {
            return Err(format!("attempts beyond what is promised: {attempts:?}"));
        }
        if self.outcome.is_ok() && attempts.started == 0 {
            return Err("a result of a handler that was never started".to_owned());
        }
        Ok(())
    }

    fn judge_result(&self, payload: &Payload) -> Result<(), String> {
        let row = self.item.row;
        let is_right = row.ends.iter().any(|end| match (end, row.shape) {
            (End::Token, _) => payload.to_value::<u64>().is_ok_and(|token| token == self.item.token),
            (End::Echo, Shape::Value { bytes }) => {
                payload.to_value::<String>().is_ok_and(|text| text == self.item.value(bytes))
            }
            (End::Done, _) => payload.to_value::<String>().is_ok_and(|text| text == "done"),
            _ => false,
        });
        if is_right {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(&payload.as_bytes()[..payload.len().min(60)]).into_owned();
        Err(format!("a result that is not its own: {shown}"))
    }

    fn judge_error(&self, error: &ExecutionError, evidence: &Evidence) -> Result<(), String> {
        if self.is_own_end(error) {
            return Ok(());
        }
        let total = self.outcome.timings.total + TICK;
        let is_true = match error.code() {
            ErrorCode::Aborted => self.item.is_cancelled(),
            ErrorCode::AcquireTimeout => {
                error.step() == Some(Step::Queue)
                    && error.limit() == Some(self.item.acquire)
                    && total >= self.item.acquire
            }
            ErrorCode::Timeout => error.step() == Some(Step::Call) && total >= self.item.call,
            ErrorCode::QueueFull => {
                let number = |name: &str| error.details()[name].as_u64();
                number("waiting").zip(number("limit")).is_some_and(|(waiting, limit)| waiting >= limit)
            }
            ErrorCode::Quarantined => {
                error.details()["exits"].as_array().is_some_and(|exits| !exits.is_empty())
            }
            ErrorCode::ShuttingDown => evidence.is_stopping(),
            ErrorCode::WorkerCrashed => return self.judge_crash(error, evidence),
            ErrorCode::WorkerUnhealthy => {
                error.cause() == Some(&CrashCause::Killed { reason: KillReason::Unhealthy })
            }
            // One that is killed before it runs its program leaves no report, and so no signal to be told.
            ErrorCode::SpawnFailed => {
                let by_a_hit = error.retry_after().is_none() && evidence.was_any_hit(SIGKILL, self.before());
                by_a_hit || evidence.spawner_was_missing(self.begun)
            }
            ErrorCode::HandshakeFailed => match error.cause() {
                Some(CrashCause::Signal { signal, .. }) => evidence.was_any_hit(*signal, self.before()),
                _ => evidence.spawner_was_missing(self.begun),
            },
            _ => false,
        };
        if is_true { Ok(()) } else { Err("nothing that was done explains it".to_owned()) }
    }

    /// The worker that it waited for may have been hit shortly before it came.
    fn before(&self) -> Instant {
        self.begun.checked_sub(START).unwrap_or(self.begun)
    }

    fn is_own_end(&self, error: &ExecutionError) -> bool {
        self.item.row.ends.iter().any(|end| match end {
            End::Code(code) => {
                code == error.code() && (*code != ErrorCode::ProtocolViolation || is_violation(error))
            }
            End::Exit(code) => is_crash(error, &CrashCause::Exit { code: *code }),
            End::Signal(own) => {
                *error.code() == ErrorCode::WorkerCrashed
                    && matches!(error.cause(), Some(CrashCause::Signal { signal, .. }) if signal == own)
            }
            End::Closed => is_crash(error, &CrashCause::ChannelClosed),
            End::NoHandshake => *error.code() == ErrorCode::HandshakeFailed && error.cause().is_some(),
            End::Token | End::Echo | End::Done => false,
        })
    }

    fn judge_crash(&self, error: &ExecutionError, evidence: &Evidence) -> Result<(), String> {
        let Some(cause) = error.cause() else { return Err("a crash without a cause".to_owned()) };
        let is_true = match cause {
            CrashCause::Signal { signal, .. } => {
                self.outcome.worker.as_ref().is_some_and(|worker| evidence.was_hit(worker, *signal))
            }
            CrashCause::SpawnerLost => evidence.spawner_was_missing(self.begun),
            CrashCause::Killed { reason: KillReason::Timeout | KillReason::Cancelled } => {
                self.item.row.is_shared(self.item.plugin)
            }
            CrashCause::Killed { reason: KillReason::Shutdown } => evidence.is_stopping(),
            _ => false,
        };
        if is_true { Ok(()) } else { Err(format!("nobody did that to its worker: {cause}")) }
    }
}

fn is_crash(error: &ExecutionError, cause: &CrashCause) -> bool {
    *error.code() == ErrorCode::WorkerCrashed && error.cause() == Some(cause)
}

fn is_violation(error: &ExecutionError) -> bool {
    matches!(error.cause(), Some(CrashCause::ProtocolViolation { .. }))
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::{BackendKind, ExecutionId, WorkerId};

    use super::super::dice::Dice;
    use super::super::evidence::Blow;
    use super::super::item::Manner;
    use super::*;

    fn item(name: &str) -> Item {
        let mut dice = Dice::of(1, 1);
        let found = std::iter::repeat_with(|| Item::plan(&mut dice)).find(|item| item.row.name == name);
        Item { manner: Manner::Wait, ..found.unwrap() }
    }

    fn verdict(item: &Item, outcome: &Outcome, evidence: &Evidence) -> bool {
        Case { item, outcome, begun: Instant::now() }.judge(evidence).is_ok()
    }

    fn ended(result: Result<Payload, ExecutionError>) -> Outcome {
        let mut outcome = Outcome::new(ExecutionId::generate(), BackendKind::WorkerPool, result);
        outcome.attempts.started = 1;
        outcome.worker = Some(WorkerId::generate());
        outcome
    }

    fn failed(code: ErrorCode) -> Outcome {
        ended(Err(ExecutionError::new(code, "")))
    }

    #[test]
    fn a_result_must_be_its_own() {
        let (slow, none) = (item("slow"), Evidence::default());
        assert!(verdict(&slow, &ended(Ok(Payload::json(&slow.token).unwrap())), &none));
        assert!(!verdict(&slow, &ended(Ok(Payload::json(&(slow.token + 1)).unwrap())), &none));
        assert!(!verdict(&item("deaf"), &ended(Ok(Payload::json(&slow.token).unwrap())), &none));
    }

    #[test]
    fn a_signal_must_have_been_sent_to_that_worker() {
        let (slow, evidence) = (item("slow"), Evidence::default());
        let crash = |signal| {
            let cause = CrashCause::Signal { signal, core: false };
            ended(Err(ExecutionError::new(ErrorCode::WorkerCrashed, "").with_cause(cause)))
        };
        let victim = crash(9);
        evidence.is_process_of(victim.worker.clone().unwrap(), 7);
        assert!(!verdict(&slow, &victim, &evidence));
        evidence.hits(7, Blow::Kill);
        assert!(verdict(&slow, &victim, &evidence));
        assert!(!verdict(&slow, &crash(9), &evidence), "another worker was hit");
        assert!(verdict(&item("abort"), &crash(6), &evidence), "it did that itself");
        assert!(!verdict(&slow, &crash(6), &evidence));
    }

    #[test]
    fn what_nobody_did_explains_nothing() {
        let (slow, none) = (item("slow"), Evidence::default());
        for code in ErrorCode::known() {
            assert!(!verdict(&slow, &failed(code.clone()), &none), "{code}");
        }
        assert!(!verdict(&Item { manner: Manner::Wait, ..item("slow") }, &failed(ErrorCode::Aborted), &none));
        let cancelled = Item { manner: Manner::Cancel(TICK), ..item("slow") };
        assert!(verdict(&cancelled, &failed(ErrorCode::Aborted), &none));
    }

    #[test]
    fn only_what_is_idempotent_is_started_twice() {
        let none = Evidence::default();
        for (name, may) in [("slow", false), ("slow, shared", true)] {
            let item = item(name);
            let mut outcome = ended(Ok(Payload::json(&item.token).unwrap()));
            outcome.attempts.started = 2;
            assert_eq!(verdict(&item, &outcome, &none), may, "{name}");
        }
    }
}
