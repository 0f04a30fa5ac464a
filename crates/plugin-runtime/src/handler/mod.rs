//! Handlers: the trait the runtime calls, the shapes of functions an author writes, and the error they return.

mod error;
mod function;

use plugdock_contracts::describe::HandlerDescription;
use plugdock_contracts::{BoxFuture, Payload};

pub use error::HandlerError;
pub(crate) use function::{blocking, call, channel, stream};

use crate::ctx::Ctx;
use crate::stream::{Input, Output};

/// The streams of one call. A handler that is no stream or channel ignores them.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallIo {
    /// Pieces that the caller sends.
    pub input: Input,
    /// Pieces for the caller.
    pub output: Output,
}

/// One callable entry of a plugin. Authors usually give a function to [`crate::Plugin::handler`] instead.
pub trait Handler: Send + Sync + 'static {
    /// What it says of itself.
    fn describe(&self) -> HandlerDescription;

    /// Whether it blocks the thread it is called on, or takes one of its own for as long as it runs.
    fn is_blocking(&self) -> bool {
        false
    }

    /// Runs it. The future is dropped when the execution is cancelled and does not end by itself within the grace.
    fn call(&self, ctx: Ctx, input: Payload, io: CallIo)
    -> BoxFuture<'static, Result<Payload, HandlerError>>;
}
