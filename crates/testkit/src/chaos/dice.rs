//! Numbers that follow from a seed, for what a soak does. They are no secret and no statistics depend on them.

use std::ops::Range;
use std::time::Duration;

/// A stream of numbers (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The stream of one actor: what it does does not depend on how fast the others are.
    pub(super) fn of(seed: u64, actor: u64) -> Self {
        let mut dice = Self(seed ^ actor.wrapping_mul(0xd605_1f7c_93ab_24e5));
        // Seeds that lie side by side give streams that do not.
        dice.next();
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound that is not zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// An index into something with elements.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is below a length")
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.below(range.end - range.start))
    }

    /// One of some things, each as often as its weight says.
    pub(super) fn weighted<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(of.iter().map(&weight).sum());
        for thing in of {
            let own = weight(thing);
            if left < own {
                return thing;
            }
            left -= own;
        }
        unreachable!("the number is below the sum of the weights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_actor_give_the_same_numbers_and_others_do_not() {
        let numbers = |seed, actor| {
            let mut dice = Dice::of(seed, actor);
            [0; 8].map(|_: u64| dice.next())
        };
        assert_eq!(numbers(7, 1), numbers(7, 1));
        assert_ne!(numbers(7, 1), numbers(7, 2));
        assert_ne!(numbers(7, 1), numbers(8, 1));
    }

    #[test]
    fn what_weighs_nothing_never_comes() {
        let mut dice = Dice::of(1, 1);
        let things = [("never", 0), ("seldom", 1), ("often", 9)];
        let mut seldom = 0;
        for _ in 0..1000 {
            let (name, _) = dice.weighted(&things, |(_, weight)| *weight);
            assert_ne!(*name, "never");
            seldom += u32::from(*name == "seldom");
        }
        assert!((1..=300).contains(&seldom), "{seldom} of 1000");
    }
}
