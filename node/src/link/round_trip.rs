//! How long an answer takes: the round-trip time, and the timeouts that follow from it.

use std::time::Duration;

use crate::time::{Nanos, nanos};

/// The timeout, beyond the maximum acknowledgement delay, before any round trip was measured.
pub(super) const FIRST_TIMEOUT: Duration = Duration::from_secs(2);
/// The shortest timeout, beyond the maximum acknowledgement delay. A process on a busy machine may stand
/// still for this long.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(250);
/// Slack for scheduling on both sides.
const SLACK: Duration = Duration::from_millis(50);

/// How long a gap may stay open, before any round trip was measured.
pub(super) const FIRST_REORDER: Duration = Duration::from_millis(500);

/// Longer round-trip times count as this long, so that no multiple of one overflows.
const LONGEST: u64 = u64::MAX / 16;

/// Round-trip time by Jacobson's estimator (RFC 6298).
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrip {
    measured: Option<Measured>,
    /// How long an answer may take. Kept, because every message of the link asks for it, and few measure.
    timeout: Nanos,
}

/// The smoothed round-trip time and its variation in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Measured {
    /// The smoothed mean.
    mean: u64,
    /// The smoothed mean deviation.
    deviation: u64,
}

impl Default for RoundTrip {
    fn default() -> RoundTrip {
        RoundTrip { measured: None, timeout: Nanos::of(FIRST_TIMEOUT) }
    }
}

impl RoundTrip {
    pub(super) fn sample(&mut self, time: Nanos) {
        let sample = time.get().min(LONGEST);
        let measured = match self.measured {
            None => Measured { mean: sample, deviation: sample / 2 },
            Some(Measured { mean, deviation }) => Measured {
                mean: (mean * 7 + sample) / 8,
                deviation: (deviation * 3 + mean.abs_diff(sample)) / 4,
            },
        };
        self.measured = Some(measured);
        self.timeout = measured.timeout();
    }

    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.measured.map(|measured| Duration::from_nanos(measured.mean))
    }

    /// How long an answer may take, beyond the maximum acknowledgement delay.
    pub(super) fn timeout(&self) -> Nanos {
        self.timeout
    }

    /// How late after a later message a message may arrive before it counts as lost.
    pub(super) fn reordering(&self) -> Duration {
        self.measured.map_or(FIRST_REORDER, |Measured { mean, deviation }| {
            Duration::from_nanos(mean / 2 + deviation * 4) + SLACK
        })
    }
}

impl Measured {
    fn timeout(self) -> Nanos {
        let Measured { mean, deviation } = self;
        let usual = mean * 3 + deviation * 4;
        // After a few very late answers the deviation is far too large to wait for.
        let most = nanos(FIRST_TIMEOUT).max(mean * 2);
        Nanos::new((usual.min(most) + nanos(SLACK)).max(nanos(SHORTEST_TIMEOUT)))
    }
}
