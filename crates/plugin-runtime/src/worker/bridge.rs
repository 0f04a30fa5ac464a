//! A handler's way to its host over the channel: conversions between the runtime's words and the wire's frames.

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{HostCall, HostReply};
use plugdock_contracts::{BoxFuture, LogLevel, LogLine, Progress};
use plugdock_ipc::frame::{self, LogRecord};
use plugdock_ipc::link::worker::{CallHandle, HostCallError};
use plugdock_ipc::stream::{StreamReceiver, StreamSender};
use tokio::sync::Mutex;

use crate::bridge::{HostBridge, StreamError};

/// The output stream of a call: opened with the first piece.
#[derive(Debug)]
enum OutputState {
    Unopened,
    Open(StreamSender),
    Ended,
}

/// The bridge of one call.
#[derive(Debug)]
pub(super) struct ChannelBridge {
    call: CallHandle,
    output: Mutex<OutputState>,
    input: Mutex<Option<StreamReceiver>>,
}

impl ChannelBridge {
    pub(super) fn new(call: CallHandle, input: Option<StreamReceiver>) -> Self {
        Self { call, output: Mutex::new(OutputState::Unopened), input: Mutex::new(input) }
    }
}

impl HostBridge for ChannelBridge {
    fn log(&self, line: LogLine) {
        let fields = if line.fields.is_empty() {
            String::new()
        } else {
            // Values with text keys: they always have a JSON form.
            serde_json::to_string(&line.fields).unwrap_or_default()
        };
        let level = match line.level {
            LogLevel::Trace => frame::LogLevel::Trace,
            LogLevel::Debug => frame::LogLevel::Debug,
            LogLevel::Info => frame::LogLevel::Info,
            LogLevel::Warn => frame::LogLevel::Warn,
            LogLevel::Error => frame::LogLevel::Error,
        };
        let record = LogRecord { level, message: line.message, fields, ..LogRecord::default() };
        // A record that does not fit is counted by the link.
        let _sent = self.call.log(record);
    }

    fn progress(&self, progress: Progress) {
        let _sent = self.call.progress(frame::Progress { fraction: progress.fraction, note: progress.note });
    }

    fn call(&self, call: HostCall, body: Bytes) -> BoxFuture<'static, Result<HostReply, ExecutionError>> {
        let handle = self.call.clone();
        Box::pin(async move {
            let (service, method, args) = call.into_parts();
            let answer =
                handle.host_call(service, method, args.to_string(), body).await.map_err(unanswered)?;
            let value = serde_json::from_str(&answer.value)
                .map_err(|error| ExecutionError::from_error(ErrorCode::ProtocolViolation, &error))?;
            Ok(HostReply { value, body: answer.payload })
        })
    }

    fn send_output(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StreamError>> {
        Box::pin(async move {
            let mut output = self.output.lock().await;
            if matches!(*output, OutputState::Unopened) {
                *output =
                    OutputState::Open(self.call.open_stream().map_err(|_over| StreamError::OutputClosed)?);
            }
            match &mut *output {
                OutputState::Open(sender) => {
                    sender.send(piece).await.map_err(|_over| StreamError::OutputClosed)
                }
                OutputState::Unopened | OutputState::Ended => Err(StreamError::OutputClosed),
            }
        })
    }

    fn end_output(&self) -> BoxFuture<'_, Result<(), StreamError>> {
        Box::pin(async move {
            let mut output = self.output.lock().await;
            // A stream without a piece is opened too, so that its reader sees an end.
            if matches!(*output, OutputState::Unopened) {
                *output =
                    OutputState::Open(self.call.open_stream().map_err(|_over| StreamError::OutputClosed)?);
            }
            match std::mem::replace(&mut *output, OutputState::Ended) {
                OutputState::Open(sender) => sender.finish().map_err(|_over| StreamError::OutputClosed),
                OutputState::Unopened | OutputState::Ended => Ok(()),
            }
        })
    }

    fn next_input(&self) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>> {
        Box::pin(async move {
            match self.input.lock().await.as_mut() {
                Some(receiver) => receiver.recv().await.map_err(|_broken| StreamError::InputBroken),
                None => Ok(None),
            }
        })
    }

    fn close_input(&self) {
        // Whoever waits for input right now still holds it, and drops it with the call.
        if let Ok(mut input) = self.input.try_lock() {
            *input = None;
        }
    }
}

fn unanswered(error: HostCallError) -> ExecutionError {
    match error {
        HostCallError::Failed(report) => ExecutionError::from(*report),
        other => ExecutionError::from_error(ErrorCode::Aborted, &other),
    }
}
