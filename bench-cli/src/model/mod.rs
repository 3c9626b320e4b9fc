//! What theory predicts for a cluster under Maelstrom's workload: messages per operation, and latencies.
//!
//! The formulas for messages are the node's own ([`node::cost_model`]), and so is the geometry of its tree
//! ([`node::TreeGrid`]). This module adds what the formulas need to know about Maelstrom: its clients take
//! turns, and its reads hide a part of the latency.

mod client_turns;
mod cluster;
pub mod latency;
pub mod messages;

pub use cluster::Cluster;
pub use latency::LatencyModel;
pub use messages::MessageModel;
