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

thread_local! {
    /// Whether this thread runs a handler now.
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
    /// Where the panic that unwinds now came from.
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
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
        let (location, backtrace) = LAST.take().unzip();
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
        std::panic::set_hook(Box::new(move |info| {
            if IN_HANDLER.get() {
                note(info);
            } else {
                previous(info);
            }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let mut backtrace = Backtrace::force_capture().to_string();
    let end = (0..=MAX_BACKTRACE.min(backtrace.len())).rev().find(|at| backtrace.is_char_boundary(*at));
    backtrace.truncate(end.unwrap_or(0));
    LAST.set(Some((location, backtrace)));
}

/// Marks the thread as running a handler until it is dropped.
struct Mark(bool);

impl Mark {
    fn set() -> Self {
        Self(IN_HANDLER.replace(true))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        IN_HANDLER.set(self.0);
    }
}

fn guarded<T>(job: impl FnOnce() -> T) -> Result<T, Panic> {
    let mark = Mark::set();
    // What the job left half done is dropped with it, so nobody sees broken invariants.
    let caught = catch_unwind(AssertUnwindSafe(job));
    drop(mark);
    caught.map_err(|payload| Panic::caught(&*payload))
}

/// A blocking job that answers its panic.
pub(crate) fn catching<T>(job: impl FnOnce() -> T) -> impl FnOnce() -> Result<T, Panic> {
    move || guarded(job)
}

/// A future that answers its panic.
pub(crate) struct CatchPanic<F>(Pin<Box<F>>);

impl<F: Future> CatchPanic<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(|| self.0.as_mut().poll(cx)) {
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
        let panic = CatchPanic::new(async { panic!("number {}", 7) }).await.map(|(): ()| ()).unwrap_err();
        assert_eq!(panic.message, "number 7");
        assert!(panic.location.as_deref().unwrap().contains("panic.rs:"), "{:?}", panic.location);
        assert!(!panic.backtrace.unwrap().is_empty());
    }

    #[test]
    fn a_payload_that_is_no_text_is_caught_too() {
        let panic = catching(|| std::panic::panic_any(5_u8))().map(|(): ()| ()).unwrap_err();
        assert_eq!(panic.message, "a panic without a text");
    }

    #[test]
    fn the_mark_ends_with_the_handler() {
        drop(catching(|| panic!("x"))().map(|(): ()| ()));
        assert!(!IN_HANDLER.get());
    }
}
