//! The records of a sweep as series: one for each strategy or node and combination of settings.

use std::collections::BTreeMap;
use std::time::Duration;

use node::StrategyKind;

use super::conditions::{self, Conditions};
use super::figure::Figure;
use crate::model::{Cluster, LatencyModel, MessageModel};
use crate::record::{Quantile, RunRecord};
use crate::spec::durations::milliseconds;
use crate::spec::limits::Challenge;
use crate::spec::setting::Setting;
use crate::spec::value::{Number, Value};
use crate::spec::{Names, Parameter};
use crate::stats::median::Spread;

/// All runs of one strategy (or of one other node) under the same settings.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// The name in tables and plots: the strategy or node, and the settings.
    pub name: String,
    /// The name without the settings: the strategy or node, with those of its own parameters that distinguish
    /// this series from others.
    pub subject: String,
    /// The settings that distinguish this series from the others; empty if all have the same.
    pub settings: String,
    /// The parameter that is the horizontal axis.
    pub axis: Parameter,
    /// The runs, failed ones included.
    pub records: Vec<&'a RunRecord>,
}

impl<'a> Series<'a> {
    /// Groups records into series, sorted by settings, strategy and node. A name says which settings a series
    /// has if not all records have the same.
    pub fn group(records: &'a [RunRecord]) -> Vec<Series<'a>> {
        Series::group_named(&Names::among(records.iter().map(|record| &record.run)), records)
    }

    /// The same on the horizontal axis that a user asked for, if any.
    pub fn group_on(axis: Option<&Parameter>, records: &'a [RunRecord]) -> Vec<Series<'a>> {
        let names = Names::among(records.iter().map(|record| &record.run));
        match axis {
            Some(axis) => Series::group_named(&names.on_axis(axis.clone()), records),
            None => Series::group_named(&names, records),
        }
    }

    /// The same with the names of a larger whole, so that series of several sweeps have comparable names.
    pub fn group_named(names: &Names, records: &'a [RunRecord]) -> Vec<Series<'a>> {
        let mut series: Vec<Series<'a>> = Vec::new();
        for record in records {
            let name = names.series(&record.run);
            match series.iter_mut().find(|series| series.name == name) {
                Some(series) => series.records.push(record),
                None => {
                    series.push(Series {
                        name,
                        subject: names.subject(&record.run),
                        settings: names.settings(&record.run),
                        axis: names.axis().clone(),
                        records: vec![record],
                    });
                }
            }
        }
        // Records are in the order in which runs ended, which says nothing.
        let key =
            |series: &Series<'a>| (series.records.first().map(|record| order(record)), series.name.clone());
        series.sort_by_cached_key(key);
        series
    }

    /// The strategy of this repository's node; `None` for another node's series.
    pub fn strategy(&self) -> Option<StrategyKind> {
        self.records.first()?.strategy()
    }

    /// A run's place on the horizontal axis.
    pub fn x(&self, record: &RunRecord) -> Option<f64> {
        self.axis.number(&record.run)
    }

    /// The runs at one value on the horizontal axis.
    pub fn at(&self, x: f64) -> impl Iterator<Item = &'a RunRecord> + '_ {
        self.records.iter().copied().filter(move |record| self.x(record) == Some(x))
    }

    /// The title of the horizontal axis, with its unit.
    pub fn axis_title(&self) -> String {
        self.records.first().map_or_else(|| self.axis.words(), |record| self.axis.axis_title(&record.run))
    }

    /// The unit of the horizontal axis with a space before it; empty if it has none.
    pub fn axis_unit(&self) -> String {
        let unit = self.records.first().map_or("", |record| self.axis.unit(&record.run));
        if unit.is_empty() { String::new() } else { format!(" {unit}") }
    }

    /// A figure of every usable run, with its place on the horizontal axis.
    pub fn figures(&self, figure: Figure) -> Vec<(f64, f64)> {
        let point = |record: &&RunRecord| Some((self.x(record)?, figure.of(record)?));
        self.records.iter().filter_map(point).collect()
    }

    /// The usable runs as points: place on the horizontal axis and latency in milliseconds.
    pub fn points(&self, quantile: Quantile) -> Vec<(f64, f64)> {
        let point = |record: &&RunRecord| {
            let latency = record.latency(quantile)?;
            Some((self.x(record)?, milliseconds(latency)))
        };
        self.records.iter().filter_map(point).collect()
    }

    /// How its runs were made.
    pub fn conditions(&self) -> Conditions {
        Conditions::of_all(self.records.iter().copied())
    }

    /// The challenges that these series can be compared with: those of Gossip Glomers, if all runs were made
    /// as those ask.
    pub fn challenges(series: &[Series<'_>]) -> &'static [Challenge] {
        let is_theirs = series.iter().all(|series| series.conditions() == Conditions::Challenge);
        if is_theirs { &Challenge::ALL } else { &[] }
    }

    /// The cluster that models are computed for. `None` if models do not apply to its runs.
    pub fn cluster(&self) -> Option<Cluster> {
        self.records
            .first()
            .filter(|_| self.conditions().are_regular())
            .map(|record| conditions::cluster(record.settings()))
    }

    /// The message model of its strategy, over batch timeouts. `None` for other nodes, for the tree, where
    /// models do not apply, and over other parameters.
    pub fn message_model(&self) -> Option<MessageModel> {
        if self.axis != Parameter::BatchTimeout {
            return None;
        }
        MessageModel::of(self.strategy()?, self.cluster()?)
    }

    /// The latency model of its strategy, over batch timeouts. `None` for other nodes, where models do not
    /// apply, if latency is not linear over the timeouts measured, and over other parameters.
    pub fn latency_model(&self, quantile: Quantile) -> Option<LatencyModel> {
        if self.axis != Parameter::BatchTimeout {
            return None;
        }
        let longest_ms = self.points(quantile).iter().map(|point| point.0).fold(0.0, f64::max);
        let longest = Duration::from_secs_f64(longest_ms / 1e3);
        LatencyModel::of(self.strategy()?, &self.cluster()?, longest, quantile)
    }

    /// One summary for each value on the horizontal axis, smallest first.
    pub fn by_x(&self) -> Vec<Point> {
        let mut groups: BTreeMap<Number, Vec<&RunRecord>> = BTreeMap::new();
        for record in &self.records {
            if let Some(x) = self.x(record).and_then(Number::new) {
                groups.entry(x).or_default().push(record);
            }
        }
        groups
            .into_iter()
            .map(|(x, records)| Point::of(x.get(), self.axis.label(&records[0].run), &records))
            .collect()
    }
}

/// What series are sorted by: engine, settings, then strategies in the order of help texts, then other nodes,
/// then the user's parameters.
fn order(record: &RunRecord) -> impl Ord + use<> {
    let settings = Setting::ALL.iter().map(|setting| in_order((setting.get)(record.settings())));
    let strategy = StrategyKind::ALL.iter().position(|strategy| Some(*strategy) == record.strategy());
    let parameters: Vec<_> =
        record.run.parameters.iter().map(|(name, value)| (name.clone(), in_order(value.clone()))).collect();
    (record.run.engine, settings.collect::<Vec<_>>(), strategy.unwrap_or(StrategyKind::ALL.len()), parameters)
}

/// A value that sorts as people count: `2n` before `10n`.
fn in_order(value: Value) -> (u64, Value) {
    let digits = |word: &str| word.chars().take_while(char::is_ascii_digit).collect::<String>();
    let leading = value.as_word().and_then(|word| digits(word).parse().ok()).unwrap_or(0);
    (leading, value)
}

/// A summary of the repetitions of one series at one value on the horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The value on the horizontal axis, in its unit.
    pub x: f64,
    /// The value in words.
    pub label: String,
    /// How many runs there were.
    pub runs: usize,
    /// How many of them are ok; only these enter the figures below.
    pub ok: usize,
    /// Messages between nodes per operation.
    pub msgs_per_op: Option<Spread>,
    /// The stable latencies' quantiles in milliseconds, in the order of [`Quantile::ALL`].
    pub latencies: [Option<Spread>; Quantile::ALL.len()],
}

impl Point {
    /// One of the latencies in milliseconds.
    pub fn latency(&self, quantile: Quantile) -> Option<Spread> {
        self.latencies[quantile as usize]
    }

    fn of(x: f64, label: String, records: &[&RunRecord]) -> Point {
        let usable = || records.iter().filter(|record| record.is_ok());
        Point {
            x,
            label,
            runs: records.len(),
            ok: usable().count(),
            msgs_per_op: Spread::of(usable().filter_map(|record| record.msgs_per_op())),
            latencies: Quantile::ALL.map(|quantile| {
                Spread::of(usable().filter_map(|record| record.latency(quantile)).map(milliseconds))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{failed, of_program, of_strategy, with_nodes};
    use crate::record::Status;
    use crate::record::tests::example;

    fn names(records: &[RunRecord]) -> Vec<String> {
        Series::group(records).into_iter().map(|series| series.name).collect()
    }

    #[test]
    fn failed_runs_count_but_are_not_measured() {
        let records = [example(100, 1), failed(100, 2, Status::Crashed), example(200, 1), example(400, 1)];
        let series = Series::group(&records);
        assert_eq!(series.len(), 1);
        let points = series[0].by_x();
        assert_eq!((points[0].runs, points[0].ok), (2, 1));
        assert_eq!(series[0].points(Quantile::P50), [(100.0, 250.0), (200.0, 300.0), (400.0, 400.0)]);
    }

    #[test]
    fn strategies_are_series_of_their_own() {
        let records = [example(50, 1), of_strategy(StrategyKind::Tree, 50), example(100, 1)];
        let names: Vec<(String, usize)> = Series::group(&records)
            .iter()
            .map(|series| (series.name.clone(), series.records.len()))
            .collect();
        assert_eq!(names, [("tree".to_owned(), 1), ("hub".to_owned(), 2)]);
    }

    #[test]
    fn combinations_of_settings_are_series_of_their_own() {
        let other =
            with_nodes(5, 50, 1).with(|record| record.run.settings.latency.mean = Duration::from_millis(10));
        let records = [example(50, 1), other];
        assert_eq!(names(&records), ["hub, 5 nodes, latency 10 ms", "hub, 25 nodes, latency 100 ms"]);
    }

    #[test]
    fn the_order_of_series_is_not_that_in_which_runs_ended() {
        let with = |strategy, node_count| {
            of_strategy(strategy, 50).with(|record| record.run.settings.node_count = node_count)
        };
        let other = of_program("a.py", 50).with(|record| record.run.settings.node_count = 5);
        let mut records = vec![
            with(StrategyKind::Direct, 5),
            with(StrategyKind::Hub, 25),
            other,
            with(StrategyKind::Tree, 5),
            with(StrategyKind::Hub, 5),
        ];
        let sorted = ["tree, 5 nodes", "hub, 5 nodes", "direct, 5 nodes", "a, 5 nodes", "hub, 25 nodes"];
        assert_eq!(names(&records), sorted);
        records.reverse();
        assert_eq!(names(&records), sorted);
    }

    #[test]
    fn words_are_in_the_order_of_their_numbers() {
        assert!(in_order(Value::word("2n")) < in_order(Value::word("10n")));
        assert!(in_order(Value::word("none")) < in_order(Value::word("partition")));
    }

    #[test]
    fn models_apply_where_their_assumptions_hold() {
        let of = |record: &RunRecord| {
            let series = Series::group(std::slice::from_ref(record)).remove(0);
            (series.message_model().is_some(), series.latency_model(Quantile::Max).is_some())
        };
        assert_eq!(of(&with_nodes(5, 100, 1)), (true, true));
        assert_eq!(of(&of_strategy(StrategyKind::Tree, 100)), (false, true));
        assert_eq!(of(&of_program("a.py", 100)), (false, false));
    }
}
