//! Statistics of executions, whatever runs them: counts and distributions, all together and by plugin.
//! What is alive at the moment, and what workers did for no execution, it does not know.

mod code_counts;
mod measure;
mod plugin_counts;
mod tally;

pub(crate) use measure::Measure;
pub(crate) use plugin_counts::{MAX_PLUGINS, OTHER_PLUGINS};
pub(crate) use tally::Recorder;
