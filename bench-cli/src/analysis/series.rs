//! The rows of a sweep as series: one for each strategy or node and combination of settings, fitted and summed up by
//! timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use node::StrategyKind;

use super::challenge::Challenge;
use super::conditions::{self, Conditions};
use super::figure::Figure;
use super::fit::Fit;
use super::limits::Envelope;
use super::names::Names;
use crate::model::{Cluster, LatencyModel, MessageModel};
use crate::record::{Quantile, Row};
use crate::stats::least_squares::FitError;
use crate::stats::median::Spread;

/// All runs of one strategy (or of one other node) under the same settings.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// Its name in tables and plots: the strategy or node, and the settings.
    pub name: String,
    /// The settings that set it apart from the other series; empty if all have the same.
    pub settings: String,
    /// Its runs, failed ones included.
    pub rows: Vec<&'a Row>,
}

impl<'a> Series<'a> {
    /// Groups rows into series, sorted by settings, strategy and node, since rows are in the order in which runs ended. A
    /// name says which settings a series has if not all rows have the same.
    pub fn group(rows: &'a [Row]) -> Vec<Series<'a>> {
        Series::group_named(&Names::among(rows), rows)
    }

    /// The same with the names of a larger whole, so that series of several sweeps have comparable names.
    pub fn group_named(names: &Names, rows: &'a [Row]) -> Vec<Series<'a>> {
        let mut series: Vec<Series<'a>> = Vec::new();
        for row in rows {
            let name = names.series(row);
            match series.iter_mut().find(|series| series.name == name) {
                Some(series) => series.rows.push(row),
                None => series.push(Series { name, settings: names.settings(row), rows: vec![row] }),
            }
        }
        series.sort_by_cached_key(|series| (series.rows.first().map(|row| order(row)), series.name.clone()));
        series
    }

    /// The strategy of this repository's node, unless it is another node's series.
    pub fn strategy(&self) -> Option<StrategyKind> {
        let name = &self.rows.first()?.strategy;
        StrategyKind::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    /// What it is a sample of: a strategy of this repository's node, or another node's program.
    pub fn subject(&self) -> String {
        self.rows.first().map(|row| row.series()).unwrap_or_default()
    }

    /// A figure of every usable run, with its batch timeout in milliseconds.
    pub fn figures(&self, figure: Figure) -> Vec<(f64, f64)> {
        let point = |row: &&Row| Some((row.batch_timeout_ms as f64, figure.of(row)?));
        self.rows.iter().filter_map(point).collect()
    }

    /// The usable runs as points: batch timeout and latency, both in milliseconds.
    pub fn points(&self, quantile: Quantile) -> Vec<(f64, f64)> {
        let point = |row: &&Row| {
            let latency = row.latency(quantile)?;
            Some((row.batch_timeout_ms as f64, latency.as_secs_f64() * 1e3))
        };
        self.rows.iter().filter_map(point).collect()
    }

    /// The fitted line and its tests.
    ///
    /// # Errors
    /// If the points have no line; see [`Line::fit`](crate::stats::least_squares::Line::fit).
    pub fn fit(&self, quantile: Quantile) -> Result<Fit, FitError> {
        Fit::of(self, quantile)
    }

    /// How its runs were made.
    pub fn conditions(&self) -> Conditions {
        Conditions::of_all(self.rows.iter().copied())
    }

    /// The challenges whose limits these series may be held against: those of Gossip Glomers, if all runs were made as
    /// those ask.
    pub fn challenges(series: &[Series<'_>]) -> &'static [Challenge] {
        let is_theirs = series.iter().all(|series| series.conditions() == Conditions::Challenge);
        if is_theirs { &Challenge::ALL } else { &[] }
    }

    /// The cluster that models are computed for. `None` if models do not apply to its runs.
    pub fn cluster(&self) -> Option<Cluster> {
        self.rows.first().filter(|_| self.conditions().are_regular()).map(|row| conditions::cluster(row))
    }

    /// The message model of its strategy. `None` for other nodes, for the tree, and where models do not apply.
    pub fn message_model(&self) -> Option<MessageModel> {
        MessageModel::of(self.strategy()?, self.cluster()?)
    }

    /// The latency model of its strategy. `None` for other nodes, where models do not apply, and if latency is not
    /// linear over the timeouts measured.
    pub fn latency_model(&self, quantile: Quantile) -> Option<LatencyModel> {
        let longest_ms = self.points(quantile).iter().map(|point| point.0).fold(0.0, f64::max);
        let longest = Duration::from_secs_f64(longest_ms / 1e3);
        LatencyModel::of(self.strategy()?, &self.cluster()?, longest, quantile)
    }

    /// One summary for each timeout, shortest first.
    pub fn by_timeout(&self) -> Vec<Point> {
        let mut groups: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in &self.rows {
            groups.entry(row.batch_timeout_ms).or_default().push(row);
        }
        groups.into_iter().map(|(timeout_ms, rows)| Point::of(timeout_ms, &rows)).collect()
    }
}

/// What series are sorted by: their settings, then strategies in the order of help texts, then other nodes.
fn order(row: &Row) -> impl Ord + use<> {
    // No setting is below zero, and the bits of such numbers have the order of the numbers.
    let number = |value: f64| value.abs().to_bits();
    let place = StrategyKind::ALL.iter().position(|strategy| strategy.name() == row.strategy);
    (
        row.engine.clone(),
        (row.node_count, row.concurrency.len(), row.concurrency.clone()),
        [row.rate, row.time_limit_s].map(number),
        (row.latency_ms, row.latency_dist.clone(), row.topology.clone()),
        (row.nemesis != "none", number(row.nemesis_interval_s)),
        [row.message_loss, row.message_duplication].map(number),
        place.unwrap_or(StrategyKind::ALL.len()),
    )
}

/// The repetitions of one series at one timeout, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The batch timeout in milliseconds.
    pub timeout_ms: u64,
    /// How many runs there were.
    pub runs: usize,
    /// How many of them are ok; only these enter the figures below.
    pub ok: usize,
    /// Messages between nodes for each operation.
    pub msgs_per_op: Option<Spread>,
    /// The stable latencies' quantiles in milliseconds, in the order of [`Quantile::ALL`].
    pub latencies: [Option<Spread>; Quantile::ALL.len()],
    /// How many runs pass each challenge, in the order of [`Challenge::ALL`].
    pub passed: [usize; Challenge::ALL.len()],
}

impl Point {
    fn of(timeout_ms: u64, rows: &[&Row]) -> Point {
        let usable = || rows.iter().filter(|row| row.is_ok());
        Point {
            timeout_ms,
            runs: rows.len(),
            ok: usable().count(),
            msgs_per_op: Spread::of(usable().filter_map(|row| row.msgs_per_op)),
            latencies: Quantile::ALL.map(|quantile| {
                Spread::of(usable().filter_map(|row| row.latency(quantile)).map(|l| l.as_secs_f64() * 1e3))
            }),
            passed: Challenge::ALL
                .map(Envelope::from)
                .map(|challenge| rows.iter().filter(|row| challenge.is_met_by(row)).count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::row::tests::example;

    #[test]
    fn failed_runs_count_but_are_not_measured() {
        let failed = Row { status: Status::Crashed, ..example(100, 2) };
        let rows = [example(100, 1), failed, example(200, 1), example(400, 1)];
        let series = Series::group(&rows);
        assert_eq!(series.len(), 1);
        let points = series[0].by_timeout();
        assert_eq!((points[0].runs, points[0].ok, points[0].passed), (2, 1, [1, 1]));
        assert_eq!(series[0].points(Quantile::P50), [(100.0, 250.0), (200.0, 300.0), (400.0, 400.0)]);
        let line = series[0].fit(Quantile::P50).unwrap();
        assert!((line.line.slope - 0.5).abs() < 1e-12 && (line.line.intercept - 200.0).abs() < 1e-9);
    }

    #[test]
    fn strategies_are_series_of_their_own() {
        let tree = Row { strategy: "tree".to_owned(), ..example(50, 1) };
        let rows = [example(50, 1), tree, example(100, 1)];
        let names: Vec<(String, usize)> =
            Series::group(&rows).iter().map(|series| (series.name.clone(), series.rows.len())).collect();
        assert_eq!(names, [("tree".to_owned(), 1), ("hub".to_owned(), 2)]);
    }

    #[test]
    fn models_apply_only_to_our_node_under_regular_conditions() {
        let message = |row: Row| Series::group(&[row])[0].message_model().is_some();
        let latency = |row: Row| Series::group(&[row])[0].latency_model(Quantile::Max).is_some();
        let row = || example(100, 1);
        let with = |strategy: &str| Row { strategy: strategy.to_owned(), ..row() };
        for regular in [row(), with("direct"), Row { node_count: 5, ..row() }] {
            assert!(message(regular.clone()) && latency(regular));
        }
        for other in [
            Row { latency_dist: "exponential".to_owned(), ..row() },
            Row { message_loss: 0.1, ..row() },
            Row { concurrency: "2n".to_owned(), ..row() },
            Row { nemesis: "partition".to_owned(), ..row() },
            with(""),
        ] {
            assert!(!message(other.clone()) && !latency(other));
        }
        assert!(!message(with("tree")) && latency(with("tree")));
    }

    #[test]
    fn combinations_of_settings_are_series_of_their_own() {
        let rows = [example(50, 1), Row { latency_ms: 10, node_count: 5, ..example(50, 1) }];
        let names: Vec<String> = Series::group(&rows).into_iter().map(|series| series.name).collect();
        assert_eq!(names, ["hub, 5 nodes, latency 10 ms", "hub, 25 nodes, latency 100 ms"]);
    }

    #[test]
    fn the_order_of_series_is_not_that_in_which_runs_ended() {
        let with =
            |strategy: &str, node_count| Row { strategy: strategy.to_owned(), node_count, ..example(50, 1) };
        let other = Row { strategy: String::new(), node_bin: "a.py".to_owned(), ..with("", 5) };
        let mut rows = vec![with("direct", 5), with("hub", 25), other, with("tree", 5), with("hub", 5)];
        let names =
            |rows: &[Row]| Series::group(rows).into_iter().map(|series| series.name).collect::<Vec<_>>();
        let sorted = ["tree, 5 nodes", "hub, 5 nodes", "direct, 5 nodes", "a, 5 nodes", "hub, 25 nodes"];
        assert_eq!(names(&rows), sorted);
        rows.reverse();
        assert_eq!(names(&rows), sorted);
    }
}
