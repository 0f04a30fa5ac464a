//! Numbers that look random and are a function of a seed: splitmix64, as the jitter of workers, but as a sequence.

use std::ops::RangeInclusive;

/// A sequence of draws.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number of the range.
    pub(super) fn of(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.draw() % (range.end() - range.start() + 1)
    }

    /// The same as a count.
    pub(super) fn count(&mut self, range: RangeInclusive<usize>) -> usize {
        range.start() + usize::try_from(self.draw() % 65_536).unwrap_or(0) % (range.end() - range.start() + 1)
    }

    /// True in so many of a hundred cases.
    pub(super) const fn chance(&mut self, per_cent: u64) -> bool {
        self.draw() % 100 < per_cent
    }

    /// One of some.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.count(0..=of.len() - 1)]
    }

    /// A number to choose by among what there will be.
    pub(super) fn nth(&mut self) -> u16 {
        u16::try_from(self.draw() % 65_536).unwrap_or(0)
    }
}
