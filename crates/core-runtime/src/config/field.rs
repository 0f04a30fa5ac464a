//! One row of the configuration table: what a value is called, what it may be and what holds when nobody gives it.
//! It knows no file and no environment; a row is the same wherever its value comes from.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use plugdock_contracts::ByteSize;
use plugdock_contracts::document::{Cursor, FromNode, Value, nearest};
use plugdock_contracts::limits::parse_millicores;
use plugdock_contracts::span::{format_span, parse_span};

use super::value::ConfigValue;
use super::weights;

/// What every environment variable of the configuration begins with.
pub(super) const VARIABLE_PREFIX: &str = "PLUGDOCK_";

/// One value of the configuration.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Field {
    /// Dotted name, as it stands in a file: `timeouts.call`.
    pub key: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What holds when nobody gives it.
    pub preset: Preset,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

/// What holds when nobody gives a value.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Preset {
    /// This value.
    Value(&'static str),
    /// A value made from the environment or from other values, described here.
    Derived(&'static str),
    /// No value; the text says what that means.
    Absent(&'static str),
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Kind {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A path. A relative one is taken from the folder of its file, else from the current folder.
    Path,
    /// Paths in order, each as [`Kind::Path`].
    PathList,
    /// A length of time between these two.
    Span(Duration, Duration),
    /// A number of bytes between these two.
    Size(ByteSize, ByteSize),
    /// A whole number between these two.
    Count(u64, u64),
    /// A share of the machine's CPU, in thousandths of a core.
    Share,
    /// Texts in order, each of which the function accepts.
    List(fn(&str) -> Result<(), &'static str>),
    /// Plugins with a weight each, between these two.
    Weights(u32, u32),
    /// A value of this kind, or the word `none`.
    OrNone(&'static Kind),
}

/// The word for no value where the default is one.
pub(super) const NONE: &str = "none";

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with what it is about in front.
    pub(super) fn about(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// The same for a value that may be `none`, which who wrote `0` or `never` did not know.
    fn or_none(self) -> Self {
        let help = match self.help {
            Some(help) => format!("{help}; for no bound write `{NONE}`"),
            None => format!("for no bound write `{NONE}`"),
        };
        Self { help: Some(help), ..self }
    }
}

/// A row of the table.
pub(super) const fn field(key: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Field {
    Field { key, kind, preset, doc }
}

impl Field {
    /// The environment variable that gives the value: `PLUGDOCK_TIMEOUTS_CALL` for `timeouts.call`.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.replace('.', "_").to_ascii_uppercase())
    }
}

impl Kind {
    /// What may be written, for people: `auto | in-process`, `a length of time from 1ms to 1d`.
    pub fn describe(self) -> String {
        match self {
            Self::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Self::Path => "path".to_owned(),
            Self::PathList => "list of paths".to_owned(),
            Self::Span(least, most) => format!("time, {} to {}", format_span(least), format_span(most)),
            Self::Size(least, most) => format!("size, {least} to {most}"),
            Self::Count(least, most) => format!("number, {least} to {most}"),
            Self::Share => "share of CPU, such as `500m` or `2`".to_owned(),
            Self::List(_) => "list of texts".to_owned(),
            Self::Weights(least, most) => format!("table of plugin ids with a number, {least} to {most}"),
            Self::OrNone(kind) => format!("{}; or `{NONE}`", kind.describe()),
        }
    }

    /// Reads a value from text, as the environment and the code give it. A list's items are separated by commas.
    pub(super) fn parse(self, text: &str) -> Result<ConfigValue, Refusal> {
        match self {
            Self::Word(words) => word(words, text),
            Self::Path => path(text).map(ConfigValue::Path),
            Self::PathList => split(text).map(path).collect::<Result<_, _>>().map(ConfigValue::PathList),
            Self::Span(least, most) => {
                let span = parse_span(text).map_err(|error| Refusal::new(error.to_string()))?;
                bounded(span, least, most, format_span).map(ConfigValue::Span)
            }
            Self::Size(least, most) => {
                let size = text.parse().map_err(|error: plugdock_contracts::size::ByteSizeError| {
                    Refusal::new(error.to_string())
                })?;
                bounded(size, least, most, |size| size.to_string()).map(ConfigValue::Size)
            }
            Self::Count(least, most) => {
                let number = whole_number(text, least, most)?;
                bounded(number, least, most, |number| number.to_string()).map(ConfigValue::Count)
            }
            Self::Share => share(text),
            Self::List(check) => {
                split(text).map(|text| item(check, text)).collect::<Result<_, _>>().map(ConfigValue::List)
            }
            Self::Weights(least, most) => weights::parse(text, least, most),
            Self::OrNone(_) if text == NONE => Ok(ConfigValue::Nothing),
            Self::OrNone(kind) => kind.parse(text).map_err(Refusal::or_none),
        }
    }

    /// Reads a value from a document, reporting what is wrong with it there.
    pub(super) fn read(self, at: &mut Cursor<'_, '_>) -> Option<ConfigValue> {
        let value = self.read_shape(at)?;
        or_refuse(value, at)
    }

    /// Reads a value of the right shape. A wrong shape is reported here; a value that is refused is the caller's to report.
    fn read_shape(self, at: &mut Cursor<'_, '_>) -> Option<Result<ConfigValue, Refusal>> {
        Some(match self {
            Self::Word(_) | Self::Path | Self::Span(..) | Self::Share => self.parse(at.string()?),
            Self::Size(least, most) => {
                let size = ByteSize::from_node(at)?;
                bounded(size, least, most, |size| size.to_string()).map(ConfigValue::Size)
            }
            Self::Count(least, most) => {
                let number: u64 = at.integer()?;
                bounded(number, least, most, |number| number.to_string()).map(ConfigValue::Count)
            }
            Self::PathList => Ok(ConfigValue::PathList(at.items(|at| or_refuse(path(at.string()?), at))?)),
            Self::List(check) => {
                Ok(ConfigValue::List(at.items(|at| or_refuse(item(check, at.string()?), at))?))
            }
            Self::Weights(least, most) => Ok(weights::read(at, least, most)?),
            Self::OrNone(kind) => match (at.node().value(), kind) {
                (Value::String(text), _) if text == NONE => Ok(ConfigValue::Nothing),
                // As text it is read here, so that a refusal can say what else may be written.
                (Value::String(text), Self::Size(..)) => self.parse(text),
                (Value::String(_), Self::Count(..)) => return at.expected("an integer or \"none\""),
                _ => kind.read_shape(at)?.map_err(Refusal::or_none),
            },
        })
    }
}

/// The value; or none, and what is wrong with it is reported at its place.
pub(super) fn or_refuse<T>(value: Result<T, Refusal>, at: &mut Cursor<'_, '_>) -> Option<T> {
    match value {
        Ok(value) => Some(value),
        Err(Refusal { message, help: None }) => at.refuse(message),
        Err(Refusal { message, help: Some(help) }) => at.refuse_with_help(message, help),
    }
}

/// The items of a list given as one text.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn item(check: fn(&str) -> Result<(), &'static str>, text: &str) -> Result<String, Refusal> {
    match check(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(help) => Err(Refusal::new(format!("`{}` is not acceptable", text.escape_debug())).help(help)),
    }
}

fn word(words: &'static [&'static str], text: &str) -> Result<ConfigValue, Refusal> {
    if words.contains(&text) {
        return Ok(ConfigValue::Text(text.to_owned()));
    }
    let refusal = Refusal::new(format!("unknown value `{}`", text.escape_debug()));
    Err(match nearest(text, words.iter().copied()) {
        Some(close) => refusal.help(format!("did you mean `{close}`?")),
        None => refusal.help(format!("one of: {}", words.join(", "))),
    })
}

fn path(text: &str) -> Result<PathBuf, Refusal> {
    match text {
        "" => Err(Refusal::new("an empty path")),
        text if text.contains('\0') => Err(Refusal::new("a path with a NUL byte")),
        text => Ok(text.into()),
    }
}

fn share(text: &str) -> Result<ConfigValue, Refusal> {
    let refuse =
        |reason: &str| Refusal::new(format!("`{}` is no share of CPU", text.escape_debug())).help(reason);
    match parse_millicores(text) {
        Ok(0) => Err(refuse("a share of nothing can only be a mistake; leave it out for no limit")),
        Ok(millicores) => Ok(ConfigValue::Share(millicores)),
        Err(reason) => Err(refuse(reason)),
    }
}

/// A whole number without a sign. The bounds are told to who wrote something else, and not yet held.
pub(super) fn whole_number<T: FromStr + Display + Copy>(text: &str, least: T, most: T) -> Result<T, Refusal> {
    text.parse().map_err(|_not_a_number| {
        Refusal::new(format!("`{}` is no whole number", text.escape_debug()))
            .help(format!("between {least} and {most}"))
    })
}

/// The value, if it lies between these two.
pub(super) fn bounded<T: PartialOrd>(
    value: T,
    least: T,
    most: T,
    show: impl Fn(T) -> String,
) -> Result<T, Refusal> {
    if (&least..=&most).contains(&&value) {
        return Ok(value);
    }
    let side = if value < least { "too small" } else { "too large" };
    Err(Refusal::new(format!("{} is {side}", show(value))).help(format!(
        "between {} and {}",
        show(least),
        show(most)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(kind: Kind, text: &str, message: &str, help: Option<&str>) {
        let refusal = kind.parse(text).expect_err(text);
        assert_eq!((refusal.message.as_str(), refusal.help.as_deref()), (message, help), "{text}");
    }

    const SPAN: Kind = Kind::Span(Duration::from_millis(1), Duration::from_mins(1));

    #[test]
    fn refusals_say_what_would_be_right() {
        refused(
            Kind::Word(&["auto", "subprocess"]),
            "sub-process",
            "unknown value `sub-process`",
            Some("did you mean `subprocess`?"),
        );
        refused(
            Kind::Word(&["auto", "subprocess"]),
            "x",
            "unknown value `x`",
            Some("one of: auto, subprocess"),
        );
        refused(SPAN, "0", "0s is too small", Some("between 1ms and 1m"));
        refused(SPAN, "2h", "2h is too large", Some("between 1ms and 1m"));
        refused(
            SPAN,
            "5",
            "`5` is no length of time: each number needs a unit: ns, us, ms, s, m, h or d",
            None,
        );
        refused(Kind::Count(1, 9), "-1", "`-1` is no whole number", Some("between 1 and 9"));
        refused(Kind::Count(1, 9), "10", "10 is too large", Some("between 1 and 9"));
        refused(
            Kind::Share,
            "0",
            "`0` is no share of CPU",
            Some("a share of nothing can only be a mistake; leave it out for no limit"),
        );
        refused(Kind::Path, "", "an empty path", None);
        let size = Kind::Size(ByteSize::from_kib(1), ByteSize::from_mib(1));
        refused(size, "2GiB", "2GiB is too large", Some("between 1KiB and 1MiB"));
    }

    #[test]
    fn what_may_be_none_says_so_to_who_writes_another_word() {
        const BOUND: Kind = Kind::OrNone(&Kind::Count(1, 9));
        const AGE: Kind = Kind::OrNone(&SPAN);
        assert_eq!(BOUND.parse("none").unwrap(), ConfigValue::Nothing);
        assert_eq!(AGE.parse("5s").unwrap(), ConfigValue::Span(Duration::from_secs(5)));
        refused(BOUND, "0", "0 is too small", Some("between 1 and 9; for no bound write `none`"));
        refused(
            BOUND,
            "None",
            "`None` is no whole number",
            Some("between 1 and 9; for no bound write `none`"),
        );
        refused(
            AGE,
            "never",
            "`never` is no length of time: a number must come before each unit; write for example 250ms, 2s or 1m30s",
            Some("for no bound write `none`"),
        );
        refused(Kind::Count(1, 9), "none", "`none` is no whole number", Some("between 1 and 9"));
    }

    #[test]
    fn a_list_is_separated_by_commas_and_may_be_empty() {
        let list = Kind::List(|item| if item == "bad" { Err("write good") } else { Ok(()) });
        assert_eq!(list.parse("a=b, c ,").unwrap(), ConfigValue::List(vec!["a=b".into(), "c".into()]));
        assert_eq!(list.parse("").unwrap(), ConfigValue::List(Vec::new()));
        refused(list, "good,bad", "`bad` is not acceptable", Some("write good"));
    }
}
