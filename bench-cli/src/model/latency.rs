//! The latency model: what theory says about the line latency = k · batch timeout + b of a strategy.
//!
//! `W` is the batch timeout, `L` the one-way latency between nodes. A value that a node accepts at a random
//! moment waits for the next flush of a period, for a time that is uniform on `0..W`. So the quantile `q` of
//! one wait is `q·W`.
//!
//! Stable latencies are seen by reads, and Maelstrom hands a node its messages one after the other. A read
//! that arrives while a flush is on its way to the node waits until the flush has arrived, and sees it. That
//! hides up to one `L`, so every intercept is a range.

use std::ops::RangeInclusive;
use std::time::Duration;

use node::{StrategyKind, TreeGrid};

use super::Cluster;
use crate::record::Quantile;
use crate::spec::durations::milliseconds;

/// A theoretical line. Where the protocol or the measurement leaves room, its parameters are ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyModel {
    /// The slope k in `latency = k · timeout + b`.
    pub slope: RangeInclusive<f64>,
    /// The intercept b in milliseconds.
    pub intercept_ms: RangeInclusive<f64>,
}

impl LatencyModel {
    /// The line of `quantile` over batch timeouts up to `longest_timeout`. `None` if latency is not linear
    /// there, and for `auto`, which chooses its own timeout.
    pub fn of(
        strategy: StrategyKind,
        cluster: &Cluster,
        longest_timeout: Duration,
        quantile: Quantile,
    ) -> Option<LatencyModel> {
        let latency_ms = milliseconds(cluster.latency);
        let share = share(quantile);
        match strategy {
            // One wait and two hops. The wait at the leaf is timed to end with the one at the hub.
            StrategyKind::Hub => {
                Some(LatencyModel { slope: share..=share, intercept_ms: latency_ms..=2.0 * latency_ms })
            }
            // The first value of a window waits all of it. Once a window holds so many others that this
            // quantile is one of those, its share of the window shrinks as the window grows.
            StrategyKind::Direct => {
                let wait = cluster.one_hop_wait(longest_timeout, share);
                (wait == 1.0).then_some(LatencyModel { slope: wait..=wait, intercept_ms: 0.0..=latency_ms })
            }
            // A wait before each hop. With tickers at random phases each wait is uniform, and half a period
            // on average. With tickers in step all but the first are whole periods, which include the hops'
            // own latencies.
            StrategyKind::Tree => {
                let hops = tree_hops(cluster.node_count);
                let in_step = hops - 1.0 + share;
                let slope = if quantile == Quantile::Max { hops..=hops } else { hops / 2.0..=in_step };
                Some(LatencyModel { slope, intercept_ms: latency_ms..=hops * latency_ms })
            }
            StrategyKind::Auto(_) => None,
        }
    }
}

/// The fraction of values at or below a quantile.
fn share(quantile: Quantile) -> f64 {
    match quantile {
        Quantile::P50 => 0.50,
        Quantile::P95 => 0.95,
        Quantile::P99 => 0.99,
        Quantile::Max => 1.00,
    }
}

/// The longest path in the published tree: to the leader, and from there to the deepest node. 5 for 25 nodes.
fn tree_hops(nodes: usize) -> f64 {
    let grid = TreeGrid::new(u32::try_from(nodes).unwrap_or(u32::MAX));
    f64::from(1 + grid.depth())
}

impl Cluster {
    /// The share of the window that the quantile `q` of values waits. The origin sends to all others at the
    /// end of a window that the first pending value opens. The first value of a window waits all of it, the
    /// others a uniform part. With `λ` values per second at a node, `1 / (1 + λ·W)` of all values are first
    /// ones. So up to `W = q / (1 − q) / λ` the share is 1; for the median that is `n/b`, with `b` broadcasts
    /// per second at `n` nodes.
    pub fn one_hop_wait(&self, window: Duration, q: f64) -> f64 {
        let values_per_second = self.broadcast_rate() / self.node_count as f64;
        let others = 1.0 - 1.0 / (1.0 + values_per_second * window.as_secs_f64());
        if others <= q { 1.0 } else { q / others }
    }

    /// The median time until every node has a value. Its origin sends to all others at the end of a window
    /// that the first pending value opens.
    pub fn one_hop_median(&self, window: Duration) -> Duration {
        self.latency + window.mul_f64(self.one_hop_wait(window, share(Quantile::P50)))
    }

    /// The median time until every node has a value that waits for one period of a hub.
    pub fn two_hops_median(&self, period: Duration) -> Duration {
        2 * self.latency + period / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: Cluster = Cluster::CHALLENGE;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn one_two_and_five_hops() {
        let line = |strategy, quantile| LatencyModel::of(strategy, &C, ms(200), quantile);
        let model = |slope, intercept_ms| Some(LatencyModel { slope, intercept_ms });
        assert_eq!(line(StrategyKind::Hub, Quantile::P50), model(0.5..=0.5, 100.0..=200.0));
        assert_eq!(line(StrategyKind::Hub, Quantile::Max), model(1.0..=1.0, 100.0..=200.0));
        assert_eq!(line(StrategyKind::Direct, Quantile::Max), model(1.0..=1.0, 0.0..=100.0));
        assert_eq!(line(StrategyKind::Tree, Quantile::P50), model(2.5..=4.5, 100.0..=500.0));
        assert_eq!(line(StrategyKind::Tree, Quantile::Max), model(5.0..=5.0, 100.0..=500.0));
    }

    #[test]
    fn a_window_of_many_values_is_no_line_below_its_maximum() {
        // 25 nodes and 50 broadcasts per second: up to 500 ms half of the values are the first ones of their
        // windows.
        let at =
            |timeout, quantile| LatencyModel::of(StrategyKind::Direct, &C, ms(timeout), quantile).is_some();
        assert!(at(500, Quantile::P50) && !at(501, Quantile::P50));
        // 0.95 / 0.05 · 500 ms
        assert!(at(9_500, Quantile::P95) && !at(9_600, Quantile::P95));
        assert!(at(60_000, Quantile::Max));
    }

    #[test]
    fn the_tree_s_depth_follows_its_grid() {
        // With 26 nodes the last row has two cells. The spine must meet it, and so lies off the middle.
        assert_eq!([1, 2, 4, 9, 25, 26, 100].map(tree_hops), [1.0, 2.0, 3.0, 3.0, 5.0, 7.0, 11.0]);
    }

    #[test]
    fn medians_are_those_of_the_waits() {
        assert_eq!(C.one_hop_median(ms(200)), ms(300));
        // λ·W = 4: one value in five waits all of it, half of all less than 0.5 / 0.8 of it.
        assert_eq!(C.one_hop_median(ms(2000)), ms(1350));
        assert_eq!(C.two_hops_median(ms(400)), ms(400));
    }
}
