//! What happens in a simulated life: drawn without knowing what the pool will be like when it happens.

use super::dice::Dice;
use super::event::{Arrival, End, Event, Reply};
use super::setup::{MOST_WORKERS, Setup};

/// Events of one life, at most.
const MOST_EVENTS: usize = 70;

/// A life.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) setup: Setup,
    pub(super) events: Vec<Event>,
}

/// How often what happens in one life, in parts of the whole.
struct Mood {
    arrive: u64,
    give_up: u64,
    end: u64,
    start: u64,
    fail: u64,
    exit: u64,
    crash: u64,
    answer: u64,
    time: u64,
    owner: u64,
}

impl Plan {
    /// The life of a seed.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let setup = Setup::draw(&mut dice);
        let mood = Mood {
            arrive: dice.of(20..=45),
            give_up: dice.of(0..=6),
            end: dice.of(10..=30),
            start: dice.of(10..=25),
            fail: dice.pick(&[0, 0, 2, 8]),
            exit: dice.of(4..=16),
            crash: dice.pick(&[0, 2, 6]),
            answer: dice.of(1..=5),
            time: dice.of(4..=20),
            owner: dice.pick(&[0, 1, 4]),
        };
        let n = dice.count(5..=MOST_EVENTS);
        let events = (0..n).map(|_| mood.draw(&mut dice)).collect();
        Self { setup, events }
    }
}

impl Mood {
    fn draw(&self, dice: &mut Dice) -> Event {
        type Draw = fn(&mut Dice) -> Event;
        let kinds: [(u64, Draw); 10] = [
            (self.arrive, arrive),
            (self.give_up, |dice| Event::Cancel(dice.nth())),
            (self.end, end),
            (self.start, |dice| Event::Ready(dice.nth())),
            (self.fail, fail),
            (self.exit, |dice| Event::Exit(dice.nth())),
            (self.crash, |dice| Event::Crash { nth: dice.nth(), calls_first: dice.chance(50) }),
            (self.answer, answer),
            (self.time, time),
            (self.owner, owner),
        ];
        let mut at = dice.of(0..=kinds.iter().map(|(weight, _)| weight).sum::<u64>() - 1);
        for (weight, draw) in kinds {
            if at < weight {
                return draw(dice);
            }
            at -= weight;
        }
        Event::Pass(0)
    }
}

fn arrive(dice: &mut Dice) -> Event {
    Event::Submit(Arrival {
        lane: dice.nth(),
        tenant: dice.pick(&[0, 0, 1, 1, 2]),
        priority: dice.pick(&[0, 1, 1, 1, 2]),
        concurrent: dice.chance(50),
        nested: dice.chance(8),
        bytes: dice.nth() % 100,
        patience: dice.chance(40).then(|| dice.nth() % 800),
    })
}

fn fail(dice: &mut Dice) -> Event {
    if dice.chance(15) {
        return Event::Postpone { nth: dice.nth(), ms: dice.pick(&[0, 30]) };
    }
    Event::FailStart { nth: dice.nth(), permanent: dice.chance(30) }
}

fn end(dice: &mut Dice) -> Event {
    let fine = End::Fine { resident: dice.nth() % 1000 };
    let how = [
        fine,
        fine,
        fine,
        fine,
        fine,
        fine,
        End::Unused,
        End::Tainted,
        End::Gone,
        End::TakenBack,
        End::Retried,
    ];
    Event::End { nth: dice.nth(), how: dice.pick(&how) }
}

fn answer(dice: &mut Dice) -> Event {
    let how = [Reply::Healthy, Reply::Healthy, Reply::Degraded, Reply::Unhealthy, Reply::Silent];
    Event::Answer { nth: dice.nth(), how: dice.pick(&how) }
}

fn time(dice: &mut Dice) -> Event {
    match dice.of(0..=9) {
        0..=5 => Event::Tick(0),
        6 => Event::Tick(dice.nth() % 2000),
        _ => Event::Pass(dice.nth() % 60),
    }
}

fn owner(dice: &mut Dice) -> Event {
    if dice.chance(50) {
        let max = dice.of(1..=MOST_WORKERS.into());
        let min = dice.of(0..=max);
        return Event::Resize { min: u8::try_from(min).unwrap_or(0), max: u8::try_from(max).unwrap_or(1) };
    }
    Event::Reload(dice.nth())
}
