//! Programs decide as the decisions they were made from, and stay short.

use std::collections::BTreeMap;

use nix::errno::Errno;
use proptest::prelude::*;

use super::super::arch::Arch;
use super::super::decision::{Decision, Verdict, Word};
use super::super::program::{compile, returned};
use super::interpreter::{Call, read, run};
use super::{COMPILED, Compiled};

/// Longer programs cost more to install: the kernel runs them once per system call then.
const MAX_INSTRUCTIONS: usize = 260;

/// More would make each call slower.
const MAX_EXECUTED: usize = 24;

fn verdicts() -> impl Strategy<Value = Decision> {
    prop_oneof![
        Just(Decision::ALLOW),
        Just(Decision::KILL),
        Just(Decision::refuse(Errno::EPERM)),
        Just(Decision::refuse(Errno::ENOSYS)),
    ]
}

fn words() -> impl Strategy<Value = Word> {
    prop_oneof![
        Just(Word::Number),
        Just(Word::Arch),
        (0_u8..6).prop_map(Word::Low),
        (0_u8..6).prop_map(Word::High),
    ]
}

/// Small values beside any, so that ranges touch and calls hit their edges.
fn values() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0_u32..600, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn decisions(largest: usize) -> impl Strategy<Value = Decision> {
    verdicts().prop_recursive(3, 1024, 8, move |inner| {
        let mask = prop_oneof![Just(u32::MAX), any::<u32>(), Just(1), Just(0xc00)];
        let starts = prop::collection::btree_map(values(), inner.clone(), 1..largest);
        (words(), mask, starts, inner)
            .prop_map(|(word, mask, starts, otherwise)| ranges(word, mask, &starts, &otherwise))
    })
}

/// Ranges that alternately touch and leave room for what is otherwise.
fn ranges(word: Word, mask: u32, starts: &BTreeMap<u32, Decision>, otherwise: &Decision) -> Decision {
    let places: Vec<u32> = starts.keys().copied().collect();
    let ends = places.iter().skip(1).map(|next| next - 1).chain([u32::MAX]);
    let ranges = starts.iter().zip(ends).enumerate().map(|(place, ((start, decision), end))| {
        let end = if place % 2 == 0 { *start } else { end };
        (*start..=end, decision.clone())
    });
    Decision::pick(word, mask, ranges.collect::<Vec<_>>(), otherwise)
}

fn calls() -> impl Strategy<Value = Call> {
    let arg = prop_oneof![
        values().prop_map(u64::from),
        any::<u64>(),
        (0_u32..64, values()).prop_map(|(shift, low)| (1 << shift) | u64::from(low)),
    ];
    let arch = prop_oneof![8 => Just(Arch::X86_64.audit()), 8 => Just(Arch::Aarch64.audit()), 1 => values()];
    (values(), arch, prop::array::uniform6(arg)).prop_map(|(number, arch, args)| Call { number, arch, args })
}

proptest! {
    #[test]
    fn a_program_decides_as_its_decision(
        decision in decisions(8),
        calls in prop::collection::vec(calls(), 16),
    ) {
        let program = compile(&decision);
        for call in calls {
            prop_assert_eq!(run(&program, &call).0, returned(read(&decision, &call)), "{:x?}", call);
        }
    }

    #[test]
    fn a_filter_decides_as_its_policy_read_step_by_step(call in calls()) {
        for Compiled { decision, program, .. } in COMPILED.iter() {
            let (found, executed) = run(program, &call);
            prop_assert_eq!(found, returned(read(decision, &call)), "{:x?}", call);
            prop_assert!(executed <= MAX_EXECUTED, "{} instructions", executed);
        }
    }
}

#[test]
fn a_search_over_hundreds_of_far_questions_needs_jumps_and_gets_them() {
    // Each question differs, so none is shared, and the conditions at the top are thousands of instructions from the end.
    let question = |k: u32| Decision::none_set(Word::Low(0), k, &Decision::ALLOW, &Decision::KILL);
    let wide = Decision::pick(
        Word::Number,
        u32::MAX,
        (1..900).map(|k| (k..=k, question(k))),
        &Decision::refuse(Errno::EPERM),
    );
    let program = compile(&wide);
    assert!(program.iter().any(|i| u32::from(i.code) == libc::BPF_JMP | libc::BPF_JA), "no jump was needed");
    for number in 0..1000 {
        for arg in [0, 1, 2, 513, u64::MAX] {
            let call = Call::of(Arch::X86_64, number, [arg; 6]);
            assert_eq!(run(&program, &call).0, returned(read(&wide, &call)), "{number} {arg}");
        }
    }
}

#[test]
fn every_call_number_is_decided_as_read_step_by_step() {
    for Compiled { arch, decision, program, .. } in COMPILED.iter() {
        for number in (0..600).chain([0x3fff_ffff, 0x4000_0000, 0x4000_0027, 0xffff_fffe, u32::MAX]) {
            for arg in [0, 1, 2, 10, 0xc00, u64::MAX, 1 << 32] {
                let call = Call::of(*arch, number, [arg; 6]);
                assert_eq!(run(program, &call).0, returned(read(decision, &call)), "{number} {arg}");
            }
        }
    }
}

#[test]
fn a_filter_is_short_and_its_paths_are_too() {
    for Compiled { policy, arch, program, .. } in COMPILED.iter() {
        let deepest = longest_path(program);
        println!("{arch:?} {}: {} instructions, {deepest} at most", policy.identity(), program.len());
        assert!(program.len() <= MAX_INSTRUCTIONS, "{} instructions", program.len());
        assert!(deepest <= MAX_EXECUTED, "{deepest} on the longest path");
    }
}

/// The most instructions any call can take, whatever its words.
fn longest_path(program: &[libc::sock_filter]) -> usize {
    let mut longest = vec![0; program.len()];
    for (at, instruction) in program.iter().enumerate().rev() {
        let from = |skipped: usize| longest[at + 1 + skipped];
        let rest = match u32::from(instruction.code) & 0x07 {
            libc::BPF_RET => 0,
            libc::BPF_JMP if u32::from(instruction.code) == libc::BPF_JMP | libc::BPF_JA => {
                from(usize::try_from(instruction.k).unwrap())
            }
            libc::BPF_JMP => from(instruction.jt.into()).max(from(instruction.jf.into())),
            _ => from(0),
        };
        longest[at] = 1 + rest;
    }
    longest[0]
}

#[test]
fn a_verdict_alone_is_one_instruction() {
    let program = compile(&Decision::Verdict(Verdict::Refuse(Errno::EACCES)));
    assert_eq!(program.len(), 1);
    assert_eq!(run(&program, &Call::of(Arch::X86_64, 0, [0; 6])), (0x0005_000d, 1));
}
