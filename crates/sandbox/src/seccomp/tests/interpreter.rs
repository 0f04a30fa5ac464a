//! The kernel's packet filter machine, as far as our programs use it, and the plain reading of a decision beside it.
//! An instruction that the kernel would refuse panics.

use libc::sock_filter;

use super::super::arch::Arch;
use super::super::decision::{Decision, Verdict, Word};

/// What the kernel tells a filter about a call (`seccomp_data`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) arch: u32,
    pub(super) args: [u64; 6],
}

impl Call {
    pub(super) fn of(arch: Arch, number: u32, args: [u64; 6]) -> Self {
        Self { number, arch: arch.audit(), args }
    }

    fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..4].copy_from_slice(&self.number.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.arch.to_le_bytes());
        for (place, arg) in self.args.iter().enumerate() {
            bytes[16 + 8 * place..][..8].copy_from_slice(&arg.to_le_bytes());
        }
        bytes
    }

    fn word(&self, word: Word) -> u32 {
        let half = |arg: u64, shift: u32| u32::try_from((arg >> shift) & 0xffff_ffff).unwrap();
        match word {
            Word::Number => self.number,
            Word::Arch => self.arch,
            Word::Low(place) => half(self.args[usize::from(place)], 0),
            Word::High(place) => half(self.args[usize::from(place)], 32),
        }
    }
}

/// What the program returns for a call, and after how many instructions.
pub(super) fn run(program: &[sock_filter], call: &Call) -> (u32, usize) {
    let data = call.bytes();
    let (mut accumulator, mut at) = (0, 0);
    // Jumps lead forward only, so no program runs longer than it is.
    for executed in 1..=program.len() {
        let sock_filter { code, jt, jf, k } = program[at];
        let by = |condition: bool| usize::from(if condition { jt } else { jf });
        let class = u32::from(code);
        let skipped = if class == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS {
            assert_eq!(k % 4, 0);
            accumulator = u32::from_le_bytes(data[usize::try_from(k).unwrap()..][..4].try_into().unwrap());
            0
        } else if class == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K {
            accumulator &= k;
            0
        } else if class == libc::BPF_JMP | libc::BPF_JA {
            usize::try_from(k).unwrap()
        } else if class == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K {
            by(accumulator == k)
        } else if class == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K {
            by(accumulator >= k)
        } else if class == libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K {
            by(accumulator & k != 0)
        } else if class == libc::BPF_RET | libc::BPF_K {
            return (k, executed);
        } else {
            panic!("unknown instruction {code:#x}")
        };
        at += 1 + skipped;
    }
    panic!("the program does not end")
}

/// What a decision says about a call, read step by step.
pub(super) fn read(decision: &Decision, call: &Call) -> Verdict {
    match decision {
        Decision::Verdict(verdict) => *verdict,
        Decision::Question(question) => {
            let value = call.word(question.word) & question.mask;
            let step = question.steps.iter().rfind(|(start, _)| *start <= value).unwrap();
            read(&step.1, call)
        }
    }
}
