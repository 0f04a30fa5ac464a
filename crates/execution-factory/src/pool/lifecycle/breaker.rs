//! Whether a plugin's workers may be started: a growing pause after each unexpected end, and quarantine after too many.
//! One per worker identity. It starts nothing and keeps no timer: it is told the time and what happened.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::mixer::lowered_span;

/// Ends whose text is kept, for the error of those that are refused meanwhile.
const MAX_EXITS: usize = 5;

/// Characters kept of one: enough for a signal and a line of stderr.
const MAX_EXIT_CHARS: usize = 200;

/// How far pauses are shortened, in per cent, so that hosts that lost the same plugin do not start it in step.
const JITTER_PERCENT: u8 = 25;

/// When a breaker opens and for how long. Spans are at most a century, as the configuration has seen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BreakerConfig {
    /// Unexpected ends within `window` that quarantine the plugin; at least 1.
    pub(crate) limit: u32,
    /// After this time an end is forgotten.
    pub(crate) window: Duration,
    /// Pause before the next start after a first end; it doubles with each further one.
    pub(crate) backoff_min: Duration,
    /// Longest such pause.
    pub(crate) backoff_max: Duration,
    /// How long a first quarantine lasts; it doubles with each trial that fails.
    pub(crate) quarantine: Duration,
    /// Longest quarantine.
    pub(crate) quarantine_max: Duration,
}

/// What follows from an unexpected end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No start for this long.
    Pause(Duration),
    /// No start for this long, then one trial.
    Quarantined {
        /// How long, from now.
        retry_after: Duration,
    },
}

/// Whether a worker may be started now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate<'a> {
    /// It may.
    Yes,
    /// One may, as a trial; whoever starts it says [`Breaker::trial_started`].
    Trial,
    /// The one trial is out. What waits may hope for it; no other is started.
    TrialOut,
    /// Not before this.
    NotBefore(Instant),
    /// The plugin is quarantined.
    Quarantined {
        /// Until then.
        until: Instant,
        /// How its last workers ended, the latest last.
        exits: &'a [String],
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Quarantined for the `n`th time without a proof between.
    Open {
        until: Instant,
        n: u32,
    },
    /// The same, and its one trial is out.
    HalfOpen {
        until: Instant,
        n: u32,
    },
}

/// Keeps a plugin that dies from being started over and over.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: State,
    /// Unexpected ends within the window, while closed. Fewer than the limit: at the limit it opens and forgets them.
    recent: VecDeque<Instant>,
    /// Ends since the last proof, which is what the pause doubles by.
    streak: u32,
    not_before: Option<Instant>,
    exits: VecDeque<String>,
}

impl Breaker {
    /// Of a plugin whose workers never ended unexpectedly.
    pub(crate) const fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: State::Closed,
            recent: VecDeque::new(),
            streak: 0,
            not_before: None,
            exits: VecDeque::new(),
        }
    }

    /// A worker ended unexpectedly or did not start. In half-open this is the trial; see [`Breaker::older_failed`].
    pub(crate) fn failed(&mut self, now: Instant, exit: String, seed: u64) -> Verdict {
        self.remember(exit);
        match self.state {
            State::Closed => self.failed_closed(now, seed),
            State::HalfOpen { n, .. } => self.open(now, n.saturating_add(1)),
            State::Open { until, .. } if now < until => {
                Verdict::Quarantined { retry_after: until.saturating_duration_since(now) }
            }
            // It was nobody's trial, so it proves nothing about one; but it is no moment for one either.
            State::Open { n, .. } => self.open(now, n),
        }
    }

    /// The same of a worker that is known not to be the trial, because it was started before the quarantine: its end is
    /// remembered, and a trial that is out stays out.
    pub(crate) fn older_failed(&mut self, now: Instant, exit: String, seed: u64) -> Verdict {
        if let State::HalfOpen { until, .. } = self.state {
            self.remember(exit);
            return Verdict::Quarantined { retry_after: until.saturating_duration_since(now) };
        }
        self.failed(now, exit, seed)
    }

    /// No worker can be started for a while, and the plugin is not the reason. Of a trial [`Breaker::trial_withdrawn`] is
    /// told too.
    pub(crate) fn pause(&mut self, pause: Instant) {
        match &mut self.state {
            State::Closed => {
                self.not_before = Some(self.not_before.map_or(pause, |earlier| earlier.max(pause)));
            }
            State::Open { until, .. } | State::HalfOpen { until, .. } => *until = (*until).max(pause),
        }
    }

    /// Whether a worker may be started now.
    pub(crate) fn may_start(&mut self, now: Instant) -> Gate<'_> {
        match self.state {
            State::Closed => match self.not_before.filter(|not_before| now < *not_before) {
                Some(not_before) => Gate::NotBefore(not_before),
                None => Gate::Yes,
            },
            State::Open { until, .. } if now < until => {
                Gate::Quarantined { until, exits: self.exits.make_contiguous() }
            }
            State::Open { .. } => Gate::Trial,
            State::HalfOpen { .. } => Gate::TrialOut,
        }
    }

    /// The trial that [`Gate::Trial`] allowed is started.
    pub(crate) const fn trial_started(&mut self) {
        if let State::Open { until, n } = self.state {
            self.state = State::HalfOpen { until, n };
        }
    }

    /// The trial was given up before it proved anything: another one may start.
    pub(crate) const fn trial_withdrawn(&mut self) {
        if let State::HalfOpen { until, n } = self.state {
            self.state = State::Open { until, n };
        }
    }

    /// A worker became healthy or a call ended well. Answers whether that ended a quarantine, which it does when a trial
    /// is out. Otherwise the next pause is a first one again; ends are forgotten by the window alone, because a plugin
    /// that dies of every second call still dies too often.
    pub(crate) fn proved(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed => {
                self.streak = 0;
                self.forget(now);
                false
            }
            State::Open { .. } => false,
            State::HalfOpen { .. } => {
                *self = Self { exits: std::mem::take(&mut self.exits), ..Self::new(self.config) };
                true
            }
        }
    }

    /// How the last workers ended, the latest last.
    pub(crate) const fn exits(&self) -> &VecDeque<String> {
        &self.exits
    }

    /// Whether it is quarantined, a trial that is out included.
    pub(crate) const fn is_quarantined(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// When a start that is refused now becomes possible by itself.
    pub(crate) fn next_event(&self, now: Instant) -> Option<Instant> {
        let event = match self.state {
            State::Closed => self.not_before,
            State::Open { until, .. } => Some(until),
            State::HalfOpen { .. } => None,
        };
        event.filter(|event| now < *event)
    }

    /// Whether it remembers nothing that matters, so that it can be dropped. A quarantine that was over for
    /// the time of a longest one, and nobody asked for a trial, is forgotten: else nobody ever would drop it.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        match self.state {
            State::Closed => {
                let is_recent = |end: &Instant| !self.is_forgotten(*end, now);
                self.next_event(now).is_none() && !self.recent.iter().any(is_recent)
            }
            State::Open { until, .. } => now.saturating_duration_since(until) >= self.config.quarantine_max,
            State::HalfOpen { .. } => false,
        }
    }

    fn failed_closed(&mut self, now: Instant, seed: u64) -> Verdict {
        self.forget(now);
        if self.recent.is_empty() {
            self.streak = 0;
        }
        self.recent.push_back(now);
        if self.recent.len() >= usize::try_from(self.config.limit).unwrap_or(usize::MAX) {
            return self.open(now, 1);
        }
        let whole = doubled(self.config.backoff_min, self.streak, self.config.backoff_max);
        self.streak = self.streak.saturating_add(1);
        let wanted = now + lowered_span(whole, JITTER_PERCENT, seed);
        // Of two that end at nearly the same time, the shorter pause does not undo the longer one.
        let not_before = self.not_before.map_or(wanted, |earlier| earlier.max(wanted));
        self.not_before = Some(not_before);
        Verdict::Pause(not_before.saturating_duration_since(now))
    }

    fn open(&mut self, now: Instant, n: u32) -> Verdict {
        let span = doubled(self.config.quarantine, n.saturating_sub(1), self.config.quarantine_max);
        self.state = State::Open { until: now + span, n };
        self.recent.clear();
        Verdict::Quarantined { retry_after: span }
    }

    fn is_forgotten(&self, end: Instant, now: Instant) -> bool {
        now.saturating_duration_since(end) >= self.config.window
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|end| self.is_forgotten(*end, now)) {
            self.recent.pop_front();
        }
    }

    fn remember(&mut self, mut exit: String) {
        if let Some((end, _)) = exit.char_indices().nth(MAX_EXIT_CHARS) {
            exit.truncate(end);
        }
        if self.exits.len() == MAX_EXITS {
            self.exits.pop_front();
        }
        self.exits.push_back(exit);
    }
}

/// `span` doubled `times` over, at most `most`.
fn doubled(span: Duration, times: u32, most: Duration) -> Duration {
    span.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEC: Duration = Duration::from_secs(1);
    const CONFIG: BreakerConfig = BreakerConfig {
        limit: 5,
        window: Duration::from_mins(1),
        backoff_min: Duration::from_secs(1),
        backoff_max: Duration::from_secs(4),
        quarantine: Duration::from_secs(30),
        quarantine_max: Duration::from_secs(100),
    };

    fn fail(breaker: &mut Breaker, now: Instant) -> Verdict {
        breaker.failed(now, "signal 9".to_owned(), 0)
    }

    /// A breaker that is quarantined from `now` for the first time.
    fn quarantined(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(CONFIG);
        for _ in 1..CONFIG.limit {
            assert!(matches!(fail(&mut breaker, now), Verdict::Pause(_)));
        }
        assert_eq!(fail(&mut breaker, now), Verdict::Quarantined { retry_after: CONFIG.quarantine });
        breaker
    }

    #[track_caller]
    fn check_pause(verdict: Verdict, whole: Duration) {
        let Verdict::Pause(pause) = verdict else { panic!("{verdict:?} is no pause") };
        assert!((whole * 3 / 4..=whole).contains(&pause), "{pause:?} for {whole:?}");
    }

    #[test]
    fn pauses_double_to_their_ceiling_and_start_over_when_proved_or_forgotten() {
        let (mut breaker, now) = (Breaker::new(CONFIG), Instant::now());
        for (n, whole) in [1, 2, 4, 4].into_iter().enumerate() {
            let now = now + SEC * 10 * u32::try_from(n).unwrap();
            check_pause(fail(&mut breaker, now), SEC * whole);
        }
        let mut breaker = Breaker::new(CONFIG);
        check_pause(fail(&mut breaker, now), SEC);
        check_pause(fail(&mut breaker, now + SEC), SEC * 2);
        assert!(!breaker.proved(now + SEC * 2));
        check_pause(fail(&mut breaker, now + SEC * 10), SEC);
        let mut breaker = Breaker::new(CONFIG);
        check_pause(fail(&mut breaker, now), SEC);
        check_pause(fail(&mut breaker, now + SEC), SEC * 2);
        check_pause(fail(&mut breaker, now + SEC + CONFIG.window), SEC);
    }

    #[test]
    fn hosts_that_lose_the_same_plugin_pause_for_different_times() {
        let now = Instant::now();
        let mut pauses: Vec<String> = (0..10)
            .map(|seed| format!("{:?}", Breaker::new(CONFIG).failed(now, String::new(), seed)))
            .collect();
        pauses.sort();
        pauses.dedup();
        assert_eq!(pauses.len(), 10);
    }

    #[test]
    fn a_shorter_pause_does_not_undo_a_longer_one() {
        let config = BreakerConfig { limit: 50, backoff_max: SEC, ..CONFIG };
        let (mut breaker, now) = (Breaker::new(config), Instant::now());
        let mut longest = Duration::ZERO;
        for seed in 0..40 {
            let Verdict::Pause(pause) = breaker.failed(now, String::new(), seed) else {
                panic!("below the limit")
            };
            assert!(pause >= longest);
            longest = pause;
        }
    }

    #[test]
    fn a_start_waits_for_the_pause() {
        let (mut breaker, now) = (Breaker::new(CONFIG), Instant::now());
        assert_eq!(breaker.may_start(now), Gate::Yes);
        let Verdict::Pause(pause) = fail(&mut breaker, now) else { panic!("one end is no quarantine") };
        assert_eq!(breaker.may_start(now), Gate::NotBefore(now + pause));
        assert_eq!(breaker.next_event(now), Some(now + pause));
        assert_eq!(breaker.may_start(now + pause), Gate::Yes);
        assert_eq!(breaker.next_event(now + pause), None);
    }

    #[test]
    fn a_proof_does_not_forget_ends_but_the_window_does() {
        let now = Instant::now();
        let mut breaker = Breaker::new(CONFIG);
        for n in 0..CONFIG.limit {
            let now = now + SEC * n;
            let verdict = fail(&mut breaker, now);
            assert_eq!(matches!(verdict, Verdict::Quarantined { .. }), n + 1 == CONFIG.limit);
            assert!(!breaker.proved(now));
        }
        let mut breaker = Breaker::new(CONFIG);
        for n in 0..CONFIG.limit * 3 {
            // Four within any window, never five.
            assert!(matches!(fail(&mut breaker, now + SEC * 15 * n), Verdict::Pause(_)), "end {n}");
        }
    }

    #[test]
    fn a_quarantine_names_the_last_ends_shortened() {
        let (mut breaker, now) = (Breaker::new(CONFIG), Instant::now());
        for n in 0..7 {
            breaker.failed(now, format!("{n}{}", "é".repeat(300)), 0);
        }
        let Gate::Quarantined { until, exits } = breaker.may_start(now) else {
            panic!("it is not quarantined")
        };
        assert_eq!(until, now + CONFIG.quarantine);
        let starts: String = exits.iter().filter_map(|exit| exit.chars().next()).collect();
        assert_eq!(starts, "23456");
        assert!(exits.iter().all(|exit| exit.chars().count() == MAX_EXIT_CHARS));
        assert_eq!(breaker.exits().len(), MAX_EXITS);
    }

    #[test]
    fn one_trial_at_a_time_and_a_withdrawn_one_may_be_repeated() {
        let now = Instant::now();
        let (mut breaker, later) = (quarantined(now), now + CONFIG.quarantine);
        assert!(matches!(breaker.may_start(now + SEC * 29), Gate::Quarantined { .. }));
        assert_eq!(breaker.may_start(later), Gate::Trial);
        breaker.trial_started();
        assert_eq!(breaker.may_start(later), Gate::TrialOut);
        assert_eq!(breaker.next_event(later), None);
        breaker.trial_withdrawn();
        assert_eq!(breaker.may_start(later), Gate::Trial);
        assert!(breaker.is_quarantined());
    }

    #[test]
    fn a_trial_that_works_ends_the_quarantine_and_forgets() {
        let now = Instant::now();
        let (mut breaker, later) = (quarantined(now), now + CONFIG.quarantine);
        assert!(!breaker.proved(now), "an older worker's call is no trial");
        breaker.trial_started();
        assert!(breaker.proved(later));
        assert!(!breaker.proved(later));
        assert_eq!(breaker.may_start(later), Gate::Yes);
        assert!(breaker.is_idle(later) && !breaker.is_quarantined());
        check_pause(fail(&mut breaker, later), SEC);
    }

    #[test]
    fn failed_trials_double_the_quarantine_to_its_ceiling() {
        let mut now = Instant::now();
        let mut breaker = quarantined(now);
        now += CONFIG.quarantine;
        for secs in [60, 100, 100] {
            assert_eq!(breaker.may_start(now), Gate::Trial);
            breaker.trial_started();
            assert_eq!(fail(&mut breaker, now), Verdict::Quarantined { retry_after: SEC * secs });
            now += SEC * secs;
        }
    }

    #[test]
    fn an_older_worker_that_dies_is_no_failed_trial() {
        let now = Instant::now();
        let mut breaker = quarantined(now);
        let left = Verdict::Quarantined { retry_after: SEC * 29 };
        assert_eq!(fail(&mut breaker, now + SEC), left);
        breaker.trial_started();
        assert_eq!(breaker.older_failed(now + SEC, "late".to_owned(), 0), left);
        assert_eq!(breaker.may_start(now + CONFIG.quarantine), Gate::TrialOut);
        assert_eq!(breaker.exits().back().unwrap(), "late");
        assert!(breaker.proved(now + CONFIG.quarantine));
    }

    #[test]
    fn an_end_after_the_quarantine_and_before_a_trial_is_the_same_quarantine_again() {
        let now = Instant::now();
        let mut breaker = quarantined(now);
        let later = now + CONFIG.quarantine;
        assert_eq!(fail(&mut breaker, later), Verdict::Quarantined { retry_after: CONFIG.quarantine });
        assert!(matches!(breaker.may_start(later), Gate::Quarantined { .. }));
    }

    #[test]
    fn what_remembers_nothing_is_idle() {
        let (mut breaker, now) = (Breaker::new(CONFIG), Instant::now());
        assert!(breaker.is_idle(now));
        fail(&mut breaker, now);
        assert!(!breaker.is_idle(now + SEC * 59));
        assert!(breaker.is_idle(now + CONFIG.window));
        let forgotten_at = now + CONFIG.quarantine + CONFIG.quarantine_max;
        assert!(!quarantined(now).is_idle(now + CONFIG.quarantine + SEC));
        assert!(quarantined(now).is_idle(forgotten_at));
        let mut half_open = quarantined(now);
        half_open.trial_started();
        assert!(!half_open.is_idle(forgotten_at));
    }

    #[test]
    fn a_limit_of_one_quarantines_at_once() {
        let mut breaker = Breaker::new(BreakerConfig { limit: 1, ..CONFIG });
        assert_eq!(
            fail(&mut breaker, Instant::now()),
            Verdict::Quarantined { retry_after: CONFIG.quarantine }
        );
    }

    #[test]
    fn doubling_never_overflows() {
        let century = Duration::from_hours(100 * 365 * 24);
        assert_eq!(doubled(SEC, 3, century), SEC * 8);
        assert_eq!(doubled(SEC, u32::MAX, century), century.min(SEC * u32::MAX));
        assert_eq!(doubled(Duration::MAX, 31, century), century);
    }

    /// What an owner does, as the property below plays it.
    #[derive(Debug, Clone, Copy)]
    enum Act {
        Pass(u64),
        TryStart,
        WorkerFails,
        WorkerProves,
        Withdraw,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0_u64..20_000).prop_map(Act::Pass),
            Just(Act::TryStart),
            Just(Act::WorkerFails),
            Just(Act::WorkerProves),
            Just(Act::Withdraw),
        ]
    }

    proptest! {
        /// An owner that starts whatever the gate lets it: at most one trial is out, no start comes before the latest
        /// pause or quarantine was over, and the limit within the window is never reached unpunished.
        #[test]
        fn no_start_comes_early_and_no_second_trial(acts in prop::collection::vec(act(), 0..120), seed: u64) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(CONFIG);
            let (mut barred_until, mut n_trials, mut ends) = (now, 0, Vec::new());
            for act in acts {
                match act {
                    Act::Pass(millis) => now += Duration::from_millis(millis),
                    Act::TryStart => match breaker.may_start(now) {
                        Gate::Yes => {
                            prop_assert!(now >= barred_until);
                            prop_assert_eq!(n_trials, 0);
                        }
                        Gate::Trial => {
                            prop_assert!(now >= barred_until);
                            breaker.trial_started();
                            n_trials += 1;
                            prop_assert_eq!(n_trials, 1);
                        }
                        Gate::TrialOut => prop_assert_eq!(n_trials, 1),
                        Gate::NotBefore(until) | Gate::Quarantined { until, .. } => {
                            prop_assert_eq!(until, barred_until);
                            prop_assert_eq!(breaker.next_event(now), Some(until));
                        }
                    },
                    Act::WorkerFails => {
                        ends.retain(|end| now - *end < CONFIG.window);
                        ends.push(now);
                        let was_quarantined = breaker.is_quarantined();
                        match breaker.failed(now, String::new(), seed) {
                            Verdict::Pause(pause) => {
                                prop_assert!(pause <= CONFIG.backoff_max && pause >= CONFIG.backoff_min * 3 / 4);
                                prop_assert!(ends.len() < CONFIG.limit as usize);
                                barred_until = now + pause;
                            }
                            Verdict::Quarantined { retry_after } => {
                                prop_assert!(was_quarantined || ends.len() == CONFIG.limit as usize);
                                prop_assert!(retry_after <= CONFIG.quarantine_max);
                                barred_until = now + retry_after;
                                ends.clear();
                            }
                        }
                        n_trials = 0;
                    }
                    Act::WorkerProves => {
                        prop_assert_eq!(breaker.proved(now), n_trials == 1);
                        n_trials = 0;
                    }
                    Act::Withdraw => {
                        breaker.trial_withdrawn();
                        n_trials = 0;
                    }
                }
                prop_assert!(breaker.recent.len() < CONFIG.limit as usize && breaker.exits.len() <= MAX_EXITS);
            }
        }
    }
}
