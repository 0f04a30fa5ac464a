//! Mean and standard deviation of numbers that are seen once: Welford's method, which loses no digits to large means.

/// What is kept of the numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    count: u64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
}

impl Moments {
    /// One more number.
    #[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is never reached")]
    pub(crate) fn add(&mut self, number: f64) {
        self.count += 1;
        let distance = number - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (number - self.mean);
    }

    /// `None` without a number, or when the numbers are too large to be added up.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean).filter(|mean| mean.is_finite())
    }

    /// Of the sample (divided by n − 1): `None` with fewer than two numbers, or when they are too large.
    #[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is never reached")]
    pub(crate) fn deviation(&self) -> Option<f64> {
        let variance = (self.count > 1).then(|| self.squares / (self.count - 1) as f64)?;
        Some(variance.sqrt()).filter(|deviation| deviation.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for number in numbers {
            moments.add(*number);
        }
        moments
    }

    /// The textbook's way, which needs all numbers twice.
    #[expect(clippy::cast_precision_loss, reason = "a test has few numbers")]
    fn two_passes(numbers: &[f64]) -> (f64, f64) {
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
        (mean, (squares / (n - 1.0)).sqrt())
    }

    fn close(a: f64, b: f64, scale: f64) -> bool {
        (a - b).abs() <= 1e-9 * scale.max(1.0)
    }

    #[test]
    fn few_numbers_have_no_deviation() {
        assert_eq!((of(&[]).mean(), of(&[]).deviation()), (None, None));
        assert_eq!((of(&[4.0]).mean(), of(&[4.0]).deviation()), (Some(4.0), None));
        assert_eq!(of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).mean(), Some(5.0));
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_deviation() {
        let deviation = of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]).deviation().unwrap();
        assert!(close(deviation, 30.0_f64.sqrt(), 1.0), "{deviation}");
    }

    #[test]
    fn numbers_too_large_to_add_up_have_no_mean() {
        assert_eq!(of(&[f64::MAX, f64::MIN, f64::MAX]).deviation(), None);
    }

    proptest! {
        #[test]
        fn one_pass_tells_the_same_as_two(numbers in prop::collection::vec(-1e6_f64..1e6, 2..200)) {
            let (mean, deviation) = two_passes(&numbers);
            let moments = of(&numbers);
            prop_assert!(close(moments.mean().unwrap(), mean, 1e6));
            prop_assert!(close(moments.deviation().unwrap(), deviation, 1e6));
        }
    }
}
