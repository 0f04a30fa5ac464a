//! Counts words in text that comes in pieces: a word goes on where the next piece goes on.

/// Words so far.
#[derive(Debug, Default)]
pub(crate) struct WordCount {
    n_words: usize,
    in_word: bool,
}

impl WordCount {
    /// A piece of text. Characters without a letter or digit between blanks are no word.
    pub(crate) fn text(&mut self, piece: &str) {
        for c in piece.chars() {
            if c.is_whitespace() {
                self.in_word = false;
            } else if c.is_alphanumeric() && !self.in_word {
                self.in_word = true;
                self.n_words += 1;
            }
        }
    }

    /// A word ends here if there is one: a line or a block is over.
    pub(crate) fn gap(&mut self) {
        self.in_word = false;
    }

    /// How many words there were.
    pub(crate) fn count(&self) -> usize {
        self.n_words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_pieces_is_one_word() {
        let mut words = WordCount::default();
        for piece in ["un", "be", "liev", "able & it's", " – true"] {
            words.text(piece);
        }
        assert_eq!(words.count(), 3);
        words.gap();
        words.text("ly");
        assert_eq!(words.count(), 4);
    }
}
