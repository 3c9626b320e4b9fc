//! The limits of Gossip Glomers' challenges 3d and 3e.

use std::time::Duration;

use crate::outcome::{Quantile, Row};

/// What a run must stay below to pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Challenge {
    /// Its name.
    pub name: &'static str,
    /// Messages between nodes for each operation.
    pub msgs_per_op: f64,
    /// Median stable latency.
    pub median: Duration,
    /// Maximum stable latency.
    pub max: Duration,
}

impl Challenge {
    /// Both challenges, the one on latency first.
    pub const ALL: [Challenge; 2] = [
        Challenge {
            name: "3d",
            msgs_per_op: 30.0,
            median: Duration::from_millis(400),
            max: Duration::from_millis(600),
        },
        Challenge {
            name: "3e",
            msgs_per_op: 20.0,
            median: Duration::from_secs(1),
            max: Duration::from_secs(2),
        },
    ];

    /// Whether `row` is an ok run below every limit. A run that failed, or lacks a figure, does not pass.
    pub fn passed_by(&self, row: &Row) -> bool {
        row.is_ok()
            && row.msgs_per_op.is_some_and(|msgs| msgs < self.msgs_per_op)
            && row.latency(Quantile::P50).is_some_and(|median| median < self.median)
            && row.latency(Quantile::Max).is_some_and(|max| max < self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Status;
    use crate::outcome::row::tests::example;

    #[test]
    fn every_limit_counts_and_is_exclusive() {
        let [latency, efficiency] = Challenge::ALL;
        let row = Row {
            msgs_per_op: Some(19.9),
            stable_p50_ms: Some(399),
            stable_max_ms: Some(599),
            ..example(100, 1)
        };
        assert!(latency.passed_by(&row) && efficiency.passed_by(&row));
        let at_3d = [
            Row { msgs_per_op: Some(30.0), ..row.clone() },
            Row { stable_p50_ms: Some(400), ..row.clone() },
            Row { stable_max_ms: Some(600), ..row.clone() },
            Row { status: Status::Unknown, ..row.clone() },
            Row { msgs_per_op: None, ..row.clone() },
        ];
        assert!(at_3d.iter().all(|row| !latency.passed_by(row)));
        let slower = Row { stable_p50_ms: Some(999), stable_max_ms: Some(1999), ..row };
        assert!(efficiency.passed_by(&slower) && !latency.passed_by(&slower));
    }
}
