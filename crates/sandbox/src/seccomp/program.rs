//! Turns a decision into a program of the kernel's packet filter (classic BPF): each question a balanced search tree.
//! It knows nothing about system calls; what it must keep is that the program decides as the tree does.

use libc::sock_filter;

use super::decision::{Decision, Question, Verdict, Word};

/// Loads a word of the kernel's description of the call.
const LOAD: u16 = 0x20;
/// Keeps the bits of a mask.
const AND: u16 = 0x54;
/// Goes on elsewhere.
const JUMP: u16 = 0x05;
/// Goes on by whether the word equals.
const IF_EQUAL: u16 = 0x15;
/// Goes on by whether the word is as large or larger.
const IF_AT_LEAST: u16 = 0x35;
/// Goes on by whether the word has one of the bits.
const IF_ANY_BIT: u16 = 0x45;
/// Ends with a verdict.
const RETURN: u16 = 0x06;

/// How far a condition may be from where it leads. Its offsets have eight bits; what is missing to 255 is room for the
/// jumps that two far targets of one condition need.
const REACH: usize = 250;

/// From which distance on a verdict is written again: it is one instruction, as would be the jump to it.
const NEAR: usize = 120;

/// The program for a decision.
pub(super) fn compile(decision: &Decision) -> Vec<sock_filter> {
    let mut assembler = Assembler::default();
    assembler.place(decision);
    assembler.reversed.reverse();
    assembler.reversed
}

/// The kernel's number for a verdict.
pub(super) fn returned(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Allow => libc::SECCOMP_RET_ALLOW,
        Verdict::Refuse(errno) => libc::SECCOMP_RET_ERRNO | (errno as i32).unsigned_abs(),
        Verdict::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    }
}

/// Writes a program from its end to its start, because jumps lead forward only: what is jumped to is there already.
/// A position is counted from the end.
#[derive(Default)]
struct Assembler<'a> {
    reversed: Vec<sock_filter>,
    placed: Vec<(&'a Decision, usize)>,
}

impl<'a> Assembler<'a> {
    /// Writes a decision, unless it is there, and tells its position.
    fn place(&mut self, decision: &'a Decision) -> usize {
        let known = self.placed.iter().rev().find(|(placed, _)| *placed == decision).map(|(_, at)| *at);
        let is_far = |at: usize| self.reversed.len() - at > NEAR;
        let position = match (decision, known) {
            (Decision::Verdict(verdict), None) => self.write(RETURN, returned(*verdict)),
            (Decision::Verdict(verdict), Some(at)) if is_far(at) => self.write(RETURN, returned(*verdict)),
            (Decision::Question(question), None) => self.ask(question),
            (_, Some(at)) => return at,
        };
        self.placed.push((decision, position));
        position
    }

    fn ask(&mut self, question: &'a Question) -> usize {
        if let [(0, none), (1, some)] = question.steps.as_slice() {
            let (yes, no) = (self.place(some), self.place(none));
            self.branch(IF_ANY_BIT, question.mask, yes, no);
        } else {
            self.search(&question.steps);
            if question.mask != u32::MAX {
                self.write(AND, question.mask);
            }
        }
        self.write(LOAD, offset(question.word))
    }

    /// Writes the search among steps; what it starts with is the last thing written if there are several.
    fn search(&mut self, steps: &'a [(u32, Decision)]) -> usize {
        match steps {
            [(_, only)] => self.place(only),
            [(_, below), (value, equal), (next, above)] if below == above && *next == value + 1 => {
                let (yes, no) = (self.place(equal), self.place(below));
                self.branch(IF_EQUAL, *value, yes, no)
            }
            _ => {
                let (lower, upper) = steps.split_at(middle(steps));
                let (yes, no) = (self.search(upper), self.search(lower));
                self.branch(IF_AT_LEAST, upper[0].0, yes, no)
            }
        }
    }

    fn branch(&mut self, code: u16, k: u32, yes: usize, no: usize) -> usize {
        let (yes, no) = (self.within_reach(yes), self.within_reach(no));
        let (jt, jf) = (self.distance(yes), self.distance(no));
        let near = |distance: u32| u8::try_from(distance).expect("what is far away has a jump near by");
        self.push(sock_filter { code, jt: near(jt), jf: near(jf), k })
    }

    fn within_reach(&mut self, position: usize) -> usize {
        if self.reversed.len() - position <= REACH {
            return position;
        }
        self.write(JUMP, self.distance(position))
    }

    /// How many instructions lie between the next one written and the position.
    fn distance(&self, position: usize) -> u32 {
        u32::try_from(self.reversed.len() - position - 1).expect("the kernel takes 4096 instructions at most")
    }

    fn write(&mut self, code: u16, k: u32) -> usize {
        self.push(sock_filter { code, jt: 0, jf: 0, k })
    }

    fn push(&mut self, instruction: sock_filter) -> usize {
        self.reversed.push(instruction);
        self.reversed.len() - 1
    }
}

/// Where steps are divided: in the middle, or next to it where that keeps a single value and what is on both sides of it
/// together, which is then one comparison instead of two.
fn middle(steps: &[(u32, Decision)]) -> usize {
    let half = steps.len() / 2;
    let splits_single = |at: usize| {
        at > 0
            && at + 1 < steps.len()
            && steps[at - 1].1 == steps[at + 1].1
            && steps[at + 1].0 == steps[at].0 + 1
    };
    if half > 1 && splits_single(half) { half - 1 } else { half }
}

/// Where a word lies in the kernel's `seccomp_data`. Both architectures are little-endian.
fn offset(word: Word) -> u32 {
    const FIRST_ARGUMENT: u32 = 16;
    match word {
        Word::Number => 0,
        Word::Arch => 4,
        Word::Low(argument) => FIRST_ARGUMENT + 8 * u32::from(argument),
        Word::High(argument) => FIRST_ARGUMENT + 8 * u32::from(argument) + 4,
    }
}
