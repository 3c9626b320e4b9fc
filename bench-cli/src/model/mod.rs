//! What theory predicts: messages for each operation, and latencies.

pub mod latency;
pub mod messages;
