//! Dates and times as ISO 8601 writes them. It says whether a text is one, and nothing of when that is.

/// Whether `text` is a date, alone or with a time and an offset: `2024-02-29`, `2024-02-29T23:59:30.5+01:00`.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let Some((date, after)) = text.as_bytes().split_at_checked("2024-02-29".len()) else { return false };
    let is_date = matches!(
        date,
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]
            if number(&[*y1, *y2, *y3, *y4]).zip(number(&[*m1, *m2])).zip(number(&[*d1, *d2]))
                .is_some_and(|((year, month), day)| (1..=days(year, month)).contains(&day))
    );
    is_date
        && match after {
            [] => true,
            [b'T' | b't' | b' ', time @ ..] => is_time(time),
            _ => false,
        }
}

/// `HH:MM`, `HH:MM:SS`, with a fraction of a second, with `Z` or an offset.
fn is_time(time: &[u8]) -> bool {
    let Some((clock, mut rest)) = time.split_at_checked("23:59".len()) else { return false };
    if !is_clock(clock, 23) {
        return false;
    }
    if let [b':', s1, s2, after @ ..] = rest {
        // A minute may have a 61st second.
        if number(&[*s1, *s2]).is_none_or(|seconds| seconds > 60) {
            return false;
        }
        rest = after;
        if let [b'.' | b',', fraction @ ..] = rest {
            let n_digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if n_digits == 0 {
                return false;
            }
            rest = &fraction[n_digits..];
        }
    }
    match rest {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2] => is_clock(&[*h1, *h2, b':', b'0', b'0'], 23),
        [b'+' | b'-', h1, h2, m1, m2] => is_clock(&[*h1, *h2, b':', *m1, *m2], 23),
        [b'+' | b'-', clock @ ..] => is_clock(clock, 23),
        _ => false,
    }
}

fn is_clock(clock: &[u8], max_hour: u32) -> bool {
    matches!(
        clock,
        [h1, h2, b':', m1, m2]
            if number(&[*h1, *h2]).is_some_and(|hour| hour <= max_hour) && number(&[*m1, *m2]).is_some_and(|minute| minute < 60)
    )
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number * 10 + char::from(*digit).to_digit(10)?))
}

/// Days of a month; none in a month that there is not.
const fn days(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_timestamp;

    #[test]
    fn dates_and_times_are_known() {
        for text in [
            "2024-02-29",
            "2000-02-29",
            "1999-12-31T23:59",
            "2024-06-30t23:59:60Z",
            "2024-01-01 00:00:00.123456789",
            "2024-01-01T00:00:00,5+01",
            "2024-01-01T00:00:00-0330",
            "2024-01-01T00:00+14:00",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_date_is_none() {
        for text in [
            "",
            "2023-02-29",
            "1900-02-29",
            "2024-00-10",
            "2024-13-01",
            "2024-04-31",
            "2024-01-00",
            "24-01-01",
            "2024/01/01",
            "20240101",
            "2024-01-01T",
            "2024-01-01T24:00",
            "2024-01-01T00:60",
            "2024-01-01T00:00:61",
            "2024-01-01T00:00:00.",
            "2024-01-01T00:00:00x",
            "2024-01-01T00:00+",
            "2024-01-01T00:00+25:00",
            "2024-01-01é",
            "2024-01-0é",
            "+024-01-01",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[0-9TZ:.+é -]{0,32}") {
            let _answer = is_timestamp(&text);
        }

        #[test]
        fn every_day_up_to_the_28th_is_one(year in 0_u32..10_000, month in 1_u32..=12, day in 1_u32..=28) {
            let text = format!("{year:04}-{month:02}-{day:02}");
            prop_assert!(is_timestamp(&text));
        }
    }
}
