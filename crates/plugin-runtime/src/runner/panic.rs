//! Catches panics with their place and backtrace, and keeps those of handlers off the process's standard error.
//! A panic outside a handler goes to the hook that was there before.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

use plugdock_contracts::error::{ErrorCode, ExecutionError};

/// Longest backtrace that is kept, in bytes: some hundred frames.
const MAX_BACKTRACE: usize = 64 * 1024;

/// Whether a thread runs a handler, and what is wanted of its panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// It runs none.
    Off,
    /// Where it panicked.
    Place,
    /// The stack too. It costs tens of megabytes to put into words, so only who asked for it pays.
    Stack,
}

thread_local! {
    static WATCH: Cell<Watch> = const { Cell::new(Watch::Off) };
    /// Where the panic that unwinds now came from. The stack is put into words after the unwinding: a hook that needs
    /// memory when there is none would hang.
    static LAST: RefCell<Option<(String, Option<Backtrace>)>> = const { RefCell::new(None) };
}

/// A caught panic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Panic {
    /// What it said.
    pub message: String,
    /// Where it happened, as `file:line:column`; absent when the hook was not there.
    pub location: Option<String>,
    /// The stack at that place.
    pub backtrace: Option<String>,
}

impl Panic {
    fn caught(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let (location, stack) = LAST.take().unzip();
        let backtrace = stack.flatten().map(|stack| in_words(&stack));
        Self { message: message.unwrap_or_else(|| "a panic without a text".to_owned()), location, backtrace }
    }

    /// The panic as the caller will see it.
    pub fn into_error(self) -> ExecutionError {
        let mut error = ExecutionError::new(ErrorCode::HandlerPanic, self.message);
        if let Some(location) = self.location {
            error = error.with_location(location);
        }
        if let Some(backtrace) = self.backtrace {
            error = error.with_backtrace(backtrace);
        }
        error
    }
}

/// Installs the hook that notes where a handler panicked. Done once; every backend and worker does it by itself.
///
/// Panics outside of handlers still reach the hook that was installed before.
pub fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match WATCH.get() {
            Watch::Off => previous(info),
            watch => note(info, watch),
        }));
    });
}

fn note(info: &PanicHookInfo<'_>, watch: Watch) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    LAST.set(Some((location, (watch == Watch::Stack).then(Backtrace::force_capture))));
}

fn in_words(stack: &Backtrace) -> String {
    let mut text = stack.to_string();
    let end = (0..=MAX_BACKTRACE.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}

/// Marks the thread as running a handler until it is dropped.
struct Mark(Watch);

impl Mark {
    fn set(watch: Watch) -> Self {
        Self(WATCH.replace(watch))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        WATCH.set(self.0);
    }
}

fn guarded<T>(watch: Watch, job: impl FnOnce() -> T) -> Result<T, Panic> {
    let mark = Mark::set(watch);
    // What the job left half done is dropped with it, so nobody sees broken invariants.
    let caught = catch_unwind(AssertUnwindSafe(job));
    drop(mark);
    caught.map_err(|payload| Panic::caught(&*payload))
}

fn watch(want_stack: bool) -> Watch {
    if want_stack { Watch::Stack } else { Watch::Place }
}

/// A blocking job that answers its panic.
pub(crate) fn catching<T>(want_stack: bool, job: impl FnOnce() -> T) -> impl FnOnce() -> Result<T, Panic> {
    move || guarded(watch(want_stack), job)
}

/// A future that answers its panic.
pub(crate) struct CatchPanic<F> {
    future: Pin<Box<F>>,
    watch: Watch,
}

impl<F: Future> CatchPanic<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), watch: Watch::Place }
    }

    /// Keeps the stack of a panic too, if it is wanted.
    pub(crate) fn with_stack(mut self, wanted: bool) -> Self {
        self.watch = watch(wanted);
        self
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let watch = self.watch;
        match guarded(watch, || self.future.as_mut().poll(cx)) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_with_its_place_and_stack() {
        install_panic_hook();
        let panics = || async { panic!("number {}", 7) };
        let panic = CatchPanic::new(panics()).with_stack(true).await.map(|(): ()| ()).unwrap_err();
        assert_eq!(panic.message, "number 7");
        assert!(panic.location.as_deref().unwrap().contains("panic.rs:"), "{:?}", panic.location);
        assert!(!panic.backtrace.unwrap().is_empty());
        let plain = CatchPanic::new(panics()).await.map(|(): ()| ()).unwrap_err();
        assert_eq!((plain.location, plain.backtrace), (panic.location, None), "nobody asked for the stack");
    }

    #[test]
    fn a_payload_that_is_no_text_is_caught_too() {
        let panic = catching(false, || std::panic::panic_any(5_u8))().map(|(): ()| ()).unwrap_err();
        assert_eq!(panic.message, "a panic without a text");
    }

    #[test]
    fn the_mark_ends_with_the_handler() {
        drop(catching(false, || panic!("x"))().map(|(): ()| ()));
        assert_eq!(WATCH.get(), Watch::Off);
    }
}
