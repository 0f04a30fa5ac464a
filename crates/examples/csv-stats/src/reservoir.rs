//! A sample of rows from a stream of unknown length: each row has the same chance, and each run draws the same.

use csv::StringRecord;

/// Longest sample row that is kept whole, in bytes; a longer one is left out, since it is for people to look at.
const MAX_ROW_BYTES: usize = 4096;

/// The start of the drawing. Any number but zero would do; a fixed one makes results repeatable.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Rows drawn so far: Vitter's algorithm R.
#[derive(Debug)]
pub(crate) struct Reservoir {
    rows: Vec<(u64, Vec<String>)>,
    size: usize,
    n_seen: u64,
    state: u64,
}

impl Reservoir {
    /// Draws `size` rows at most.
    pub(crate) fn new(size: usize) -> Self {
        Self { rows: Vec::new(), size, n_seen: 0, state: SEED }
    }

    /// One more row.
    pub(crate) fn offer(&mut self, row: &StringRecord) {
        if self.size == 0 || row.as_slice().len() > MAX_ROW_BYTES {
            return;
        }
        self.n_seen += 1;
        let drawn = || (self.n_seen, row.iter().map(str::to_owned).collect());
        if self.rows.len() < self.size {
            self.rows.push(drawn());
            return;
        }
        // A remainder favours small numbers by less than one in 2^40 for any file there is.
        let at = next(&mut self.state) % self.n_seen;
        if let Some(place) = usize::try_from(at).ok().and_then(|at| self.rows.get_mut(at)) {
            *place = drawn();
        }
    }

    /// The sample, in the order of the file.
    pub(crate) fn into_rows(mut self) -> Vec<Vec<String>> {
        self.rows.sort_unstable_by_key(|(position, _)| *position);
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// Marsaglia's xorshift: fair enough for a sample, and no secret depends on it.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(size: usize, n_rows: u32) -> Vec<u32> {
        let mut reservoir = Reservoir::new(size);
        for row in 0..n_rows {
            reservoir.offer(&StringRecord::from(vec![row.to_string()]));
        }
        reservoir.into_rows().into_iter().map(|row| row[0].parse().unwrap()).collect()
    }

    #[test]
    fn few_rows_are_all_drawn() {
        assert_eq!(draw(5, 3), [0, 1, 2]);
        assert_eq!(draw(0, 3), [0_u32; 0]);
    }

    #[test]
    fn many_rows_are_drawn_from_everywhere_in_order_and_the_same_each_time() {
        let sample = draw(400, 10_000);
        assert!(sample.is_sorted() && sample.len() == 400);
        assert_eq!(sample, draw(400, 10_000));
        // A fair draw has 100 in each quarter; ten standard deviations around that are no accident.
        for quarter in 0..4 {
            let n = sample.iter().filter(|row| **row / 2500 == quarter).count();
            assert!((13..=187).contains(&n), "{n} of 400 from quarter {quarter}");
        }
    }
}
