//! Lengths of time and numbers of bytes, rounded for people.
//! Programs get the exact numbers from `--json`.

use std::time::Duration;

/// Three digits and a unit: `850us`, `3.2ms`, `1.05s`, `2m05s`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds >= 60.0 {
        return format!("{}m{:02}s", span.as_secs() / 60, span.as_secs() % 60);
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
        for (number, text) in [(0, "0B"), (1023, "1023B"), (1536, "1.5KiB"), (6_400_000, "6.1MiB")] {
            assert_eq!(bytes(number), text);
        }
    }
}
