//! A glob over one component of a path: `*`, `?`, `[abc]`, `[!a-z]`.
//! It never sees a slash; [`PathPattern`](super::PathPattern) splits both sides first.

/// What is wrong with a glob and how to write it.
pub(super) struct GlobFault {
    pub(super) problem: &'static str,
    pub(super) fix: &'static str,
}

fn fault<T>(problem: &'static str, fix: &'static str) -> Result<T, GlobFault> {
    Err(GlobFault { problem, fix })
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`: one character.
    One,
    /// `*`: any text, also none.
    Star,
    /// `[…]`: one character of the ranges, or one outside them.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A parsed glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComponentGlob {
    tokens: Vec<Token>,
}

impl ComponentGlob {
    pub(super) fn parse(text: &str) -> Result<Self, GlobFault> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if tokens.last() == Some(&Token::Star) => {
                    return fault("has `**` inside a component", "write `**` as a whole component, or one `*`");
                }
                '*' => Token::Star,
                '?' => Token::One,
                '[' => parse_class(&mut chars)?,
                ']' => return fault("has a `]` without a `[`", "write a literal bracket as `[]]`"),
                '{' | '}' => {
                    return fault(
                        "has a brace",
                        "braces are not understood: list one pattern for each choice, or write a literal brace as `[{]`",
                    );
                }
                c => Token::Char(c),
            });
        }
        Ok(Self { tokens })
    }

    /// The text, if the glob matches only one.
    pub(super) fn literal(&self) -> Option<String> {
        self.tokens.iter().map(|token| if let Token::Char(c) = token { Some(*c) } else { None }).collect()
    }

    /// Whether the whole component matches. Time is at most the product of both lengths: after a mismatch only the last star
    /// gives way, which suffices because everything before it has matched at its earliest place.
    pub(super) fn matches(&self, component: &str) -> bool {
        let mut rest = component.chars();
        let mut at = 0;
        // The token after the last star, and the text from which it is tried next.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if self.tokens.get(at) == Some(&Token::Star) {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            let next = rest.next();
            match (self.tokens.get(at), next) {
                (None, None) => return true,
                (Some(token), Some(c)) if token.matches(c) => at += 1,
                _ => match &mut retry {
                    None => return false,
                    Some((after_star, from)) => {
                        if from.next().is_none() {
                            return false;
                        }
                        at = *after_star;
                        rest = from.clone();
                    }
                },
            }
        }
    }
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Char(wanted) => *wanted == c,
            Self::One => true,
            // A star is taken care of before a character is read.
            Self::Star => false,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// The class whose `[` has just been read. A `]` right after the opening is literal, and so is `-` at either end.
fn parse_class(chars: &mut std::str::Chars<'_>) -> Result<Token, GlobFault> {
    let negated = chars.as_str().starts_with('!');
    if negated {
        chars.next();
    }
    let mut members = Vec::new();
    loop {
        match chars.next() {
            None => {
                return fault(
                    "has a `[` without a `]`",
                    "close the class, or write a literal bracket as `[[]`",
                );
            }
            Some(']') if !members.is_empty() => break,
            Some(c) => members.push(c),
        }
    }
    if !negated && members.len() > 1 && members[0] == '^' {
        return fault("has a class that starts with `^`", "write `[!…]` for \"none of these\"");
    }
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    loop {
        rest = match rest {
            [] => return Ok(Token::Class { negated, ranges }),
            [low, '-', high, rest @ ..] => {
                if low > high {
                    return fault(
                        "has a range that runs backwards",
                        "write the lower end first, as in `[a-z]`",
                    );
                }
                ranges.push((*low, *high));
                rest
            }
            [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
        };
    }
}
