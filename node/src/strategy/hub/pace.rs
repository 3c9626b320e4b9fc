//! When the hub flushes.

use std::time::Duration;

use super::phase::{BURST_FROM, spread};
use crate::time::Time;

/// Over which time the rate of values is averaged, at least.
const AVERAGE_OVER: Duration = Duration::from_secs(5);
/// How much cheaper the other mode must be before the hub changes over.
const GAIN: f64 = 0.93;

/// The two ways to time flushes. Both give a maximum of W + 2L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// On a grid of period W that the first value fixed and that stays for good. Leaves aim at it.
    Periodic { grid: Option<Time> },
    /// W after the first value that waits. Leaves cannot aim, and send at once.
    Window,
}

/// Decides when the hub flushes, from the period and the rate of values.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    nodes: f64,
    mode: Mode,
    last: Option<Time>,
    rate: Rate,
    /// The mode is not to be changed.
    pinned: bool,
    /// All leaves' first batches will come at about the same time.
    awaits_burst: bool,
    /// When the first burst was due.
    burst: Option<Time>,
}

impl Pace {
    pub(super) fn new(period: Duration, nodes: u32) -> Pace {
        let mode = if period.is_zero() { Mode::Window } else { Mode::Periodic { grid: None } };
        Pace {
            period,
            nodes: f64::from(nodes),
            mode,
            last: None,
            rate: Rate::default(),
            pinned: false,
            awaits_burst: false,
            burst: None,
        }
    }

    /// Another period, from the flush that was due at `due` on.
    pub(super) fn changed(period: Duration, nodes: u32, due: Time) -> Pace {
        let mut pace = Pace::new(period, nodes);
        pace.last = Some(due);
        if let Mode::Periodic { grid } = &mut pace.mode {
            *grid = Some(due);
        }
        pace
    }

    /// Windows only: what leaves send, they send to everyone themselves.
    pub(super) fn windows(window: Duration, nodes: u32, due: Time) -> Pace {
        Pace { mode: Mode::Window, pinned: true, ..Pace::changed(window, nodes, due) }
    }

    /// All nodes begin now.
    pub(super) fn begins(&mut self) {
        self.awaits_burst = matches!(self.mode, Mode::Periodic { grid: None }) && self.period >= BURST_FROM;
    }

    /// A leaf's batch came. If it is the first of the first burst: when to flush that. Leaves that began earliest
    /// will have waited a period by the flush after it, so the grid counts from now.
    pub(super) fn first_burst(&mut self, now: Time) -> Option<Time> {
        if !std::mem::take(&mut self.awaits_burst) {
            return None;
        }
        self.mode = Mode::Periodic { grid: Some(now + self.period) };
        self.burst = Some(now + spread(self.period));
        self.burst
    }

    /// Whether the last flush was that of the first burst: a batch soon after it belongs to the burst.
    pub(super) fn last_was_burst(&self) -> bool {
        self.last.is_some() && self.last == self.burst
    }

    /// When values that came at `now` are to be flushed, if no flush is due already.
    pub(super) fn open(&mut self, now: Time) -> Time {
        if self.awaits_burst {
            // The burst sets the time; this is for a hub whose leaves have nothing to say.
            return now + self.period + spread(self.period) * 2;
        }
        if let Mode::Periodic { grid } = &mut self.mode {
            grid.get_or_insert(now + self.period);
        }
        self.next_on_grid(now).unwrap_or(now + self.period)
    }

    /// The next flush as leaves may know it: none if they cannot aim at it.
    pub(super) fn next_on_grid(&self, now: Time) -> Option<Time> {
        let Mode::Periodic { grid: Some(grid) } = self.mode else { return None };
        let last = self.last.unwrap_or(Time::ZERO);
        if grid >= now && grid > last {
            return Some(grid);
        }
        let behind = now.saturating_since(grid).max(last.saturating_since(grid) + Duration::from_nanos(1));
        let periods = behind.as_nanos().div_ceil(self.period.as_nanos());
        Some(grid + Duration::from_nanos((periods * self.period.as_nanos()) as u64))
    }

    /// The point of the grid that passed less than `lately` ago with nothing to flush.
    pub(super) fn passed(&self, now: Time, lately: Duration) -> Option<Time> {
        let Mode::Periodic { grid: Some(grid) } = self.mode else { return None };
        let point = self.next_on_grid(now)? - self.period;
        let unused = point >= grid && self.last.is_none_or(|last| last < point);
        (unused && now.saturating_since(point) < lately).then_some(point)
    }

    /// When the last flush was due.
    pub(super) fn last(&self) -> Option<Time> {
        self.last
    }

    /// Takes note of the flush that was due at `due`, with `values` new values since the last.
    pub(super) fn flushed(&mut self, due: Time, values: usize) {
        let since = self.last.map_or(self.period, |last| due.saturating_since(last));
        self.last = Some(due);
        self.awaits_burst = false;
        if self.period.is_zero() || self.pinned {
            return;
        }
        self.rate.add(values, since, AVERAGE_OVER.max(self.period * 4));
        self.mode = match self.mode {
            Mode::Periodic { .. } if self.window_cost() < GAIN * self.periodic_cost() => Mode::Window,
            Mode::Window if self.periodic_cost() < GAIN * self.window_cost() => {
                Mode::Periodic { grid: Some(due) }
            }
            // Where no burst came the hub's own values were flushed without a grid. It starts here.
            Mode::Periodic { grid } => Mode::Periodic { grid: grid.or(Some(due)) },
            Mode::Window => Mode::Window,
        };
    }

    /// Messages per second and leaf with a common period.
    fn periodic_cost(&self) -> f64 {
        let (w, b) = (self.period.as_secs_f64(), self.rate.per_second());
        (-(-w * b / self.nodes).exp_m1() - (-w * b).exp_m1()) / w
    }

    /// Messages per second and leaf with windows, and leaves that send at once.
    fn window_cost(&self) -> f64 {
        let (w, b) = (self.period.as_secs_f64(), self.rate.per_second());
        b / self.nodes + b / (w * b + 1.0)
    }
}

/// Values per second over the whole cluster, older ones counting less.
#[derive(Debug, Default)]
struct Rate {
    values: f64,
    seconds: f64,
}

impl Rate {
    fn add(&mut self, values: usize, since: Duration, over: Duration) {
        let keep = (-since.as_secs_f64() / over.as_secs_f64()).exp();
        self.values = self.values * keep + values as f64;
        self.seconds = self.seconds * keep + since.as_secs_f64();
    }

    fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.values / self.seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// Values at `rate` per second for ten seconds; whether the hub then flushes on a grid.
    fn periodic_at(rate: u64, period_ms: u64) -> bool {
        let mut pace = Pace::new(Duration::from_millis(period_ms), 25);
        let mut now = at(0);
        for _ in 0..10_000 / period_ms {
            now = pace.open(now);
            pace.flushed(now, (rate * period_ms / 1000) as usize);
        }
        pace.next_on_grid(now).is_some()
    }

    #[test]
    fn the_first_value_fixes_the_grid() {
        let mut pace = Pace::new(Duration::from_millis(400), 25);
        assert_eq!(pace.next_on_grid(at(3)), None);
        assert_eq!(pace.open(at(10)), at(410));
        assert_eq!(pace.next_on_grid(at(200)), Some(at(410)));
        assert_eq!(pace.next_on_grid(at(410)), Some(at(410)));
        pace.flushed(at(410), 20);
        assert_eq!(pace.open(at(410)), at(810), "one flush for each grid point");
        assert_eq!(pace.open(at(4011)), at(4410));
        assert_eq!(pace.open(at(4410)), at(4410));
    }

    #[test]
    fn the_first_burst_is_flushed_together_and_sets_the_grid() {
        let mut pace = Pace::new(Duration::from_millis(1000), 25);
        pace.begins();
        assert_eq!(pace.open(at(10)), at(1210), "the hub's own value, should no burst come");
        assert_eq!(pace.first_burst(at(1000)), Some(at(1100)));
        assert_eq!(pace.first_burst(at(1001)), None);
        assert_eq!(pace.next_on_grid(at(1100)), Some(at(2000)));
        pace.flushed(at(1100), 40);
        assert_eq!(pace.next_on_grid(at(1100)), Some(at(2000)));
        assert_eq!(pace.open(at(1950)), at(2000));

        let mut short = Pace::new(Duration::from_millis(400), 25);
        short.begins();
        assert_eq!(short.first_burst(at(10)), None);
    }

    #[test]
    fn a_point_that_passed_with_nothing_to_flush_is_known_for_a_while() {
        let mut pace = Pace::new(Duration::from_millis(400), 25);
        let lately = Duration::from_millis(100);
        assert_eq!(pace.open(at(10)), at(410));
        assert_eq!(pace.passed(at(300), lately), None, "there was none yet");
        pace.flushed(at(410), 20);
        assert_eq!(pace.passed(at(420), lately), None, "it had its flush");
        assert_eq!(pace.passed(at(811), lately), Some(at(810)));
        assert_eq!(pace.passed(at(911), lately), None);
        assert_eq!(pace.passed(at(1211), lately), Some(at(1210)));
    }

    #[test]
    fn short_periods_and_low_rates_are_cheaper_with_windows() {
        assert!(periodic_at(50, 450));
        assert!(periodic_at(50, 1500));
        assert!(!periodic_at(50, 50));
        assert!(!periodic_at(50, 100));
        assert!(!periodic_at(1, 1000));
    }

    #[test]
    fn a_period_of_zero_flushes_at_once() {
        let mut pace = Pace::new(Duration::ZERO, 25);
        assert_eq!(pace.open(at(5)), at(5));
        pace.flushed(at(5), 1);
        assert_eq!(pace.open(at(5)), at(5));
        assert_eq!(pace.next_on_grid(at(5)), None);
    }
}
