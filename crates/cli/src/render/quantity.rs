//! Lengths of time and numbers of bytes, rounded for people.
//! Programs get the exact numbers from `--json`.

use std::time::Duration;

/// Three digits and a unit: `850us`, `3.2ms`, `1.05s`, `2m05s`, `3h07m`, `2d04h`.
pub(crate) fn span(span: Duration) -> String {
    let (whole, seconds) = (span.as_secs(), span.as_secs_f64());
    if whole >= 86_400 {
        return format!("{}d{:02}h", whole / 86_400, whole / 3600 % 24);
    }
    if whole >= 3600 {
        return format!("{}h{:02}m", whole / 3600, whole / 60 % 60);
    }
    if whole >= 60 {
        return format!("{}m{:02}s", whole / 60, whole % 60);
    }
    if seconds >= 1.0 {
        return format!("{seconds:.2}s");
    }
    if seconds >= 0.001 {
        return format!("{:.1}ms", seconds * 1e3);
    }
    format!("{}us", span.as_micros())
}

/// One digit after the point and a binary unit: `6.1MiB`, `512B`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, factor)| bytes >= *factor) {
        #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
        Some((unit, factor)) => format!("{:.1}{unit}", bytes as f64 / *factor as f64),
        None => format!("{bytes}B"),
    }
}

/// A number of times a second, with as many digits as it is worth: `0.52`, `8.3`, `812`.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 1.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_for_people() {
        for (micros, text) in
            [(0, "0us"), (850, "850us"), (3_240, "3.2ms"), (1_050_000, "1.05s"), (125_000_000, "2m05s")]
        {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
        for (minutes, text) in [(59, "59m00s"), (187, "3h07m"), (3120, "2d04h")] {
            assert_eq!(span(Duration::from_secs(minutes * 60)), text);
        }
        for (number, text) in [(0, "0B"), (1023, "1023B"), (1536, "1.5KiB"), (6_400_000, "6.1MiB")] {
            assert_eq!(bytes(number), text);
        }
        for (number, text) in [(0.0, "0.00"), (0.516, "0.52"), (8.33, "8.3"), (812.4, "812")] {
            assert_eq!(rate(number), text);
        }
    }
}
