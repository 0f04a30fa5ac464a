//! The server's log: the latest records in bounded memory, for any number of readers.
//! A reader that does not keep up misses records and learns how many; nobody waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use plugdock_contracts::PluginId;
use tokio::sync::watch;

use crate::protocol::{LogRecord, Recorded, event_line};

/// Records that are kept: some minutes of a busy server.
const MAX_RECORDS: usize = 10_000;

/// Bytes that are kept, as they are sent. A handler may log far longer lines than people do.
const MAX_BYTES: usize = 8 << 20;

/// The latest records.
#[derive(Debug)]
pub(crate) struct Ring {
    kept: Mutex<Kept>,
    /// How many records there were; readers wait on it.
    count: watch::Sender<u64>,
    bounds: (usize, usize),
}

#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<Entry>,
    bytes: usize,
    next: u64,
    dropped: u64,
}

/// A record as it is sent.
#[derive(Debug)]
struct Entry {
    seq: u64,
    plugin: Option<PluginId>,
    line: Arc<[u8]>,
}

/// What a reader got.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<Arc<[u8]>>,
    /// Where to go on.
    pub(crate) next: u64,
    /// Records between the reader's place and the first that is kept.
    pub(crate) missed: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self::with_bounds(MAX_RECORDS, MAX_BYTES)
    }
}

impl Ring {
    pub(crate) fn with_bounds(records: usize, bytes: usize) -> Self {
        Self { kept: Mutex::default(), count: watch::Sender::new(0), bounds: (records, bytes) }
    }

    /// Takes a record, and lets the oldest go.
    pub(crate) fn push(&self, what: Recorded) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut kept = self.lock();
        let record = LogRecord { seq: kept.next, time_ms, what };
        let line: Arc<[u8]> = event_line(&record).into();
        kept.bytes += line.len();
        kept.records.push_back(Entry { seq: record.seq, plugin: record.what.plugin().cloned(), line });
        kept.next += 1;
        let (max_records, max_bytes) = self.bounds;
        while kept.records.len() > max_records || (kept.bytes > max_bytes && kept.records.len() > 1) {
            if let Some(oldest) = kept.records.pop_front() {
                kept.bytes -= oldest.line.len();
                kept.dropped += 1;
            }
        }
        let count = kept.next;
        drop(kept);
        self.count.send_replace(count);
    }

    /// From where on the latest `last` records lie.
    pub(crate) fn start_of_last(&self, last: usize, plugin: Option<&PluginId>) -> u64 {
        let kept = self.lock();
        let matching = kept.records.iter().rev().filter(|entry| entry.is_about(plugin));
        match last {
            0 => kept.next,
            last => matching.take(last).last().map_or(kept.next, |entry| entry.seq),
        }
    }

    /// At most `max` records from a place on.
    pub(crate) fn read(&self, from: u64, max: usize, plugin: Option<&PluginId>) -> Batch {
        let kept = self.lock();
        let first = kept.records.front().map_or(kept.next, |entry| entry.seq);
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut batch =
            Batch { missed: first.saturating_sub(from), next: from.max(first), ..Batch::default() };
        for entry in kept.records.iter().skip(skip) {
            if batch.lines.len() == max {
                break;
            }
            batch.next = entry.seq + 1;
            if entry.is_about(plugin) {
                batch.lines.push(Arc::clone(&entry.line));
            }
        }
        batch
    }

    /// Waits until there is a record at this place. Cancel safe.
    pub(crate) async fn reaches(&self, place: u64) {
        // The sender is ours, so it is there as long as we are.
        drop(self.count.subscribe().wait_for(|count| *count > place).await);
    }

    /// Records that are kept, and that were let go.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let kept = self.lock();
        (kept.records.len(), kept.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A panic between two fields leaves at worst a wrong count of bytes.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_about(&self, plugin: Option<&PluginId>) -> bool {
        plugin.is_none_or(|wanted| self.plugin.as_ref() == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::backend::BackendEvent;

    use super::*;

    fn released(name: &str) -> Recorded {
        Recorded::Backend(BackendEvent::Released { plugin: PluginId::new(name).unwrap() })
    }

    #[test]
    fn the_latest_stay_and_what_was_missed_is_counted() {
        let ring = Ring::with_bounds(3, 1 << 20);
        (0..5).for_each(|_| ring.push(released("a/x")));
        assert_eq!(ring.counts(), (3, 2));
        let batch = ring.read(0, 10, None);
        assert_eq!((batch.lines.len(), batch.missed, batch.next), (3, 2, 5));
        assert_eq!(ring.read(5, 10, None).lines.len(), 0);
        let part = ring.read(3, 1, None);
        assert_eq!((part.lines.len(), part.missed, part.next), (1, 0, 4));
    }

    #[test]
    fn bytes_are_bounded_too_and_one_record_always_stays() {
        let one = {
            let ring = Ring::default();
            ring.push(released("a/x"));
            ring.lock().bytes
        };
        let ring = Ring::with_bounds(100, one * 2);
        (0..5).for_each(|_| ring.push(released("a/x")));
        assert_eq!(ring.counts(), (2, 3));
        let tiny = Ring::with_bounds(100, 1);
        (0..5).for_each(|_| tiny.push(released("a/x")));
        assert_eq!(tiny.counts(), (1, 4));
    }

    #[test]
    fn one_plugin_can_be_picked_out() {
        let ring = Ring::default();
        for name in ["a/x", "a/y", "a/x", "a/y", "a/y"] {
            ring.push(released(name));
        }
        let x = PluginId::new("a/x").unwrap();
        assert_eq!(ring.start_of_last(1, Some(&x)), 2);
        assert_eq!(ring.start_of_last(9, Some(&x)), 0);
        assert_eq!(ring.start_of_last(2, None), 3);
        assert_eq!(ring.start_of_last(0, None), 5);
        let batch = ring.read(0, 10, Some(&x));
        assert_eq!((batch.lines.len(), batch.next), (2, 5));
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_next_record() {
        let ring = Ring::default();
        let wait = ring.reaches(0);
        let push = async { ring.push(released("a/x")) };
        tokio::join!(wait, push);
        ring.reaches(0).await;
    }
}
