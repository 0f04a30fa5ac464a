//! Shows an error with everything that caused it, as `a: b: c`. The errors themselves never print their source.

use std::error::Error;
use std::fmt;

/// Displays an error and its chain of sources in one line.
#[derive(Debug, Clone, Copy)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl ErrorChain<'_> {
    /// The texts of the sources, outermost first, without the error itself: what a wire carries.
    pub fn sources(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let mut source = self.0.source();
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn the_chain_is_one_line() {
        let error = Outer("x".parse::<u8>().unwrap_err());
        assert_eq!(ErrorChain(&error).to_string(), "outer: invalid digit found in string");
        assert_eq!(ErrorChain(&error).sources(), ["invalid digit found in string"]);
    }
}
