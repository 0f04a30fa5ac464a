//! Sets up the host's own log: a `tracing` subscriber as the configuration says it.
//! It never replaces a subscriber that is there already, and never panics about one.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogConfig, LogFormat};

/// Takes one finished line (or several) of the log.
pub type LogSink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// What became of the set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Installed {
    /// The subscriber is in place.
    Ours,
    /// The configuration asks for none.
    NotWanted,
}

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TracingError {
    /// The host set a subscriber before. It stays.
    #[error("a tracing subscriber is set already, and stays")]
    AlreadySet,
    /// The filter is not acceptable. A checked configuration has none such.
    #[error("failed to read the log filter `{filter}`")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Installs a subscriber for the whole process that writes to standard error.
///
/// # Errors
/// [`TracingError::AlreadySet`] when there is one; it stays in place.
pub fn install(config: &LogConfig) -> Result<Installed, TracingError> {
    install_to(config, Arc::new(to_stderr))
}

/// The same with another place to write to. Text has no colours then.
///
/// # Errors
/// As [`install`].
pub fn install_to(config: &LogConfig, sink: LogSink) -> Result<Installed, TracingError> {
    let filter = filter(config)?;
    let base =
        tracing_subscriber::fmt().with_writer(SinkWriter(sink)).with_env_filter(filter).with_ansi(false);
    let set = match config.format {
        LogFormat::None => return Ok(Installed::NotWanted),
        LogFormat::Text => base.try_init(),
        LogFormat::Json => base.json().try_init(),
    };
    // The only way to fail is that there is one; the error's own text says the same.
    set.map(|()| Installed::Ours).map_err(|_already_set| TracingError::AlreadySet)
}

fn filter(config: &LogConfig) -> Result<EnvFilter, TracingError> {
    let filter = std::iter::once(&config.level)
        .chain(&config.filter)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",");
    EnvFilter::builder().parse(&filter).map_err(|source| TracingError::Filter { filter, source })
}

fn to_stderr(line: &[u8]) {
    // Whoever closed standard error does not want the log; there is nobody to tell.
    drop(io::stderr().lock().write_all(line));
}

/// Hands each event to the sink in one piece, so that lines of several threads never mix.
#[derive(Clone)]
struct SinkWriter(LogSink);

struct Line {
    sink: LogSink,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for SinkWriter {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { sink: Arc::clone(&self.0), bytes: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            (self.sink)(&self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn config(format: LogFormat) -> LogConfig {
        let config = crate::config::RuntimeConfig::builder()
            .base("/")
            .set("platform.data_dir", "/data")
            .set("log.filter", "other=error")
            .build()
            .unwrap();
        LogConfig { format, ..config.log().clone() }
    }

    // One test: the subscriber is the process's.
    #[test]
    fn a_second_subscriber_is_refused_and_the_first_stays() {
        assert_eq!(install(&config(LogFormat::None)).unwrap(), Installed::NotWanted);
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let sink = Arc::clone(&lines);
        let sink: LogSink =
            Arc::new(move |line| sink.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap()));
        assert_eq!(install_to(&config(LogFormat::Json), sink).unwrap(), Installed::Ours);
        assert!(matches!(install(&config(LogFormat::Text)), Err(TracingError::AlreadySet)));
        tracing::warn!(answer = 42, "shown");
        tracing::info!("below the level");
        tracing::warn!(target: "other", "filtered");
        let lines = lines.lock().unwrap();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((event["fields"]["answer"].clone(), event["level"].clone()), (42.into(), "WARN".into()));
    }
}
