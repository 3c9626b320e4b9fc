//! When the hub flushes: on a grid that leaves aim at, or at the end of windows, whichever costs fewer
//! messages.

use std::time::Duration;

use super::phase_lock::{BURST_FROM, spread};
use crate::strategy::auto::cost_model::{self, Poisson};
use crate::time::{Time, next_point};

/// The shortest time over which the rate of values is averaged.
const AVERAGE_OVER: Duration = Duration::from_secs(5);
/// The hub changes to the other mode if that costs less than this part of the present one. The gap prevents
/// flapping.
const GAIN: f64 = 0.93;

/// The two ways to time flushes. Both give a maximum latency of W + 2·L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// On a fixed grid of period W, which starts with the first value. Leaves aim at it.
    Periodic { grid: Option<Time> },
    /// W after the first pending value. Leaves cannot aim, and send at once.
    Window,
}

/// Decides when the hub flushes, from the period and the rate of values.
#[derive(Debug)]
pub(super) struct FlushSchedule {
    period: Duration,
    nodes: u32,
    mode: Mode,
    /// When the last flush was due.
    last: Option<Time>,
    rate: Rate,
    /// The mode never changes.
    pinned: bool,
    /// The first batches of all leaves have not arrived yet, and will do so at about the same time.
    awaits_burst: bool,
    /// When the first burst was due.
    burst: Option<Time>,
    /// A point of the grid that windows replaced. Leaves that have not heard of that still aim at it.
    former_grid: Option<Time>,
}

impl FlushSchedule {
    pub(super) fn new(period: Duration, nodes: u32) -> FlushSchedule {
        let mode = if period.is_zero() { Mode::Window } else { Mode::Periodic { grid: None } };
        FlushSchedule {
            period,
            nodes,
            mode,
            last: None,
            rate: Rate::default(),
            pinned: false,
            awaits_burst: false,
            burst: None,
            former_grid: None,
        }
    }

    /// Another period, whose grid starts with the flush that was due at `due`.
    pub(super) fn periodic_from(period: Duration, nodes: u32, due: Time) -> FlushSchedule {
        let mut schedule = FlushSchedule::new(period, nodes);
        schedule.last = Some(due);
        if let Mode::Periodic { grid } = &mut schedule.mode {
            *grid = Some(due);
        }
        schedule
    }

    /// Windows only, from the flush that was due at `due` on: leaves send their values to every node
    /// themselves.
    pub(super) fn windows_from(window: Duration, nodes: u32, due: Time) -> FlushSchedule {
        FlushSchedule { mode: Mode::Window, pinned: true, ..FlushSchedule::periodic_from(window, nodes, due) }
    }

    /// All nodes start at about this time.
    pub(super) fn on_topology(&mut self) {
        self.awaits_burst = matches!(self.mode, Mode::Periodic { grid: None }) && self.period >= BURST_FROM;
    }

    /// A leaf's batch arrived. If it is the first of the first burst, returns when to flush the burst. By the
    /// flush after it, the leaves that started first will have waited a period, so the grid counts from now.
    pub(super) fn on_first_burst(&mut self, now: Time) -> Option<Time> {
        if !std::mem::take(&mut self.awaits_burst) {
            return None;
        }
        self.mode = Mode::Periodic { grid: Some(now + self.period) };
        self.burst = Some(now + spread(self.period));
        self.burst
    }

    /// Whether the last flush was that of the first burst. A batch soon after it belongs to the burst.
    pub(super) fn last_was_burst(&self) -> bool {
        self.last.is_some() && self.last == self.burst
    }

    /// When to flush values that arrived at `now`, if no flush is scheduled yet. May start the grid.
    pub(super) fn next_flush(&mut self, now: Time) -> Time {
        if self.awaits_burst {
            // The burst sets the time. This one is for a hub whose leaves have nothing to send.
            return now + self.period + spread(self.period) * 2;
        }
        if let Mode::Periodic { grid } = &mut self.mode {
            grid.get_or_insert(now + self.period);
        }
        self.next_on_grid(now).unwrap_or(now + self.period)
    }

    /// The next flush, if leaves can aim at it.
    pub(super) fn next_on_grid(&self, now: Time) -> Option<Time> {
        let Mode::Periodic { grid: Some(grid) } = self.mode else { return None };
        let last = self.last.unwrap_or(Time::ZERO);
        if grid >= now && grid > last {
            return Some(grid);
        }
        Some(next_point(grid, self.period, now.max(last + Duration::from_nanos(1))))
    }

    /// The next point of the grid that windows replaced, for a batch that was aimed at it.
    pub(super) fn next_on_former_grid(&self, now: Time) -> Option<Time> {
        let grid = self.former_grid.filter(|_| self.mode == Mode::Window)?;
        Some(next_point(grid, self.period, now))
    }

    /// The last point of the grid, if it passed less than `lately` ago and had nothing to flush.
    pub(super) fn unused_point(&self, now: Time, lately: Duration) -> Option<Time> {
        let Mode::Periodic { grid: Some(grid) } = self.mode else { return None };
        let point = self.next_on_grid(now)? - self.period;
        let unused = point >= grid && self.last.is_none_or(|last| last < point);
        (unused && now.saturating_since(point) < lately).then_some(point)
    }

    /// When the last flush was due.
    pub(super) fn last(&self) -> Option<Time> {
        self.last
    }

    /// The flush that was due at `due` was made, with `values` new values since the last. Chooses the mode of
    /// the next flushes.
    pub(super) fn on_flush(&mut self, due: Time, values: usize) {
        let since = self.last.map_or(self.period, |last| due.saturating_since(last));
        self.last = Some(due);
        self.awaits_burst = false;
        if self.period.is_zero() || self.pinned {
            return;
        }
        self.rate.add(values, since, AVERAGE_OVER.max(self.period * 4));
        self.mode = match self.mode {
            Mode::Periodic { .. } if self.window_cost() < GAIN * self.periodic_cost() => {
                self.former_grid = Some(due);
                Mode::Window
            }
            Mode::Window if self.periodic_cost() < GAIN * self.window_cost() => {
                Mode::Periodic { grid: Some(due) }
            }
            // Without a burst, the flush of the hub's own values starts the grid.
            Mode::Periodic { grid } => Mode::Periodic { grid: grid.or(Some(due)) },
            Mode::Window => Mode::Window,
        };
    }

    /// Messages per second if leaves and hub share the period.
    fn periodic_cost(&self) -> f64 {
        cost_model::two_hops_on_a_period(&self.arrivals(), self.period)
    }

    /// Messages per second with windows at the hub, and leaves that send at once.
    fn window_cost(&self) -> f64 {
        cost_model::two_hops_on_first_values(&self.arrivals(), Duration::ZERO, self.period)
    }

    fn arrivals(&self) -> Poisson {
        Poisson { nodes: self.nodes, values_per_second: self.rate.per_second() }
    }
}

/// A moving average of the values per second in the whole cluster.
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
        let mut schedule = FlushSchedule::new(Duration::from_millis(period_ms), 25);
        let mut now = at(0);
        for _ in 0..10_000 / period_ms {
            now = schedule.next_flush(now);
            schedule.on_flush(now, (rate * period_ms / 1000) as usize);
        }
        schedule.next_on_grid(now).is_some()
    }

    #[test]
    fn the_first_value_fixes_the_grid() {
        let mut schedule = FlushSchedule::new(Duration::from_millis(400), 25);
        assert_eq!(schedule.next_on_grid(at(3)), None);
        assert_eq!(schedule.next_flush(at(10)), at(410));
        assert_eq!(schedule.next_on_grid(at(200)), Some(at(410)));
        assert_eq!(schedule.next_on_grid(at(410)), Some(at(410)));
        schedule.on_flush(at(410), 20);
        assert_eq!(schedule.next_flush(at(410)), at(810), "one flush for each grid point");
        assert_eq!(schedule.next_flush(at(4011)), at(4410));
        assert_eq!(schedule.next_flush(at(4410)), at(4410));
    }

    #[test]
    fn the_first_burst_is_flushed_together_and_sets_the_grid() {
        let mut schedule = FlushSchedule::new(Duration::from_millis(1000), 25);
        schedule.on_topology();
        assert_eq!(schedule.next_flush(at(10)), at(1210), "the hub's own value, should no burst come");
        assert_eq!(schedule.on_first_burst(at(1000)), Some(at(1100)));
        assert_eq!(schedule.on_first_burst(at(1001)), None);
        assert_eq!(schedule.next_on_grid(at(1100)), Some(at(2000)));
        schedule.on_flush(at(1100), 40);
        assert_eq!(schedule.next_on_grid(at(1100)), Some(at(2000)));
        assert_eq!(schedule.next_flush(at(1950)), at(2000));

        let mut short = FlushSchedule::new(Duration::from_millis(400), 25);
        short.on_topology();
        assert_eq!(short.on_first_burst(at(10)), None);
    }

    #[test]
    fn a_point_that_passed_with_nothing_to_flush_is_known_for_a_while() {
        let mut schedule = FlushSchedule::new(Duration::from_millis(400), 25);
        let lately = Duration::from_millis(100);
        assert_eq!(schedule.next_flush(at(10)), at(410));
        assert_eq!(schedule.unused_point(at(300), lately), None, "there was none yet");
        schedule.on_flush(at(410), 20);
        assert_eq!(schedule.unused_point(at(420), lately), None, "it had its flush");
        assert_eq!(schedule.unused_point(at(811), lately), Some(at(810)));
        assert_eq!(schedule.unused_point(at(911), lately), None);
        assert_eq!(schedule.unused_point(at(1211), lately), Some(at(1210)));
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
    fn windows_leave_the_old_grid_to_those_that_aim_at_it() {
        let mut schedule = FlushSchedule::new(Duration::from_millis(200), 25);
        let due = schedule.next_flush(at(10));
        assert_eq!((due, schedule.next_on_former_grid(at(100))), (at(210), None));
        // One value a second is cheaper in windows.
        schedule.on_flush(due, 1);
        assert_eq!(schedule.next_on_grid(at(211)), None);
        assert_eq!(schedule.next_flush(at(400)), at(600), "a window");
        assert_eq!(schedule.next_on_former_grid(at(400)), Some(at(410)));
        assert_eq!(schedule.next_on_former_grid(at(411)), Some(at(610)));
    }

    #[test]
    fn a_period_of_zero_flushes_at_once() {
        let mut schedule = FlushSchedule::new(Duration::ZERO, 25);
        assert_eq!(schedule.next_flush(at(5)), at(5));
        schedule.on_flush(at(5), 1);
        assert_eq!(schedule.next_flush(at(5)), at(5));
        assert_eq!(schedule.next_on_grid(at(5)), None);
    }
}
