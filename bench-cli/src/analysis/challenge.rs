//! The limits of Gossip Glomers' challenges 3d and 3e.

use std::time::Duration;

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
}
