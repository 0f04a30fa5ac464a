//! What may be kept of all columns together, so that memory does not grow with the file.

/// Most columns. A file with more has most likely another delimiter than was told.
pub(crate) const MAX_COLUMNS: usize = 10_000;

/// Most distinct values that are counted exactly in one column.
pub(crate) const MAX_DISTINCT: usize = 10_000;

/// Most distinct values that are kept of all columns: with their counts and the table around them about 100 MB.
const MAX_DISTINCT_IN_ALL: usize = 1_000_000;

/// Most bytes of text that are kept of all columns: with the values' own room well below the memory that is asked for.
const MAX_BYTES_IN_ALL: usize = 64 << 20;

/// What one column may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Distinct values.
    pub(crate) values: usize,
    /// Bytes of their text.
    pub(crate) bytes: usize,
}

impl Budget {
    /// An even share for each of `n_columns`.
    pub(crate) fn for_each_of(n_columns: usize) -> Self {
        let n_columns = n_columns.max(1);
        Self {
            values: MAX_DISTINCT.min(MAX_DISTINCT_IN_ALL / n_columns),
            bytes: MAX_BYTES_IN_ALL / n_columns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_stay_below_the_whole() {
        for n_columns in [0, 1, 7, 100, 101, MAX_COLUMNS] {
            let budget = Budget::for_each_of(n_columns);
            assert!(
                budget.values * n_columns <= MAX_DISTINCT_IN_ALL
                    && budget.bytes * n_columns <= MAX_BYTES_IN_ALL
            );
            assert!(budget.values > 0 && budget.bytes > 0);
        }
        assert_eq!(Budget::for_each_of(100).values, MAX_DISTINCT);
    }
}
