//! What a caller asks for: one execution, as serialisable data without functions.
//! Everything that can be checked without a machine is checked by [`ExecutionRequest::validate`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ExecutionError};
use crate::host_context::HostContext;
use crate::id::{ExecutionId, HandlerId, IdError, PluginId, RequestId, TenantId};
use crate::limits::Limits;
use crate::payload::{Payload, PayloadError};
use crate::permission::Permissions;
use crate::span;
use crate::timeouts::Timeouts;
use crate::trace::TraceContext;
use crate::workspace::WorkspaceSpec;

/// Nested invocations deeper than this are refused: a chain this long is a loop that the cycle check could not see.
pub const MAX_INVOKE_DEPTH: usize = 16;

/// Which handler runs, for whom, and with which grants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Descriptor {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version, when the caller demands one exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_version: Option<semver::Version>,
    /// The handler.
    pub handler: HandlerId,
    /// Where the request came from.
    #[serde(default)]
    pub host: HostContext,
    /// The grants of this execution. `None` means those of the manifest; a set given here is intersected with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// The host's request, for correlation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// On whose behalf it runs. `None` is a tenant of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Position in a distributed trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// Configuration of the plugin, over the manifest's defaults.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub config: serde_json::Value,
}

/// Who is served first when executions wait. Within one priority the order is fair between plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Priority {
    /// Nobody waits for it.
    Low,
    /// The rule.
    #[default]
    Normal,
    /// A person waits for it.
    High,
}

/// Where an execution should run, for hosts that route. The local backends accept none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Target {
    /// A named environment.
    pub environment: Option<String>,
    /// A named host.
    pub host: Option<String>,
}

/// What to do with the files a handler leaves as artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ArtifactsSpec {
    /// Copy them here, below a directory that exists or can be made. `None` lists them and drops them with the workspace.
    pub outdir: Option<PathBuf>,
}

/// What to record or to wait for, beside the result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DebugOptions {
    /// Send backtraces of panics to the caller.
    pub backtrace: bool,
}

/// One attempt to run a handler on an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExecutionRequest {
    /// The attempt's id. Two live executions of a backend never share one.
    pub execution_id: ExecutionId,
    /// Which handler, for whom, with which grants.
    pub descriptor: Descriptor,
    /// The directory that holds the plugin's manifest. `None` for a plugin that the backend knows by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_root: Option<PathBuf>,
    /// The input.
    #[serde(default)]
    pub input: Payload,
    /// The directory it may write to.
    #[serde(default)]
    pub workspace: WorkspaceSpec,
    /// What becomes of its artifacts.
    #[serde(default)]
    pub artifacts: ArtifactsSpec,
    /// What its worker may use, under the manifest's and the host's limits.
    #[serde(default)]
    pub limits: Limits,
    /// How long each step may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Who is served first.
    #[serde(default)]
    pub priority: Priority,
    /// Where it should run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What to record beside the result.
    #[serde(default)]
    pub debug: DebugOptions,
    /// The handlers that led here by nested invocation, outermost first, as `plugin#handler`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invoked_by: Vec<String>,
}

impl ExecutionRequest {
    /// A request with a fresh id, no input and the host's defaults.
    ///
    /// # Errors
    /// [`IdError`] when the plugin or the handler is no valid id.
    pub fn new(plugin: &str, handler: &str) -> Result<Self, IdError> {
        Ok(Self::for_handler(PluginId::new(plugin)?, HandlerId::new(handler)?))
    }

    /// The same from ids that are valid already.
    pub fn for_handler(plugin: PluginId, handler: HandlerId) -> Self {
        Self {
            execution_id: ExecutionId::generate(),
            descriptor: Descriptor {
                plugin,
                plugin_version: None,
                handler,
                host: HostContext::default(),
                permissions: None,
                request_id: None,
                tenant: None,
                trace: None,
                config: serde_json::Value::Null,
            },
            plugin_root: None,
            input: Payload::null(),
            workspace: WorkspaceSpec::default(),
            artifacts: ArtifactsSpec::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            priority: Priority::default(),
            target: None,
            debug: DebugOptions::default(),
            invoked_by: Vec::new(),
        }
    }

    /// Sets the input from a value.
    ///
    /// # Errors
    /// [`PayloadError`] when the value has no JSON form.
    pub fn with_input<T: Serialize + ?Sized>(mut self, input: &T) -> Result<Self, PayloadError> {
        self.input = Payload::json(input)?;
        Ok(self)
    }

    /// Sets the input.
    #[must_use]
    pub fn with_payload(mut self, input: Payload) -> Self {
        self.input = input;
        self
    }

    /// Bounds the handler's run time.
    #[must_use]
    pub fn with_call_timeout(mut self, call: std::time::Duration) -> Self {
        self.timeouts.call = Some(call);
        self
    }

    /// The handler as `plugin#handler`: how an invocation chain names it.
    pub fn handler_ref(&self) -> String {
        format!("{}#{}", self.descriptor.plugin, self.descriptor.handler)
    }

    /// Checks everything that can be checked without a machine, and lists every fault.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with one line per fault in its chain; `RESOURCE_EXHAUSTED` and `VALIDATION_ERROR` for a chain
    /// of invocations that is too deep or closes a cycle.
    pub fn validate(&self) -> Result<(), ExecutionError> {
        let mut faults: Vec<String> =
            self.limits.zeros().iter().map(|name| format!("limits.{name} is zero")).collect();
        let spans = [
            ("call", self.timeouts.call),
            ("acquire", self.timeouts.acquire),
            ("grace", self.timeouts.grace),
            ("slow_after", self.timeouts.slow_after),
        ];
        faults.extend(spans.iter().filter_map(|(name, span)| match span {
            Some(span) if span.is_zero() && *name == "call" => Some("timeouts.call is zero".to_owned()),
            Some(span) if *span > span::MAX_SPAN => Some(format!("timeouts.{name} is longer than a century")),
            _ => None,
        }));
        if self.plugin_root.as_ref().is_some_and(|root| !root.is_absolute()) {
            faults.push("plugin_root is not absolute".to_owned());
        }
        faults.extend(self.workspace.faults());
        if let Some(first) = faults.first() {
            let message = if faults.len() == 1 {
                first.clone()
            } else {
                format!("{first} (and {} more)", faults.len() - 1)
            };
            return Err(ExecutionError::new(ErrorCode::ValidationError, message).with_chain(faults));
        }
        self.validate_chain()
    }

    fn validate_chain(&self) -> Result<(), ExecutionError> {
        let own = self.handler_ref();
        let path = || self.invoked_by.iter().chain([&own]).cloned().collect::<Vec<_>>().join(" -> ");
        if self.invoked_by.contains(&own) {
            return Err(ExecutionError::new(
                ErrorCode::ValidationError,
                format!("invocation closes a cycle: {}", path()),
            )
            .with_fault(crate::Fault::Plugin)
            .with_help("a handler may not invoke itself, neither directly nor through others"));
        }
        if self.invoked_by.len() >= MAX_INVOKE_DEPTH {
            let message = format!("invocations nest deeper than {MAX_INVOKE_DEPTH}: {}", path());
            return Err(ExecutionError::new(ErrorCode::ResourceExhausted, message)
                .with_retryable(false)
                .with_resource(crate::error::Resource::InvokeDepth));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn request() -> ExecutionRequest {
        ExecutionRequest::new("acme/count", "count").unwrap()
    }

    #[test]
    fn a_request_survives_a_document() {
        let mut sent = request().with_input(&[1, 2]).unwrap().with_call_timeout(Duration::from_secs(2));
        sent.descriptor.trace = Some(TraceContext::root());
        let document = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<ExecutionRequest>(&document).unwrap(), sent);
    }

    #[test]
    fn every_fault_is_listed() {
        let mut bad = request().with_call_timeout(Duration::ZERO);
        bad.limits.memory = Some(crate::ByteSize::default());
        bad.plugin_root = Some("relative".into());
        let error = bad.validate().unwrap_err();
        assert_eq!(error.code(), &ErrorCode::ValidationError);
        assert_eq!(
            error.chain(),
            ["limits.memory is zero", "timeouts.call is zero", "plugin_root is not absolute"]
        );
    }

    #[test]
    fn a_cycle_of_invocations_is_refused_and_shown() {
        let mut nested = request();
        nested.invoked_by = vec!["acme/count#count".into(), "acme/other#x".into()];
        let error = nested.validate().unwrap_err();
        assert!(error.message().ends_with("acme/count#count -> acme/other#x -> acme/count#count"), "{error}");
    }

    #[test]
    fn invocations_have_a_bounded_depth() {
        let mut nested = request();
        nested.invoked_by = (0..MAX_INVOKE_DEPTH).map(|n| format!("acme/p{n}#h")).collect();
        assert_eq!(nested.validate().unwrap_err().code(), &ErrorCode::ResourceExhausted);
        nested.invoked_by.pop();
        assert!(nested.validate().is_ok());
    }
}
