//! How much later than intended messages were delivered.

use std::time::Duration;

/// A summary of the lateness of all messages that had to wait for a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// How many messages.
    pub count: usize,
    /// The median.
    pub p50: Duration,
    /// 99 %.
    pub p99: Duration,
    /// The worst.
    pub max: Duration,
}

/// Beyond this the runner's own lateness shows in what is measured: real Maelstrom's deliveries, on a 2-core machine
/// that did other things as well, were later than this in one of a hundred cases.
pub const BENDS: Duration = Duration::from_micros(2_700);

impl Lateness {
    /// Whether messages were delivered so late that the figures of the run are not to be relied on.
    pub fn bends_figures(&self) -> bool {
        self.p99 > BENDS
    }

    /// What to tell the user if that is so.
    pub fn warning(&self) -> Option<String> {
        self.bends_figures().then(|| {
            format!(
                "WARN messages were delivered up to {:.1} ms late (p99; {:.1} ms at most): this machine is too busy, \
                 and latencies are read too high. Run fewer at a time (sweep --jobs) or end other programs.",
                self.p99.as_secs_f64() * 1e3,
                self.max.as_secs_f64() * 1e3
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
        let Some(last) = self.micros.len().checked_sub(1) else { return Lateness::default() };
        let at = |per_cent: usize| {
            let index = last.min(self.micros.len() * per_cent / 100);
            Duration::from_micros(u64::from(self.micros[index]))
        };
        Lateness { count: self.micros.len(), p50: at(50), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_flagged_where_real_maelstrom_is_not_as_late() {
        let of = |us| Lateness { p99: Duration::from_micros(us), ..Lateness::default() };
        assert_eq!(of(2_700).warning(), None);
        let warning = of(4_200).warning().expect("a warning");
        assert!(warning.contains("4.2 ms late"), "{warning}");
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
