//! Draws that look random and are a function of a seed alone, so that what happened can be tested and repeated.
//! They spread events over time; nothing secret may depend on them.

use std::time::Duration;

/// What the state of the generator grows by: 2^64 divided by the golden ratio, made odd.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The generator splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014;
/// constants as in Vigna's public-domain `splitmix64.c`): the first number after a seed.
pub(super) fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(GOLDEN_GAMMA);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The seed of a draw of its own, told from other draws of the same seed by its number.
pub(super) fn nth(seed: u64, draw: u64) -> u64 {
    mix(seed ^ mix(draw))
}

/// A whole number from 0 to `most`, both included.
pub(super) fn up_to(most: u64, seed: u64) -> u64 {
    let scaled = (u128::from(mix(seed)) * (u128::from(most) + 1)) >> 64;
    u64::try_from(scaled).unwrap_or(most)
}

/// `value` lowered by 0 to `per_cent` of it. More than 100 per cent count as 100.
pub(super) fn lowered(value: u64, per_cent: u8, seed: u64) -> u64 {
    let most = u128::from(value) * u128::from(per_cent.min(100)) / 100;
    value - up_to(u64::try_from(most).unwrap_or(value), seed)
}

/// The same for a span. One longer than 584 years counts as that.
pub(super) fn lowered_span(span: Duration, per_cent: u8, seed: u64) -> Duration {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(lowered(nanos, per_cent, seed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_mixer_is_splitmix64() {
        // The first two numbers of the reference implementation after the seed 1234567, and the first after 0.
        let second = 1_234_567_u64.wrapping_add(GOLDEN_GAMMA);
        let drawn = [mix(1_234_567), mix(second), mix(0)];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 0xE220_A839_7B1D_CDAF]);
    }

    #[test]
    fn both_ends_are_drawn() {
        let drawn: Vec<u64> = (0..200).map(|seed| up_to(3, seed)).collect();
        for wanted in 0..=3 {
            assert!(drawn.contains(&wanted), "{wanted} was never drawn");
        }
        assert_eq!(lowered(u64::MAX, 0, 7), u64::MAX);
    }

    proptest! {
        #[test]
        fn a_lowered_value_stays_within_its_share(value: u64, per_cent in 0_u8..=100, seed: u64) {
            let made = u128::from(lowered(value, per_cent, seed));
            let value = u128::from(value);
            prop_assert!(made <= value);
            prop_assert!((value - made) * 100 <= value * u128::from(per_cent));
        }

        #[test]
        fn a_draw_never_exceeds_its_most(most: u64, seed: u64) {
            prop_assert!(up_to(most, seed) <= most);
        }
    }
}
