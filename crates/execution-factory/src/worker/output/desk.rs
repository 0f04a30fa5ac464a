//! Hands the lines of a worker's output out: to the call that runs alone, or to the host's log when none or several run.
//!
//! What was printed between two calls never reaches the next one, and nobody is told lines that may be another's. The lock
//! is held for one read of each pipe at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use plugdock_contracts::{LogLevel, LogLine, LogStream};
use tokio::net::unix::pipe;

use super::route::{Origin, Route, to_host, to_port};
use crate::execution::Port;
use crate::process::{Allowance, DRAIN_CHUNKS, ForwardLimits, OutputLine, OutputReader, OutputReadiness};

/// Lines of standard error that a crash report carries: what a panic message with its context takes.
const TAIL_LINES: usize = 20;

/// The two streams, in the order in which they are drained.
const STREAMS: [LogStream; 2] = [LogStream::Stdout, LogStream::Stderr];

/// Where a worker's output arrives and calls listen. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct OutputDesk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    origin: Origin,
    /// Standard output and standard error.
    readers: [OutputReader; 2],
    listeners: Vec<Entry>,
    route: Route,
    next: u64,
}

/// One running call.
#[derive(Debug)]
struct Entry {
    number: u64,
    /// None when nobody listens any more, but the call may still run and print.
    port: Option<Port>,
    /// What is left of its allowances while the lines are not its own.
    allowances: Option<[Allowance; 2]>,
    /// Bytes of standard error that were read before the lines became its own.
    mark: u64,
    /// There were lines while others ran.
    missed: bool,
}

/// A call that listens. Dropped without [`Listener::settle`], it counts as a call that may still print.
#[derive(Debug)]
pub(crate) struct Listener {
    desk: OutputDesk,
    number: u64,
}

impl OutputDesk {
    pub(super) fn new(stdout: pipe::Receiver, stderr: pipe::Receiver, origin: Origin) -> Self {
        let limits = ForwardLimits::default();
        let readers = [OutputReader::new(stdout, limits), OutputReader::new(stderr, limits)];
        let state = State { origin, readers, listeners: Vec::new(), route: Route::Nobody, next: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Listens for a call that begins. What is in the pipes is none of it.
    pub(crate) fn listen(&self, port: Port, limits: ForwardLimits) -> Listener {
        let number = self.drained(|state| state.listen(port, limits));
        Listener { desk: self.clone(), number }
    }

    /// Listens for the one call that the worker was started for: what is in the pipes is already its own.
    pub(super) fn listen_from_start(&self, port: Port, limits: ForwardLimits) -> Listener {
        let number = self.lock().listen(port, limits);
        Listener { desk: self.clone(), number }
    }

    pub(super) fn readiness(&self) -> [OutputReadiness; 2] {
        self.lock().readers.each_ref().map(OutputReader::readiness)
    }

    /// Reads one pipe once; answers whether there may be more, now or later.
    pub(super) fn read(&self, stream: LogStream) -> bool {
        let mut state = self.lock();
        state.read(stream);
        !state.readers[index(stream)].has_ended()
    }

    /// Takes what is in the pipes, unfinished lines too, and answers the last lines of standard error.
    pub(super) fn finish(&self) -> Vec<String> {
        self.drained(|state| {
            for stream in STREAMS {
                let lines = state.readers[index(stream)].drain_now();
                state.forward(stream, lines);
            }
            state.note_dropped_by_host();
            state.readers[1].collector().last_lines(TAIL_LINES)
        })
    }

    /// Does something at a moment when the pipes are empty, or after as much was read as a pipe can hold.
    fn drained<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        for _ in 0..DRAIN_CHUNKS {
            let mut state = self.lock();
            let any = STREAMS.map(|stream| state.read(stream));
            if any == [false; 2] {
                return act(&mut state);
            }
        }
        act(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only a log sink can panic while it is held, and it takes nothing from the state with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Reads one pipe once; answers whether there was anything.
    fn read(&mut self, stream: LogStream) -> bool {
        let mut lines = Vec::new();
        let any = self.readers[index(stream)].read_now(&mut lines);
        self.forward(stream, lines);
        any
    }

    /// Whose lines are read when the call `without` is over.
    fn route_of(&self, without: Option<u64>) -> Route {
        let mut running = self.listeners.iter().filter(|entry| Some(entry.number) != without);
        match (running.next(), running.next()) {
            (None, _) => Route::Nobody,
            (Some(Entry { number, port: Some(_), .. }), None) => Route::Call(*number),
            _ => Route::Several,
        }
    }

    /// Enters a call; answers its number.
    fn listen(&mut self, port: Port, limits: ForwardLimits) -> u64 {
        let now = Instant::now();
        let number = self.next;
        self.next += 1;
        self.listeners.push(Entry {
            number,
            port: Some(port),
            allowances: Some([Allowance::new(limits, now), Allowance::new(limits, now)]),
            mark: u64::MAX,
            missed: false,
        });
        self.turn_to(self.route_of(None));
        number
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        self.listeners.iter_mut().find(|entry| entry.number == number)
    }

    fn forward(&mut self, stream: LogStream, lines: Vec<OutputLine>) {
        if lines.is_empty() {
            return;
        }
        if let Route::Call(number) = self.route
            && let Some(port) = self.entry(number).and_then(|entry| entry.port.as_ref())
        {
            return to_port(port, lines, stream);
        }
        if self.route == Route::Several {
            self.listeners.iter_mut().for_each(|entry| entry.missed = true);
        }
        to_host(&self.origin, &lines, stream);
    }

    /// Gives what is read from now on to `route`; unfinished lines are still the former one's.
    fn turn_to(&mut self, route: Route) {
        if route == self.route {
            return;
        }
        let now = Instant::now();
        let fresh = || Allowance::new(ForwardLimits::default(), now);
        let mark = self.readers[1].collector().n_read();
        let next = match route {
            Route::Call(number) => self.entry(number).and_then(|entry| {
                entry.mark = mark;
                entry.allowances.take()
            }),
            Route::Nobody | Route::Several => None,
        };
        if !matches!(self.route, Route::Call(_)) {
            self.note_dropped_by_host();
        }
        let [out, err] = next.unwrap_or_else(|| [fresh(), fresh()]);
        let (out, out_line) = self.readers[0].turn_to(out);
        let (err, err_line) = self.readers[1].turn_to(err);
        self.forward(LogStream::Stdout, out_line.into_iter().collect());
        self.forward(LogStream::Stderr, err_line.into_iter().collect());
        if let Route::Call(former) = self.route
            && let Some(entry) = self.entry(former)
        {
            entry.allowances = Some([out, err]);
        }
        self.route = route;
    }

    fn note_dropped_by_host(&self) {
        let dropped: u64 = self.readers.iter().map(|reader| reader.collector().dropped_bytes()).sum();
        if dropped > 0 && !matches!(self.route, Route::Call(_)) {
            let Origin { worker, plugin } = &self.origin;
            tracing::warn!(target: "plugdock::worker", %worker, %plugin, "{dropped} bytes of output were not kept");
        }
    }

    /// The end of a call: it is told what it lost, and answers the last lines of standard error that are its own.
    fn settle(&mut self, number: u64) -> Vec<String> {
        let alone = self.route == Route::Call(number);
        self.turn_to(self.route_of(Some(number)));
        let Some(place) = self.listeners.iter().position(|entry| entry.number == number) else {
            return Vec::new();
        };
        let entry = self.listeners.remove(place);
        if let Some(port) = &entry.port {
            let warn = |message: String| port.log(LogLine::new(LogLevel::Warn, LogStream::Stderr, message));
            let dropped: u64 = entry.allowances.iter().flatten().map(Allowance::dropped_bytes).sum();
            if dropped > 0 {
                warn(format!("{dropped} bytes of output were not kept"));
            }
            if entry.missed {
                warn("what its worker printed while other calls ran there is in the host's log".to_owned());
            }
        }
        let stderr = self.readers[1].collector();
        if alone { stderr.last_lines_since(entry.mark, TAIL_LINES) } else { Vec::new() }
    }
}

impl Listener {
    /// Takes everything that is in the pipes now for the call, which has ended, and answers the last lines of standard
    /// error. They are none when other calls ran beside it: they could be another's.
    pub(crate) fn settle(self) -> Vec<String> {
        self.desk.drained(|state| state.settle(self.number))
    }
}

impl Drop for Listener {
    /// After `settle` there is no such entry any more.
    fn drop(&mut self) {
        let mut state = self.desk.lock();
        if let Some(entry) = state.entry(self.number) {
            entry.port = None;
            let route = state.route_of(None);
            state.turn_to(route);
        }
    }
}

const fn index(stream: LogStream) -> usize {
    matches!(stream, LogStream::Stderr) as usize
}
