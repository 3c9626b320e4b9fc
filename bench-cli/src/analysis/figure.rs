//! The figures of a run that are limited and compared. Less is better for each of them.

use crate::record::{Quantile, RunRecord};
use crate::spec::durations::milliseconds;

/// One of a run's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Figure {
    /// Messages between nodes per operation.
    MsgsPerOp,
    /// The median stable latency, in milliseconds.
    P50,
    /// Its 95th percentile, in milliseconds.
    P95,
    /// Its maximum, in milliseconds.
    Max,
}

impl Figure {
    /// Every figure, in the order of tables.
    pub const ALL: [Figure; 4] = [Figure::MsgsPerOp, Figure::P50, Figure::P95, Figure::Max];

    /// Its short name.
    pub const fn label(self) -> &'static str {
        match self {
            Figure::MsgsPerOp => "msgs/op",
            Figure::P50 => "median",
            Figure::P95 => "p95",
            Figure::Max => "max",
        }
    }

    /// Its value, if the run is ok and has one.
    pub fn of(self, record: &RunRecord) -> Option<f64> {
        let latency = |quantile| record.latency(quantile).map(milliseconds);
        match self {
            Figure::MsgsPerOp => record.msgs_per_op().filter(|_| record.is_ok()),
            Figure::P50 => latency(Quantile::P50),
            Figure::P95 => latency(Quantile::P95),
            Figure::Max => latency(Quantile::Max),
        }
    }

    /// The smallest difference that it can show: Maelstrom writes latencies in whole milliseconds.
    pub const fn resolution(self) -> f64 {
        match self {
            Figure::MsgsPerOp => 0.0,
            Figure::P50 | Figure::P95 | Figure::Max => 1.0,
        }
    }

    /// The logarithm of a value, for tests of figures that scatter in proportion to their size. One step is
    /// added to figures that are written in steps, so that a latency of 0 has one, too. `None` without
    /// messages.
    pub fn logarithm(self, value: f64) -> Option<f64> {
        Some((value + self.resolution()).ln()).filter(|logarithm| logarithm.is_finite())
    }

    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Figure::MsgsPerOp => format!("{value:.2}"),
            Figure::P50 | Figure::P95 | Figure::Max => format!("{value:.0} ms"),
        }
    }
}
