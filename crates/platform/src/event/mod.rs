//! Topics within the host's process.
//! Nothing here reaches another process or outlives this one.

mod event_config;
mod mailbox;
mod topic_events;

pub use event_config::EventConfig;
pub use topic_events::TopicEvents;
