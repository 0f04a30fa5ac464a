//! What was measured, by what it is: one value for each round, of which the median and the range are told.

use std::collections::BTreeMap;
use std::time::Duration;

/// Values of all rounds, in the order in which they were first measured.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    names: Vec<String>,
    values: BTreeMap<String, Vec<f64>>,
}

impl Rounds {
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        if !self.values.contains_key(&name) {
            self.names.push(name.clone());
        }
        self.values.entry(name).or_default().push(value);
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Lowest, median and highest of the rounds.
    pub(crate) fn spread(&self, name: &str) -> Option<(f64, f64, f64)> {
        let mut values = self.values.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        Some((*values.first()?, values[values.len() / 2], *values.last()?))
    }
}

/// The value below which a share of all lies, in microseconds.
pub(crate) fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list of some thousand"
    )]
    let at = ((times.len() - 1) as f64 * share) as usize;
    times[at].as_secs_f64() * 1e6
}
