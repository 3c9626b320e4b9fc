//! Whether an engine measures what real Maelstrom measures: the figures of its runs beside recorded ones.

use std::fmt;
use std::time::Duration;

use super::median::Spread;
use crate::outcome::Row;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Messages between nodes for each operation.
    MsgsPerOp,
    /// The median stable latency.
    P50,
    /// The 95th percentile of the stable latencies.
    P95,
    /// The maximum stable latency.
    Max,
}

impl Quantity {
    /// All of them, in the table's order.
    pub const ALL: [Quantity; 4] = [Quantity::MsgsPerOp, Quantity::P50, Quantity::P95, Quantity::Max];

    /// How far the medians may lie apart, relative to the recorded one.
    ///
    /// Repeated runs of real Maelstrom differ by as much from one to the next.
    pub const fn tolerance(self) -> f64 {
        match self {
            Quantity::MsgsPerOp => 0.03,
            Quantity::P50 | Quantity::P95 | Quantity::Max => 0.10,
        }
    }

    /// How many decimals a person wants to see.
    pub const fn decimals(self) -> usize {
        match self {
            Quantity::MsgsPerOp => 2,
            Quantity::P50 | Quantity::P95 | Quantity::Max => 0,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Quantity::MsgsPerOp => "msgs/op",
            Quantity::P50 => "p50 ms",
            Quantity::P95 => "p95 ms",
            Quantity::Max => "max ms",
        })
    }
}

/// The figures of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// How long its nodes batched.
    pub batch_timeout: Duration,
    /// Messages between nodes for each operation.
    pub msgs_per_op: f64,
    /// The median stable latency, in ms.
    pub p50_ms: f64,
    /// The 95th percentile of the stable latencies, in ms.
    pub p95_ms: f64,
    /// The maximum stable latency, in ms.
    pub max_ms: f64,
}

impl Sample {
    /// The sample that a run of a sweep is, if its figures may be used.
    pub fn of(row: &Row) -> Option<Sample> {
        row.is_ok().then_some(())?;
        Some(Sample {
            batch_timeout: Duration::from_millis(row.batch_timeout_ms),
            msgs_per_op: row.msgs_per_op?,
            p50_ms: row.stable_p50_ms? as f64,
            p95_ms: row.stable_p95_ms? as f64,
            max_ms: row.stable_max_ms? as f64,
        })
    }

    fn get(&self, quantity: Quantity) -> f64 {
        match quantity {
            Quantity::MsgsPerOp => self.msgs_per_op,
            Quantity::P50 => self.p50_ms,
            Quantity::P95 => self.p95_ms,
            Quantity::Max => self.max_ms,
        }
    }
}

/// One quantity at one batch timeout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The batch timeout.
    pub batch_timeout: Duration,
    /// What is compared.
    pub quantity: Quantity,
    /// Over the recorded runs.
    pub recorded: Spread,
    /// How many those are.
    pub recorded_runs: usize,
    /// Over the engine's runs.
    pub measured: Spread,
    /// How many those are.
    pub measured_runs: usize,
}

impl Comparison {
    /// The engine's median over the recorded one.
    pub fn ratio(&self) -> f64 {
        self.measured.median / self.recorded.median
    }

    /// Whether the medians lie within the quantity's tolerance of each other.
    pub fn is_within(&self) -> bool {
        (self.ratio() - 1.0).abs() <= self.quantity.tolerance()
    }
}

/// Compares at every batch timeout that has samples on both sides, in rising order.
pub fn compare(recorded: &[Sample], measured: &[Sample]) -> Vec<Comparison> {
    let mut timeouts: Vec<Duration> = recorded.iter().map(|sample| sample.batch_timeout).collect();
    timeouts.sort_unstable();
    timeouts.dedup();
    let pairs = timeouts.iter().flat_map(|&at| Quantity::ALL.map(|quantity| (at, quantity)));
    pairs
        .filter_map(|(batch_timeout, quantity)| {
            let values = |samples: &[Sample]| -> Vec<f64> {
                let here = samples.iter().filter(|sample| sample.batch_timeout == batch_timeout);
                here.map(|sample| sample.get(quantity)).collect()
            };
            let (recorded, measured) = (values(recorded), values(measured));
            Some(Comparison {
                batch_timeout,
                quantity,
                recorded_runs: recorded.len(),
                measured_runs: measured.len(),
                recorded: Spread::of(recorded)?,
                measured: Spread::of(measured)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(timeout_ms: u64, msgs_per_op: f64, ms: f64) -> Sample {
        let batch_timeout = Duration::from_millis(timeout_ms);
        Sample { batch_timeout, msgs_per_op, p50_ms: ms, p95_ms: ms + 100.0, max_ms: ms + 200.0 }
    }

    #[test]
    fn medians_are_compared_where_both_sides_have_runs() {
        let recorded = [sample(200, 3.4, 700.0), sample(200, 3.5, 800.0), sample(200, 3.3, 710.0)];
        let measured = [sample(200, 3.4, 600.0), sample(400, 2.0, 1_500.0)];
        let all = compare(&recorded, &measured);
        assert_eq!(all.iter().map(|c| c.quantity).collect::<Vec<_>>(), Quantity::ALL);
        let p50 = all[1];
        assert_eq!((p50.recorded.median, p50.recorded_runs, p50.measured_runs), (710.0, 3, 1));
        assert!((p50.ratio() - 600.0 / 710.0).abs() < 1e-12);
    }

    #[test]
    fn each_quantity_has_its_own_tolerance() {
        let all = compare(&[sample(200, 100.0, 1_000.0)], &[sample(200, 104.0, 1_040.0)]);
        let within: Vec<bool> = all.iter().map(Comparison::is_within).collect();
        assert_eq!(within, [false, true, true, true]);
        let all = compare(&[sample(200, 100.0, 1_000.0)], &[sample(200, 97.5, 880.0)]);
        let within: Vec<bool> = all.iter().map(Comparison::is_within).collect();
        assert_eq!(within, [true, false, false, true]);
    }

    #[test]
    fn a_run_that_failed_is_no_sample() {
        let row = crate::outcome::row::tests::example(100, 1);
        assert_eq!(Sample::of(&row).map(|sample| sample.max_ms), Some(301.0));
        let failed = Row { status: crate::outcome::Status::LostValues, ..row };
        assert_eq!(Sample::of(&failed), None);
    }
}
