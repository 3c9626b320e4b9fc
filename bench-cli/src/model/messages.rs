//! The model: how few server messages an operation costs when every value must be everywhere in time.
//!
//! `n` nodes, one-way latency `L`, `r` operations a second, of which a fraction `β` are broadcasts. `D` is
//! the longest time from a broadcast's acceptance until every node has the value; `m` is messages between servers an
//! operation.
//!
//! - **One hop** (`D ≥ L`): the origin sends to everyone. Its first pending value opens a window `W = D − L`.
//! - **Two hops** (`D ≥ 2L`): through a hub. Either everything runs on one period `W = D − 2L` (a leaf's batch is
//!   timed to arrive just before the hub's flush, so that its two waits do not add up), and of each kind of
//!   message there is one a period if there is anything to say; or the first pending value opens a window, `u` at the
//!   leaf and `W − u` at the hub, which is better for short `W`.
//!
//! **Clients take turns.** Operations do not come to a node as a Poisson process: each client has its turn once in
//! `c = (n + 1)/r` (jepsen gives the first one two turns a round), less or more by the scatter of the intervals between
//! operations, which are uniform on `0..2/r`. So a node has something to say in more of the periods than chance would
//! give: with `x = W/c` operations in a period it is silent in `(1 − β)^x` of them (linear between whole `x`). And a
//! window of a first value that is shorter than `c` nearly never gets a second one: a node sends once in `c` times
//! the operations in the window, plus `1/β` until the next broadcast (Wald's equation).
//!
//! A node must receive at least one message in each window in which anything happened, so deeper trees only spend
//! `L` on more hops. `2n − 2` one-way messages a round is the known optimum of all-to-all dissemination.
//!
//! **It is no lower bound of what is measured.** Maelstrom hands a node its messages one after the other, so requests
//! that arrive while one is in flight to the node wait for it, and then come all at once: batches that no window of
//! the node was spent on. The model leaves that out. With windows up to about `L` a node can cost far fewer messages
//! than it says; with longer ones hardly any fewer.

use std::f64::consts::SQRT_2;
use std::time::Duration;

use statrs::function::erf::erfc;

use crate::record::Row;

/// The fraction of operations that are broadcasts in Maelstrom's workload; the rest are reads.
pub const BROADCAST_FRACTION: f64 = 0.5;

/// The cluster and the load that a limit is computed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// How many nodes.
    pub node_count: usize,
    /// Operations a second over all clients, broadcasts and reads together.
    pub rate: f64,
    /// The one-way latency between two nodes.
    pub latency: Duration,
}

impl Cluster {
    /// The cluster of challenges 3d and 3e.
    pub const CHALLENGE: Cluster =
        Cluster { node_count: 25, rate: 100.0, latency: Duration::from_millis(100) };

    /// That of a run.
    pub fn of(row: &Row) -> Cluster {
        Cluster { node_count: row.node_count, rate: row.rate, latency: Duration::from_millis(row.latency_ms) }
    }

    fn others(&self) -> f64 {
        self.node_count.saturating_sub(1) as f64
    }

    /// Broadcasts a second over the whole cluster.
    fn broadcast_rate(&self) -> f64 {
        self.rate * BROADCAST_FRACTION
    }

    /// Broadcasts a second at one node.
    fn node_rate(&self) -> f64 {
        self.broadcast_rate() / self.node_count as f64
    }

    /// From one operation at a node to its next, how many operations there are. The first node has two turns a round.
    fn turn(&self) -> f64 {
        self.node_count as f64 + 1.0
    }

    /// The fraction of periods (in seconds) in which a node gets no broadcast.
    fn silent(&self, period: f64) -> f64 {
        let operations = period * self.rate / self.turn();
        let without = |operations: f64| (1.0 - BROADCAST_FRACTION).powf(operations);
        let (fewer, part) = (operations.floor(), operations.fract());
        (1.0 - part) * without(fewer) + part * without(fewer + 1.0)
    }

    /// Seconds between a node's messages to the same peer if its first pending value opens a window (in seconds),
    /// and every `turn`th operation is the node's.
    fn between_sends(&self, window: f64, turn: f64) -> f64 {
        // The standard deviation of a sum of intervals that are uniform on 0..2/r.
        let scatter = (turn / 3.0).sqrt() / self.rate;
        let turn = turn / self.rate;
        let within = |operation: f64| {
            let late = (operation * turn - window) / (scatter * operation.sqrt());
            0.5 * erfc(late / SQRT_2)
        };
        // Beyond twice the window and a few turns the chance is nil.
        let last = 2.0 * window / turn + 4.0;
        let operations: f64 =
            (1..).map(f64::from).take_while(|operation| *operation < last).map(within).sum();
        turn * (operations + 1.0 / BROADCAST_FRACTION)
    }

    /// Messages an operation if every origin sends to all others, at the end of a window that its first pending
    /// value opens. A zero window is the unbatched protocol.
    pub fn one_hop(&self, window: Duration) -> f64 {
        let sends = |turn: f64| 1.0 / self.between_sends(window.as_secs_f64(), turn);
        let all_send = sends(self.turn() / 2.0) + self.others() * sends(self.turn());
        self.others() * all_send / self.rate
    }

    /// Messages an operation through a hub (the first node), leaves and hub on one common period.
    pub fn two_hops_on_a_period(&self, period: Duration) -> f64 {
        let period = period.as_secs_f64();
        if period == 0.0 {
            return self.two_hops_on_first_values(Duration::ZERO);
        }
        let up = 1.0 - self.silent(period);
        // All nodes' broadcasts together are close to a Poisson process.
        let down = -(-period * self.broadcast_rate()).exp_m1();
        self.others() * (up + down) / (period * self.rate)
    }

    /// Messages an operation through a hub if first pending values open the windows, with the best split of
    /// `window` between leaf and hub.
    pub fn two_hops_on_first_values(&self, window: Duration) -> f64 {
        let window = window.as_secs_f64();
        let cost = |leaf: f64| {
            let up = 1.0 / self.between_sends(leaf, self.turn());
            let down = 1.0 / (window - leaf + 1.0 / self.broadcast_rate());
            self.others() * (up + down) / self.rate
        };
        // The cost has several minima, as the leaf's window takes in one turn more; a fine grid finds the lowest.
        const STEPS: u32 = 200;
        (0..=STEPS)
            .map(|step| cost(window * f64::from(step) / f64::from(STEPS)))
            .fold(f64::INFINITY, f64::min)
    }

    /// Messages an operation through a hub in the better way for this window.
    pub fn two_hops(&self, window: Duration) -> f64 {
        self.two_hops_on_a_period(window).min(self.two_hops_on_first_values(window))
    }

    /// The share of its window that the quantile `q` of values waits if its origin sends to all at the end of a window
    /// that the first pending value opens. The first value of a window waits all of it, the others uniformly less; with
    /// `λ` values a second at a node, `1 / (1 + λ·W)` of all values are first ones. So up to `W = q / (1 − q) / λ` it is
    /// the whole window, for the median up to `n/b`.
    pub fn one_hop_wait(&self, window: Duration, q: f64) -> f64 {
        let others = 1.0 - 1.0 / (1.0 + self.node_rate() * window.as_secs_f64());
        if others <= q { 1.0 } else { q / others }
    }

    /// The median time until everyone has a value if its origin sends to all at the end of a window that the first
    /// pending value opens.
    pub fn one_hop_median(&self, window: Duration) -> Duration {
        self.latency + window.mul_f64(self.one_hop_wait(window, 0.5))
    }

    /// The median time until everyone has a value that waits for one period of a hub.
    pub fn two_hops_median(&self, period: Duration) -> Duration {
        2 * self.latency + period / 2
    }

    /// The fewest messages an operation for which every value can be everywhere within `max_latency`, or `None`
    /// if that is less than one hop.
    pub fn limit(&self, max_latency: Duration) -> Option<f64> {
        let one_hop = self.one_hop(max_latency.checked_sub(self.latency)?);
        let Some(window) = max_latency.checked_sub(2 * self.latency) else { return Some(one_hop) };
        Some(one_hop.min(self.two_hops(window)))
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
            // W/c = 0.192, 1.92 and 6.15 operations of a node: it is silent in 0.904, 0.270 and 0.0144 of the periods.
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
    fn medians_are_those_of_the_waits() {
        assert_eq!(C.one_hop_median(ms(200)), ms(300));
        // λ·W = 4: one value in five waits all of it, half of all less than 0.5 / 0.8 of it.
        assert_eq!(C.one_hop_median(ms(2000)), ms(1350));
        assert_eq!(C.two_hops_median(ms(400)), ms(400));
    }

    #[test]
    fn one_node_sends_nothing() {
        let alone = Cluster { node_count: 1, ..C };
        assert_eq!(alone.limit(ms(500)), Some(0.0));
    }
}
