//! That a life that fails is found and told shortly: a scheduler that is broken on purpose.

use super::shrink::shrink;

/// A pool of one worker that loses its wake-up: when a call ends while two wait, nobody is served. It is what the pool
/// that this one replaces did.
#[derive(Default)]
struct Forgetful {
    waiting: usize,
    busy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Submit,
    End,
    Look,
}

impl Forgetful {
    fn step(&mut self, step: Step) {
        match step {
            Step::Submit if self.busy => self.waiting += 1,
            Step::Submit => self.busy = true,
            Step::End if self.busy && self.waiting == 2 => self.busy = false,
            Step::End if self.busy => {
                self.busy = self.waiting > 0;
                self.waiting = self.waiting.saturating_sub(1);
            }
            Step::End | Step::Look => {}
        }
    }
}

fn stalls(steps: &[Step]) -> bool {
    let mut pool = Forgetful::default();
    steps.iter().any(|step| {
        pool.step(*step);
        !pool.busy && pool.waiting > 0
    })
}

#[test]
fn a_long_life_that_fails_is_told_in_four_steps() {
    use Step::{End, Look, Submit};
    let part = [Look, Submit, Look, End, Submit, Look, Look, Submit, End, Look, End, Look];
    let mut life: Vec<Step> = part.into_iter().cycle().take(120).collect();
    life.extend([Submit, Look, Submit, Look, Look, Submit, Look, End, Look, Submit]);
    assert!(stalls(&life));
    assert_eq!(shrink(&life, stalls), [Submit, Submit, Submit, End]);
}

#[test]
fn what_needs_everything_loses_nothing() {
    let whole: Vec<u32> = (0..7).collect();
    assert_eq!(shrink(&whole, |part| part.len() == 7), whole);
    assert_eq!(shrink(&whole, |_| true), Vec::<u32>::new());
    assert_eq!(shrink(&whole, |part| part.contains(&2) && part.contains(&5)), [2, 5]);
}
