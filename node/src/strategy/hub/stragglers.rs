//! What the hub does so that a batch that comes a little late does not wait a whole period for the next flush.
//!
//! Batches of leaves in phase come in a burst just before the flush. A stall of a busy machine delays many of them
//! at once, chance a single one. So
//!
//! - **the flush waits**, for no message and at most a hundredth of the period or 8 ms, while the burst goes on or fewer
//!   batches than usual have come;
//! - **a batch that comes soon after the flush** gets a flush of its own, for N−1 messages, and so only as often
//!   as the [`Stragglers`]' budget allows: latencies that vary by more than the leaves' margins would otherwise
//!   cost a second flush in each period. Three that come together get one on credit, and after a flush that missed
//!   most batches, because everything stood still, there is always one.

use std::time::Duration;

use crate::time::Time;

/// The longest wait of a flush, as a part of the period: little beside the latency that the period causes anyway.
const PATIENCE_PART: u32 = 100;
/// But not less than this, what a stall of a busy machine takes.
const STALL: Duration = Duration::from_millis(8);
/// The most of a period that this may be.
const MOST_PART: u32 = 32;
/// After a batch, how long the burst counts as going on, as a part of the patience.
const PAUSE_PART: u32 = 4;
/// A batch in this first part of a period missed the flush before it.
const LATE_PART: u32 = 4;
/// One flush in so many may be followed by an extra one.
const FLUSHES_PER_EXTRA: f64 = 8.0;
/// The most extra flushes that may be saved up.
const MOST_SPARE: f64 = 2.0;
/// So many late batches at once are worth an extra flush on credit.
const TOGETHER: u32 = 3;
/// The weight of the last period in what is usual.
const WEIGHT: f64 = 0.2;

#[derive(Debug)]
pub(super) struct Stragglers {
    period: Duration,
    leaves: f64,
    /// Batches of leaves in phase since the last flush, and when the last of them came.
    batches: u32,
    newest: Time,
    /// How many there are in a period, on average.
    usual: Option<f64>,
    /// How many extra flushes may be made.
    spare: f64,
    /// When the first batch came that waits for an extra flush, and how many have come since.
    late: Option<(Time, u32)>,
}

impl Stragglers {
    pub(super) fn new(period: Duration, nodes: u32) -> Stragglers {
        let leaves = f64::from(nodes.saturating_sub(1));
        Stragglers {
            period,
            leaves,
            batches: 0,
            newest: Time::ZERO,
            usual: None,
            spare: MOST_SPARE,
            late: None,
        }
    }

    /// For how long after a flush a batch counts as late for it.
    pub(super) fn lateness(&self) -> Duration {
        self.period / LATE_PART
    }

    /// Takes note of a batch of a leaf in phase. If it missed the flush at `last`: when to make an extra one, so
    /// that further late batches join.
    pub(super) fn batch(&mut self, now: Time, last: Option<Time>) -> Option<Time> {
        self.newest = now;
        if last.is_none_or(|last| now.saturating_since(last) >= self.lateness()) {
            self.batches += 1;
            return None;
        }
        let since = self.late.filter(|(first, _)| now.saturating_since(*first) <= self.patience());
        let (first, count) = since.map_or((now, 1), |(first, count)| (first, count + 1));
        self.late = Some((first, count));
        let on_credit = count >= TOGETHER && self.spare > -MOST_SPARE;
        (self.spare >= 1.0 || on_credit)
            .then(|| (now + self.patience() / PAUSE_PART).min(first + self.patience()))
    }

    /// Until when the flush that was due at `due` had better wait, as things stand.
    pub(super) fn wait(&self, due: Time) -> Time {
        let limit = due + self.patience();
        if self.is_short() { limit } else { (self.newest + self.patience() / PAUSE_PART).clamp(due, limit) }
    }

    /// A flush was made on the grid.
    pub(super) fn flushed(&mut self) {
        self.late = None;
        self.spare = (self.spare + 1.0 / FLUSHES_PER_EXTRA).min(MOST_SPARE);
        if self.is_short() && self.misses_most() {
            self.spare = self.spare.max(1.0);
        }
        let batches = f64::from(std::mem::take(&mut self.batches));
        self.usual = Some(self.usual.map_or(batches, |usual| usual + WEIGHT * (batches - usual)));
    }

    /// An extra flush was made.
    pub(super) fn flushed_extra(&mut self) {
        self.late = None;
        self.spare -= 1.0;
    }

    /// Whether batches must be missing. Each leaf has something to say with the same probability, so the number
    /// is binomial: more than three standard deviations below the mean is a shortfall.
    fn is_short(&self) -> bool {
        self.usual.is_some_and(|usual| {
            let deviation = (usual * (1.0 - usual / self.leaves).max(0.0)).sqrt();
            f64::from(self.batches) < usual - 3.0 * deviation
        })
    }

    fn misses_most(&self) -> bool {
        self.usual.is_some_and(|usual| f64::from(self.batches) < usual / 2.0)
    }

    fn patience(&self) -> Duration {
        (self.period / PATIENCE_PART).max(STALL).min(self.period / MOST_PART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Time {
        Time::ZERO + MS * ms
    }

    /// After many periods of 640 ms in which `batches` of 24 leaves sent, 5 ms before the flush.
    fn after_periods_with(batches: u32) -> Stragglers {
        let mut stragglers = Stragglers::new(MS * 640, 25);
        for period in 0..20 {
            for _ in 0..batches {
                assert_eq!(stragglers.batch(at(period * 640 + 635), Some(at(period * 640))), None);
            }
            assert_eq!(stragglers.wait(at((period + 1) * 640)), at((period + 1) * 640));
            stragglers.flushed();
        }
        stragglers
    }

    #[test]
    fn a_flush_waits_for_a_burst_that_is_late_or_goes_on() {
        let mut stragglers = after_periods_with(17);
        let (last, due) = (at(20 * 640), at(21 * 640));
        assert_eq!(stragglers.wait(due), due + MS * 8, "none has come");
        for _ in 0..14 {
            stragglers.batch(due + MS * 3, Some(last));
        }
        assert_eq!(stragglers.wait(due), due + MS * 5, "more may follow");
        for _ in 0..3 {
            stragglers.batch(due + MS * 7, Some(last));
        }
        assert_eq!(stragglers.wait(due), due + MS * 8, "but not for ever");
    }

    #[test]
    fn late_batches_share_an_extra_flush_and_a_standstill_always_gets_one() {
        let mut stragglers = after_periods_with(17);
        let (last, next) = (at(20 * 640), at(21 * 640));
        let late = last + MS * 30;
        assert_eq!(stragglers.batch(late, Some(last)), Some(late + MS * 2));
        assert_eq!(stragglers.batch(late + MS, Some(last)), Some(late + MS * 3));
        assert_eq!(stragglers.batch(late + MS * 7, Some(last)), Some(late + MS * 8), "but not for ever");
        stragglers.flushed_extra();
        stragglers.flushed_extra();
        (0..8).for_each(|_| assert_eq!(stragglers.batch(next - MS * 5, Some(last)), None));
        stragglers.flushed();
        assert!(stragglers.batch(next + MS * 60, Some(next)).is_some(), "half were missing");
        stragglers.flushed_extra();
        assert_eq!(stragglers.batch(next + MS * 70, Some(next)), None);
        assert_eq!(stragglers.batch(next + MS * 71, Some(next)), None);
        assert!(stragglers.batch(next + MS * 72, Some(next)).is_some(), "three at once, on credit");
    }

    #[test]
    fn few_batches_are_usual_where_leaves_have_little_to_say() {
        let stragglers = after_periods_with(3);
        assert_eq!(stragglers.wait(at(21 * 640)), at(21 * 640));
    }

    #[test]
    fn a_late_batch_gets_a_flush_of_its_own_but_not_often() {
        let mut stragglers = after_periods_with(17);
        let last = Some(at(20 * 640));
        let late = at(20 * 640 + 30);
        assert_eq!(stragglers.batch(late, last), Some(late + MS * 2));
        stragglers.flushed_extra();
        stragglers.flushed_extra();
        assert_eq!(stragglers.batch(late + MS * 20, last), None, "the budget is spent");
        (0..8).for_each(|_| stragglers.flushed());
        assert!(stragglers.batch(late, last).is_some());
        assert_eq!(stragglers.batch(at(20 * 640 + 160), last), None, "early for the next flush, not late");
    }
}
