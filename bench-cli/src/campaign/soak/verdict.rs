//! Checking a case.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use node::{StrategyKind, Value};
use rustc_hash::FxHashSet;

use super::Case;
use crate::engine::simulated::Simulation;
use crate::harness::checker;
use crate::terminal::{count, were};

/// How long after the last final read, in virtual time, nodes may keep sending: acknowledgements wait some
/// seconds before they are sent alone, and what is lost is sent again a few times.
const PATIENCE: Duration = Duration::from_secs(120);

/// A case that passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// Messages between nodes for each operation, until every node fell silent; 0 without operations.
    pub msgs_per_op: f64,
    /// How long after the last final read, in virtual time, the last node fell silent.
    pub silent_after: Duration,
}

/// What was wrong with a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A node did not even start.
    SetUp(String),
    /// Some node never got some values, or the checker saw values vanish.
    Lost {
        /// How many values are missing, over all nodes.
        missing: usize,
        /// The first node that misses some.
        node: usize,
    },
    /// The final reads, 10 s after all faults had ended, did not see everything.
    Late {
        /// How many values at least one of them missed.
        values: usize,
    },
    /// Nodes keep sending although nothing is left to send.
    NeverSilent {
        /// How many are not at rest.
        nodes: usize,
    },
    /// More messages than the protocol should ever need.
    OverBudget {
        /// Number of messages between nodes.
        messages: u64,
        /// The most that should be needed.
        budget: u64,
    },
    /// The code panicked.
    Panicked(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::SetUp(error) => write!(f, "the nodes did not start: {error}"),
            Failure::Lost { missing, node } => {
                let (values, were) = (count(*missing, "value"), were(*missing));
                write!(f, "{values} {were} lost permanently, the first on node n{node}")
            }
            Failure::Late { values } => {
                let (values, were) = (count(*values, "value"), were(*values));
                write!(f, "{values} {were} still missing from final reads, 10 s after all faults had ended")
            }
            Failure::NeverSilent { nodes } => {
                let nodes =
                    if *nodes == 1 { "1 node keeps".to_owned() } else { format!("{nodes} nodes keep") };
                write!(f, "{nodes} sending although nothing is left to send")
            }
            Failure::OverBudget { messages, budget } => {
                write!(f, "{messages} messages between nodes; {budget} should be enough")
            }
            Failure::Panicked(message) => write!(f, "the code panicked: {message}"),
        }
    }
}

impl Case {
    /// Runs and checks the case.
    ///
    /// # Errors
    /// If anything is wrong with it.
    pub fn check(&self) -> Result<Passed, Failure> {
        catch_unwind(AssertUnwindSafe(|| self.run_and_check())).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Failure::Panicked(message.unwrap_or_else(|| "no message".to_owned())))
        })
    }

    fn run_and_check(&self) -> Result<Passed, Failure> {
        let mut simulation = self.simulation();
        simulation.run_to_end().map_err(|error| Failure::SetUp(error.to_string()))?;
        let ended = simulation.now();
        let is_silent = simulation.settle(PATIENCE);
        if !is_silent {
            let nodes = simulation.nodes().filter(|node| !node.is_idle()).count();
            return Err(Failure::NeverSilent { nodes });
        }
        let silent_after = simulation.now().saturating_since(ended);
        everyone_has_everything(&simulation)?;
        let messages = simulation.message_counts().servers.sent;
        let finished = simulation.finish(&self.settings);
        // Messages that get lost for ever and ever may delay a value beyond any bound; partitions end.
        if self.settings.message_faults.loss == 0.0 {
            // The checker calls a value lost only if the read that was invoked last is among those that
            // missed it.
            let values = checker::missed_by_final_reads(&finished.history);
            if values > 0 {
                return Err(Failure::Late { values });
            }
        }
        let (operations, broadcasts) =
            (finished.report.stats.all().count(), finished.report.workload.attempts as u64);
        let needed = || self.needed(broadcasts, ended.as_nanos() / 1_000_000_000);
        let budget = self.budget.unwrap_or_else(needed);
        if messages > budget {
            return Err(Failure::OverBudget { messages, budget });
        }
        Ok(Passed { msgs_per_op: messages as f64 / (operations.max(1)) as f64, silent_after })
    }

    /// A generous upper bound of the messages between nodes: each value on its own to everyone (batching only
    /// saves), the acknowledgements of each strategy, and under faults some probes per second on every link.
    fn needed(&self, broadcasts: u64, seconds: u64) -> u64 {
        let nodes = self.settings.node_count as u64;
        let links = nodes * nodes.saturating_sub(1);
        let faultless = match self.config.strategy {
            // Every batch is acknowledged, and a value can reach a node from its parent and from its origin.
            StrategyKind::Tree => 4 * broadcasts * nodes,
            // One message up and one down, an answer for the origin, and one acknowledgement a link at the
            // end.
            _ => broadcasts * (nodes + 2) * 21 / 20 + links + 4 * nodes,
        };
        let faults = !self.settings.nemesis.faults.is_empty() || self.settings.message_faults.any();
        let slow = self.settings.latency.mean >= Duration::from_millis(150);
        if faults || slow { 6 * faultless + 3 * links * seconds } else { faultless }
    }
}

fn everyone_has_everything(simulation: &Simulation) -> Result<(), Failure> {
    let on_nodes = simulation.nodes().flat_map(|node| node.values().as_slice()).cloned();
    // A value may be gone from all nodes.
    let all: FxHashSet<Value> = on_nodes.chain(simulation.known_to_clients()).collect();
    let missing = |node: &node::Node| all.len() - node.values().len();
    let total: usize = simulation.nodes().map(missing).sum();
    match simulation.nodes().position(|node| missing(node) > 0) {
        Some(node) => Err(Failure::Lost { missing: total, node }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_one_thing_and_several() {
        let said = |failure: Failure| failure.to_string();
        assert_eq!(
            said(Failure::Lost { missing: 1, node: 3 }),
            "1 value was lost permanently, the first on node n3"
        );
        assert_eq!(
            said(Failure::Lost { missing: 2, node: 3 }),
            "2 values were lost permanently, the first on node n3"
        );
        let after = "10 s after all faults had ended";
        let late = |values| said(Failure::Late { values });
        assert_eq!(late(1), format!("1 value was still missing from final reads, {after}"));
        assert_eq!(late(2), format!("2 values were still missing from final reads, {after}"));
        let sending = |nodes| said(Failure::NeverSilent { nodes });
        assert_eq!(sending(1), "1 node keeps sending although nothing is left to send");
        assert_eq!(sending(2), "2 nodes keep sending although nothing is left to send");
    }
}
