//! The cluster and the load that models are computed for.

use std::time::Duration;

/// The fraction of operations that are broadcasts in Maelstrom's workload. The rest are reads.
pub(super) const BROADCAST_FRACTION: f64 = 0.5;

/// A cluster without faults, with a constant latency and one client for each node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// The number of nodes.
    pub node_count: usize,
    /// Operations per second over all clients, broadcasts and reads together.
    pub rate: f64,
    /// The one-way latency between two nodes.
    pub latency: Duration,
}

impl Cluster {
    /// The cluster of challenges 3d and 3e.
    pub const CHALLENGE: Cluster =
        Cluster { node_count: 25, rate: 100.0, latency: Duration::from_millis(100) };

    /// Broadcasts per second over the whole cluster.
    pub(super) fn broadcast_rate(&self) -> f64 {
        self.rate * BROADCAST_FRACTION
    }
}
