//! What a filter decides, as a tree of questions about one system call; the leaves are what the kernel does.
//! It knows neither names nor policies: `ruling` builds it, `program` turns it into instructions.

use std::ops::RangeInclusive;

use nix::errno::Errno;

/// What the kernel does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Runs it.
    Allow,
    /// Answers in its place.
    Refuse(Errno),
    /// Kills the whole process with `SIGSYS`.
    Kill,
}

/// A part of 32 bits of what the kernel tells about a call; the filter's machine has no larger registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The number of the call.
    Number,
    /// By which architecture's convention it was made.
    Arch,
    /// The lower half of the argument with this place.
    Low(u8),
    /// The upper half of the argument with this place.
    High(u8),
}

/// A verdict, or a question whose answer leads on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Verdict(Verdict),
    Question(Question),
}

/// In which range a word lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) word: Word,
    /// The bits that count.
    pub(super) mask: u32,
    /// From which value on which decision holds, until the next: sorted, the first from 0, neighbours different.
    pub(super) steps: Vec<(u32, Decision)>,
}

impl Decision {
    pub(super) const ALLOW: Self = Self::Verdict(Verdict::Allow);
    pub(super) const KILL: Self = Self::Verdict(Verdict::Kill);

    pub(super) const fn refuse(errno: Errno) -> Self {
        Self::Verdict(Verdict::Refuse(errno))
    }

    /// Asks in which of the ranges, which are sorted and share nothing, the masked word lies.
    pub(super) fn pick(
        word: Word,
        mask: u32,
        ranges: impl IntoIterator<Item = (RangeInclusive<u32>, Self)>,
        otherwise: &Self,
    ) -> Self {
        let mut steps = vec![(0, otherwise.clone())];
        for (range, decision) in ranges {
            // A range that follows directly on the last replaces the step behind that.
            if steps.last().is_some_and(|(start, _)| start == range.start()) {
                steps.pop();
            }
            steps.push((*range.start(), decision));
            if let Some(next) = range.end().checked_add(1) {
                steps.push((next, otherwise.clone()));
            }
        }
        steps.dedup_by(|later, earlier| later.1 == earlier.1);
        if steps.len() == 1 {
            return steps.swap_remove(0).1;
        }
        Self::Question(Question { word, mask, steps })
    }

    /// Asks whether the masked word is one of `values`, which are sorted.
    pub(super) fn one_of(word: Word, mask: u32, values: &[u32], yes: &Self, no: &Self) -> Self {
        Self::pick(word, mask, values.iter().map(|value| (*value..=*value, yes.clone())), no)
    }

    /// Asks whether a word has none of `bits`.
    pub(super) fn none_set(word: Word, bits: u32, yes: &Self, no: &Self) -> Self {
        Self::one_of(word, bits, &[0], yes, no)
    }
}
