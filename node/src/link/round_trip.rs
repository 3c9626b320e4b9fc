//! How long an answer takes: the round-trip time, and the timeouts that follow from it.

use std::time::Duration;

/// The timeout, beyond the maximum acknowledgement delay, before any round trip was measured.
pub(super) const FIRST_TIMEOUT: Duration = Duration::from_secs(2);
/// The shortest timeout, beyond the maximum acknowledgement delay. A process on a busy machine may stand
/// still for this long.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(250);
/// Slack for scheduling on both sides.
const SLACK: Duration = Duration::from_millis(50);

/// How long a gap may stay open, before any round trip was measured.
pub(super) const FIRST_REORDER: Duration = Duration::from_millis(500);

/// Round-trip time by Jacobson's estimator (RFC 6298), in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    /// Smoothed mean and mean deviation.
    measured: Option<(u64, u64)>,
}

impl RoundTrip {
    pub(super) fn sample(&mut self, time: Duration) {
        let sample = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 16).min(u64::MAX / 16);
        self.measured = Some(match self.measured {
            None => (sample, sample / 2),
            Some((mean, deviation)) => ((mean * 7 + sample) / 8, (deviation * 3 + mean.abs_diff(sample)) / 4),
        });
    }

    pub(super) fn smoothed(self) -> Option<Duration> {
        self.measured.map(|(mean, _)| Duration::from_nanos(mean))
    }

    /// How long an answer may take, beyond the maximum acknowledgement delay.
    pub(super) fn timeout(self) -> Duration {
        self.measured.map_or(FIRST_TIMEOUT, |(mean, deviation)| {
            let usual =
                Duration::from_nanos(mean.saturating_mul(3).saturating_add(deviation.saturating_mul(4)));
            // A few very late answers make the deviation far too large to wait for.
            let most = FIRST_TIMEOUT.max(Duration::from_nanos(mean) * 2);
            (usual.min(most) + SLACK).max(SHORTEST_TIMEOUT)
        })
    }

    /// How late after a later message a message may arrive before it counts as lost.
    pub(super) fn reordering(self) -> Duration {
        self.measured.map_or(FIRST_REORDER, |(mean, deviation)| {
            Duration::from_nanos((mean / 2).saturating_add(deviation.saturating_mul(4))) + SLACK
        })
    }
}
