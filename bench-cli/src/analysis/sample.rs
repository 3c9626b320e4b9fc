//! Runs as samples of their strategy at their batch timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use node::StrategyKind;

use super::figure::Figure;
use crate::record::RunRecord;

/// The figures of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The strategy of its nodes; `None` for another program. Only runs of the same strategy are compared.
    pub strategy: Option<StrategyKind>,
    /// How long its nodes batched.
    pub batch_timeout: Duration,
    /// Its figures, in the order of [`Figure::ALL`].
    pub figures: [f64; Figure::ALL.len()],
}

impl Sample {
    /// One of its figures.
    pub fn figure(&self, figure: Figure) -> f64 {
        self.figures[figure as usize]
    }

    /// The sample that a run of a sweep is, if its figures may be used.
    pub fn of(record: &RunRecord) -> Option<Sample> {
        let [msgs_per_op, p50, p95, max] = Figure::ALL.map(|figure| figure.of(record));
        Some(Sample {
            strategy: record.strategy(),
            batch_timeout: record.run.batch_timeout.unwrap_or_default(),
            figures: [msgs_per_op?, p50?, p95?, max?],
        })
    }
}

/// The samples of both sides at one batch timeout of one strategy.
pub(super) struct Pair<'a> {
    pub(super) strategy: Option<StrategyKind>,
    pub(super) batch_timeout: Duration,
    recorded: Vec<&'a Sample>,
    measured: Vec<&'a Sample>,
}

impl Pair<'_> {
    /// A figure of all recorded samples, and of all measured ones.
    pub(super) fn values(&self, figure: Figure) -> [Vec<f64>; 2] {
        let values = |samples: &[&Sample]| samples.iter().map(|sample| sample.figure(figure)).collect();
        [values(&self.recorded), values(&self.measured)]
    }
}

/// Each strategy at every batch timeout that has samples on both sides, in rising order.
pub(super) fn pairs<'a>(recorded: &'a [Sample], measured: &'a [Sample]) -> Vec<Pair<'a>> {
    // By name, so that tables are in alphabetical order.
    let key = |sample: &Sample| (sample.strategy.map_or("", StrategyKind::name), sample.batch_timeout);
    let mut pairs: BTreeMap<(&str, Duration), Pair<'a>> = BTreeMap::new();
    for sample in recorded {
        let Sample { strategy, batch_timeout, .. } = *sample;
        let new = || Pair { strategy, batch_timeout, recorded: Vec::new(), measured: Vec::new() };
        pairs.entry(key(sample)).or_insert_with(new).recorded.push(sample);
    }
    for sample in measured {
        if let Some(pair) = pairs.get_mut(&key(sample)) {
            pair.measured.push(sample);
        }
    }
    pairs.into_values().filter(|pair| !pair.measured.is_empty()).collect()
}
