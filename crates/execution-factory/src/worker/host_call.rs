//! A worker's call to its host: read, put to the gate, answered. It ends with the call it belongs to.

use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{HostCall, HostReply};
use plugdock_ipc::frame::ErrorReport;
use plugdock_ipc::link::host::{CallControl, HostRequest};

use crate::governance::Gate;

/// Answers one host call.
pub(crate) async fn answer(gate: Arc<Gate>, control: CallControl, request: HostRequest) {
    let id = request.id;
    let (outcome, body) = match ask(gate, request).await {
        // A value is plain JSON.
        Ok(reply) => (Ok(reply.value.to_string()), reply.body),
        Err(error) => (Err(ErrorReport::from(error)), Bytes::new()),
    };
    if let Err(refused) = control.reply(id, outcome, body) {
        // An answer that does not fit is answered by that; if the call is over, nobody waits.
        let error = ExecutionError::new(
            ErrorCode::PayloadTooLarge,
            format!("the host's answer cannot be sent: {refused}"),
        );
        let _call_over = control.reply(id, Err(error.into()), Bytes::new());
    }
}

async fn ask(gate: Arc<Gate>, request: HostRequest) -> Result<HostReply, ExecutionError> {
    let invalid =
        |error: &dyn std::error::Error| ExecutionError::from_error(ErrorCode::ValidationError, error);
    let args = match &*request.args {
        "" => serde_json::Value::Null,
        text => serde_json::from_str(text).map_err(|error| invalid(&error))?,
    };
    let call =
        HostCall::from_parts(&request.service, &request.method, args).map_err(|error| invalid(&error))?;
    gate.call(call, request.payload).await
}
