//! One run of a sweep: a value for each parameter, a repetition and a seed.

use std::time::Duration;

use node::StrategyKind;

use super::engine::EngineKind;
use super::node::Node;
use super::settings::Settings;
use super::shell;
use super::value::Value;

/// The variable in which every node that has a batch timeout finds it, in milliseconds.
pub const BATCH_TIMEOUT_VARIABLE: &str = "BATCH_TIMEOUT_MS";

/// A run, described completely. Two runs are the same if their descriptions are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunSpec {
    /// The engine that executes it.
    pub engine: EngineKind,
    /// What runs as a node.
    pub node: Node,
    /// What the user calls its series.
    pub label: Option<String>,
    /// The strategy of this repository's node; `None` for any other.
    pub strategy: Option<StrategyKind>,
    /// How long the node batches, whole milliseconds; `None` for a node that has no batch timeout.
    pub batch_timeout: Option<Duration>,
    /// The values of the user's parameters, by name.
    pub parameters: Vec<(String, Value)>,
    /// Network, workload and faults.
    pub settings: Settings,
    /// The node's arguments.
    pub args: Vec<String>,
    /// Variables that the user added to its environment.
    pub env: Vec<(String, String)>,
    /// Which repetition of this point of the grid, from 1.
    pub repetition: u32,
    /// The seed, for engines that take one.
    pub seed: Option<u64>,
}

impl RunSpec {
    /// The run without its seed and label: which of the sweep's runs it is, whatever its random choices are
    /// and whatever it is called.
    pub fn identity(&self) -> RunSpec {
        RunSpec { seed: None, label: None, ..self.clone() }
    }

    /// What this run is a sample of: the user's label, or else the strategy of this repository's node or
    /// another node's program name.
    pub fn series(&self) -> String {
        if let Some(label) = &self.label {
            return label.clone();
        }
        self.strategy.map_or_else(|| self.node.program_name(), |strategy| strategy.name().to_owned())
    }

    /// The batch timeout in milliseconds, if the node has one.
    pub fn batch_timeout_ms(&self) -> Option<u64> {
        self.batch_timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
    }

    /// The configuration of this repository's node, if that is what runs.
    pub fn config(&self) -> Option<node::Config> {
        let (strategy, batch_timeout) = self.strategy.zip(self.batch_timeout)?;
        Some(node::Config { strategy, batch_timeout })
    }

    /// The node's arguments as one would type them.
    pub fn args_shown(&self) -> String {
        shell::join(&self.args)
    }

    /// The variables that are added to the node's environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let batch_timeout =
            self.batch_timeout_ms().map(|ms| (BATCH_TIMEOUT_VARIABLE.to_owned(), ms.to_string()));
        batch_timeout.into_iter().chain(self.env.iter().cloned()).collect()
    }
}
