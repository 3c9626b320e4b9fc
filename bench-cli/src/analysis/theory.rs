//! What theory says of a strategy's line latency = k · batch timeout + b, to be read beside the fitted one.
//!
//! `W` is the batch timeout, `L` the one-way latency between nodes, `n` the number of nodes, `b` broadcasts a second.
//! A value accepted at a random moment waits uniformly for the next flush of a period, so the quantile `q` of one wait
//! is `q·W`.
//!
//! Stable latencies are seen by reads, and Maelstrom hands a node its messages one after the other: a read that
//! arrives while a flush is on its way to that node waits until the flush has come, and sees it. That hides up to one
//! `L`, so every intercept is a range.

use std::ops::RangeInclusive;

use crate::outcome::{Quantile, Row};

/// A theoretical line; where protocol or measurement leave room, a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Theory {
    /// The slope k.
    pub slope: RangeInclusive<f64>,
    /// The intercept b in milliseconds.
    pub intercept_ms: RangeInclusive<f64>,
}

impl Theory {
    /// The line of `quantile` for runs with the settings of `row`, or `None` for a node that is not this repository's,
    /// for faults, and for latencies that are not constant.
    pub fn of(row: &Row, quantile: Quantile) -> Option<Theory> {
        if row.latency_dist != "constant" || row.nemesis != "none" {
            return None;
        }
        let latency = row.latency_ms as f64;
        let share = match quantile {
            Quantile::P50 => 0.50,
            Quantile::P95 => 0.95,
            Quantile::P99 => 0.99,
            Quantile::Max => 1.00,
        };
        match row.strategy.as_str() {
            // One wait (the leaf's is timed to end with the hub's) and two hops.
            "hub" => Some(Theory { slope: share..=share, intercept_ms: latency..=2.0 * latency }),
            // The first value of a window waits all of it, and while W < n/b most windows hold no other.
            "direct" => Some(Theory { slope: 1.0..=1.0, intercept_ms: 0.0..=latency }),
            // A wait before each hop. With tickers at random phases each is uniform and half a period on average; with
            // tickers in step all but the first are whole periods, which take the hops' own latencies in.
            "tree" => {
                let hops = tree_hops(row.node_count);
                let in_step = hops - 1.0 + share;
                let slope = if quantile == Quantile::Max { hops..=hops } else { hops / 2.0..=in_step };
                Some(Theory { slope, intercept_ms: latency..=hops * latency })
            }
            _ => None,
        }
    }
}

/// The longest way in the published tree: to the leader in the middle of a grid of side ⌈√n⌉, along its column, and
/// out along a row. 5 for 25 nodes.
fn tree_hops(nodes: usize) -> f64 {
    let side = (1..).find(|side| side * side >= nodes).unwrap_or(1);
    let rows = nodes.div_ceil(side.max(1));
    (1 + rows / 2 + side / 2) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::row::tests::example;

    fn line(strategy: &str, quantile: Quantile) -> Option<Theory> {
        Theory::of(&Row { strategy: strategy.to_owned(), ..example(200, 1) }, quantile)
    }

    #[test]
    fn one_two_and_five_hops() {
        let theory = |slope, intercept_ms| Some(Theory { slope, intercept_ms });
        assert_eq!(line("hub", Quantile::P50), theory(0.5..=0.5, 100.0..=200.0));
        assert_eq!(line("hub", Quantile::Max), theory(1.0..=1.0, 100.0..=200.0));
        assert_eq!(line("direct", Quantile::Max), theory(1.0..=1.0, 0.0..=100.0));
        assert_eq!(line("tree", Quantile::P50), theory(2.5..=4.5, 100.0..=500.0));
        assert_eq!(line("tree", Quantile::Max), theory(5.0..=5.0, 100.0..=500.0));
        assert_eq!(line("", Quantile::Max), None);
        let partitioned = Row { nemesis: "partition".to_owned(), ..example(200, 1) };
        assert_eq!(Theory::of(&partitioned, Quantile::Max), None);
    }

    #[test]
    fn the_tree_s_depth_follows_its_grid() {
        assert_eq!([1, 2, 4, 9, 25, 26, 100].map(tree_hops), [1.0, 2.0, 3.0, 3.0, 5.0, 6.0, 11.0]);
    }
}
