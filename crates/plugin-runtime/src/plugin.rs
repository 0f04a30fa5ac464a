//! A plugin as its author writes it: an id, a version and handlers. Faults are collected and told when it is built.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use plugdock_contracts::describe::{Example, HandlerDescription, PluginDescription};
use plugdock_contracts::error::Step;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::{BoxFuture, ExecutionError, HandlerId, PluginId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::ctx::Ctx;
use crate::handler::{self, Handler, HandlerError};
use crate::runner::CatchPanic;
use crate::stream::{Input, Output};

type Warmup = dyn Fn() -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync;
type Health = dyn Fn() -> BoxFuture<'static, HealthReport> + Send + Sync;

/// What is wrong with a plugin's definition, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFaults(Vec<String>);

impl PluginFaults {
    pub(crate) fn of(faults: Vec<String>) -> Self {
        Self(faults)
    }

    /// The faults.
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for PluginFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin's definition is faulty: {}", self.0.join("; "))
    }
}

impl std::error::Error for PluginFaults {}

/// A plugin under construction.
///
/// Methods such as [`Plugin::doc`] speak of the handler that was added last.
pub struct Plugin {
    id: String,
    version: String,
    about: String,
    handlers: Vec<(HandlerDescription, Arc<dyn Handler>)>,
    warmup: Option<Box<Warmup>>,
    health: Option<Box<Health>>,
    faults: Vec<String>,
}

impl Plugin {
    /// A plugin with an id (`scope/name`) and a version (`1.2.3`).
    pub fn new(id: &str, version: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
            about: String::new(),
            handlers: Vec::new(),
            warmup: None,
            health: None,
            faults: Vec::new(),
        }
    }

    /// What the plugin is for, in a sentence.
    #[must_use]
    pub fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    fn add(mut self, name: &str, make: impl FnOnce(HandlerId) -> Arc<dyn Handler>) -> Self {
        match HandlerId::new(name) {
            Ok(id) => {
                let handler = make(id);
                self.handlers.push((handler.describe(), handler));
            }
            Err(error) => self.faults.push(error.to_string()),
        }
        self
    }

    /// Adds an async function.
    #[must_use]
    pub fn handler<F, I, O, R>(self, name: &str, function: F) -> Self
    where
        F: Fn(Ctx, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, HandlerError>> + Send + 'static,
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
    {
        self.add(name, |id| handler::call(id, function))
    }

    /// Adds a function that blocks its thread: it runs on a thread of its own.
    #[must_use]
    pub fn blocking<F, I, O>(self, name: &str, function: F) -> Self
    where
        F: Fn(Ctx, I) -> Result<O, HandlerError> + Send + Sync + 'static,
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
    {
        self.add(name, |id| handler::blocking(id, function))
    }

    /// Adds an async function that sends a stream beside its result.
    #[must_use]
    pub fn stream<F, I, O, R>(self, name: &str, function: F) -> Self
    where
        F: Fn(Ctx, I, Output) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, HandlerError>> + Send + 'static,
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
    {
        self.add(name, |id| handler::stream(id, function))
    }

    /// Adds an async function that takes a stream and sends one.
    #[must_use]
    pub fn channel<F, I, O, R>(self, name: &str, function: F) -> Self
    where
        F: Fn(Ctx, I, Input, Output) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, HandlerError>> + Send + 'static,
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
    {
        self.add(name, |id| handler::channel(id, function))
    }

    /// Adds a handler that is more than a function.
    #[must_use]
    pub fn custom(mut self, handler: Arc<dyn Handler>) -> Self {
        self.handlers.push((handler.describe(), handler));
        self
    }

    fn last(mut self, what: &str, change: impl FnOnce(&mut HandlerDescription)) -> Self {
        match self.handlers.last_mut() {
            Some((description, _)) => change(description),
            None => self
                .faults
                .push(format!("`{what}` comes after the handler it speaks of, and there is none yet")),
        }
        self
    }

    /// What the last handler does, for people.
    #[must_use]
    pub fn doc(self, doc: &str) -> Self {
        self.last("doc", |handler| doc.clone_into(&mut handler.doc))
    }

    /// An input of the last handler that works.
    #[must_use]
    pub fn example(self, title: &str, input: serde_json::Value) -> Self {
        self.last("example", |handler| handler.examples.push(Example::new(title, input)))
    }

    /// One worker may run several calls of the last handler at a time, each with its own context, streams and
    /// cancellation. What the plugin keeps beside them must bear that.
    #[must_use]
    pub fn concurrent(self) -> Self {
        self.last("concurrent", |handler| handler.concurrent = true)
    }

    /// Running the last handler twice does no more than running it once, so that a host may try a call again that had
    /// begun when its worker died.
    #[must_use]
    pub fn idempotent(self) -> Self {
        self.last("idempotent", |handler| handler.idempotent = true)
    }

    /// The JSON Schema of the last handler's input and output, taken from their types.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema<I: schemars::JsonSchema, O: schemars::JsonSchema>(self) -> Self {
        self.last("schema", |handler| {
            handler.input_schema = schemars::schema_for!(I).to_value();
            handler.output_schema = schemars::schema_for!(O).to_value();
        })
    }

    /// Runs once in each worker before its first call.
    #[must_use]
    pub fn warmup<F, R>(mut self, function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.warmup = Some(Box::new(move || Box::pin(function())));
        self
    }

    /// The plugin's own health check.
    #[must_use]
    pub fn health<F, R>(mut self, function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = HealthReport> + Send + 'static,
    {
        self.health = Some(Box::new(move || Box::pin(function())));
        self
    }

    /// Checks the definition.
    ///
    /// # Errors
    /// [`PluginFaults`] lists everything that is wrong.
    pub fn build(self) -> Result<BuiltPlugin, PluginFaults> {
        let mut faults = self.faults;
        let id = PluginId::new(&self.id).map_err(|error| faults.push(error.to_string()));
        let version = semver_of(&self.version).map_err(|error| faults.push(error));
        let mut handlers = BTreeMap::new();
        let mut descriptions = Vec::new();
        for (description, handler) in self.handlers {
            if handlers.insert(description.id.clone(), handler).is_some() {
                faults.push(format!("two handlers are called `{}`", description.id));
            }
            descriptions.push(description);
        }
        let (Ok(id), Ok(version), []) = (id, version, &*faults) else {
            return Err(PluginFaults(faults));
        };
        let mut description = PluginDescription::new(id, version);
        description.about = self.about;
        description.handlers = descriptions;
        description.runtime = format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Ok(BuiltPlugin {
            description,
            handlers,
            warmup: self.warmup,
            warm: OnceCell::new(),
            health: self.health,
        })
    }

    /// The whole `main` of a plugin's program: serves a host that started it; run by hand it says what it is.
    ///
    /// It returns when the host says goodbye or is gone.
    pub fn serve(self) -> ExitCode {
        crate::worker::main(self)
    }
}

fn semver_of(text: &str) -> Result<semver::Version, String> {
    semver::Version::parse(text).map_err(|error| format!("`{text}` is no version such as 1.2.3: {error}"))
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.id)
            .field("handlers", &self.handlers.len())
            .finish_non_exhaustive()
    }
}

/// A plugin whose definition is sound.
pub struct BuiltPlugin {
    description: PluginDescription,
    handlers: BTreeMap<HandlerId, Arc<dyn Handler>>,
    warmup: Option<Box<Warmup>>,
    warm: OnceCell<Result<(), ExecutionError>>,
    health: Option<Box<Health>>,
}

impl BuiltPlugin {
    /// What it says of itself.
    pub fn description(&self) -> &PluginDescription {
        &self.description
    }

    /// The handler of that name.
    pub fn handler(&self, id: &HandlerId) -> Option<&Arc<dyn Handler>> {
        self.handlers.get(id)
    }

    /// Whether the handler of that name takes a thread for as long as it runs.
    pub fn is_blocking(&self, id: &HandlerId) -> bool {
        self.handler(id).is_some_and(|handler| handler.is_blocking())
    }

    /// Runs, once in this process, what the plugin wants to have run before its first call. Later calls get the same answer.
    ///
    /// # Errors
    /// What the plugin's function answers, with the step `warmup`; a panic of it is one.
    pub async fn warm_up(&self) -> Result<(), ExecutionError> {
        let Some(warmup) = &self.warmup else { return Ok(()) };
        let run = || async {
            match CatchPanic::new(async move { warmup().await }).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.into_execution_error().with_step(Step::Warmup)),
                Err(panic) => Err(panic.into_error().with_step(Step::Warmup)),
            }
        };
        self.warm.get_or_init(run).await.clone()
    }

    /// Asks the plugin how it is; a plugin without a check is healthy as long as it answers.
    pub async fn check_health(&self) -> HealthReport {
        match &self.health {
            Some(health) => health().await,
            None => HealthReport::of(Vec::new()),
        }
    }
}

impl fmt::Debug for BuiltPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltPlugin").field("description", &self.description).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo(_ctx: Ctx, input: serde_json::Value) -> Result<serde_json::Value, HandlerError> {
        Ok(input)
    }

    #[test]
    fn every_fault_of_a_definition_is_told() {
        let plugin = Plugin::new("nope", "1")
            .doc("too early")
            .handler("a", echo)
            .handler("a", echo)
            .handler("b c", echo);
        let faults = plugin.build().unwrap_err();
        let text = faults.to_string();
        for part in
            ["plugin id", "no version", "`doc` comes after", "two handlers are called `a`", "handler id"]
        {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }

    #[test]
    fn the_description_keeps_the_order_of_handlers() {
        let plugin = Plugin::new("acme/x", "1.0.0")
            .handler("z", echo)
            .doc("Last letter.")
            .handler("a", echo)
            .idempotent();
        let built = plugin.build().unwrap();
        let names: Vec<_> = built.description().handlers.iter().map(|handler| handler.id.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(built.description().handler("z").unwrap().doc, "Last letter.");
        assert!(built.description().handler("a").unwrap().idempotent);
    }
}
