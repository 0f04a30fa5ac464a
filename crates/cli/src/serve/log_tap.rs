//! Takes the log lines of one execution into the server's log, with what they belong to.

use plugdock_contracts::{ExecutionEvent, ExecutionId, ExecutionRequest, HandlerId, PluginId, WorkerId};

use super::ring::Ring;
use crate::protocol::Recorded;

/// One execution, as its log lines name it.
#[derive(Debug)]
pub(super) struct LogTap {
    plugin: PluginId,
    handler: HandlerId,
    execution: ExecutionId,
    worker: Option<WorkerId>,
}

impl LogTap {
    pub(super) fn new(request: &ExecutionRequest) -> Self {
        Self {
            plugin: request.descriptor.plugin.clone(),
            handler: request.descriptor.handler.clone(),
            execution: request.execution_id.clone(),
            worker: None,
        }
    }

    /// Looks at an event, and records it if it is a log line.
    pub(super) fn see(&mut self, event: &ExecutionEvent, ring: &Ring) {
        match event {
            ExecutionEvent::Started { worker } => self.worker.clone_from(worker),
            ExecutionEvent::Log(line) => ring.push(Recorded::Execution {
                plugin: self.plugin.clone(),
                handler: self.handler.clone(),
                execution: self.execution.clone(),
                worker: self.worker.clone(),
                line: line.clone(),
            }),
            _ => {}
        }
    }
}
