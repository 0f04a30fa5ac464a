//! "Did you mean": the candidate closest to a misspelt word.
//! It answers only when one is close; a far-fetched suggestion is worse than the plain list.

use strsim::damerau_levenshtein;

/// Words longer than this are never misspellings of a key, and comparing them costs quadratic time.
const MAX_WORD_CHARS: usize = 64;

/// The candidate that differs from `word` by case, by `-` for `_`, or by about one mistyped character in three.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted = fold(word);
    if wanted.chars().count() > MAX_WORD_CHARS {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (damerau_levenshtein(&wanted, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance(&wanted, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A third of the shorter word and at most three, so that `id` is no suggestion for `os`.
fn tolerance(word: &str, candidate: &str) -> usize {
    (word.chars().count().min(candidate.chars().count()) / 3).min(3)
}

/// Spellings that people do not tell apart: case, and the separators `-`, `_` and camel case's none.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        let known =
            ["id", "version", "entry", "min_isolation", "fs.read", "fs.write", "subprocess", "GET", "POST"];
        assert_eq!(nearest(word, known), expected, "{word}");
    }

    #[test]
    fn close_words_are_suggested() {
        check("verison", Some("version"));
        check("Entry", Some("entry"));
        check("minIsolation", Some("min_isolation"));
        check("min-isolation", Some("min_isolation"));
        check("fs.raed", Some("fs.read"));
        check("sub-process", Some("subprocess"));
        check("get", Some("GET"));
        check("ID", Some("id"));
    }

    #[test]
    fn far_words_are_not() {
        check("os", None);
        check("", None);
        check("x", None);
        check("description", None);
        check(&"v".repeat(10_000), None);
    }
}
