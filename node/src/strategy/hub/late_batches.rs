//! How the hub keeps a batch that is a little late from waiting a whole period for the next flush.
//!
//! Batches of leaves in phase arrive in a burst just before the flush. A stall of a busy machine delays many
//! of them at once, chance a single one. There are two remedies:
//!
//! - **The flush waits**, at no cost in messages, for at most a hundredth of the period or 8 ms. It does so
//!   while the burst continues, or while fewer batches than usual have arrived.
//! - **An extra flush** serves batches that arrive soon after the flush. It costs N − 1 messages, so a budget
//!   limits how often it happens. Otherwise latencies that vary by more than the leaves' margins would cost a
//!   second flush in each period. Three late batches together get an extra flush on credit. After a flush
//!   that missed most batches, because everything stood still, there is always one.

use std::time::Duration;

use crate::time::Time;

/// The longest wait of a flush is one part in this many of the period: little compared with the latency that
/// the period causes anyway.
const WAIT_PART: u32 = 100;
/// But it is not less than this, which is how long a busy machine stalls.
const STALL: Duration = Duration::from_millis(8);
/// And not more than one part in this many of the period.
const LONGEST_WAIT_PART: u32 = 32;
/// After a batch the burst continues for one part in this many of the longest wait.
const PAUSE_PART: u32 = 4;
/// A batch in the first of this many parts of a period missed the flush before it.
const LATE_PART: u32 = 4;
/// One extra flush is allowed per this many flushes.
const FLUSHES_PER_EXTRA: f64 = 8.0;
/// The most extra flushes that the budget can save up.
const MAX_BUDGET: f64 = 2.0;
/// This many late batches at once get an extra flush on credit.
const TOGETHER: u32 = 3;
/// With fewer batches for one flush, their arrivals say nothing of the deviation.
const ENOUGH_ARRIVALS: u32 = 3;
/// The least jitter that the hub reports to leaves.
const JITTER_FROM: Duration = Duration::from_millis(2);
/// The weight of the last period in the averages.
const WEIGHT: f64 = 0.2;

#[derive(Debug)]
pub(super) struct LateBatches {
    period: Duration,
    leaves: f64,
    /// Batches of leaves in phase since the last flush, and when the last of them arrived.
    batches: u32,
    newest: Time,
    /// The average number of batches in a period.
    usual: Option<f64>,
    /// The budget: how many extra flushes are allowed.
    budget: f64,
    /// When the first batch arrived that waits for an extra flush, and how many have arrived since.
    late: Option<(Time, u32)>,
    arrivals: Arrivals,
}

/// How far from each other the batches arrive that were aimed at one flush. A stall that delays all of them
/// is not a reason to aim earlier.
#[derive(Debug, Default)]
struct Arrivals {
    /// The flush that the last batch was aimed at.
    aimed_at: Time,
    /// When the batches aimed at it arrived: the sum and the sum of squares, in ms after it.
    sum: f64,
    squares: f64,
    count: u32,
    /// The mean over earlier flushes.
    earlier: Option<f64>,
}

impl Arrivals {
    fn add(&mut self, aimed_at: Time, after_ms: f64) {
        if aimed_at != self.aimed_at {
            self.earlier = self.deviation_ms();
            (self.aimed_at, self.sum, self.squares, self.count) = (aimed_at, 0.0, 0.0, 0);
        }
        self.sum += after_ms;
        self.squares += after_ms * after_ms;
        self.count += 1;
    }

    /// The standard deviation of the arrivals for one flush, averaged over flushes. Leaves take it for the
    /// mean deviation, which is somewhat shorter.
    fn deviation_ms(&self) -> Option<f64> {
        if self.count < ENOUGH_ARRIVALS {
            return self.earlier;
        }
        let count = f64::from(self.count);
        let latest = ((self.squares - self.sum * self.sum / count).max(0.0) / (count - 1.0)).sqrt();
        Some(self.earlier.map_or(latest, |earlier| earlier + WEIGHT * (latest - earlier)))
    }

    fn deviation(&self) -> Duration {
        Duration::from_secs_f64(self.deviation_ms().unwrap_or_default() / 1e3)
    }
}

impl LateBatches {
    pub(super) fn new(period: Duration, nodes: u32) -> LateBatches {
        let leaves = f64::from(nodes.saturating_sub(1));
        LateBatches {
            period,
            leaves,
            batches: 0,
            newest: Time::ZERO,
            usual: None,
            budget: MAX_BUDGET,
            late: None,
            arrivals: Arrivals::default(),
        }
    }

    /// How long after a flush a batch still counts as late for it.
    pub(super) fn lateness(&self) -> Duration {
        self.period / LATE_PART
    }

    /// A leaf in phase sent a batch. If it missed the flush at `last`, returns when to make an extra one,
    /// late enough for further late batches to join.
    pub(super) fn on_batch(&mut self, now: Time, last: Option<Time>) -> Option<Time> {
        self.newest = now;
        if last.is_none_or(|last| now.saturating_since(last) >= self.lateness()) {
            self.batches += 1;
            return None;
        }
        let longest = self.longest_wait().max(self.arrivals.deviation() * 2);
        let since = self.late.filter(|(first, _)| now.saturating_since(*first) <= longest);
        let (first, count) = since.map_or((now, 1), |(first, count)| (first, count + 1));
        self.late = Some((first, count));
        let on_credit = count >= TOGETHER && self.budget > -MAX_BUDGET;
        (self.budget >= 1.0 || on_credit).then(|| (now + longest / PAUSE_PART).min(first + longest))
    }

    /// A batch arrived that its leaf had aimed at a flush: that of `next`, or one on the same grid.
    pub(super) fn on_aimed_batch(&mut self, now: Time, next: Time) {
        let before_next = next.saturating_since(now);
        let after_last = self.period.saturating_sub(before_next);
        if after_last < self.lateness() {
            self.arrivals.add(next - self.period, after_last.as_secs_f64() * 1e3);
        } else {
            self.arrivals.add(next, -before_next.as_secs_f64() * 1e3);
        }
    }

    /// The standard deviation of the batches' arrival times, if leaves must know it: more than what their
    /// margins allow for in any case.
    pub(super) fn jitter(&self) -> Option<Duration> {
        Some(self.arrivals.deviation()).filter(|deviation| *deviation >= JITTER_FROM)
    }

    /// Until when the flush that was due at `due` should wait, given the batches so far.
    pub(super) fn wait_until(&self, due: Time) -> Time {
        let limit = due + self.longest_wait();
        if self.is_short() {
            limit
        } else {
            (self.newest + self.longest_wait() / PAUSE_PART).clamp(due, limit)
        }
    }

    /// The hub made a flush on the grid.
    pub(super) fn on_flush(&mut self) {
        self.late = None;
        self.budget = (self.budget + 1.0 / FLUSHES_PER_EXTRA).min(MAX_BUDGET);
        if self.is_short() && self.misses_most() {
            self.budget = self.budget.max(1.0);
        }
        let batches = f64::from(std::mem::take(&mut self.batches));
        self.usual = Some(self.usual.map_or(batches, |usual| usual + WEIGHT * (batches - usual)));
    }

    /// The hub made an extra flush.
    pub(super) fn on_extra_flush(&mut self) {
        self.late = None;
        self.budget -= 1.0;
    }

    /// Whether batches must be missing. Each leaf has something to send with the same probability, so the
    /// number of batches is binomial. More than three standard deviations below the mean is a shortfall.
    fn is_short(&self) -> bool {
        self.usual.is_some_and(|usual| {
            let deviation = (usual * (1.0 - usual / self.leaves).max(0.0)).sqrt();
            f64::from(self.batches) < usual - 3.0 * deviation
        })
    }

    fn misses_most(&self) -> bool {
        self.usual.is_some_and(|usual| f64::from(self.batches) < usual / 2.0)
    }

    fn longest_wait(&self) -> Duration {
        (self.period / WAIT_PART).max(STALL).min(self.period / LONGEST_WAIT_PART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Time {
        Time::ZERO + MS * ms
    }

    /// After many periods of 640 ms in which `batches` of 24 leaves sent one, 5 ms before the flush.
    fn after_periods_with(batches: u32) -> LateBatches {
        let mut late_batches = LateBatches::new(MS * 640, 25);
        for period in 0..20 {
            for _ in 0..batches {
                assert_eq!(late_batches.on_batch(at(period * 640 + 635), Some(at(period * 640))), None);
            }
            assert_eq!(late_batches.wait_until(at((period + 1) * 640)), at((period + 1) * 640));
            late_batches.on_flush();
        }
        late_batches
    }

    #[test]
    fn a_flush_waits_for_a_burst_that_is_late_or_continues() {
        let mut late_batches = after_periods_with(17);
        let (last, due) = (at(20 * 640), at(21 * 640));
        assert_eq!(late_batches.wait_until(due), due + MS * 8, "none has come");
        for _ in 0..14 {
            late_batches.on_batch(due + MS * 3, Some(last));
        }
        assert_eq!(late_batches.wait_until(due), due + MS * 5, "more may follow");
        for _ in 0..3 {
            late_batches.on_batch(due + MS * 7, Some(last));
        }
        assert_eq!(late_batches.wait_until(due), due + MS * 8, "but not for ever");
    }

    #[test]
    fn late_batches_share_an_extra_flush_and_a_standstill_always_gets_one() {
        let mut late_batches = after_periods_with(17);
        let (last, next) = (at(20 * 640), at(21 * 640));
        let late = last + MS * 30;
        assert_eq!(late_batches.on_batch(late, Some(last)), Some(late + MS * 2));
        assert_eq!(late_batches.on_batch(late + MS, Some(last)), Some(late + MS * 3));
        assert_eq!(late_batches.on_batch(late + MS * 7, Some(last)), Some(late + MS * 8), "but not for ever");
        late_batches.on_extra_flush();
        late_batches.on_extra_flush();
        (0..8).for_each(|_| assert_eq!(late_batches.on_batch(next - MS * 5, Some(last)), None));
        late_batches.on_flush();
        assert!(late_batches.on_batch(next + MS * 60, Some(next)).is_some(), "half were missing");
        late_batches.on_extra_flush();
        assert_eq!(late_batches.on_batch(next + MS * 70, Some(next)), None);
        assert_eq!(late_batches.on_batch(next + MS * 71, Some(next)), None);
        assert!(late_batches.on_batch(next + MS * 72, Some(next)).is_some(), "three at once, on credit");
    }

    #[test]
    fn the_spread_of_arrivals_is_sent_and_an_extra_flush_waits_for_it() {
        let mut late_batches = after_periods_with(17);
        let next = at(21 * 640);
        (0..17).for_each(|_| late_batches.on_aimed_batch(next - MS * 5, next));
        assert_eq!(late_batches.jitter(), None, "all arrive when they should");
        let mut stalled = after_periods_with(17);
        (0..17).for_each(|_| stalled.on_aimed_batch(next + MS * 20, next + MS * 640));
        assert_eq!(stalled.jitter(), None, "all are late");

        let mut late_batches = after_periods_with(17);
        (0..8).for_each(|_| late_batches.on_aimed_batch(next - MS * 50, next));
        (0..8).for_each(|_| late_batches.on_aimed_batch(next + MS * 40, next + MS * 640));
        let jitter = late_batches.jitter().unwrap();
        assert!((MS * 45..MS * 47).contains(&jitter), "45 ms from the mean: {jitter:?}");
        let (first, last) = (next + MS * 40, Some(next));
        assert_eq!(late_batches.on_batch(first, last), Some(first + jitter * 2 / PAUSE_PART));
    }

    #[test]
    fn few_batches_are_usual_where_leaves_have_little_to_say() {
        let late_batches = after_periods_with(3);
        assert_eq!(late_batches.wait_until(at(21 * 640)), at(21 * 640));
    }

    #[test]
    fn a_late_batch_gets_a_flush_of_its_own_but_not_often() {
        let mut late_batches = after_periods_with(17);
        let last = Some(at(20 * 640));
        let late = at(20 * 640 + 30);
        assert_eq!(late_batches.on_batch(late, last), Some(late + MS * 2));
        late_batches.on_extra_flush();
        late_batches.on_extra_flush();
        assert_eq!(late_batches.on_batch(late + MS * 20, last), None, "the budget is spent");
        (0..8).for_each(|_| late_batches.on_flush());
        assert!(late_batches.on_batch(late, last).is_some());
        assert_eq!(
            late_batches.on_batch(at(20 * 640 + 160), last),
            None,
            "early for the next flush, not late"
        );
    }
}
