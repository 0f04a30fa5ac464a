//! A handler's way to its host when both are one process: direct calls, with the same bounds as over a channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::host_call::{HostCall, HostReply};
use plugdock_contracts::{BoxFuture, ExecutionEvent, LogLine, Progress};
use plugdock_plugin_runtime::HostBridge;
use plugdock_plugin_runtime::bridge::StreamError;
use tokio::sync::Semaphore;

use crate::execution::{InputPiece, Port};

/// The bridge of one execution.
#[derive(Debug)]
pub(super) struct DirectBridge {
    port: Port,
    /// Bytes of output that may wait for the caller.
    window: Arc<Semaphore>,
    window_size: u32,
    max_piece: usize,
    input_ended: AtomicBool,
    output_ended: AtomicBool,
}

/// What a small piece costs of the window, so that many of them are bounded too: as on a channel.
const MIN_PIECE_COST: usize = 64;

impl DirectBridge {
    pub(super) fn new(port: Port, window_size: u32, max_piece: usize) -> Self {
        Self {
            port,
            window: Arc::new(Semaphore::new(window_size as usize)),
            window_size,
            max_piece,
            input_ended: AtomicBool::new(false),
            output_ended: AtomicBool::new(false),
        }
    }
}

impl HostBridge for DirectBridge {
    fn log(&self, mut line: LogLine) {
        line.message = crate::process::printable(line.message.as_bytes());
        self.port.log(line);
    }

    fn progress(&self, progress: Progress) {
        self.port.progress(progress);
    }

    fn call(&self, call: HostCall, body: Bytes) -> BoxFuture<'static, Result<HostReply, ExecutionError>> {
        Box::pin(Arc::clone(self.port.gate()).call(call, body))
    }

    fn send_output(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StreamError>> {
        Box::pin(async move {
            if piece.len() > self.max_piece {
                return Err(StreamError::PieceTooLarge);
            }
            if self.output_ended.load(Ordering::Acquire) {
                return Err(StreamError::OutputClosed);
            }
            if piece.is_empty() {
                return Ok(());
            }
            // A piece larger than the window takes all of it: it waits until everything before it was taken.
            let cost = piece.len().max(MIN_PIECE_COST);
            let credit = u32::try_from(cost).unwrap_or(u32::MAX).min(self.window_size);
            let taken = Arc::clone(&self.window)
                .acquire_many_owned(credit)
                .await
                .map_err(|_closed| StreamError::OutputClosed)?;
            self.port.data(piece, Box::new(taken));
            Ok(())
        })
    }

    fn end_output(&self) -> BoxFuture<'_, Result<(), StreamError>> {
        if !self.output_ended.swap(true, Ordering::AcqRel) {
            self.port.event(ExecutionEvent::DataEnd);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn next_input(&self) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>> {
        Box::pin(async move {
            if self.input_ended.load(Ordering::Acquire) {
                return Ok(None);
            }
            match self.port.next_input().await {
                Some(InputPiece::Data(piece)) => Ok(Some(piece)),
                Some(InputPiece::End) => {
                    self.input_ended.store(true, Ordering::Release);
                    self.port.close_input().await;
                    Ok(None)
                }
                None => Err(StreamError::InputBroken),
            }
        })
    }

    fn close_input(&self) {
        self.port.end_input();
    }
}
