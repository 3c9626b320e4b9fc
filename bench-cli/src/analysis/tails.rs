//! Whether the worst cases of two kinds of runs are alike, such as those of simulated and of real ones.
//! Medians can agree where tails do not.

use std::time::Duration;

use node::StrategyKind;

use super::figure::Figure;
use super::sample::{Sample, pairs};
use crate::stats::median::Spread;
use crate::stats::two_samples::{fisher, kolmogorov_smirnov, share_interval, trials_to_tell};

/// A run is late if its maximum exceeds the recorded runs' median maximum by more than this, in milliseconds:
/// more than timers scatter, and less than a batch costs that missed its flush.
pub const LATE_BEYOND_MS: f64 = 20.0;
/// What two samples of one distribution differ by with less than this probability tells them apart.
pub const SIGNIFICANCE: f64 = 0.01;
/// The difference in the share of late runs whose detection the tables speak of.
pub const DIFFERENCE: f64 = 0.1;

/// The worst cases at one batch timeout of one strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Tails {
    /// The strategy; `None` for another program.
    pub strategy: Option<StrategyKind>,
    /// The batch timeout.
    pub batch_timeout: Duration,
    /// A run with a longer maximum is late, in milliseconds.
    pub limit_ms: f64,
    /// Of the recorded runs.
    pub recorded: Late,
    /// Of the engine's runs.
    pub measured: Late,
    /// How probable it is that the shares of late runs differ by so much if there is no difference.
    pub p_late: f64,
    /// The largest distance between the distributions of the maxima.
    pub distance: f64,
    /// How probable such a distance is if there is no difference.
    pub p_maxima: f64,
}

/// How many runs are late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// The number of late runs.
    pub late: usize,
    /// The number of all runs.
    pub runs: usize,
}

impl Late {
    fn of(maxima: &[f64], limit_ms: f64) -> Late {
        Late { late: maxima.iter().filter(|max| **max > limit_ms).count(), runs: maxima.len() }
    }

    /// The 95 % interval of the share of late runs.
    pub fn interval(self) -> (f64, f64) {
        share_interval(self.late, self.runs)
    }

    /// How many runs of each kind it takes to see a share that is larger by [`DIFFERENCE`].
    pub fn runs_to_tell(self) -> usize {
        let share = (self.late as f64 / self.runs as f64).min(1.0 - DIFFERENCE);
        trials_to_tell(share, share + DIFFERENCE)
    }
}

impl Tails {
    /// Whether the two differ significantly.
    pub fn differ(&self) -> bool {
        self.p_late < SIGNIFICANCE || self.p_maxima < SIGNIFICANCE
    }
}

/// Compares each strategy at every batch timeout that has samples on both sides, in rising order.
pub fn compare(recorded: &[Sample], measured: &[Sample]) -> Vec<Tails> {
    let compared = pairs(recorded, measured).into_iter().filter_map(|pair| {
        let [recorded, measured] = pair.values(Figure::Max);
        let limit_ms = Spread::of(recorded.iter().copied())?.median + LATE_BEYOND_MS;
        let (distance, p_maxima) = kolmogorov_smirnov(&recorded, &measured)?;
        let [recorded, measured] = [recorded, measured].map(|maxima| Late::of(&maxima, limit_ms));
        Some(Tails {
            strategy: pair.strategy,
            batch_timeout: pair.batch_timeout,
            limit_ms,
            recorded,
            measured,
            p_late: fisher([recorded, measured].map(|late| (late.late, late.runs))),
            distance,
            p_maxima,
        })
    });
    compared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(maxima: impl IntoIterator<Item = f64>) -> Vec<Sample> {
        let sample = |max| Sample {
            strategy: Some(StrategyKind::Hub),
            batch_timeout: Duration::from_millis(200),
            figures: [1.6, 130.0, 280.0, max],
        };
        maxima.into_iter().map(sample).collect()
    }

    #[test]
    fn one_late_run_in_five_differs_from_none() {
        let punctual = samples((0..100).map(|i| 300.0 + f64::from(i % 3)));
        let fifth = samples((0..100).map(|i| if i % 5 == 0 { 395.0 } else { 300.0 + f64::from(i % 3) }));
        let [tails] = compare(&punctual, &fifth).try_into().unwrap();
        assert_eq!((tails.limit_ms, tails.recorded.late, tails.measured.late), (321.0, 0, 20));
        assert!(tails.differ(), "{tails:?}");
        let [same] = compare(&punctual, &punctual).try_into().unwrap();
        assert!(!same.differ() && same.p_maxima > 0.99);
        assert!(compare(&punctual, &[]).is_empty());
    }

    #[test]
    fn few_runs_say_little() {
        let late = Late { late: 0, runs: 10 };
        assert!(late.interval().1 > 0.3);
        assert!(late.runs_to_tell() > 10);
    }
}
