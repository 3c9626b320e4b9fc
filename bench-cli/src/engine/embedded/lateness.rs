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
