//! The start of a node on trial: is it a program that answers `init`?
//!
//! The node gets what it gets in a run: the same directory, the names of all nodes, services, ten seconds.
//! Only the other nodes are missing.

use std::time::Duration;

use super::json::{self, Body};
use super::log::{Log, Verbosity};
use super::store::Store;
use super::{RunError, Spec, driver};
use crate::harness::payload::{Payload as _, Request};
use crate::harness::results::Plots;
use crate::json::quoted;
use crate::spec::settings::{Latency, LatencyDistribution, NodeCommand, Settings};
use crate::supervise::orphans;

/// Why a node did not answer `init`.
#[derive(Debug)]
pub struct Refusal {
    /// Why the node was refused.
    pub error: RunError,
    /// The last warning about the node's output.
    pub warning: Option<String>,
    /// Whether the node may have waited for another node, none of which was there.
    pub may_await_others: bool,
}

impl From<RunError> for Box<Refusal> {
    fn from(error: RunError) -> Box<Refusal> {
        Box::new(Refusal { error, warning: None, may_await_others: false })
    }
}

/// Starts the node as the first of nodes with these names. Returns how long it took to answer `init`.
///
/// # Errors
/// If it did not answer as a node does.
pub fn probe(node: &NodeCommand, names: &[String]) -> Result<Duration, Box<Refusal>> {
    let folder = tempfile::tempdir().map_err(RunError::from)?;
    let latency = Latency { mean: Duration::ZERO, distribution: LatencyDistribution::Constant };
    let spec = Spec {
        settings: Settings { latency, ..Settings::default() },
        names: names.to_vec(),
        node: node.clone(),
        seed: 0,
        directory: folder.path().to_owned(),
        verbosity: Verbosity::default(),
        plots: Plots::Skipped,
    };
    let store = Store::create(&spec.directory).map_err(RunError::from)?;
    let mut log = Log::create_hidden(&store.file("jepsen.log")).map_err(RunError::from)?;
    let outcome = driver::initialise_first(&spec, &store, &mut log);
    orphans::end_run(store.path());
    outcome
}

/// The line that the first of nodes with these names is given first.
pub fn init_line(names: &[String]) -> String {
    let node = names.first().map_or("n0", String::as_str);
    let body = Body::request(&Request::Init { node, all: names }, 1);
    let mut line = String::new();
    json::write_line(&mut line, 0, quoted("c0"), quoted(node), &body);
    line.trim_end().to_owned()
}
