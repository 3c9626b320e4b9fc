//! How many messages a protocol costs. One set of formulas for the node, which decides with them, and for
//! tools that predict what a node will cost.
//!
//! `n` nodes accept `b` values per second in the whole cluster. `W` is the time for which values are
//! collected, called a *window* if the first pending value opens it, and a *period* if it repeats. All
//! functions return messages between nodes per second in the whole cluster; divide by the operations per
//! second to get messages per operation.
//!
//! - **One hop.** The origin sends to the n − 1 others at the end of a window. If a node sends `s(W)` times
//!   per second to the same peer, the cluster sends (n − 1) · Σ s(W) messages per second, summed over all
//!   nodes.
//! - **Two hops on a period.** In each period a leaf sends one message to the hub if it accepted a value, and
//!   the hub sends one to each leaf if anyone did: (n − 1) · (P(leaf accepts a value) + P(anyone does)) / W.
//! - **Two hops on first values.** The first pending value opens a window `u` at the leaf, and the first one
//!   that arrives a window `v` at the hub: (n − 1) · (s(u) + 1 / (v + 1/b)).
//!
//! All nodes together accept values nearly as a Poisson process. So some node accepts one in a period with
//! probability 1 − e^(−W·b). From the end of a window at the hub to the next value, 1/b seconds pass. What a
//! single node accepts depends on its clients, which [`Arrivals`] describes. For [`Poisson`] arrivals at rate
//! b/n, a leaf accepts a value in a period with probability 1 − e^(−W·b/n), and `s(W) = 1/(W + n/b)`.
//!
//! A node must receive at least one message per window in which anyone accepted a value. Deeper trees
//! therefore save no messages over two hops, and add latency. 2·n − 2 one-way messages per round are the
//! known optimum of all-to-all dissemination.

use std::time::Duration;

/// How often values come to the nodes of a cluster.
pub trait Arrivals {
    /// The number of nodes.
    fn nodes(&self) -> u32;

    /// New values per second in the whole cluster.
    fn values_per_second(&self) -> f64;

    /// The probability that a leaf accepts at least one value in a period.
    fn leaf_accepts_in(&self, period: Duration) -> f64;

    /// Messages per second that a leaf sends to one peer, at the ends of windows that first pending values
    /// open.
    fn leaf_sends(&self, window: Duration) -> f64;

    /// The sum of the same over all nodes, for a cluster in which every node sends like that.
    fn all_nodes_send(&self, window: Duration) -> f64 {
        f64::from(self.nodes()) * self.leaf_sends(window)
    }
}

/// Values that come independently of each other, to all nodes at the same rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    /// The number of nodes.
    pub nodes: u32,
    /// New values per second in the whole cluster.
    pub values_per_second: f64,
}

impl Arrivals for Poisson {
    fn nodes(&self) -> u32 {
        self.nodes
    }

    fn values_per_second(&self) -> f64 {
        self.values_per_second
    }

    fn leaf_accepts_in(&self, period: Duration) -> f64 {
        -(-period.as_secs_f64() * self.values_per_second / f64::from(self.nodes)).exp_m1()
    }

    fn leaf_sends(&self, window: Duration) -> f64 {
        1.0 / (window.as_secs_f64() + f64::from(self.nodes) / self.values_per_second)
    }
}

/// Messages per second if every origin sends to all others, at the end of a window. A window of zero sends
/// each value by itself.
pub fn one_hop(arrivals: &impl Arrivals, window: Duration) -> f64 {
    others(arrivals) * arrivals.all_nodes_send(window)
}

/// Messages per second through a hub, if leaves and hub share one period. A period of zero sends each value
/// by itself.
pub fn two_hops_on_a_period(arrivals: &impl Arrivals, period: Duration) -> f64 {
    if period.is_zero() {
        return two_hops_on_first_values(arrivals, Duration::ZERO, Duration::ZERO);
    }
    let seconds = period.as_secs_f64();
    let up = arrivals.leaf_accepts_in(period);
    let down = -(-seconds * arrivals.values_per_second()).exp_m1();
    others(arrivals) * ((up + down) / seconds)
}

/// Messages per second through a hub, if first pending values open a window at the leaf and one at the hub. A
/// leaf that sends at once has a window of zero.
pub fn two_hops_on_first_values(arrivals: &impl Arrivals, at_leaf: Duration, at_hub: Duration) -> f64 {
    let up = arrivals.leaf_sends(at_leaf);
    let down = 1.0 / (at_hub.as_secs_f64() + 1.0 / arrivals.values_per_second());
    others(arrivals) * (up + down)
}

/// The nodes that one node sends to: the peers of an origin, the leaves of the hub.
fn others(arrivals: &impl Arrivals) -> f64 {
    f64::from(arrivals.nodes().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const CHALLENGE: Poisson = Poisson { nodes: 25, values_per_second: 50.0 };

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn without_a_window_each_value_is_sent_by_itself() {
        close(one_hop(&CHALLENGE, Duration::ZERO), 24.0 * 50.0);
        // Each value of a leaf goes to the hub, and each value to all leaves.
        let each_by_itself = 24.0 * (2.0 + 50.0);
        close(two_hops_on_first_values(&CHALLENGE, Duration::ZERO, Duration::ZERO), each_by_itself);
        close(two_hops_on_a_period(&CHALLENGE, Duration::ZERO), each_by_itself);
        assert!((two_hops_on_a_period(&CHALLENGE, Duration::from_nanos(1)) - each_by_itself).abs() < 1e-3);
    }

    #[test]
    fn a_period_costs_what_the_derivation_says() {
        let up = 1.0 - (-0.4f64 * 2.0).exp();
        close(two_hops_on_a_period(&CHALLENGE, MS * 400), 24.0 * (up + 1.0 - (-20.0f64).exp()) / 0.4);
    }

    #[test]
    fn a_silent_cluster_and_a_single_node_cost_nothing() {
        let silent = Poisson { values_per_second: 0.0, ..CHALLENGE };
        let alone = Poisson { nodes: 1, ..CHALLENGE };
        for arrivals in [silent, alone] {
            assert_eq!(one_hop(&arrivals, MS), 0.0);
            assert_eq!(two_hops_on_a_period(&arrivals, MS), 0.0);
            assert_eq!(two_hops_on_first_values(&arrivals, MS, MS), 0.0);
        }
    }
}
