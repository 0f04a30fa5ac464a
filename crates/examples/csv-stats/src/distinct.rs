//! Distinct values and how often each is there, exactly up to a bound, in bounded memory.

use std::cmp::Reverse;
use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::Budget;
use crate::range::shortened;

/// Values so far. Those that are kept are counted exactly, also after the bound is reached.
#[derive(Debug)]
pub(crate) struct Distinct {
    counts: HashMap<Box<str>, u64>,
    budget: Budget,
    n_bytes: usize,
    /// There was a value that could not be kept.
    more: bool,
}

/// How many distinct values there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct DistinctReport {
    /// How many were counted.
    pub(crate) count: usize,
    /// Whether there are more than that, which were not counted.
    pub(crate) more: bool,
}

/// A frequent value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Frequent {
    /// The value, shortened when it is long.
    pub(crate) value: String,
    /// How often it is there.
    pub(crate) count: u64,
}

impl Distinct {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { counts: HashMap::new(), budget, n_bytes: 0, more: false }
    }

    /// One more value.
    pub(crate) fn add(&mut self, value: &str) {
        if let Some(count) = self.counts.get_mut(value) {
            *count += 1;
        } else if self.counts.len() < self.budget.values && value.len() <= self.budget.bytes - self.n_bytes {
            self.n_bytes += value.len();
            self.counts.insert(value.into(), 1);
        } else {
            self.more = true;
        }
    }

    pub(crate) fn report(&self) -> DistinctReport {
        DistinctReport { count: self.counts.len(), more: self.more }
    }

    /// The `n` most frequent of the values that were counted; of equally frequent ones the lesser first.
    pub(crate) fn top(&self, n: usize) -> Vec<Frequent> {
        let mut all: Vec<(Reverse<u64>, &str)> =
            self.counts.iter().map(|(value, count)| (Reverse(*count), value.as_ref())).collect();
        if n < all.len() {
            all.select_nth_unstable(n);
            all.truncate(n);
        }
        all.sort_unstable();
        all.into_iter()
            .map(|(count, value)| Frequent { value: shortened(value).to_owned(), count: count.0 })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str], budget: Budget) -> Distinct {
        let mut distinct = Distinct::new(budget);
        for value in values {
            distinct.add(value);
        }
        distinct
    }

    #[test]
    fn above_the_bound_there_are_more() {
        let distinct = of(&["a", "b", "c", "b", "a", "a"], Budget { values: 2, bytes: 100 });
        assert_eq!(distinct.report(), DistinctReport { count: 2, more: true });
        let top: Vec<_> = distinct.top(5).into_iter().map(|top| (top.value, top.count)).collect();
        assert_eq!(top, [("a".to_owned(), 3), ("b".to_owned(), 2)]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let distinct = of(&["long one", "x", "yz"], Budget { values: 10, bytes: 9 });
        assert_eq!(distinct.report(), DistinctReport { count: 2, more: true });
    }

    #[test]
    fn equally_frequent_values_come_in_order() {
        let top = of(&["b", "a", "c", "c"], Budget { values: 10, bytes: 10 }).top(2);
        assert_eq!(top.iter().map(|top| top.value.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    }

    proptest! {
        #[test]
        fn counts_below_the_bound_are_those_of_a_naive_count(values in prop::collection::vec("[abc]{0,2}", 0..100), n in 0_usize..15) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let distinct = of(&values, Budget { values: 100, bytes: 1000 });
            let mut naive: Vec<(Reverse<u64>, &str)> = Vec::new();
            for value in &values {
                if !naive.iter().any(|(_, known)| known == value) {
                    naive.push((Reverse(values.iter().filter(|other| other == &value).map(|_| 1).sum()), value));
                }
            }
            prop_assert_eq!(distinct.report(), DistinctReport { count: naive.len(), more: false });
            naive.sort_unstable();
            let top: Vec<_> = distinct.top(n).into_iter().map(|top| (top.value, top.count)).collect();
            let expected: Vec<_> = naive.into_iter().take(n).map(|(count, value)| (value.to_owned(), count.0)).collect();
            prop_assert_eq!(top, expected);
        }
    }
}
