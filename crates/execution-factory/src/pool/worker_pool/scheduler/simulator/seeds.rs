//! Plays the lives of many seeds, and tells the shortest story of one that fails.

use std::cell::Cell;
use std::fmt::{Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use std::time::Instant;

use super::event::Event;
use super::outside::Fault;
use super::plan::Plan;
use super::setup::Setup;
use super::shrink::shrink;
use super::world::{Names, World};
use super::{invariant, rest};

/// Lives that are tried when nobody says how many.
const SEEDS: u64 = 11_000;

/// Tests that share them, so that they run side by side.
const SHARES: u64 = 8;

/// What one life is played with.
struct Stage {
    names: Arc<Names>,
    begin: Instant,
}

impl Stage {
    fn new() -> Self {
        Self { names: Arc::new(Names::new()), begin: Instant::now() }
    }

    /// Plays a life to its end. `look` sees the world after each event.
    fn play(
        &self,
        setup: &Setup,
        events: &[Event],
        mut look: impl FnMut(&dyn Display, &World),
    ) -> Result<(), Fault> {
        let mut world = World::new(setup, &self.names, self.begin)?;
        world.heed()?;
        invariant::check(&mut world)?;
        for event in events {
            let outcome = world.step(*event).and_then(|()| invariant::check(&mut world));
            look(event, &world);
            outcome?;
        }
        rest::come_to_rest(&mut world, setup.stops, &mut |what, world| look(&what, world))
    }

    /// The same; a panic is a fault too.
    fn outcome(&self, setup: &Setup, events: &[Event]) -> Result<(), Fault> {
        let played = catch_unwind(AssertUnwindSafe(|| self.play(setup, events, |_, _| {})));
        played.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("it panicked: {}", text.unwrap_or_default()))
        })
    }

    /// The story of a life that fails, with what fails only.
    fn story(&self, seed: u64, plan: &Plan) -> String {
        let events = quietly(|| shrink(&plan.events, |events| self.outcome(&plan.setup, events).is_err()));
        let fault = quietly(|| self.outcome(&plan.setup, &events)).err().unwrap_or_default();
        let mut story = format!("seed {seed}: {fault}\n{:?}\n", plan.setup);
        let told = quietly(|| {
            catch_unwind(AssertUnwindSafe(|| {
                self.play(&plan.setup, &events, |event, world| {
                    _ = writeln!(story, "{event}\n    {}", world.describe());
                })
            }))
        });
        if !matches!(told, Ok(Ok(()))) {
            _ = writeln!(story, "then: {fault}");
        }
        story
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Has panics of this thread printed by nobody: while a life is made shorter there would be hundreds.
fn quietly<R>(act: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    QUIET.set(true);
    let answer = act();
    QUIET.set(false);
    answer
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[track_caller]
fn check(share: u64) {
    let stage = Stage::new();
    let seeds = if let Some(seed) = variable("PLUGDOCK_SIM_SEED") {
        seed..seed + u64::from(share == 0)
    } else {
        let each = variable("PLUGDOCK_SIM_SEEDS").unwrap_or(SEEDS).div_ceil(SHARES);
        share * each..(share + 1) * each
    };
    for seed in seeds {
        let plan = Plan::draw(seed);
        let outcome = stage.outcome(&plan.setup, &plan.events);
        assert!(outcome.is_ok(), "{}", stage.story(seed, &plan));
    }
}

macro_rules! shares {
    ($($name:ident: $share:literal,)*) => {
        $(#[test]
        fn $name() {
            check($share);
        })*
    };
}

shares! {
    every_life_keeps_the_promises_0: 0,
    every_life_keeps_the_promises_1: 1,
    every_life_keeps_the_promises_2: 2,
    every_life_keeps_the_promises_3: 3,
    every_life_keeps_the_promises_4: 4,
    every_life_keeps_the_promises_5: 5,
    every_life_keeps_the_promises_6: 6,
    every_life_keeps_the_promises_7: 7,
}

#[test]
fn a_seed_is_one_life() {
    let tell = |seed| {
        let (stage, plan, mut story) = (Stage::new(), Plan::draw(seed), String::new());
        let outcome = stage.play(&plan.setup, &plan.events, |event, world| {
            _ = writeln!(story, "{event} {}", world.describe());
        });
        assert_eq!(outcome, Ok(()));
        story
    };
    for seed in 0..20 {
        assert_eq!(tell(seed), tell(seed));
    }
}
