//! Writes `OpenMetrics` 1.0 text: families, each with its metadata, and their samples.
//! It does not know what is measured. Rules: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::fmt::Display;
use std::time::Duration;

use plugdock_contracts::stats::Distribution;

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Counter,
    Gauge,
    Info,
    Summary,
}

/// What the samples of a family measure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    name: &'static str,
    of: Type,
    /// Also the end of the name, as the rules demand.
    unit: Option<&'static str>,
    help: &'static str,
}

impl Family {
    /// Something that is counted and never falls.
    pub(super) const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, of: Type::Counter, unit: None, help }
    }

    /// Something that rises and falls.
    pub(super) const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, of: Type::Gauge, unit: None, help }
    }

    /// Labels that say what is measured; the value is always 1.
    pub(super) const fn info(name: &'static str, help: &'static str) -> Self {
        Self { name, of: Type::Info, unit: None, help }
    }

    /// Lengths of time, which distributions hold in microseconds.
    pub(super) const fn seconds(name: &'static str, help: &'static str) -> Self {
        Self { name, of: Type::Summary, unit: Some("seconds"), help }
    }

    /// The same, measured in this unit.
    pub(super) const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

/// What tells the metrics of a family apart.
type Labels<'a> = [(&'static str, &'a str)];

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Writes a family whose samples the closure writes. Without samples nothing is written.
    pub(super) fn family(&mut self, family: Family, write: impl FnOnce(&mut Samples<'_>)) {
        write(&mut Samples { text: &mut self.0, family, is_open: false });
    }

    /// Writes a family with one sample and no labels.
    pub(super) fn count(&mut self, family: Family, value: u64) {
        self.family(family, |samples| samples.count(&[], value));
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

/// The samples of one family. They follow each other without another family's between, as the rules demand.
#[derive(Debug)]
pub(super) struct Samples<'t> {
    text: &'t mut String,
    family: Family,
    /// Whether the metadata is written.
    is_open: bool,
}

impl Samples<'_> {
    /// A whole number.
    pub(super) fn count(&mut self, labels: &Labels<'_>, value: u64) {
        let suffix = match self.family.of {
            Type::Counter => "_total",
            Type::Info => "_info",
            Type::Gauge | Type::Summary => "",
        };
        self.sample(suffix, labels, None, value);
    }

    /// A number with a fraction.
    pub(super) fn number(&mut self, labels: &Labels<'_>, value: f64) {
        self.sample("", labels, None, Float(value));
    }

    /// Where lengths of time in microseconds lie, in seconds.
    pub(super) fn distribution(&mut self, labels: &Labels<'_>, times: &Distribution) {
        for (quantile, micros) in [("0.5", times.p50), ("0.95", times.p95), ("0.99", times.p99)] {
            let seconds = Duration::from_micros(micros).as_secs_f64();
            // The rules demand it: without values there is no quantile.
            let seconds = if times.count == 0 { f64::NAN } else { seconds };
            self.sample("", labels, Some(("quantile", quantile)), Float(seconds));
        }
        self.sample("_count", labels, None, times.count);
        self.sample("_sum", labels, None, Float(sum_in_seconds(times)));
    }

    fn sample(
        &mut self,
        suffix: &str,
        labels: &Labels<'_>,
        quantile: Option<(&'static str, &str)>,
        value: impl Display,
    ) {
        self.open();
        self.text.push_str(self.family.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (name, value) in labels.iter().copied().chain(quantile) {
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text.extend(value.chars().flat_map(escaped));
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        self.line(&[" ", &value.to_string()]);
    }

    /// Writes the metadata before the first sample.
    fn open(&mut self) {
        if std::mem::replace(&mut self.is_open, true) {
            return;
        }
        let Family { name, of, unit, help } = self.family;
        let word = match of {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Info => "info",
            Type::Summary => "summary",
        };
        self.line(&["# TYPE ", name, " ", word]);
        if let Some(unit) = unit {
            self.line(&["# UNIT ", name, " ", unit]);
        }
        self.line(&["# HELP ", name, " ", &help.chars().flat_map(escaped).collect::<String>()]);
    }

    fn line(&mut self, parts: &[&str]) {
        self.text.extend(parts.iter().copied().chain(["\n"]));
    }
}

/// The sum of all values. The distribution has their mean, which is the sum divided by the count.
#[expect(
    clippy::cast_precision_loss,
    reason = "a sum is told in 53 bits, and so is the mean that it is made of"
)]
fn sum_in_seconds(times: &Distribution) -> f64 {
    // A sum must be no less than zero and a number; `max` takes the zero when the mean is none.
    (times.mean * times.count as f64 / 1e6).max(0.0)
}

/// A label's or help's character as it may stand between quotes. All others may stand as they are.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let (backslash, c) = match c {
        '\n' => (Some('\\'), 'n'),
        '"' | '\\' => (Some('\\'), c),
        other => (None, other),
    };
    backslash.into_iter().chain([c])
}

/// A number that is always written with a point or an exponent, and read back equal.
struct Float(f64);

impl Display for Float {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            infinite if infinite == f64::INFINITY => f.write_str("+Inf"),
            number => write!(f, "{number:?}"),
        }
    }
}
