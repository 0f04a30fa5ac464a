//! What a soak calls, and what each call may come to when nobody interferes: the table that outcomes are judged by.
//! What interference may add to that is the judge's to say.

use plugdock_contracts::ErrorCode;

use crate::plugin::chaos::{CRASHING, EXIT_CODE, LINKED, NESTED, SHARED, STEADY};

/// A plugin that nobody has.
pub(super) const NOBODY: &str = "acme/nobody";

/// The fault program's plugin. Each fault is a directory of its own with that id.
pub(super) const FAULT: &str = "acme/fault";

/// How a call may end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With its own token.
    Token,
    /// With its own input.
    Echo,
    /// With the text that the fault program answers.
    Done,
    /// With that code, and a cause if the code has one.
    Code(ErrorCode),
    /// `WORKER_CRASHED` by an exit with that code.
    Exit(i32),
    /// `WORKER_CRASHED` by a signal that the handler raised.
    Signal(i32),
    /// `WORKER_CRASHED` because the worker closed its channel.
    Closed,
    /// `HANDSHAKE_FAILED`.
    NoHandshake,
}

/// What a caller has to bring beside its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An order, and nothing else.
    Order,
    /// Any value, of some bytes.
    Value { bytes: usize },
    /// An order whose handler notes each start.
    Tally,
    /// An order; the handler sends a stream.
    Pieces,
    /// An order; the handler takes a stream and sends one.
    Channel,
    /// A request that cannot be accepted.
    Invalid,
    /// A fault of the fault program.
    Fault,
}

/// One kind of call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// One of them is called.
    pub(super) plugins: &'static [&'static str],
    /// The handler, or the fault.
    pub(super) handler: &'static str,
    pub(super) shape: Shape,
    pub(super) weight: u64,
    /// How it may end when nobody interferes; a timeout that was measured is always possible.
    pub(super) ends: &'static [End],
    /// It takes as long as it is let.
    pub(super) endless: bool,
    /// Its handler may be started twice.
    pub(super) idempotent: bool,
}

const PLAIN: &[&str] = &[STEADY, LINKED];
const ANY: &[&str] = &[STEADY, LINKED, SHARED];
const TOKEN: &[End] = &[End::Token];
const NEVER: &[End] = &[];
const VIOLATION: &[End] = &[End::Code(ErrorCode::ProtocolViolation)];

const fn row(
    name: &'static str,
    (plugins, handler): (&'static [&'static str], &'static str),
    shape: Shape,
    weight: u64,
    ends: &'static [End],
) -> Row {
    Row { name, plugins, handler, shape, weight, ends, endless: false, idempotent: false }
}

const fn endless(row: Row) -> Row {
    Row { endless: true, ..row }
}

const fn idempotent(row: Row) -> Row {
    Row { idempotent: true, ..row }
}

const fn fault(name: &'static str, mode: &'static str, ends: &'static [End]) -> Row {
    row(name, (&[FAULT], mode), Shape::Fault, 2, ends)
}

/// Every kind of call.
pub(super) const ROWS: &[Row] = &[
    row("echo", (PLAIN, "echo"), Shape::Value { bytes: 40 }, 200, &[End::Echo]),
    row("echo 1 MiB", (PLAIN, "echo"), Shape::Value { bytes: 1 << 20 }, 4, &[End::Echo]),
    idempotent(row("echo, shared", (&[SHARED], "echo"), Shape::Value { bytes: 40 }, 100, &[End::Echo])),
    row("slow", (PLAIN, "slow"), Shape::Order, 40, TOKEN),
    idempotent(row("slow, shared", (&[SHARED], "slow"), Shape::Order, 60, TOKEN)),
    row("counted", (PLAIN, "count-once"), Shape::Tally, 60, TOKEN),
    idempotent(row("counted, idempotent", (PLAIN, "count-again"), Shape::Tally, 60, TOKEN)),
    row("pieces", (ANY, "pieces"), Shape::Pieces, 25, TOKEN),
    idempotent(row("pieces, idempotent", (PLAIN, "pieces-again"), Shape::Pieces, 15, TOKEN)),
    row("channel", (ANY, "upper"), Shape::Channel, 20, TOKEN),
    row("log flood", (PLAIN, "log"), Shape::Order, 8, TOKEN),
    row("output flood", (PLAIN, "print"), Shape::Order, 8, TOKEN),
    row("nested", (&[STEADY], "nest"), Shape::Order, 25, TOKEN),
    endless(row("polite", (PLAIN, "polite"), Shape::Order, 8, &[End::Code(ErrorCode::HandlerError)])),
    endless(row("deaf", (ANY, "deaf"), Shape::Order, 8, NEVER)),
    endless(row("deaf, blocking", (PLAIN, "deaf-blocking"), Shape::Order, 4, NEVER)),
    row("family", (PLAIN, "family"), Shape::Order, 8, TOKEN),
    row("fail", (ANY, "fail"), Shape::Order, 10, &[End::Code(ErrorCode::HandlerError)]),
    row("panic", (ANY, "panic"), Shape::Order, 10, &[End::Code(ErrorCode::HandlerPanic)]),
    row("exit", (&[CRASHING], "exit"), Shape::Order, 6, &[End::Exit(EXIT_CODE)]),
    row("abort", (&[CRASHING], "abort"), Shape::Order, 6, &[End::Signal(6)]),
    row("segfault", (&[CRASHING], "segfault"), Shape::Order, 4, &[End::Signal(11)]),
    endless(row("stop", (&[CRASHING], "stop"), Shape::Order, 6, NEVER)),
    fault("unknown frame", "unknown-kind", VIOLATION),
    fault("unasked reply", "reply-to-unknown-call", VIOLATION),
    fault("huge frame", "huge-frame", VIOLATION),
    // The second reply is met by whoever has the worker then.
    fault("two replies", "two-replies", &[End::Done, End::Code(ErrorCode::ProtocolViolation)]),
    fault("half a frame", "half-a-frame", &[End::Exit(5)]),
    fault("closes half", "closes-half", &[End::Closed]),
    endless(fault("ignores all", "ignores-everything", NEVER)),
    fault("text for a hello", "text-on-the-channel", &[End::Code(ErrorCode::ProtocolMismatch)]),
    fault("exits before hello", "exit-before-hello", &[End::NoHandshake]),
    row("no such plugin", (&[NOBODY], "echo"), Shape::Order, 4, &[End::Code(ErrorCode::HandlerNotFound)]),
    row("no such handler", (ANY, "nothing"), Shape::Order, 4, &[End::Code(ErrorCode::HandlerNotFound)]),
    row("invalid request", (PLAIN, "echo"), Shape::Invalid, 4, &[End::Code(ErrorCode::ValidationError)]),
];

/// The plugin that only handlers call: its executions are counted apart.
pub(super) const COUNTED_APART: &str = NESTED;

/// The modes of the fault program that are called.
pub(super) fn faults() -> impl Iterator<Item = &'static str> {
    ROWS.iter().filter(|row| row.shape == Shape::Fault).map(|row| row.handler)
}

impl Row {
    /// Whether other calls run on the same worker, so that what ends one of them may end this one.
    pub(super) fn is_shared(&self, plugin: &str) -> bool {
        plugin == SHARED && self.plugins.contains(&SHARED)
    }

    /// Whether its handler calls another, whose failure is passed on.
    pub(super) fn is_nesting(&self) -> bool {
        self.handler == "nest"
    }
}
