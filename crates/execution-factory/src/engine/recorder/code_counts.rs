//! Counts errors by their code, a bounded number of them by name: plugins make codes up, and nobody bounds how many.
//! It does not know whose errors they are.

use std::collections::BTreeMap;

use plugdock_contracts::ErrorCode;

/// The name under which further codes are counted together.
pub(super) const OTHER_CODES: &str = "OTHER";

/// Errors by code.
#[derive(Debug)]
pub(super) struct CodeCounts {
    by_code: BTreeMap<String, u64>,
    /// Codes told apart before those that plugins made up share a row. Codes of ours always have their own.
    most: usize,
}

impl CodeCounts {
    /// Of no errors, to tell so many codes apart.
    pub(super) const fn new(most: usize) -> Self {
        Self { by_code: BTreeMap::new(), most }
    }

    /// An error with this code.
    pub(super) fn count(&mut self, code: &ErrorCode) {
        let is_ours = !matches!(code, ErrorCode::Unknown(_));
        if let Some(n) = self.by_code.get_mut(code.as_str()) {
            *n += 1;
            return;
        }
        let has_own = is_ours || self.by_code.len() < self.most;
        let name = if has_own { code.as_str() } else { OTHER_CODES };
        *self.by_code.entry(name.to_owned()).or_default() += 1;
    }

    /// The counts.
    pub(super) const fn by_code(&self) -> &BTreeMap<String, u64> {
        &self.by_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_codes_beyond_the_bound_share_a_row_and_ours_never_do() {
        let mut counts = CodeCounts::new(3);
        for n in 0..10 {
            counts.count(&ErrorCode::Unknown(format!("CODE_{n}")));
        }
        counts.count(&ErrorCode::Unknown("CODE_1".to_owned()));
        counts.count(&ErrorCode::Timeout);
        let wanted = [("CODE_0", 1), ("CODE_1", 2), ("CODE_2", 1), ("OTHER", 7), ("TIMEOUT", 1)];
        let wanted = BTreeMap::from(wanted.map(|(code, n)| (code.to_owned(), n)));
        assert_eq!(counts.by_code(), &wanted);
    }
}
