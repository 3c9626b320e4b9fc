//! When values come to the nodes of a cluster under Maelstrom: its clients take turns.
//!
//! `n` nodes, `r` operations per second, of which a fraction `β` are broadcasts. Operations do not come to a
//! node as a Poisson process. Each client has its turn once in `c = (n + 1)/r` seconds, because jepsen gives
//! the first client two turns per round. The scatter comes only from the intervals between operations, which
//! are uniform on `0..2/r`. Two things follow.
//!
//! - **A node accepts a value in more of the periods than chance would give.** A period of `W` seconds has
//!   `x = W/c` operations of a node. The node accepts nothing in `(1 − β)^x` of the periods, interpolated
//!   linearly between whole numbers of operations.
//! - **A window shorter than `c` nearly never gets a second value.** A node sends once in `c` times the
//!   number of its operations in the window plus `1/β`, the operations until its next broadcast (Wald's
//!   equation).

use std::f64::consts::SQRT_2;
use std::time::Duration;

use node::cost_model::Arrivals;
use statrs::function::erf::erfc;

use super::cluster::{BROADCAST_FRACTION, Cluster};

/// Beyond this, erfc is so near to 0 or 2 that sums are the same without it: erfc(6) = 2 · 10⁻¹⁷. Plots need
/// a hundred thousand of its values.
const CERTAIN: f64 = 6.0;

impl Cluster {
    /// The number of operations from one operation at a leaf to its next. The first node has two turns per
    /// round.
    fn turn(&self) -> f64 {
        self.node_count as f64 + 1.0
    }

    /// Messages per second from a node to one peer if its first pending value opens a window, and every
    /// `turn`th operation is the node's.
    fn sends_per_second(&self, window: Duration, turn: f64) -> f64 {
        let window = window.as_secs_f64();
        // The standard deviation of a sum of intervals that are uniform on 0..2/r.
        let scatter = (turn / 3.0).sqrt() / self.rate;
        let turn = turn / self.rate;
        let late = |operation: f64| (operation * turn - window) / (scatter * operation.sqrt()) / SQRT_2;
        let probability_within = |late: f64| if late < -CERTAIN { 1.0 } else { 0.5 * erfc(late) };
        // Beyond twice the window and a few turns the probability is nil.
        let last = 2.0 * window / turn + 4.0;
        let operations = (1..).map(f64::from).take_while(|operation| *operation < last).map(late);
        let operations: f64 = operations.take_while(|late| *late < CERTAIN).map(probability_within).sum();
        1.0 / (turn * (operations + 1.0 / BROADCAST_FRACTION))
    }
}

impl Arrivals for Cluster {
    fn nodes(&self) -> u32 {
        u32::try_from(self.node_count).unwrap_or(u32::MAX)
    }

    fn values_per_second(&self) -> f64 {
        self.broadcast_rate()
    }

    fn leaf_accepts_in(&self, period: Duration) -> f64 {
        let operations = period.as_secs_f64() * self.rate / self.turn();
        let none_of = |operations: f64| (1.0 - BROADCAST_FRACTION).powf(operations);
        let (fewer, part) = (operations.floor(), operations.fract());
        1.0 - ((1.0 - part) * none_of(fewer) + part * none_of(fewer + 1.0))
    }

    fn leaf_sends(&self, window: Duration) -> f64 {
        self.sends_per_second(window, self.turn())
    }

    fn all_nodes_send(&self, window: Duration) -> f64 {
        let leaves = self.node_count.saturating_sub(1) as f64;
        self.sends_per_second(window, self.turn() / 2.0) + leaves * self.leaf_sends(window)
    }
}
