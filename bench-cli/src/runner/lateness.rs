//! The lateness of message deliveries.

use std::time::Duration;

use crate::harness::checker::set_full::quantile;
use crate::spec::durations::milliseconds;

/// A summary of the lateness of all messages that waited for a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// The number of messages.
    pub count: usize,
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The maximum.
    pub max: Duration,
}

/// The 99th percentile of real Maelstrom's own lateness, measured on a 2-core machine under other load.
const USUAL: Duration = Duration::from_micros(2_700);

/// Whether deliveries were late enough to affect the run's figures: the 99th percentile exceeds 2.7 ms, and
/// 2.7 % of the mean latency between nodes.
///
/// The first limit is real Maelstrom's own lateness. The second allows more on a slow network, where the same
/// delay is a smaller share of the measured latencies.
pub fn is_late(p99: Duration, latency: Duration) -> bool {
    p99 > USUAL.max(latency.mul_f64(0.027))
}

impl Lateness {
    /// A warning for the user if messages were late on a network of this mean latency.
    pub fn warning(&self, latency: Duration) -> Option<String> {
        is_late(self.p99, latency).then(|| {
            format!(
                "WARN messages were delivered up to {:.1} ms late (p99; {:.1} ms at most): this machine is too busy, \
                 and latencies are read too high. Run fewer at a time (sweep --jobs) or end other programs.",
                milliseconds(self.p99),
                milliseconds(self.max)
            )
        })
    }
}

/// Collects the lateness of single messages.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// In microseconds; more than an hour counts as an hour.
    micros: Vec<u32>,
}

impl Recorder {
    pub(super) fn record(&mut self, late: Duration) {
        self.micros.push(u32::try_from(late.as_micros()).unwrap_or(u32::MAX));
    }

    pub(super) fn summary(mut self) -> Lateness {
        self.micros.sort_unstable();
        let at = |point| Duration::from_micros(quantile(&self.micros, point).unwrap_or_default().into());
        Lateness { count: self.micros.len(), p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_flagged_where_real_maelstrom_is_not_as_late() {
        let warning = |us, latency_ms| {
            let lateness = Lateness { p99: Duration::from_micros(us), ..Lateness::default() };
            lateness.warning(Duration::from_millis(latency_ms))
        };
        assert_eq!(warning(2_700, 100), None);
        assert_eq!(warning(2_700, 0), None);
        assert_eq!(warning(4_200, 200), None);
        let text = warning(4_200, 100).expect("a warning");
        assert!(text.contains("4.2 ms late"), "{text}");
    }

    #[test]
    fn quantiles_of_a_hundred() {
        let mut recorder = Recorder::default();
        for us in (1..=100).rev() {
            recorder.record(Duration::from_micros(us));
        }
        let us = Duration::from_micros;
        assert_eq!(recorder.summary(), Lateness { count: 100, p50: us(51), p99: us(100), max: us(100) });
        assert_eq!(Recorder::default().summary(), Lateness::default());
    }
}
