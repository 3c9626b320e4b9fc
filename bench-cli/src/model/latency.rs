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

use std::time::Duration;

use crate::analysis::series::Series;
use crate::record::Quantile;

/// A theoretical line; where protocol or measurement leave room, a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Theory {
    /// The slope k.
    pub slope: RangeInclusive<f64>,
    /// The intercept b in milliseconds.
    pub intercept_ms: RangeInclusive<f64>,
}

impl Theory {
    /// The line of `quantile`, or `None` for a node that is not this repository's, where theory does not apply, and if
    /// what theory says is no line over the timeouts measured.
    pub fn of(series: &Series<'_>, quantile: Quantile) -> Option<Theory> {
        let cluster = series.cluster()?;
        let latency = cluster.latency.as_secs_f64() * 1e3;
        let share = match quantile {
            Quantile::P50 => 0.50,
            Quantile::P95 => 0.95,
            Quantile::P99 => 0.99,
            Quantile::Max => 1.00,
        };
        match series.rows.first()?.strategy.as_str() {
            // One wait (the leaf's is timed to end with the hub's) and two hops.
            "hub" => Some(Theory { slope: share..=share, intercept_ms: latency..=2.0 * latency }),
            // The first value of a window waits all of it. Once a window holds so many others that this quantile is
            // one of those, it waits for less and less of a longer one.
            "direct" => {
                let longest = series.points(quantile).iter().map(|point| point.0).fold(0.0, f64::max);
                let wait = cluster.one_hop_wait(Duration::from_secs_f64(longest / 1e3), share);
                (wait == 1.0).then_some(Theory { slope: wait..=wait, intercept_ms: 0.0..=latency })
            }
            // A wait before each hop. With tickers at random phases each is uniform and half a period on average; with
            // tickers in step all but the first are whole periods, which take the hops' own latencies in.
            "tree" => {
                let hops = tree_hops(cluster.node_count);
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
    use crate::record::Row;
    use crate::record::row::tests::example;

    fn of(row: Row, quantile: Quantile) -> Option<Theory> {
        Theory::of(&Series::group(&[row])[0], quantile)
    }

    fn line(strategy: &str, quantile: Quantile) -> Option<Theory> {
        of(Row { strategy: strategy.to_owned(), ..example(200, 1) }, quantile)
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
    }

    #[test]
    fn there_is_none_where_its_assumptions_do_not_hold() {
        assert_eq!(of(Row { nemesis: "partition".to_owned(), ..example(200, 1) }, Quantile::Max), None);
        assert_eq!(of(Row { message_loss: 0.1, ..example(200, 1) }, Quantile::Max), None);
    }

    #[test]
    fn a_window_of_many_values_is_no_line_below_its_maximum() {
        // 25 nodes and 50 broadcasts a second: up to 500 ms half of the values are the first ones of their windows.
        let at = |timeout, quantile| {
            of(Row { strategy: "direct".to_owned(), ..example(timeout, 1) }, quantile).is_some()
        };
        assert!(at(500, Quantile::P50) && !at(501, Quantile::P50));
        // 0.95 / 0.05 · 500 ms
        assert!(at(9_500, Quantile::P95) && !at(9_600, Quantile::P95));
        assert!(at(60_000, Quantile::Max));
    }

    #[test]
    fn the_tree_s_depth_follows_its_grid() {
        assert_eq!([1, 2, 4, 9, 25, 26, 100].map(tree_hops), [1.0, 2.0, 3.0, 3.0, 5.0, 6.0, 11.0]);
    }
}
