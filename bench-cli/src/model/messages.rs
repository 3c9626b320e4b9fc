//! The message model: how few messages between nodes an operation costs if every value must reach every node
//! in time.
//!
//! `D` is the longest time from a broadcast's acceptance until every node has the value, `L` the one-way
//! latency.
//!
//! - **One hop** (`D ≥ L`): the origin sends to all others. Its first pending value opens a window
//!   `W = D − L`.
//! - **Two hops** (`D ≥ 2·L`): through a hub, in the better of two ways. Either everything runs on one period
//!   `W = D − 2·L`: a leaf times its batch to arrive just before the hub's flush, so its two waits do not add
//!   up. Or first pending values open the windows, `u` at the leaf and `W − u` at the hub, which is cheaper
//!   for short `W`.
//!
//! The formulas are in [`node::cost_model`]. This module evaluates them for Maelstrom's clients, which take
//! turns.
//!
//! **The model is not a lower bound of measurements.** Maelstrom hands a node its messages one after the
//! other. Requests that arrive while a message is in flight to the node wait for it, and then arrive all at
//! once. They form batches that cost no window of the node. The model leaves that out. With windows up to
//! about `L` a node can cost far fewer messages than the model says, with longer ones hardly any fewer.

use std::time::Duration;

use node::{StrategyKind, cost_model};

use super::Cluster;

impl Cluster {
    /// Messages per operation if every origin sends to all others, at the end of a window that its first
    /// pending value opens. A window of zero is the unbatched protocol.
    pub fn one_hop(&self, window: Duration) -> f64 {
        cost_model::one_hop(self, window) / self.rate
    }

    /// Messages per operation through a hub (the first node), with leaves and hub on one common period.
    pub fn two_hops_on_a_period(&self, period: Duration) -> f64 {
        cost_model::two_hops_on_a_period(self, period) / self.rate
    }

    /// Messages per operation through a hub if first pending values open the windows, with the best split of
    /// `window` between leaf and hub.
    pub fn two_hops_on_first_values(&self, window: Duration) -> f64 {
        // The cost has several minima, as the leaf's window takes in one turn more. A fine grid finds the
        // lowest.
        const STEPS: u32 = 200;
        let cost = |step: u32| {
            let at_leaf = window.mul_f64(f64::from(step) / f64::from(STEPS));
            cost_model::two_hops_on_first_values(self, at_leaf, window.saturating_sub(at_leaf)) / self.rate
        };
        (0..=STEPS).map(cost).fold(f64::INFINITY, f64::min)
    }

    /// Messages per operation through a hub, in the better way for this window.
    pub fn two_hops(&self, window: Duration) -> f64 {
        self.two_hops_on_a_period(window).min(self.two_hops_on_first_values(window))
    }

    /// The fewest messages per operation for which every value can reach every node within `max_latency`, or
    /// `None` if that is less than one hop.
    pub fn limit(&self, max_latency: Duration) -> Option<f64> {
        let one_hop = self.one_hop(max_latency.checked_sub(self.latency)?);
        let Some(window) = max_latency.checked_sub(2 * self.latency) else { return Some(one_hop) };
        Some(one_hop.min(self.two_hops(window)))
    }
}

/// Messages per operation of one of this repository's strategies, as a function of its batch timeout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MessageModel {
    cluster: Cluster,
    hops: Hops,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hops {
    One,
    Two,
}

impl MessageModel {
    /// The model of a strategy. `None` for `tree`, which has none, and for `auto`, which has no fixed number
    /// of hops.
    pub fn of(strategy: StrategyKind, cluster: Cluster) -> Option<MessageModel> {
        let hops = match strategy {
            StrategyKind::Direct => Hops::One,
            StrategyKind::Hub => Hops::Two,
            StrategyKind::Tree | StrategyKind::Auto(_) => return None,
        };
        Some(MessageModel { cluster, hops })
    }

    /// What the model assumes, in a few words.
    pub fn name(&self) -> &'static str {
        match self.hops {
            Hops::One => "one hop, windows opened by first values",
            Hops::Two => "two hops, one period for all",
        }
    }

    /// Messages per operation with this batch timeout.
    pub fn msgs_per_op(&self, batch_timeout: Duration) -> f64 {
        match self.hops {
            Hops::One => self.cluster.one_hop(batch_timeout),
            Hops::Two => self.cluster.two_hops(batch_timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: Cluster = Cluster::CHALLENGE;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn close(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected} ± {tolerance}");
    }

    #[test]
    fn unbatched_one_hop_sends_each_value_to_everyone() {
        close(C.one_hop(Duration::ZERO), 12.0, 1e-9);
    }

    #[test]
    fn a_common_period_costs_what_the_derivation_says() {
        for (period, expected) in
            // W/c = 0.192, 1.92 and 6.15 operations of a node: it is silent in 0.904, 0.270 and 0.0144 of the
            // periods.
            [(50, 4.87), (500, 0.83), (1600, 0.298)]
        {
            close(C.two_hops_on_a_period(ms(period)), expected, 0.006);
        }
    }

    #[test]
    fn windows_opened_by_first_values_beat_a_period_when_short() {
        assert!(C.two_hops_on_first_values(ms(50)) < C.two_hops_on_a_period(ms(50)));
        assert!(C.two_hops_on_first_values(ms(800)) > C.two_hops_on_a_period(ms(800)));
        // Leaves that send at once are one of the splits.
        assert!(C.two_hops_on_first_values(ms(100)) <= 2.48 + 0.006);
    }

    #[test]
    fn the_limit_takes_the_best_protocol_and_falls_with_the_latency_allowed() {
        assert_eq!(C.limit(ms(99)), None);
        close(C.limit(ms(100)).unwrap(), 12.0, 1e-9);
        let curve: Vec<f64> = (100..=3000).step_by(25).map(|d| C.limit(ms(d)).unwrap()).collect();
        assert!(curve.windows(2).all(|pair| pair[1] <= pair[0]));
    }

    #[test]
    fn one_node_sends_nothing() {
        let alone = Cluster { node_count: 1, ..C };
        assert_eq!(alone.limit(ms(500)), Some(0.0));
    }
}
