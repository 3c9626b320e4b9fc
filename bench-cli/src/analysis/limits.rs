//! Checks records against limits.

use super::figure::Figure;
use crate::record::RunRecord;
use crate::spec::Limits;
use crate::spec::durations::milliseconds;

impl Limits {
    /// The limited figures, each with its limit in the figure's unit.
    pub fn figures(&self) -> Vec<(Figure, f64)> {
        let ms = |limit: Option<std::time::Duration>| limit.map(milliseconds);
        [(Figure::MsgsPerOp, self.msgs_per_op), (Figure::P50, ms(self.median)), (Figure::Max, ms(self.max))]
            .into_iter()
            .filter_map(|(figure, limit)| Some((figure, limit?)))
            .collect()
    }

    /// Whether `record` is an ok run below every limit. A run that failed, or lacks a limited figure, is not.
    pub fn are_met_by(&self, record: &RunRecord) -> bool {
        let below = |(figure, limit): (Figure, f64)| figure.of(record).is_some_and(|value| value < limit);
        record.is_ok() && self.figures().into_iter().all(below)
    }

    /// Whether some figure of `record` is at or above its limit. A run without figures exceeds nothing.
    pub fn are_exceeded_by(&self, record: &RunRecord) -> bool {
        let reached = |(figure, limit): (Figure, f64)| figure.of(record).is_some_and(|value| value >= limit);
        self.figures().into_iter().any(reached)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;

    #[test]
    fn every_limit_counts_and_is_exclusive() {
        let ms = Duration::from_millis;
        let [latency, efficiency] = Challenge::ALL.map(Limits::from);
        let record = example(100, 1).with(|record| {
            record.figures_mut().msgs_per_op = Some(19.9);
            (record.stable_mut().p50, record.stable_mut().max) = (ms(399), ms(599));
        });
        assert!(latency.are_met_by(&record) && efficiency.are_met_by(&record));
        let with = |change: fn(&mut RunRecord)| record.clone().with(change);
        let at_3d = [
            with(|record| record.figures_mut().msgs_per_op = Some(30.0)),
            with(|record| record.stable_mut().p50 = Duration::from_millis(400)),
            with(|record| record.stable_mut().max = Duration::from_millis(600)),
            with(|record| record.measured.status = Status::Unknown),
            with(|record| record.figures_mut().msgs_per_op = None),
        ];
        assert!(at_3d.iter().all(|record| !latency.are_met_by(record)));
        let slower = record.with(|record| {
            (record.stable_mut().p50, record.stable_mut().max) = (ms(999), ms(1999));
        });
        assert!(efficiency.are_met_by(&slower) && !latency.are_met_by(&slower));
    }
}
