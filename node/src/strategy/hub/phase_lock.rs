//! When a leaf sends, so that its batch arrives just before the hub's flush: a phase-locked loop.
//!
//! Each message of the hub has two times: since the leaf's last batch arrived (the acknowledgement delay),
//! and until the next flush. The leaf sent that batch at S. So a batch sent at S + ack delay + next, less a
//! margin, arrives just before that flush. So does one sent any number of periods later. This is exact for
//! the latency of that batch. It compares no clocks, and assumes no symmetry of latencies.

use std::time::Duration;

use crate::link::AckedPacket;
use crate::time::{Time, next_point};

/// The least time before the flush at which a batch should arrive.
///
/// Real Maelstrom's thread oversleeps by up to 10 ms once in ten thousand messages, and all that waits behind
/// it for the hub is late. A batch that misses its flush by 1 ms is delivered 3 ms later, by an extra flush.
/// But clients' requests that wait behind the flush itself are then answered without it, so it counts as late
/// by a whole latency. Runs with such a batch at 200 and at 400 ms, of 500 simulated: with 6 ms 1.6 and 1.2
/// %, with 8 ms 0.6 and 0.2 %, with 9 ms none. Each millisecond is one of every maximum.
const FLOOR: Duration = Duration::from_millis(9);
/// A two-hundredth of the part of the period beyond this adds to the margin, as room for the stalls of a busy
/// machine.
const LONG_PERIOD: Duration = Duration::from_millis(1000);
/// How many mean deviations of the arrival time the margin includes.
const DEVIATIONS: u32 = 3;
/// The mean deviation before any was measured.
const FIRST_DEVIATION: Duration = Duration::from_micros(500);
/// After so many of its own batches a leaf knows their deviation.
const LEARNED: u32 = 8;
/// One part in this many of a new deviation enters the mean.
const SMOOTHING: u32 = 8;
/// One part in this many of an error is corrected at once, since latencies may vary from one message to the
/// next.
const FILTER: u32 = 4;

/// In shorter periods it costs less if leaves send at once until they know the phase. The first flush then
/// comes a spread sooner than a period after the first value, and so does the last.
pub(super) const BURST_FROM: Duration = Duration::from_millis(900);

/// The most time between the starts of two nodes. Under Maelstrom it was 40 to 70 ms on a busy machine.
const MOST_SPREAD: Duration = Duration::from_millis(100);

/// The most time between the starts of two nodes such that the hub's first flush includes all first batches.
pub(super) fn spread(period: Duration) -> Duration {
    MOST_SPREAD.min(period / 10)
}

#[derive(Debug)]
pub(super) struct PhaseLock {
    /// If zero, the leaf always sends at once.
    period: Duration,
    /// A batch that is sent at this instant, or whole periods later, arrives at the moment of a flush.
    target: Option<Time>,
    /// As long as there is no target: when the first batch goes out, or whole periods later.
    first: Option<Time>,
    /// A message of the hub arrived.
    heard: bool,
    /// Mean deviation of the batches' arrival times from the intended ones.
    deviation: Duration,
    /// How many deviations were measured, up to [`LEARNED`].
    measured: u32,
    /// When the last batch was sent, if it was meant to arrive just before a flush.
    aimed: Option<Time>,
}

impl PhaseLock {
    pub(super) fn new(period: Duration) -> PhaseLock {
        PhaseLock {
            period,
            target: None,
            first: None,
            heard: false,
            deviation: FIRST_DEVIATION,
            measured: 0,
            aimed: None,
        }
    }

    pub(super) fn is_locked(&self) -> bool {
        self.target.is_some()
    }

    /// All nodes start at about `now`. If the period is long, all first batches go out a period later, less
    /// the [`spread`]. The hub flushes when they arrive, and its answer locks the phase.
    pub(super) fn on_topology(&mut self, now: Time) {
        if !self.heard && self.first.is_none() && self.period >= BURST_FROM {
            self.first = Some(now + (self.period - spread(self.period)));
        }
    }

    /// When to send a pending batch: at once, unless the phase or the time of the first batch is known.
    pub(super) fn send_at(&self, now: Time) -> Time {
        let Some(aim) = self.target.map(|target| target - self.margin()).or(self.first) else { return now };
        next_point(aim, self.period, now)
    }

    /// A batch was sent.
    pub(super) fn on_sent(&mut self, now: Time) {
        self.aimed = self.target.map(|_| now);
    }

    /// A message of the hub arrived, with the time to its next flush. `acked` is the leaf's batch that it
    /// acknowledges. `round_trip` serves until there is one.
    pub(super) fn on_hub_message(
        &mut self,
        now: Time,
        next: Option<Duration>,
        acked: Option<AckedPacket>,
        round_trip: Option<Duration>,
    ) {
        self.heard = true;
        self.first = None;
        let Some(next) = next.filter(|_| !self.period.is_zero()) else {
            self.target = None;
            return;
        };
        match (acked, self.target) {
            (Some(acked), target) => {
                let sample = acked.sent_at + acked.ack_delay + next;
                let aimed = self.aimed == Some(acked.sent_at);
                self.target = Some(target.map_or(sample, |target| self.corrected(target, sample, aimed)));
            }
            (None, None) => self.target = round_trip.map(|round_trip| now + next - round_trip),
            (None, Some(_)) => {}
        }
    }

    /// The hub told how far from each other all leaves' batches arrive. Until a leaf has measured enough of
    /// its own batches, that is what it must expect.
    pub(super) fn on_jitter(&mut self, jitter: Option<Duration>) {
        if self.measured < LEARNED {
            self.deviation = self.deviation.max(jitter.unwrap_or_default());
        }
    }

    /// The target, moved towards `sample`. If the batch was aimed, the error tells how punctual batches are.
    fn corrected(&mut self, target: Time, sample: Time, aimed: bool) -> Time {
        let period = self.period.as_nanos() as i64;
        let error = (sample.as_nanos() as i64).wrapping_sub(target.as_nanos() as i64);
        let error = (error + period / 2).rem_euclid(period) - period / 2;
        let size = Duration::from_nanos(error.unsigned_abs());
        if aimed {
            // Up faster than down: an early batch costs a little latency, a late one a whole period.
            let smoothing = if size > self.deviation { SMOOTHING / 2 } else { SMOOTHING };
            self.deviation = self.deviation - self.deviation / smoothing + size / smoothing;
            self.measured = (self.measured + 1).min(LEARNED);
        }
        let step = size / FILTER;
        if error < 0 { target - step } else { target + step }
    }

    /// How long before the flush a batch should arrive.
    fn margin(&self) -> Duration {
        let least = FLOOR + self.period.saturating_sub(LONG_PERIOD) / 200;
        (least + self.deviation * DEVIATIONS).min(self.period / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Nanos;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Time {
        Time::ZERO + MS * ms
    }

    #[test]
    fn one_answer_locks_the_phase() {
        let mut lock = PhaseLock::new(MS * 400);
        assert_eq!(lock.send_at(at(5)), at(5));
        // Sent at 5, there 100 later, answered at once, 250 before the hub's flush: what is sent at 255 meets
        // it.
        let acked = AckedPacket { sent_at: at(5), ack_delay: Nanos::of(Duration::ZERO) };
        lock.on_hub_message(at(205), Some(MS * 250), Some(acked), Some(MS * 200));
        let margin = MS * 21 / 2;
        assert_eq!(lock.margin(), margin, "9 ms and three mean deviations");
        assert_eq!(lock.send_at(at(205)), at(255) - margin);
        assert_eq!(lock.send_at(at(253)), at(655) - margin);
        assert_eq!(lock.send_at(at(4255) - margin), at(4255) - margin);
    }

    #[test]
    fn first_batches_of_a_long_period_go_out_together() {
        let mut lock = PhaseLock::new(MS * 1000);
        lock.on_topology(at(50));
        assert_eq!((lock.send_at(at(60)), lock.send_at(at(950))), (at(950), at(950)));
        assert_eq!(lock.send_at(at(951)), at(1950));
        // The hub was heard, but without an answer to a batch. The leaf no longer guesses.
        lock.on_hub_message(at(1200), Some(MS * 900), None, None);
        assert_eq!(lock.send_at(at(1200)), at(1200));

        let mut short = PhaseLock::new(MS * 400);
        short.on_topology(at(50));
        assert_eq!(short.send_at(at(60)), at(60));
    }

    #[test]
    fn a_flush_locks_once_the_round_trip_is_known() {
        let mut lock = PhaseLock::new(MS * 400);
        lock.on_hub_message(at(1000), Some(MS * 400), None, None);
        assert!(!lock.is_locked());
        lock.on_hub_message(at(1000), Some(MS * 400), None, Some(MS * 200));
        assert_eq!(lock.send_at(at(1000)), at(1200) - MS * 21 / 2);
        lock.on_hub_message(at(1400), None, None, Some(MS * 200));
        assert!(!lock.is_locked(), "the hub changed to windows");
    }

    /// Sends a batch at the right time, with a latency of 100 ms plus `late`. Returns when the answer arrived
    /// and how long the batch waited at the hub.
    fn send_one(lock: &mut PhaseLock, now: Time, late: Duration) -> (Time, Duration) {
        let sent = lock.send_at(now);
        lock.on_sent(sent);
        let arrival = sent + MS * 100 + late;
        // The hub flushes at multiples of 400.
        let waits = MS * 400 - modulo(arrival, MS * 400);
        lock.on_hub_message(
            arrival + waits + MS * 100,
            Some(MS * 400),
            Some(AckedPacket { sent_at: sent, ack_delay: Nanos::of(waits) }),
            None,
        );
        (arrival + waits + MS * 100, waits)
    }

    fn modulo(time: Time, period: Duration) -> Duration {
        Duration::from_nanos(time.as_nanos() % period.as_nanos() as u64)
    }

    fn locked() -> PhaseLock {
        let mut lock = PhaseLock::new(MS * 400);
        lock.on_hub_message(
            at(100),
            Some(MS * 300),
            Some(AckedPacket { sent_at: at(0), ack_delay: Nanos::of(Duration::ZERO) }),
            None,
        );
        lock
    }

    #[test]
    fn a_late_batch_widens_the_margin_at_once_and_punctual_ones_narrow_it() {
        let mut lock = locked();
        let mut now = at(100);
        for _ in 0..30 {
            (now, _) = send_one(&mut lock, now, Duration::ZERO);
        }
        let least = lock.margin();
        assert!(least >= FLOOR && least < FLOOR + MS / 2, "{least:?}");
        // It misses the flush and waits nearly a period.
        (now, _) = send_one(&mut lock, now, MS * 16);
        assert_eq!(lock.margin().as_millis(), 21);
        assert_eq!(lock.send_at(at(40_000)), at(40_300) - MS * 4 - lock.margin(), "a quarter of the error");
        for _ in 0..30 {
            (now, _) = send_one(&mut lock, now, Duration::ZERO);
        }
        assert!(lock.margin() < least + MS, "{:?}", lock.margin());
    }

    #[test]
    fn a_leaf_believes_the_hub_until_it_has_measured_enough() {
        let mut lock = locked();
        lock.on_jitter(Some(MS * 20));
        assert_eq!(lock.margin(), FLOOR + MS * 60);
        lock.on_jitter(None);
        assert_eq!(lock.margin(), FLOOR + MS * 60, "a message without jitter changes nothing");
        let mut now = at(100);
        for _ in 0..40 {
            (now, _) = send_one(&mut lock, now, Duration::ZERO);
        }
        lock.on_jitter(Some(MS * 20));
        assert!(lock.margin() < FLOOR + MS, "{:?}", lock.margin());
    }

    #[test]
    fn latencies_that_vary_keep_the_margin_wide() {
        let mut lock = locked();
        let mut now = at(100);
        let mut late = 0;
        for i in 0..200u32 {
            let waits;
            (now, waits) = send_one(&mut lock, now, MS * (i * 17 % 40));
            late += u32::from(i > 20 && waits > MS * 200);
        }
        assert!(lock.margin() > MS * 20, "{:?}", lock.margin());
        assert!(late < 5, "{late} of 180 missed their flush");
    }

    #[test]
    fn the_loop_follows_a_changed_latency() {
        let mut lock = locked();
        let mut now = at(100);
        for _ in 0..60 {
            (now, _) = send_one(&mut lock, now, MS * 30);
        }
        let sent = lock.send_at(now);
        let waits = MS * 400 - modulo(sent + MS * 130, MS * 400);
        assert!(waits < FLOOR + MS, "settled {waits:?} before the flush");
    }
}
