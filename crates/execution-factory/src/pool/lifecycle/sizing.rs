//! How many workers there may be, and how a worn one is replaced without falling below capacity.
//! Decisions on numbers; it does not know what a worker is, only how it is called.

/// How many workers a pool keeps, and has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// So many are not sent away for having nothing to do.
    pub(crate) min: usize,
    /// No more are started.
    pub(crate) max: usize,
}

/// How a worn worker may be replaced now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recycle {
    /// There is a place: start the replacement, and send the old one away when it is ready.
    ReplaceFirst,
    /// There is no place: send the old one away, then start the replacement. No other may be out meanwhile.
    OneByOne,
    /// Another one is out already. The worn worker goes on serving.
    Wait,
}

impl Bounds {
    /// How a worn worker may be replaced while `total` workers live or are started and `n_out` were sent away one by
    /// one, whose replacements are not ready yet.
    pub(crate) const fn may_recycle(self, total: usize, n_out: usize) -> Recycle {
        // The places of those that are out are their replacements'.
        if total.saturating_add(n_out) < self.max {
            Recycle::ReplaceFirst
        } else if n_out == 0 {
            Recycle::OneByOne
        } else {
            Recycle::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recycling_starts_the_replacement_first_where_there_is_a_place() {
        let rows = [
            (0, 0, Recycle::ReplaceFirst),
            (3, 0, Recycle::ReplaceFirst),
            (4, 0, Recycle::OneByOne),
            (4, 1, Recycle::Wait),
            // The place of the one that is out is its replacement's, not another one's.
            (3, 1, Recycle::Wait),
            (2, 1, Recycle::ReplaceFirst),
            (usize::MAX, usize::MAX, Recycle::Wait),
            // A pool that became smaller.
            (6, 0, Recycle::OneByOne),
            (6, 2, Recycle::Wait),
        ];
        for (total, n_out, wanted) in rows {
            assert_eq!(
                Bounds { min: 2, max: 4 }.may_recycle(total, n_out),
                wanted,
                "{total} workers, {n_out} out"
            );
        }
    }
}
