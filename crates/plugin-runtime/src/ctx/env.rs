//! Variables of the host's environment, as the handler reads them. Each call is checked by the host against the grants.
//! The process's own environment is another one: it holds what the host put there when it was started.

use bytes::Bytes;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::host_call::{EnvCall, HostCall};

use super::Ctx;
use super::service::unexpected;

/// The host's environment.
#[derive(Debug, Clone)]
pub struct Env {
    ctx: Ctx,
}

impl Env {
    pub(super) fn new(ctx: Ctx) -> Self {
        Self { ctx }
    }

    /// Reads a variable as the host has it now; `None` if it is not set.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `env.read`, and `VALIDATION_ERROR` for a value that is no text.
    pub async fn get(&self, name: &str) -> Result<Option<String>, ExecutionError> {
        let call = EnvCall::Get { name: name.to_owned() };
        let reply = self.ctx.host(HostCall::Env(call), Bytes::new()).await?;
        serde_json::from_value(reply.value).map_err(|_other_shape| unexpected("env.get"))
    }
}
