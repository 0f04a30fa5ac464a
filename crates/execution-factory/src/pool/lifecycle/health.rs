//! When a worker is asked how it is, and what its answer means.
//! It asks nothing itself, and never fails a worker for a question that a call overtook.

use std::time::{Duration, Instant};

use super::mixer::{nth, up_to};

/// How far checks lie around their regular distance, in per cent to both sides, so that a pool's do not come together.
const JITTER_PERCENT: u32 = 10;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckKind {
    /// How the plugin is: its own health handler answers, if it has one.
    Idle,
    /// Whether the worker's connection answers while a handler runs.
    Busy,
}

/// One question that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    /// What is asked.
    pub(crate) kind: CheckKind,
    /// An answer that is not there by then counts as [`Answer::Silent`].
    pub(crate) deadline: Instant,
    epoch: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All is well.
    Healthy,
    /// It works, but not well.
    Degraded(String),
    /// It says that it does not work.
    Unhealthy(String),
    /// Nothing, until the deadline.
    Silent,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// The worker goes on.
    Fine {
        /// What it said of itself, if that was not that all is well.
        note: Option<String>,
    },
    /// The worker took a call meanwhile, so the answer says nothing: it is due at once, as a busy worker.
    AskAgain,
    /// The worker is to be replaced.
    Fail {
        /// What was wrong.
        detail: String,
    },
}

/// The checks of one worker. One at a time.
#[derive(Debug, Clone)]
pub(crate) struct Checkup {
    every: Duration,
    within: Duration,
    seed: u64,
    /// Checks so far, so that each distance is drawn anew.
    round: u64,
    due_at: Instant,
    is_out: bool,
    /// Whether the next one asks as if the worker were busy, whatever it is.
    asks_busy: bool,
    /// Calls the worker took, of which only a change matters.
    epoch: u64,
}

impl Checkup {
    /// Of a worker that is ready now: asked about `every` so often, to answer `within` this time.
    pub(crate) fn new(every: Duration, within: Duration, seed: u64, now: Instant) -> Self {
        let mut made =
            Self { every, within, seed, round: 0, due_at: now, is_out: false, asks_busy: false, epoch: 0 };
        made.schedule(now);
        made
    }

    /// The worker takes a call.
    pub(crate) const fn call_begins(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// When the next check is due; none while one is out.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        (!self.is_out).then_some(self.due_at)
    }

    /// Begins a check if one is due and none is out.
    pub(crate) fn begin(&mut self, now: Instant, is_busy: bool) -> Option<Check> {
        if self.is_out || now < self.due_at {
            return None;
        }
        self.is_out = true;
        let kind = if is_busy || self.asks_busy { CheckKind::Busy } else { CheckKind::Idle };
        Some(Check { kind, deadline: now + self.within, epoch: self.epoch })
    }

    /// Ends the check that is out with what came back.
    pub(crate) fn verdict(&mut self, now: Instant, check: Check, answer: Answer) -> Judgement {
        self.is_out = false;
        let overtaken = check.epoch != self.epoch;
        let judgement = match (check.kind, answer) {
            (_, Answer::Healthy) => Judgement::Fine { note: None },
            // A busy worker's handler may well hold up what its health depends on.
            (_, Answer::Degraded(note)) | (CheckKind::Busy, Answer::Unhealthy(note)) => {
                Judgement::Fine { note: Some(note) }
            }
            (CheckKind::Idle, Answer::Unhealthy(_) | Answer::Silent) if overtaken => Judgement::AskAgain,
            (CheckKind::Idle, Answer::Unhealthy(detail)) => Judgement::Fail { detail },
            (kind, Answer::Silent) => Judgement::Fail { detail: self.silence(kind) },
        };
        self.asks_busy = judgement == Judgement::AskAgain;
        if self.asks_busy {
            self.due_at = now;
        } else {
            self.schedule(now);
        }
        judgement
    }

    fn silence(&self, kind: CheckKind) -> String {
        let within = plugdock_contracts::span::format_span(self.within);
        match kind {
            CheckKind::Idle => format!("it did not answer a health check within {within}"),
            CheckKind::Busy => format!("its connection did not answer within {within} while it had a call"),
        }
    }

    fn schedule(&mut self, now: Instant) {
        let part = self.every.saturating_mul(JITTER_PERCENT) / 100;
        let width = u64::try_from(part.saturating_mul(2).as_nanos()).unwrap_or(u64::MAX);
        let drawn = Duration::from_nanos(up_to(width, nth(self.seed, self.round)));
        self.round = self.round.wrapping_add(1);
        self.due_at = now + self.every.saturating_sub(part) + drawn;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERY: Duration = Duration::from_secs(10);
    const WITHIN: Duration = Duration::from_secs(5);

    fn due() -> (Checkup, Instant) {
        let checkup = Checkup::new(EVERY, WITHIN, 1, Instant::now());
        let due = checkup.next_due().unwrap();
        (checkup, due)
    }

    fn fine(note: Option<&str>) -> Judgement {
        Judgement::Fine { note: note.map(str::to_owned) }
    }

    fn fail(detail: &str) -> Judgement {
        Judgement::Fail { detail: detail.to_owned() }
    }

    #[track_caller]
    fn check(is_busy: bool, takes_call: bool, answer: &Answer, wanted: &Judgement) {
        let (mut checkup, now) = due();
        let check = checkup.begin(now, is_busy).unwrap();
        if takes_call {
            checkup.call_begins();
        }
        assert_eq!(
            &checkup.verdict(now, check, answer.clone()),
            wanted,
            "{is_busy}, {takes_call}, {answer:?}"
        );
    }

    #[test]
    fn every_answer_is_judged_by_kind_and_calls_taken() {
        let degraded = Answer::Degraded("slow disk".to_owned());
        let unhealthy = Answer::Unhealthy("no disk".to_owned());
        let silent_idle = fail("it did not answer a health check within 5s");
        let silent_busy = fail("its connection did not answer within 5s while it had a call");
        for (is_busy, takes_call) in [(false, false), (false, true), (true, false), (true, true)] {
            check(is_busy, takes_call, &Answer::Healthy, &fine(None));
            check(is_busy, takes_call, &degraded, &fine(Some("slow disk")));
        }
        check(false, false, &unhealthy, &fail("no disk"));
        check(false, true, &unhealthy, &Judgement::AskAgain);
        check(true, false, &unhealthy, &fine(Some("no disk")));
        check(true, true, &unhealthy, &fine(Some("no disk")));
        check(false, false, &Answer::Silent, &silent_idle);
        check(false, true, &Answer::Silent, &Judgement::AskAgain);
        check(true, false, &Answer::Silent, &silent_busy);
        check(true, true, &Answer::Silent, &silent_busy);
    }

    #[test]
    fn asked_again_it_is_asked_at_once_and_as_a_busy_worker() {
        let (mut checkup, now) = due();
        let first = checkup.begin(now, false).unwrap();
        checkup.call_begins();
        assert_eq!(checkup.verdict(now, first, Answer::Silent), Judgement::AskAgain);
        let second = checkup.begin(now, false).unwrap();
        assert_eq!(second.kind, CheckKind::Busy);
        assert_eq!(checkup.verdict(now, second, Answer::Healthy), fine(None));
        let later = checkup.next_due().unwrap();
        assert_eq!(checkup.begin(later, false).unwrap().kind, CheckKind::Idle);
    }

    #[test]
    fn a_check_never_overlaps_itself() {
        let (mut checkup, now) = due();
        assert_eq!(checkup.begin(Instant::now(), false), None);
        let check = checkup.begin(now, false).unwrap();
        assert_eq!(check.deadline, now + WITHIN);
        assert_eq!((checkup.begin(now + EVERY * 9, false), checkup.next_due()), (None, None));
        checkup.verdict(now, check, Answer::Healthy);
        assert!(checkup.next_due().unwrap() > now);
    }

    #[test]
    fn checks_of_workers_that_started_together_come_apart() {
        let now = Instant::now();
        let mut due: Vec<_> = (0..10).map(|seed| Checkup::new(EVERY, WITHIN, seed, now).next_due()).collect();
        due.sort();
        due.dedup();
        assert_eq!(due.len(), 10);
    }

    proptest! {
        #[test]
        fn the_distance_lies_within_its_jitter(millis in 1_u64..10_000_000, seed: u64, rounds in 1_usize..20) {
            let every = Duration::from_millis(millis);
            let mut now = Instant::now();
            let mut checkup = Checkup::new(every, WITHIN, seed, now);
            for _ in 0..rounds {
                let due = checkup.next_due().unwrap();
                prop_assert!((every * 9 / 10..=every * 11 / 10).contains(&(due - now)));
                let check = checkup.begin(due, true).unwrap();
                now = due + Duration::from_millis(3);
                checkup.verdict(now, check, Answer::Healthy);
            }
        }
    }
}
