//! The pattern language of `events.publish` and `events.subscribe`: the subject rules of NATS.
//! It delivers nothing; the bus decides which subscriber gets what, with the same rules.

use std::fmt;
use std::str::FromStr;

use super::PatternError;

/// Longest topic, in bytes: a topic is a name, and longer ones are data.
pub(super) const MAX_TOPIC_BYTES: usize = 255;

/// Tokens separated by dots. `*` stands for one token; `>` at the end stands for one or more.
///
/// `a.b.*` covers `a.b.c` but neither `a.b` nor `a.b.c.d`; `a.>` covers `a.b` and `a.b.c` but not `a`. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    text: String,
}

impl TopicPattern {
    /// Whether a concrete topic is covered. A text with wildcards is no topic.
    pub fn matches(&self, topic: &str) -> bool {
        is_topic(topic) && covers(&self.text, topic)
    }

    /// Whether every topic that `wanted` covers is covered.
    ///
    /// It compares two patterns: a subscription that only several grants together cover is not covered.
    pub fn covers(&self, wanted: &TopicPattern) -> bool {
        covers(&self.text, &wanted.text)
    }
}

/// Whether a text is a concrete topic.
pub(super) fn is_topic(text: &str) -> bool {
    text.len() <= MAX_TOPIC_BYTES && text.split('.').all(is_plain_token)
}

fn is_plain_token(token: &str) -> bool {
    !token.is_empty()
        && !token.contains(|c: char| c == '*' || c == '>' || c.is_control() || c.is_whitespace())
}

fn covers(granted: &str, wanted: &str) -> bool {
    let mut granted = granted.split('.');
    let mut wanted = wanted.split('.');
    loop {
        match (granted.next(), wanted.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            // Here `wanted` reaches further than one token, whatever the granted one is.
            (Some(_), Some(">")) => return false,
            (Some("*"), Some(_)) => {}
            (Some(token), Some(other)) if token == other => {}
            _ => return false,
        }
    }
}

impl FromStr for TopicPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem, fix| Err(PatternError::new(text, problem, fix));
        if text.len() > MAX_TOPIC_BYTES {
            return error("is longer than 255 bytes", "write a shorter topic");
        }
        let tokens: Vec<&str> = text.split('.').collect();
        for (at, token) in tokens.iter().enumerate() {
            match *token {
                "*" => {}
                ">" if at + 1 == tokens.len() => {}
                ">" => {
                    return error(
                        "has a `>` before its end",
                        "write `*` for one token; `>` takes all that follow",
                    );
                }
                "" => {
                    return error(
                        "has an empty token",
                        "write one dot between tokens and none at either end",
                    );
                }
                token if is_plain_token(token) => {}
                _ => {
                    return error(
                        "has a wildcard inside a token, white space or a control character",
                        "`*` and `>` are whole tokens, as in `orders.*` and `orders.>`",
                    );
                }
            }
        }
        Ok(Self { text: text.to_owned() })
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
