//! Whether an engine measures what another one measures, such as real Maelstrom: compares the figures of
//! their runs.

use std::time::Duration;

use node::StrategyKind;

use super::figure::Figure;
use super::sample::{Sample, pairs};
use super::tails::Tails;
use crate::stats::median::Spread;
use crate::stats::rank_interval::ratio_interval;

/// How far medians may differ, as fractions of the recorded one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The largest relative difference of latencies.
    pub latency: f64,
    /// For messages per operation.
    pub messages: f64,
}

impl Tolerance {
    /// For runs in real time. Repeated runs of real Maelstrom differ by as much from one to the next.
    pub const REAL_TIME: Tolerance = Tolerance { latency: 0.10, messages: 0.03 };
    /// For runs in virtual time, which nothing disturbs.
    pub const VIRTUAL_TIME: Tolerance = Tolerance { latency: 0.05, messages: 0.02 };

    /// The limit for this figure.
    pub fn of(self, figure: Figure) -> f64 {
        match figure {
            Figure::MsgsPerOp => self.messages,
            Figure::P50 | Figure::P95 | Figure::Max => self.latency,
        }
    }
}

/// One figure at one batch timeout of one strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The strategy; `None` for another program.
    pub strategy: Option<StrategyKind>,
    /// The batch timeout.
    pub batch_timeout: Duration,
    /// The figure that is compared.
    pub figure: Figure,
    /// Over the recorded runs.
    pub recorded: Spread,
    /// How many recorded runs there are.
    pub recorded_runs: usize,
    /// Over the engine's runs.
    pub measured: Spread,
    /// How many of the engine's runs there are.
    pub measured_runs: usize,
    /// The 95 % interval of the factor between the two, if there are enough runs for one.
    pub interval: Option<(f64, f64)>,
    /// How far the medians may differ.
    pub limit: f64,
}

impl Comparison {
    /// The engine's median over the recorded one.
    pub fn ratio(&self) -> f64 {
        self.measured.median / self.recorded.median
    }

    /// Whether the medians differ by no more than the limit.
    pub fn is_within(&self) -> bool {
        (self.ratio() - 1.0).abs() <= self.limit
    }

    /// Whether the whole interval is within the limit: more runs would hardly change the verdict.
    pub fn is_reliably_within(&self) -> bool {
        self.interval.is_some_and(|(low, high)| 1.0 - low <= self.limit && high - 1.0 <= self.limit)
    }

    /// Whether the whole interval is beyond the limit: more runs would hardly change the verdict.
    pub fn is_reliably_outside(&self) -> bool {
        self.interval.is_some_and(|(low, high)| 1.0 - high > self.limit || low - 1.0 > self.limit)
    }
}

/// How an engine's runs compare with a reference.
#[derive(Clone, Debug)]
pub struct Parity {
    /// Each figure's medians at each timeout.
    pub comparisons: Vec<Comparison>,
    /// The worst cases at each timeout.
    pub tails: Vec<Tails>,
    /// How far medians may differ.
    pub tolerance: Tolerance,
}

impl Parity {
    /// Whether all medians are within the limits.
    pub fn is_within(&self) -> bool {
        self.comparisons.iter().all(Comparison::is_within)
    }
}

/// Compares each strategy at every batch timeout that has samples on both sides, in rising order.
pub fn compare(recorded: &[Sample], measured: &[Sample], tolerance: Tolerance) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for pair in pairs(recorded, measured) {
        for figure in Figure::ALL {
            let [recorded, measured] = pair.values(figure);
            let (Some(recorded_spread), Some(measured_spread)) =
                (Spread::of(recorded.iter().copied()), Spread::of(measured.iter().copied()))
            else {
                continue;
            };
            comparisons.push(Comparison {
                strategy: pair.strategy,
                batch_timeout: pair.batch_timeout,
                figure,
                recorded: recorded_spread,
                recorded_runs: recorded.len(),
                measured: measured_spread,
                measured_runs: measured.len(),
                interval: ratio_interval(&measured, &recorded),
                limit: tolerance.of(figure),
            });
        }
    }
    comparisons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::failed;

    fn sample(timeout_ms: u64, msgs_per_op: f64, ms: f64) -> Sample {
        Sample {
            strategy: Some(StrategyKind::Tree),
            batch_timeout: Duration::from_millis(timeout_ms),
            figures: [msgs_per_op, ms, ms + 100.0, ms + 200.0],
        }
    }

    #[test]
    fn medians_are_compared_where_both_sides_have_runs() {
        let recorded = [sample(200, 3.4, 700.0), sample(200, 3.5, 800.0), sample(200, 3.3, 710.0)];
        let other_strategy = Sample { strategy: Some(StrategyKind::Hub), ..sample(200, 1.0, 1.0) };
        let measured = [sample(200, 3.4, 600.0), sample(400, 2.0, 1_500.0), other_strategy];
        let all = compare(&recorded, &measured, Tolerance::REAL_TIME);
        assert_eq!(all.iter().map(|c| c.figure).collect::<Vec<_>>(), Figure::ALL);
        let p50 = &all[1];
        assert_eq!((p50.recorded.median, p50.recorded_runs, p50.measured_runs), (710.0, 3, 1));
        assert!((p50.ratio() - 600.0 / 710.0).abs() < 1e-12);
        assert_eq!(p50.interval, None);
    }

    #[test]
    fn each_figure_and_each_kind_of_engine_has_its_own_limit() {
        let within = |measured, tolerance| {
            let all = compare(&[sample(200, 100.0, 1_000.0)], &[measured], tolerance);
            all.iter().map(Comparison::is_within).collect::<Vec<_>>()
        };
        assert_eq!(within(sample(200, 104.0, 1_040.0), Tolerance::REAL_TIME), [false, true, true, true]);
        assert_eq!(within(sample(200, 97.5, 880.0), Tolerance::REAL_TIME), [true, false, false, true]);
        assert_eq!(within(sample(200, 97.5, 943.0), Tolerance::VIRTUAL_TIME), [false, false, false, true]);
    }

    #[test]
    fn an_interval_tells_a_bias_from_noise() {
        let runs = |centre: f64, width: f64| {
            (0..9).map(|i| sample(200, centre + width * f64::from(i - 4), 500.0)).collect::<Vec<_>>()
        };
        let messages = |width, factor| {
            compare(&runs(100.0, width), &runs(100.0 * factor, width), Tolerance::REAL_TIME).swap_remove(0)
        };
        let [equal, biased, unsure] = [messages(0.1, 1.0), messages(0.1, 1.05), messages(4.0, 1.05)];
        assert!(equal.is_reliably_within() && !equal.is_reliably_outside());
        assert!(biased.is_reliably_outside() && !biased.is_within());
        assert!(!unsure.is_within() && !unsure.is_reliably_within() && !unsure.is_reliably_outside());
    }

    #[test]
    fn a_run_that_failed_is_no_sample() {
        let record = crate::record::tests::example(100, 1);
        assert_eq!(Sample::of(&record).map(|sample| sample.figures[3]), Some(301.0));
        assert_eq!(Sample::of(&failed(100, 1, crate::record::Status::LostValues)), None);
    }
}
