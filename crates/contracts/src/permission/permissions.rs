//! The compiled set of permissions, and the questions it answers.
//! It holds no state and counts nothing: quotas are carried, the stores enforce them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::excerpt;
use super::key_pattern::{key_fault, path_fault};
use super::layer::Layer;
use super::path::always_denied;
use super::{
    Decision, Denial, Grant, KeyPattern, NormalPath, PathPattern, PermissionErrors, PermissionKind,
    RequestUrl, ServiceName, StateQuota, TopicPattern,
};
use super::{env_pattern, plugin_pattern, program_pattern, service_pattern, topic_pattern};

/// What a plugin may reach. Everything is denied that no grant allows.
///
/// A set is one list of grants, any of which suffices, or (after [`Permissions::intersect`]) several lists, each of which must
/// allow. It serialises as those lists and is compiled anew on the other side, which refuses a list it does not understand.
/// Cloning is cheap.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Lists", into = "Lists")]
pub struct Permissions {
    /// Every layer must allow, and no layers allow nothing. None of them is without grants.
    layers: Vec<Arc<Layer>>,
    state_quota: StateQuota,
}

/// [`Permissions`] as data.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    all_of: Vec<Vec<Grant>>,
    #[serde(default)]
    state_quota: StateQuota,
}

impl Permissions {
    /// Allows nothing.
    pub fn deny_all() -> Self {
        Self::default()
    }

    /// Compiles a list of grants. Several grants of one kind add up.
    ///
    /// # Errors
    /// [`PermissionErrors`] with every fault of every grant, not only the first.
    pub fn from_grants(grants: impl IntoIterator<Item = Grant>) -> Result<Self, PermissionErrors> {
        let layer = Layer::compile(grants.into_iter().collect())?;
        let layers = if layer.grants.is_empty() { Vec::new() } else { vec![Arc::new(layer)] };
        Ok(Self { layers, state_quota: StateQuota::default() })
    }

    /// The same permissions with this limit on state.
    #[must_use]
    pub fn with_state_quota(mut self, quota: StateQuota) -> Self {
        self.state_quota = quota;
        self
    }

    /// How much state may be kept.
    pub fn state_quota(&self) -> StateQuota {
        self.state_quota
    }

    /// Allows what both allow and nothing else; of quotas, the tighter. For a call on behalf of another plugin.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let state_quota = self.state_quota.tighter(other.state_quota);
        if self.is_empty() || other.is_empty() {
            return Self { layers: Vec::new(), state_quota };
        }
        let mut layers = self.layers.clone();
        for layer in &other.layers {
            // The same list twice allows what it allows once; without this a long chain of calls would grow without need.
            if !layers.iter().any(|known| known.grants == layer.grants) {
                layers.push(Arc::clone(layer));
            }
        }
        Self { layers, state_quota }
    }

    /// The grants. Of an intersection, those of the first list: what they do not name is never allowed, but what they name may
    /// be denied by another of [`Permissions::all_of`].
    pub fn grants(&self) -> &[Grant] {
        self.layers.first().map_or(&[], |layer| &layer.grants)
    }

    /// Every list of grants, each of which must allow. There is none if nothing is allowed.
    pub fn all_of(&self) -> impl ExactSizeIterator<Item = &[Grant]> {
        self.layers.iter().map(|layer| layer.grants.as_slice())
    }

    /// Whether nothing was granted, so that every question is denied.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether a file may be read or a directory listed.
    pub fn fs_read(&self, path: &NormalPath) -> Decision {
        self.fs(PermissionKind::FsRead, path, |layer| &layer.fs_read)
    }

    /// Whether a file or directory may be made, changed or removed. A root itself (an empty [`NormalPath::below`]) may be covered;
    /// that it is not removed or renamed is the caller's to hold.
    pub fn fs_write(&self, path: &NormalPath) -> Decision {
        self.fs(PermissionKind::FsWrite, path, |layer| &layer.fs_write)
    }

    fn fs(&self, kind: PermissionKind, path: &NormalPath, select: fn(&Layer) -> &[PathPattern]) -> Decision {
        let question = Question { kind, subject: path.to_string(), fault: always_denied(path) };
        self.decide(question, select, |pattern| pattern.matches(path), || PathPattern::text_for(path))
    }

    /// Whether a request may be made. Ask again for every redirect, and check the address that the host resolves to.
    pub fn net_http(&self, url: &RequestUrl) -> Decision {
        // Without the query, which may hold a secret.
        let subject = format!("{}{}", url.origin(), url.path());
        let question = Question { kind: PermissionKind::NetHttp, subject, fault: None };
        self.decide(question, |layer| &layer.net_http, |pattern| pattern.matches(url), || url.origin())
    }

    /// Whether a variable of the environment may be read.
    pub fn env_read(&self, name: &str) -> Decision {
        let fault =
            (!env_pattern::is_env_name(name)).then_some("a text that is no name of a variable is never read");
        let question = Question::new(PermissionKind::EnvRead, name, fault);
        self.decide(question, |layer| &layer.env_read, |pattern| pattern.matches(name), || name.to_owned())
    }

    /// Whether a program may be run: a bare name, or an absolute path in normal form.
    pub fn shell_exec(&self, program: &str) -> Decision {
        let fault = "a program that is neither a bare name nor an absolute path in normal form is never run";
        let fault = (!program_pattern::is_program(program)).then_some(fault);
        let question = Question::new(PermissionKind::ShellExec, program, fault);
        self.decide(
            question,
            |layer| &layer.shell_exec,
            |pattern| pattern.matches(program),
            || program.to_owned(),
        )
    }

    /// Whether a handler of another plugin may be called.
    pub fn invoke(&self, plugin: &str, handler: &str) -> Decision {
        let fault = (!plugin_pattern::is_callee(plugin, handler))
            .then_some("a text that is no plugin's handler is never called");
        let callee = format!("{plugin}#{handler}");
        let question = Question::new(PermissionKind::Invoke, &callee, fault);
        self.decide(
            question,
            |layer| &layer.invoke,
            |pattern| pattern.matches(plugin, handler),
            || callee.clone(),
        )
    }

    /// Whether a key of the cache may be used.
    pub fn cache(&self, key: &str) -> Decision {
        self.key(PermissionKind::Cache, key, |layer| &layer.cache)
    }

    /// Whether a key of the state may be used.
    pub fn state(&self, key: &str) -> Decision {
        self.key(PermissionKind::State, key, |layer| &layer.state)
    }

    fn key(&self, kind: PermissionKind, key: &str, select: fn(&Layer) -> &[KeyPattern]) -> Decision {
        let question = Question::new(kind, key, key_fault(key));
        let missing = || KeyPattern::namespace_of(key, &[':', '/']);
        self.decide(question, select, |pattern| pattern.matches(key), missing)
    }

    /// Whether a path of the storage may be used.
    pub fn storage(&self, path: &str) -> Decision {
        let question = Question::new(PermissionKind::Storage, path, path_fault(path));
        let missing = || KeyPattern::namespace_of(path, &['/']);
        self.decide(question, |layer| &layer.storage, |pattern| pattern.matches_path(path), missing)
    }

    /// Whether an event may be published to a concrete topic.
    pub fn publish(&self, topic: &str) -> Decision {
        let fault =
            (!topic_pattern::is_topic(topic)).then_some("events are published to one concrete topic only");
        let question = Question::new(PermissionKind::EventsPublish, topic, fault);
        self.decide(question, |layer| &layer.publish, |pattern| pattern.matches(topic), || topic.to_owned())
    }

    /// Whether a topic or topic pattern may be subscribed to: one granted pattern must cover all of it.
    pub fn subscribe(&self, topics: &str) -> Decision {
        let wanted = topics.parse::<TopicPattern>();
        let fault = wanted.is_err().then_some("a text that is no topic pattern is never subscribed to");
        let question = Question::new(PermissionKind::EventsSubscribe, topics, fault);
        let covered = |pattern: &TopicPattern| wanted.as_ref().is_ok_and(|wanted| pattern.covers(wanted));
        self.decide(question, |layer| &layer.subscribe, covered, || topics.to_owned())
    }

    /// Whether a method of a further service may be called.
    pub fn service(&self, name: &ServiceName, method: &str) -> Decision {
        let fault = (!service_pattern::is_method(method))
            .then_some("a text that is no name of a method is never called");
        let question = Question::new(PermissionKind::Service(name.clone()), method, fault);
        self.decide(
            question,
            |layer| layer.service(name),
            |pattern| pattern.matches(method),
            || method.to_owned(),
        )
    }

    /// Every layer must have a pattern that allows; a fixed rule wins over all of them.
    fn decide<'a, P: fmt::Display + 'a>(
        &'a self,
        question: Question,
        select: impl Fn(&'a Layer) -> &'a [P],
        allows: impl Fn(&P) -> bool,
        missing: impl FnOnce() -> String,
    ) -> Decision {
        if question.fault.is_some() {
            return Decision::Denied(question.denial(None));
        }
        let rules: Option<Vec<&P>> =
            self.layers.iter().map(|layer| select(layer).iter().find(|pattern| allows(pattern))).collect();
        match rules.as_deref() {
            Some([rule, ..]) => Decision::Allowed { rule: rule.to_string() },
            Some([]) | None => Decision::Denied(question.denial(Some(missing()))),
        }
    }
}

/// What is asked, and the fixed rule that refuses it if one does.
struct Question {
    kind: PermissionKind,
    subject: String,
    fault: Option<String>,
}

impl Question {
    fn new(kind: PermissionKind, subject: &str, fault: Option<&str>) -> Self {
        Self { kind, subject: subject.to_owned(), fault: fault.map(str::to_owned) }
    }

    fn denial(self, missing_scope: Option<String>) -> Denial {
        Denial { kind: self.kind, subject: excerpt(&self.subject), rule: self.fault, missing_scope }
    }
}

impl From<Permissions> for Lists {
    fn from(permissions: Permissions) -> Self {
        let all_of = permissions.all_of().map(<[Grant]>::to_vec).collect();
        Self { all_of, state_quota: permissions.state_quota }
    }
}

impl TryFrom<Lists> for Permissions {
    type Error = PermissionErrors;

    fn try_from(lists: Lists) -> Result<Self, Self::Error> {
        let layers: Vec<Layer> = lists.all_of.into_iter().map(Layer::compile).collect::<Result<_, _>>()?;
        // A list without grants allows nothing, and then neither does the whole.
        let empty = layers.iter().any(|layer| layer.grants.is_empty());
        let layers = if empty { Vec::new() } else { layers.into_iter().map(Arc::new).collect() };
        Ok(Self { layers, state_quota: lists.state_quota })
    }
}

/// Equal grants in equal order, not equal answers.
impl PartialEq for Permissions {
    fn eq(&self, other: &Self) -> bool {
        self.state_quota == other.state_quota && self.all_of().eq(other.all_of())
    }
}

impl Eq for Permissions {}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists: Vec<&[Grant]> = self.all_of().collect();
        write!(f, "Permissions {{ all_of: {lists:?}, state_quota: {:?} }}", self.state_quota)
    }
}
