//! How many messages the model of a strategy costs at a batch timeout.

use std::time::Duration;

use super::series::Series;
use crate::model::messages::Cluster;

/// Messages for the number of hops of one of this repository's strategies, as a function of its batch timeout.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    cluster: Cluster,
    messages: fn(&Cluster, Duration) -> f64,
    name: &'static str,
}

impl Model {
    /// The model of a series: `None` for other nodes, for the tree, and where models do not apply.
    pub fn of(series: &Series<'_>) -> Option<Model> {
        let cluster = series.cluster()?;
        let row = series.rows.first()?;
        let (messages, name): (fn(&Cluster, Duration) -> f64, _) = match row.strategy.as_str() {
            "hub" => (Cluster::two_hops, "two hops, one period for all"),
            "direct" => (Cluster::one_hop, "one hop, windows opened by first values"),
            _ => return None,
        };
        Some(Model { cluster, messages, name })
    }

    /// What it assumes, in a few words.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The messages an operation with this batch timeout (ms).
    pub fn at_ms(&self, timeout: f64) -> f64 {
        (self.messages)(&self.cluster, Duration::from_secs_f64(timeout / 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Row;
    use crate::record::row::tests::example;

    #[test]
    fn there_is_none_where_its_assumptions_do_not_hold() {
        let has_one = |row: Row| Model::of(&Series::group(&[row])[0]).is_some();
        assert!(has_one(Row { node_count: 5, ..example(100, 1) }));
        assert!(!has_one(Row { latency_dist: "exponential".to_owned(), ..example(100, 1) }));
        assert!(!has_one(Row { message_loss: 0.1, ..example(100, 1) }));
        assert!(!has_one(Row { concurrency: "2n".to_owned(), ..example(100, 1) }));
        assert!(!has_one(Row { strategy: "tree".to_owned(), ..example(100, 1) }));
    }
}
