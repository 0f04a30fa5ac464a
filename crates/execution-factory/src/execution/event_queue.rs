//! The queue of an execution's events, in the order they happened. Stream data is bounded by whoever sends it, with
//! credit; everything else is bounded here: what is over is dropped and counted, so that a slow reader stalls nobody.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use plugdock_contracts::{ExecutionEvent, LogLine, Progress};

/// Log lines and progress that wait at most; with lines of at most 16 KiB it bounds the queue to some megabytes.
pub(crate) const MAX_PENDING_LINES: usize = 1024;

/// Something that happens when the caller has taken an event: it is dropped then.
pub(crate) type Taken = Box<dyn Send>;

struct Item {
    event: ExecutionEvent,
    /// Dropped with the item.
    _taken: Option<Taken>,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    n_lines: usize,
    dropped: u64,
    next_seq: u64,
    /// No more events come.
    complete: bool,
    /// Nobody reads.
    abandoned: bool,
    waker: Option<Waker>,
}

/// Events of one execution.
#[derive(Default)]
pub(crate) struct EventQueue(Mutex<State>);

impl EventQueue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock; a poisoned one is as good as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event that is never dropped: the start, the end of data, data itself.
    pub(crate) fn push(&self, event: ExecutionEvent, taken: Option<Taken>) {
        let mut state = self.lock();
        if !state.abandoned {
            state.items.push_back(Item { event, _taken: taken });
        }
        wake(state);
    }

    /// Numbers a log line and adds it; the numbered line is for further sinks.
    pub(crate) fn push_log(&self, mut line: LogLine) -> LogLine {
        let mut state = self.lock();
        line.seq = state.next_seq;
        state.next_seq = state.next_seq.saturating_add(1);
        state.push_line(ExecutionEvent::Log(line.clone()));
        wake(state);
        line
    }

    /// Counts lines that were lost before they came here; they leave a gap in the numbers.
    pub(crate) fn skip(&self, lost: u64) {
        let mut state = self.lock();
        state.next_seq = state.next_seq.saturating_add(lost);
        state.dropped = state.dropped.saturating_add(lost);
    }

    /// Adds progress. It replaces a step that nobody took and nothing came after.
    pub(crate) fn push_progress(&self, progress: Progress) {
        let mut state = self.lock();
        if let Some(Item { event: ExecutionEvent::Progress(waiting), .. }) = state.items.back_mut() {
            *waiting = progress;
            return wake(state);
        }
        state.push_line(ExecutionEvent::Progress(progress));
        wake(state);
    }

    /// Says that no more events come.
    pub(crate) fn complete(&self) {
        let mut state = self.lock();
        state.complete = true;
        wake(state);
    }

    /// Says that nobody reads any more: what waits is dropped, what comes is dropped at once.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        let items = std::mem::take(&mut state.items);
        drop(state);
        // Outside the lock, because what is dropped may call back.
        drop(items);
    }

    /// The next event; `None` when no more come.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>> {
        let mut state = self.lock();
        let Some(item) = state.items.pop_front() else {
            if state.complete {
                return Poll::Ready(None);
            }
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if is_line(&item.event) {
            state.n_lines -= 1;
        }
        drop(state);
        Poll::Ready(Some(item.event))
    }

    /// Log lines and progress that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

impl State {
    fn push_line(&mut self, event: ExecutionEvent) {
        if self.abandoned {
            return;
        }
        if self.n_lines < MAX_PENDING_LINES {
            self.n_lines += 1;
            self.items.push_back(Item { event, _taken: None });
        } else {
            self.dropped += 1;
        }
    }
}

fn is_line(event: &ExecutionEvent) -> bool {
    matches!(event, ExecutionEvent::Log(_) | ExecutionEvent::Progress(_))
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue").field("waiting", &self.lock().items.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use plugdock_contracts::{LogLevel, LogStream};

    use super::*;

    fn next(queue: &EventQueue) -> Poll<Option<ExecutionEvent>> {
        queue.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn line() -> LogLine {
        LogLine::new(LogLevel::Info, LogStream::Logger, "x")
    }

    #[test]
    fn lines_beyond_the_bound_are_dropped_counted_and_leave_a_gap() {
        let queue = EventQueue::default();
        for _ in 0..=MAX_PENDING_LINES {
            queue.push_log(line());
        }
        assert_eq!(queue.dropped(), 1);
        assert!(matches!(next(&queue), Poll::Ready(Some(ExecutionEvent::Log(first))) if first.seq == 0));
        let numbered = queue.push_log(line());
        assert_eq!(numbered.seq, MAX_PENDING_LINES as u64 + 1);
    }

    #[test]
    fn data_is_never_dropped_and_says_when_it_was_taken() {
        let queue = EventQueue::default();
        for _ in 0..=MAX_PENDING_LINES {
            queue.push_log(line());
        }
        let credit = Arc::new(());
        queue.push(ExecutionEvent::Data(Bytes::from_static(b"d")), Some(Box::new(Arc::clone(&credit))));
        for _ in 0..MAX_PENDING_LINES {
            assert!(next(&queue).is_ready());
        }
        assert_eq!(Arc::strong_count(&credit), 2);
        assert_eq!(next(&queue), Poll::Ready(Some(ExecutionEvent::Data(Bytes::from_static(b"d")))));
        assert_eq!(Arc::strong_count(&credit), 1);
    }

    #[test]
    fn lines_that_were_lost_on_the_way_leave_a_gap_too() {
        let queue = EventQueue::default();
        queue.skip(3);
        assert_eq!((queue.push_log(line()).seq, queue.dropped()), (3, 3));
    }

    #[test]
    fn a_hostile_number_of_lost_lines_breaks_nothing() {
        let queue = EventQueue::default();
        queue.skip(u64::MAX);
        queue.skip(1);
        assert_eq!(queue.push_log(line()).seq, u64::MAX);
        queue.push_log(line());
    }

    #[test]
    fn progress_that_nobody_took_is_overtaken() {
        let queue = EventQueue::default();
        for step in [0.1, 0.5, 0.9] {
            queue.push_progress(Progress::new(Some(step), ""));
        }
        assert_eq!(next(&queue), Poll::Ready(Some(ExecutionEvent::Progress(Progress::new(Some(0.9), "")))));
        assert_eq!(next(&queue), Poll::Pending);
    }

    #[test]
    fn the_end_comes_after_everything_else() {
        let queue = EventQueue::default();
        queue.push_log(line());
        queue.complete();
        assert!(matches!(next(&queue), Poll::Ready(Some(_))));
        assert_eq!(next(&queue), Poll::Ready(None));
    }

    #[test]
    fn nothing_is_kept_for_a_reader_that_is_gone() {
        let queue = EventQueue::default();
        let credit = Arc::new(());
        queue.push(ExecutionEvent::DataEnd, Some(Box::new(Arc::clone(&credit))));
        queue.abandon();
        queue.push(ExecutionEvent::DataEnd, Some(Box::new(Arc::clone(&credit))));
        assert_eq!(Arc::strong_count(&credit), 1);
        assert_eq!(queue.dropped(), 0, "nobody lost anything");
    }
}
