//! What figures are compared with: recorded runs of real Maelstrom that are built in, or another sweep.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use node::StrategyKind;
use serde::Deserialize;

use crate::analysis::sample::Sample;
use crate::campaign::sweep::Recorded as Sweep;

/// The recorded runs: real Maelstrom v0.2.4 at the challenge's settings.
const RECORDED: &str = include_str!("../../../data/maelstrom-runs.csv");

/// The strategy that the recorded runs are of.
pub const RECORDED_STRATEGY: StrategyKind = StrategyKind::Tree;

/// Which of the recorded runs of real Maelstrom to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Those of the tutorial's own node, in Go.
    Article,
    /// Those of this repository's node with the same protocol.
    Tree,
    /// The runs of both nodes.
    Both,
}

/// One recorded run.
#[derive(Clone, Debug, Deserialize)]
struct RecordedRun {
    /// `article` or `tree`.
    node: String,
    batch_timeout_ms: u64,
    msgs_per_op: f64,
    stable_p50_ms: f64,
    stable_p95_ms: f64,
    stable_max_ms: f64,
}

/// What is compared with.
pub struct Reference {
    /// What it is, for the table's title.
    pub name: String,
    /// The figures of its runs.
    pub samples: Vec<Sample>,
    /// Its first seed, if it has seeds.
    pub seed: Option<u64>,
    /// How often each point was measured, where that is for the same to do.
    pub repetitions: Option<u32>,
    /// They are the built-in ones, which are of one protocol, whoever wrote the node.
    pub are_built_in: bool,
}

impl Reference {
    /// The built-in runs.
    ///
    /// # Errors
    /// If they cannot be read, which would be a slip in this program.
    pub fn built_in(nodes: Nodes) -> anyhow::Result<Reference> {
        let (wanted, name) = match nodes {
            Nodes::Article => (&["article"][..], "the tutorial's node in Go"),
            Nodes::Tree => (&["tree"][..], "this repository's tree"),
            Nodes::Both => (&["article", "tree"][..], "the tutorial's node in Go and this repository's tree"),
        };
        let runs: Result<Vec<RecordedRun>, csv::Error> =
            csv::Reader::from_reader(RECORDED.as_bytes()).deserialize().collect();
        let runs = runs.context("the built-in recorded runs cannot be read")?;
        let is_wanted = |run: &&RecordedRun| wanted.contains(&run.node.as_str());
        Ok(Reference {
            name: format!("real Maelstrom v0.2.4 (recorded runs of {name})"),
            samples: runs.iter().filter(is_wanted).map(RecordedRun::sample).collect(),
            seed: None,
            repetitions: None,
            are_built_in: true,
        })
    }

    /// The runs of a sweep.
    ///
    /// # Errors
    /// If its CSV cannot be read.
    pub fn of_sweep(path: &Path) -> anyhow::Result<Reference> {
        let Sweep { csv, records, .. } = Sweep::read(path)?;
        let engine = records.first().map_or("", |record| record.run.engine.name());
        Ok(Reference {
            name: format!("{} ({engine})", csv.display()),
            samples: records.iter().filter_map(Sample::of).collect(),
            seed: records.iter().filter_map(|record| record.run.seed).min(),
            repetitions: records.iter().map(|record| record.run.repetition).max(),
            are_built_in: false,
        })
    }
}

impl RecordedRun {
    fn sample(&self) -> Sample {
        Sample {
            strategy: Some(RECORDED_STRATEGY),
            batch_timeout: Duration::from_millis(self.batch_timeout_ms),
            figures: [self.msgs_per_op, self.stable_p50_ms, self.stable_p95_ms, self.stable_max_ms],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_timeout_has_runs_of_both_nodes() {
        let runs = |reference| Reference::built_in(reference).unwrap().samples;
        let (article, tree, both) = (runs(Nodes::Article), runs(Nodes::Tree), runs(Nodes::Both));
        assert_eq!(article.len() + tree.len(), both.len());
        for samples in [article, tree] {
            for timeout in [25, 50, 100, 200, 400, 600, 800].map(Duration::from_millis) {
                assert!(samples.iter().any(|sample| sample.batch_timeout == timeout), "{timeout:?}");
            }
        }
    }
}
