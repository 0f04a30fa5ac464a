//! Makes handlers of functions: typed input and output through serde, for calls, blocking calls, streams and channels.

use std::sync::Arc;

use plugdock_contracts::describe::{HandlerDescription, HandlerKind};
use plugdock_contracts::error::ErrorCode;
use plugdock_contracts::id::HandlerId;
use plugdock_contracts::{BoxFuture, ExecutionError, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::{CallIo, Handler, HandlerError};
use crate::ctx::Ctx;
use crate::stream::{Input, Output};

type Run = dyn Fn(Ctx, Payload, CallIo) -> BoxFuture<'static, Result<Payload, HandlerError>> + Send + Sync;

/// A function with its description.
struct FunctionHandler {
    id: HandlerId,
    kind: HandlerKind,
    blocking: bool,
    run: Box<Run>,
}

impl Handler for FunctionHandler {
    fn describe(&self) -> HandlerDescription {
        HandlerDescription::new(self.id.clone(), self.kind)
    }

    fn is_blocking(&self) -> bool {
        self.blocking
    }

    fn call(
        &self,
        ctx: Ctx,
        input: Payload,
        io: CallIo,
    ) -> BoxFuture<'static, Result<Payload, HandlerError>> {
        (self.run)(ctx, input, io)
    }
}

fn read<I: DeserializeOwned>(input: &Payload) -> Result<I, HandlerError> {
    input.to_value().map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        ExecutionError::new(ErrorCode::ValidationError, format!("the input has another shape: {why}"))
            .with_help("`plugdock describe --json` shows what the handler takes")
            .into()
    })
}

fn write<O: Serialize>(output: &O) -> Result<Payload, HandlerError> {
    Payload::json(output)
        .map_err(|error| ExecutionError::from_error(ErrorCode::HandlerContractError, &error).into())
}

/// Any async function that takes a typed input and the streams of its call.
fn typed<F, I, O, R>(id: HandlerId, kind: HandlerKind, function: F) -> Arc<dyn Handler>
where
    F: Fn(Ctx, I, CallIo) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, HandlerError>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
{
    let function = Arc::new(function);
    let run = move |ctx: Ctx, input: Payload, io: CallIo| -> BoxFuture<'static, _> {
        let function = Arc::clone(&function);
        Box::pin(async move {
            let answer = function(ctx, read(&input)?, io);
            drop(input);
            write(&answer.await?)
        })
    };
    Arc::new(FunctionHandler { id, kind, blocking: false, run: Box::new(run) })
}

pub(crate) fn call<F, I, O, R>(id: HandlerId, function: F) -> Arc<dyn Handler>
where
    F: Fn(Ctx, I) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, HandlerError>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
{
    typed(id, HandlerKind::Call, move |ctx, input, _io| function(ctx, input))
}

pub(crate) fn blocking<F, I, O>(id: HandlerId, function: F) -> Arc<dyn Handler>
where
    F: Fn(Ctx, I) -> Result<O, HandlerError> + Send + Sync + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
{
    let function = Arc::new(function);
    let run = move |ctx: Ctx, input: Payload, _io: CallIo| -> BoxFuture<'static, _> {
        let function = Arc::clone(&function);
        Box::pin(async move {
            let (mark, want_stack) = (ctx.mark_thread(), ctx.wants_backtrace());
            let job = move || {
                let _counted = mark;
                let input = read(&input)?;
                write(&function(ctx, input)?)
            };
            // A set, because it takes back a job that has not begun when the call is dropped.
            let mut thread = JoinSet::new();
            thread.spawn_blocking(crate::runner::catching(want_stack, job));
            match thread.join_next().await {
                Some(Ok(Ok(result))) => result,
                Some(Ok(Err(panic))) => Err(panic.into_error().into()),
                Some(Err(_)) | None => {
                    Err(HandlerError::message("the runtime stopped before the handler ran"))
                }
            }
        })
    };
    Arc::new(FunctionHandler { id, kind: HandlerKind::Call, blocking: true, run: Box::new(run) })
}

pub(crate) fn stream<F, I, O, R>(id: HandlerId, function: F) -> Arc<dyn Handler>
where
    F: Fn(Ctx, I, Output) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, HandlerError>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
{
    typed(id, HandlerKind::Stream, move |ctx, input, io| function(ctx, input, io.output))
}

pub(crate) fn channel<F, I, O, R>(id: HandlerId, function: F) -> Arc<dyn Handler>
where
    F: Fn(Ctx, I, Input, Output) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, HandlerError>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
{
    typed(id, HandlerKind::Channel, move |ctx, input, io| function(ctx, input, io.input, io.output))
}
