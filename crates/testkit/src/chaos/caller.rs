//! Makes planned calls, in every manner a caller can have, and takes each outcome to the judge.
//! It attacks nothing.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plugdock_contracts::execution::InputStream;
use plugdock_contracts::{Execution, ExecutionBackend, Outcome};
use tokio::time::{sleep, timeout};

use super::dice::Dice;
use super::evidence::Evidence;
use super::item::{Item, Manner};
use super::judge::Case;
use super::ledger::{Ledger, OK, UNSEEN};
use super::row::Shape;
use super::seen::{Seen, piece};
use crate::plugin::chaos::{SHARED, STEADY};

/// An execution without an outcome for so long hangs: far above every timeout that a call has.
const HUNG: Duration = Duration::from_secs(30);

/// For the evidence to arrive: a worker's number is told by an event that may come after the outcome.
const EVIDENCE_WITHIN: Duration = Duration::from_secs(3);

/// Calls that are made at once now and then, so that the queue is filled.
const BURST: u64 = 90;

/// What a caller prefers: most prefer one of two plugins, so that workers of those are kept, shared and worn out.
const FAVOURITES: [Option<&str>; 7] =
    [Some(SHARED), Some(SHARED), Some(SHARED), Some(STEADY), Some(STEADY), Some(STEADY), None];

/// How often it calls what it prefers, in per cent.
const LOYALTY: u64 = 95;

/// What all callers share.
pub(super) struct Callers {
    pub(super) backend: Arc<dyn ExecutionBackend>,
    pub(super) evidence: Arc<Evidence>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) faults: PathBuf,
    pub(super) tallies: PathBuf,
}

impl Callers {
    /// Calls until the end of the soak.
    pub(super) async fn call(self: Arc<Self>, mut dice: Dice, until: Instant) {
        let favourite = FAVOURITES[dice.index(FAVOURITES.len())];
        while Instant::now() < until {
            if dice.below(1000) < 4 {
                let size = 1 + dice.below(BURST);
                let mut burst = tokio::task::JoinSet::new();
                for _ in 0..size {
                    let (callers, item) = (Arc::clone(&self), Item::plan(&mut dice));
                    burst.spawn(async move { callers.run(item).await });
                }
                burst.join_all().await;
            } else {
                let item = match favourite {
                    Some(plugin) if dice.chance(LOYALTY) => Item::plan_for(&mut dice, plugin),
                    _ => Item::plan(&mut dice),
                };
                self.run(item).await;
            }
            // A caller that is refused at once must not spend the processor on being refused.
            sleep(dice.millis(0..4)).await;
        }
    }

    async fn run(&self, item: Item) {
        let kind = item.row.name;
        self.ledger.started(kind);
        let begun = Instant::now();
        let execution = self.backend.start(item.request(&self.faults, &self.tallies));
        let Ok(seen) = timeout(HUNG, take(&item, execution)).await else {
            self.ledger.ended(kind, "hung");
            return self.ledger.wrong(format!("no outcome within {HUNG:?}: {item:?}"));
        };
        let Some((outcome, seen)) = seen else { return self.ledger.ended(kind, UNSEEN) };
        let end = outcome.error().map_or(OK, |error| error.code().as_str());
        self.ledger.ended(kind, end);
        if let Err(wrong) = self.judge(&item, &outcome, begun, seen).await {
            let error = outcome.error();
            self.ledger.wrong(format!(
                "{wrong}: {item:?}, worker {:?}, {:?}, {:?}, {error:?}",
                outcome.worker, outcome.attempts, outcome.timings
            ));
        }
    }

    async fn judge(
        &self,
        item: &Item,
        outcome: &Outcome,
        begun: Instant,
        seen: Option<Seen>,
    ) -> Result<(), String> {
        let case = Case { item, outcome, begun };
        if let Some(seen) = seen {
            seen.judge(item, outcome.is_ok(), outcome.attempts.started)?;
        }
        if item.row.shape == Shape::Tally {
            self.judge_tally(item, outcome)?;
        }
        let patience = Instant::now() + EVIDENCE_WITHIN;
        loop {
            match case.judge(&self.evidence) {
                Err(_not_yet) if Instant::now() < patience => sleep(Duration::from_millis(20)).await,
                verdict => return verdict,
            }
        }
    }

    /// The handler itself noted each start: no more than the outcome says, and one at least for a result.
    fn judge_tally(&self, item: &Item, outcome: &Outcome) -> Result<(), String> {
        let path = item.tally(&self.tallies);
        let starts = std::fs::metadata(&path).map_or(0, |tally| tally.len());
        // Those that stay are looked at when everything is over.
        let _nothing_to_remove = std::fs::remove_file(&path);
        let told = u64::from(outcome.attempts.started);
        if starts > told || (outcome.is_ok() && starts == 0) {
            return Err(format!("its handler was started {starts} times, its outcome says {told}"));
        }
        Ok(())
    }
}

/// The outcome, if anybody waits for it, and what was seen by whoever looked at everything.
async fn take(item: &Item, mut execution: Execution) -> Option<(Outcome, Option<Seen>)> {
    let input = if item.row.shape == Shape::Channel { execution.input() } else { None };
    match item.manner {
        Manner::Wait | Manner::Ignore(_) => {
            if let Manner::Ignore(span) = item.manner {
                sleep(span).await;
            }
            let (outcome, ()) = tokio::join!(execution.wait(), send(item, input));
            Some((outcome, None))
        }
        Manner::Read => Some(watch(item, execution, input, None).await),
        Manner::ReadSlowly(pause) => Some(watch(item, execution, input, Some(pause)).await),
        Manner::Cancel(after) => {
            sleep(after).await;
            execution.cancel("the soak wants it");
            let outcome = execution.wait().await;
            drop(input);
            Some((outcome, None))
        }
        Manner::DropAfterPolls(polls) => poll_times(execution, polls).await.map(|outcome| (outcome, None)),
        Manner::Drop(after) => {
            sleep(after).await;
            None
        }
        Manner::Detach => {
            execution.detach();
            None
        }
    }
}

/// Takes every event, and the outcome.
async fn watch(
    item: &Item,
    mut execution: Execution,
    input: Option<Box<dyn InputStream>>,
    pause: Option<Duration>,
) -> (Outcome, Option<Seen>) {
    let mut seen = Seen::nothing();
    let read = async {
        while let Some(event) = execution.next_event().await {
            seen.take(&event);
            if let Some(pause) = pause {
                sleep(pause).await;
            }
        }
        execution.wait().await
    };
    let (outcome, ()) = tokio::join!(read, send(item, input));
    (outcome, Some(seen))
}

/// Sends what the item sends, as long as somebody takes it.
async fn send(item: &Item, input: Option<Box<dyn InputStream>>) {
    let Some(mut input) = input else { return };
    for number in 0..item.n {
        if input.send(Bytes::from(piece(item, number))).await.is_err() {
            return;
        }
    }
    // The handler may have ended meanwhile; its outcome says how.
    let _taken = input.finish().await;
}

/// Polls the outcome's future so many times and drops it then, at whatever await it stands.
async fn poll_times(execution: Execution, polls: u64) -> Option<Outcome> {
    let mut outcome = pin!(execution.wait());
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        outcome.as_mut().poll(cx).map(Some)
    })
    .await
}
