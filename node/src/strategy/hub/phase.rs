//! When a leaf sends, so that its batch arrives just before the hub's flush: a phase-locked loop.
//!
//! Each message of the hub says how long the leaf's last batch had been there (`held`), and how long it is to the
//! next flush (`next`). The leaf sent that batch at S, so a batch sent at S + held + next, less a margin, arrives
//! just before that flush, and so one or more periods later. This is exact for the latency that the batch had; no
//! clock is compared, no symmetry assumed.

use std::time::Duration;

use crate::link::Echo;
use crate::time::Time;

/// How long before the flush a batch should arrive, for jitter of timers and the handling of all leaves' batches.
const MARGIN: Duration = Duration::from_millis(4);
/// How much of an error is corrected at once: latencies may vary from one message to the next.
const FILTER: i64 = 4;

#[derive(Debug)]
pub(super) struct PhaseLock {
    /// Zero: the leaf always sends at once.
    period: Duration,
    /// An instant such that what is sent then, or whole periods later, arrives at the moment of a flush.
    target: Option<Time>,
    margin: Duration,
    /// When the last batch was sent that was meant to arrive just before a flush.
    aimed: Option<Time>,
}

impl PhaseLock {
    pub(super) fn new(period: Duration) -> PhaseLock {
        PhaseLock { period, target: None, margin: MARGIN.min(period / 8), aimed: None }
    }

    pub(super) fn is_locked(&self) -> bool {
        self.target.is_some()
    }

    /// When a batch that waits should be sent: at once unless the phase is known.
    pub(super) fn send_at(&self, now: Time) -> Time {
        let Some(target) = self.target else { return now };
        let aim = target - self.margin;
        let periods = now.saturating_since(aim).as_nanos().div_ceil(self.period.as_nanos());
        aim + Duration::from_nanos((periods * self.period.as_nanos()) as u64)
    }

    /// Takes note that a batch is sent.
    pub(super) fn sent(&mut self, now: Time) {
        self.aimed = self.target.map(|_| now);
    }

    /// Takes in what a message of the hub says. `round_trip` serves while none of the leaf's own batches
    /// tells more.
    pub(super) fn observe(
        &mut self,
        now: Time,
        next: Option<Duration>,
        echo: Option<Echo>,
        round_trip: Option<Duration>,
    ) {
        let Some(next) = next.filter(|_| !self.period.is_zero()) else {
            self.target = None;
            return;
        };
        match (echo, self.target) {
            (Some(echo), target) => {
                self.adapt_margin(echo, next);
                let sample = echo.sent + echo.held + next;
                self.target = Some(target.map_or(sample, |target| self.corrected(target, sample)));
            }
            (None, None) => self.target = round_trip.map(|round_trip| now + next - round_trip),
            (None, Some(_)) => {}
        }
    }

    /// A batch that just missed a flush waited nearly a period for the next: earlier from now on, at once. One that
    /// came in time lets the margin shrink slowly.
    fn adapt_margin(&mut self, echo: Echo, next: Duration) {
        if self.aimed != Some(echo.sent) {
            return;
        }
        let waits = modulo(echo.held + next, self.period);
        let (least, most) = (MARGIN.min(self.period / 8), self.period / 2);
        self.margin = if waits > self.period / 2 {
            (self.margin + (self.period - waits) + MARGIN / 4).min(most)
        } else {
            self.margin - (self.margin - least) / 16
        };
    }

    fn corrected(&self, target: Time, sample: Time) -> Time {
        let period = self.period.as_nanos() as i64;
        let error = (sample.as_nanos() as i64).wrapping_sub(target.as_nanos() as i64);
        let error = (error + period / 2).rem_euclid(period) - period / 2;
        let step = Duration::from_nanos((error / FILTER).unsigned_abs());
        if error < 0 { target - step } else { target + step }
    }
}

fn modulo(time: Duration, period: Duration) -> Duration {
    Duration::from_nanos((time.as_nanos() % period.as_nanos()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Time {
        Time::ZERO + MS * ms
    }

    #[test]
    fn one_answer_locks_the_phase() {
        let mut lock = PhaseLock::new(MS * 400);
        assert_eq!(lock.send_at(at(5)), at(5));
        // Sent at 5, there 100 later, answered at once, 250 before the hub's flush: what is sent at 255 meets it.
        let echo = Echo { sent: at(5), held: Duration::ZERO };
        lock.observe(at(205), Some(MS * 250), Some(echo), Some(MS * 200));
        assert_eq!(lock.send_at(at(205)), at(251));
        assert_eq!(lock.send_at(at(252)), at(651));
        assert_eq!(lock.send_at(at(4251)), at(4251));
    }

    #[test]
    fn a_flush_locks_once_the_round_trip_is_known() {
        let mut lock = PhaseLock::new(MS * 400);
        lock.observe(at(1000), Some(MS * 400), None, None);
        assert!(!lock.is_locked());
        lock.observe(at(1000), Some(MS * 400), None, Some(MS * 200));
        assert_eq!(lock.send_at(at(1000)), at(1196));
        lock.observe(at(1400), None, None, Some(MS * 200));
        assert!(!lock.is_locked(), "the hub changed to windows");
    }

    #[test]
    fn late_batches_widen_the_margin_at_once_and_punctual_ones_narrow_it_slowly() {
        let mut lock = PhaseLock::new(MS * 400);
        lock.observe(at(0), Some(MS * 400), None, Some(Duration::ZERO));
        lock.sent(at(396));
        // Ten late, so it waited 390 for the next flush.
        lock.observe(at(900), Some(MS * 400), Some(Echo { sent: at(396), held: MS * 390 }), None);
        assert_eq!(lock.margin, MS * 15);
        let widened = lock.margin;
        lock.sent(at(1181));
        lock.observe(at(1300), Some(MS * 400), Some(Echo { sent: at(1181), held: MS * 15 }), None);
        assert!(lock.margin < widened && lock.margin > widened - MS);
    }

    #[test]
    fn the_loop_follows_a_changed_latency() {
        let mut lock = PhaseLock::new(MS * 400);
        lock.observe(at(100), Some(MS * 300), Some(Echo { sent: at(0), held: Duration::ZERO }), None);
        let mut now = at(100);
        // The hub flushes at multiples of 400; a batch now takes 130 instead of 100.
        let mut waits = Duration::ZERO;
        for _ in 0..20 {
            let sent = lock.send_at(now);
            lock.sent(sent);
            let arrival = sent + MS * 130;
            let to_flush = 400 - (arrival.as_nanos() / 1_000_000) % 400;
            waits = MS * to_flush as u32;
            lock.observe(arrival + waits, Some(MS * 400), Some(Echo { sent, held: waits }), None);
            now = arrival + waits;
        }
        assert!(waits < MS * 40, "settled {waits:?} before the flush");
    }
}
