//! What a server answers, as lines: any number of events, then one end.

use plugdock_contracts::ExecutionError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One line of an answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Something happened; more comes.
    Event(Box<RawValue>),
    /// The end, as asked.
    Done(Box<RawValue>),
    /// The end: it could not be done.
    Error(ExecutionError),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outgoing<'a, T> {
    Event(&'a T),
    Done(&'a T),
    Error(&'a T),
}

#[derive(Deserialize)]
struct Incoming {
    event: Option<Box<RawValue>>,
    done: Option<Box<RawValue>>,
    error: Option<ExecutionError>,
}

impl Reply {
    /// Reads a line; the reason when it is none.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let incoming: Incoming = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        match incoming {
            Incoming { event: Some(event), done: None, error: None } => Ok(Self::Event(event)),
            Incoming { event: None, done: Some(done), error: None } => Ok(Self::Done(done)),
            Incoming { event: None, done: None, error: Some(error) } => Ok(Self::Error(error)),
            _ => Err("it has not exactly one of `event`, `done` and `error`".to_owned()),
        }
    }
}

/// The line of an event.
pub(crate) fn event_line<T: Serialize>(event: &T) -> Vec<u8> {
    line(&Outgoing::Event(event))
}

/// The line that ends an answer.
pub(crate) fn done_line<T: Serialize>(done: &T) -> Vec<u8> {
    line(&Outgoing::Done(done))
}

/// The line that says why it could not be done.
pub(crate) fn error_line(error: &ExecutionError) -> Vec<u8> {
    line(&Outgoing::Error(error))
}

fn line<T: Serialize>(outgoing: &Outgoing<'_, T>) -> Vec<u8> {
    let mut line = serde_json::to_vec(outgoing).expect("what the server answers has a JSON form");
    line.push(b'\n');
    line
}
