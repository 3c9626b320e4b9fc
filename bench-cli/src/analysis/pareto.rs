//! The Pareto front: the settings that no other setting beats in messages and in latency.
//!
//! One setting beats another if its medians are no higher, neither of messages nor of latency, and one of the
//! two figures is lower beyond noise. So every setting on the front of the plain medians stays, and so does
//! each one that noise may have pushed behind it.
//!
//! "Beyond noise" is a one-sided t test on the logarithms of the runs, since both figures scatter in
//! proportion to their size. The scatter is pooled over all settings: D. C. Montgomery, *Design and Analysis
//! of Experiments*, 8th edition, section 3.5.7 (least significant difference). Each setting is tested against
//! each other one in two figures, so the error of a test is the allowed one divided by their number
//! (Bonferroni, *ibid.*): if no other setting is better than this one, it is left out with a probability of
//! at most 1 − [`CONFIDENCE`]. Without repetitions noise is unknown, and the values are compared as measured.

use std::collections::HashSet;

use super::figure::Figure;
use super::series::{Point, Series};
use crate::record::{Quantile, RunRecord};
use crate::spec::settings::Settings;
use crate::spec::{EngineKind, RunSpec};
use crate::stats::distribution::t_quantile;
use crate::stats::groups::Groups;
use crate::stats::median::Spread;

/// The probability that a setting is on the front that no other setting is better than.
pub const CONFIDENCE: f64 = 0.95;

/// The latency that is weighed against messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// The median stable latency.
    Median,
    /// The maximum stable latency.
    Max,
}

impl Latency {
    /// Both latencies.
    pub const ALL: [Latency; 2] = [Latency::Median, Latency::Max];

    /// Its figure.
    pub const fn figure(self) -> Figure {
        match self {
            Latency::Median => Figure::P50,
            Latency::Max => Figure::Max,
        }
    }

    const fn quantile(self) -> Quantile {
        match self {
            Latency::Median => Quantile::P50,
            Latency::Max => Quantile::Max,
        }
    }
}

/// On which fronts a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fronts {
    /// That of messages and median latency.
    pub median: bool,
    /// That of messages and maximum latency.
    pub max: bool,
}

impl Fronts {
    /// Whether it is on the front of messages and this latency.
    pub const fn of(self, latency: Latency) -> bool {
        match latency {
            Latency::Median => self.median,
            Latency::Max => self.max,
        }
    }

    /// The name for tables.
    pub const fn name(self) -> &'static str {
        match (self.median, self.max) {
            (true, true) => "both",
            (true, false) => "median",
            (false, true) => "max",
            (false, false) => "neither",
        }
    }
}

/// One setting: a value on the horizontal axis of a series.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The name of its series.
    pub series: String,
    /// Its figures.
    pub point: Point,
    /// Its first run.
    pub run: &'a RunRecord,
    /// The fronts that it is on. `None` if it is not compared: a run of it failed, or lacks a figure.
    pub fronts: Option<Fronts>,
}

/// Every setting of some series, in their order. Settings are compared if they have the same engine, network,
/// workload and faults: what a node's user can choose differs, and nothing else.
pub fn standings<'a>(series: &[Series<'a>]) -> Vec<Standing<'a>> {
    let mut all: Vec<(Standing<'a>, Option<Sample>)> = Vec::new();
    for one in series {
        for point in one.by_x() {
            let runs: Vec<&RunRecord> = one.at(point.x).collect();
            let sample = Sample::of(&runs);
            let standing = Standing { series: one.name.clone(), point, run: runs[0], fronts: None };
            all.push((standing, sample));
        }
    }
    let mut done = vec![false; all.len()];
    for first in 0..all.len() {
        if done[first] || all[first].1.is_none() {
            continue;
        }
        let of = |place: usize| conditions(&all[place].0.run.run);
        let comparable = |place: &usize| all[*place].1.is_some() && of(*place) == of(first);
        let places: Vec<usize> = (first..all.len()).filter(comparable).collect();
        let samples: Vec<&Sample> = places.iter().filter_map(|&place| all[place].1.as_ref()).collect();
        let [median, max] = Latency::ALL.map(|latency| front(&samples, latency));
        for (place, (median, max)) in places.into_iter().zip(median.into_iter().zip(max)) {
            all[place].0.fronts = Some(Fronts { median, max });
            done[place] = true;
        }
    }
    all.into_iter().map(|(standing, _)| standing).collect()
}

/// What settings have in common that are compared: engine, network, workload and faults.
fn conditions(run: &RunSpec) -> (EngineKind, &Settings) {
    (run.engine, &run.settings)
}

/// How many sets of conditions the runs have: each has fronts of its own.
pub fn fronts(series: &[Series<'_>]) -> usize {
    let runs = series.iter().flat_map(|one| &one.records).map(|record| conditions(&record.run));
    runs.collect::<HashSet<_>>().len()
}

/// How many settings are on a front only because they are behind another one by less than noise: further
/// repetitions may take them off it.
pub fn kept_by_noise(standings: &[Standing<'_>]) -> usize {
    let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
    let is_behind = |one: &Standing<'_>, other: &Standing<'_>, latency: Latency| {
        let messages = (median(one.point.msgs_per_op), median(other.point.msgs_per_op));
        let latencies = (one.point.latency(latency.quantile()), other.point.latency(latency.quantile()));
        let latencies = (median(latencies.0), median(latencies.1));
        messages.1 <= messages.0
            && latencies.1 <= latencies.0
            && (messages.1, latencies.1) != (messages.0, latencies.0)
    };
    let is_kept = |one: &&Standing<'_>| {
        let Some(fronts) = one.fronts else { return false };
        let mut own = Latency::ALL.into_iter().filter(|latency| fronts.of(*latency)).peekable();
        let others = || {
            standings.iter().filter(|other| {
                other.fronts.is_some() && conditions(&other.run.run) == conditions(&one.run.run)
            })
        };
        own.peek().is_some() && own.all(|latency| others().any(|other| is_behind(one, other, latency)))
    };
    standings.iter().filter(is_kept).count()
}

/// The runs of one setting.
#[derive(Clone, Debug)]
struct Sample {
    messages: Vec<f64>,
    /// In the order of [`Latency::ALL`].
    latencies: [Vec<f64>; 2],
}

impl Sample {
    /// `None` if a run is not ok, or a figure has no logarithm.
    fn of(runs: &[&RunRecord]) -> Option<Sample> {
        let values = |figure: Figure| -> Option<Vec<f64>> {
            runs.iter().map(|run| figure.of(run).filter(|value| figure.logarithm(*value).is_some())).collect()
        };
        let [median, max] = Latency::ALL.map(|latency| values(latency.figure()));
        Some(Sample { messages: values(Figure::MsgsPerOp)?, latencies: [median?, max?] })
    }

    fn latency(&self, latency: Latency) -> &[f64] {
        &self.latencies[latency as usize]
    }
}

/// Which samples are on the front.
fn front(samples: &[&Sample], latency: Latency) -> Vec<bool> {
    let tests = 2 * samples.len().saturating_sub(1).max(1);
    let error = (1.0 - CONFIDENCE) / tests as f64;
    let messages: Vec<&[f64]> = samples.iter().map(|sample| sample.messages.as_slice()).collect();
    let latencies: Vec<&[f64]> = samples.iter().map(|sample| sample.latency(latency)).collect();
    let measures =
        [Measure::of(Figure::MsgsPerOp, &messages, error), Measure::of(latency.figure(), &latencies, error)];
    let beats = |a: usize, b: usize| {
        measures.iter().all(|measure| measure.medians[a] <= measure.medians[b])
            && measures.iter().any(|measure| measure.is_lower(a, b))
    };
    (0..samples.len()).map(|one| !(0..samples.len()).any(|other| beats(other, one))).collect()
}

/// One figure of every sample.
struct Measure {
    medians: Vec<f64>,
    /// The mean of each sample's logarithms, and how many there are.
    logs: Vec<(f64, f64)>,
    /// The least significant difference of two logarithms; `None` without repetitions.
    least: Option<f64>,
}

impl Measure {
    fn of(figure: Figure, samples: &[&[f64]], error: f64) -> Measure {
        let points = samples.iter().enumerate();
        let points = points.flat_map(|(place, ys)| ys.iter().map(move |y| (place as f64, *y)));
        let points = points.filter_map(|(place, y)| Some((place, figure.logarithm(y)?)));
        let groups = Groups::of(&points.collect::<Vec<_>>());
        let degrees_of_freedom = groups.degrees_of_freedom() as f64;
        let least = || {
            (groups.pure_error() / degrees_of_freedom).sqrt() * t_quantile(1.0 - error, degrees_of_freedom)
        };
        Measure {
            medians: samples.iter().filter_map(|ys| Some(Spread::of(ys.iter().copied())?.median)).collect(),
            logs: groups.as_slice().iter().map(|group| (group.mean(), group.ys.len() as f64)).collect(),
            least: (degrees_of_freedom > 0.0).then(least),
        }
    }

    /// Whether sample `a` is lower than `b` beyond noise.
    fn is_lower(&self, a: usize, b: usize) -> bool {
        let Some(least) = self.least else { return self.medians[a] < self.medians[b] };
        let ((mean_a, count_a), (mean_b, count_b)) = (self.logs[a], self.logs[b]);
        // Means alone would let two settings with the same medians beat each other.
        self.medians[a] < self.medians[b] && mean_b - mean_a > least * (1.0 / count_a + 1.0 / count_b).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use node::StrategyKind;
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::examples::{failed, of_strategy, with_nodes};
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::stats::distribution::t_two_sided;

    /// A run of the setting at `timeout` with these figures.
    fn run(timeout: u64, repetition: u32, msgs: f64, median: u64) -> RunRecord {
        example(timeout, repetition).with(|record| {
            record.figures_mut().msgs_per_op = Some(msgs);
            record.stable_mut().p50 = Duration::from_millis(median);
            record.stable_mut().max = Duration::from_millis(2 * median);
        })
    }

    fn on_front(records: &[RunRecord]) -> Vec<Option<&'static str>> {
        let standings = standings(&Series::group(records));
        standings.into_iter().map(|standing| standing.fronts.map(Fronts::name)).collect()
    }

    #[test]
    fn single_runs_are_compared_as_measured() {
        let records =
            [run(50, 1, 8.0, 100), run(100, 1, 4.0, 200), run(200, 1, 5.0, 250), run(300, 1, 4.0, 200)];
        assert_eq!(on_front(&records), [Some("both"), Some("both"), Some("neither"), Some("both")]);
    }

    #[test]
    fn a_setting_is_left_out_only_beyond_noise() {
        let scattered = |second: u64| {
            let mut records = Vec::new();
            for (timeout, median) in [(50, 200), (100, second)] {
                for (repetition, noise) in [(1, 0), (2, 10), (3, 20)] {
                    records.push(run(timeout, repetition, 3.0, median + noise));
                }
            }
            on_front(&records)
        };
        assert_eq!(scattered(205), [Some("both"), Some("both")]);
        assert_eq!(scattered(300), [Some("both"), Some("neither")]);
    }

    #[test]
    fn other_conditions_and_failed_runs_are_not_compared() {
        let better = with_nodes(5, 50, 1).with(|record| record.figures_mut().msgs_per_op = Some(0.1));
        assert_eq!(on_front(&[example(50, 1), better]), [Some("both"), Some("both")]);
        let broken = failed(100, 1, Status::LostValues);
        let worse = of_strategy(StrategyKind::Tree, 900);
        assert_eq!(on_front(&[worse, example(50, 1), broken]), [Some("neither"), Some("both"), None]);
        // A failed setting between two others does not part them.
        let between = [run(50, 1, 1.0, 100), failed(100, 1, Status::LostValues), run(200, 1, 9.0, 900)];
        assert_eq!(on_front(&between), [Some("both"), None, Some("neither")]);
    }

    /// The definition, word for word: every pair, with the t statistic of two samples written out.
    fn brute_force(settings: &[Vec<(f64, u64)>]) -> Vec<bool> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let figure = |which: usize| -> Vec<Vec<f64>> {
            let pick = |&(msgs, ms): &(f64, u64)| [msgs, ms as f64][which];
            settings.iter().map(|runs| runs.iter().map(pick).collect()).collect()
        };
        let median = |values: &[f64]| Spread::of(values.iter().copied()).unwrap().median;
        let lower = |step: f64, all: &[Vec<f64>], a: usize, b: usize| {
            let logs: Vec<Vec<f64>> =
                all.iter().map(|values| values.iter().map(|value| (value + step).ln()).collect()).collect();
            let freedom: usize = logs.iter().map(|values| values.len() - 1).sum();
            if freedom == 0 || median(&all[a]) >= median(&all[b]) {
                return median(&all[a]) < median(&all[b]);
            }
            let squares = |values: &Vec<f64>| {
                let mean = mean(values);
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
            };
            let variance = logs.iter().map(squares).sum::<f64>() / freedom as f64;
            let (n, m) = (logs[a].len() as f64, logs[b].len() as f64);
            let difference = mean(&logs[b]) - mean(&logs[a]);
            if variance == 0.0 {
                return difference > 0.0;
            }
            let t = difference / (variance * (1.0 / n + 1.0 / m)).sqrt();
            let p = t_two_sided(t, freedom as f64) / 2.0;
            difference > 0.0 && p * 2.0 * (all.len() as f64 - 1.0) < 0.05
        };
        let figures = [figure(0), figure(1)];
        let beats = |a: usize, b: usize| {
            figures.iter().all(|all| median(&all[a]) <= median(&all[b]))
                && (lower(0.0, &figures[0], a, b) || lower(1.0, &figures[1], a, b))
        };
        (0..settings.len())
            .map(|one| !(0..settings.len()).any(|other| other != one && beats(other, one)))
            .collect()
    }

    fn medians(runs: &[(f64, u64)]) -> (f64, u64) {
        let median = |values: Vec<f64>| Spread::of(values).unwrap().median;
        let ms = runs.iter().map(|run| run.1 as f64).collect();
        (median(runs.iter().map(|run| run.0).collect()), median(ms) as u64)
    }

    #[test]
    fn each_cluster_has_a_front_of_its_own() {
        let records = [with_nodes(5, 50, 1), with_nodes(25, 50, 1)];
        assert_eq!(fronts(&Series::group(&records)), 2);
        assert_eq!(fronts(&Series::group(&records[..1])), 1);
    }

    proptest! {
        #[test]
        fn the_front_is_that_of_comparing_every_pair(
            settings in (1_usize..4).prop_flat_map(|repetitions| {
                let run = (1_u32..9, 1_u64..9).prop_map(|(msgs, ms)| (f64::from(msgs) + 0.37, 40 * ms + 3));
                prop::collection::vec(prop::collection::vec(run, repetitions), 1..12)
            }),
        ) {
            let mut records = Vec::new();
            for (setting, runs) in (1..).zip(&settings) {
                for (repetition, &(msgs, ms)) in (1..).zip(runs) {
                    records.push(run(setting, repetition, msgs, ms));
                }
            }
            let expected = brute_force(&settings);
            let found = standings(&Series::group(&records));
            let kept = kept_by_noise(&found);
            let found = found.iter().map(|one| one.fronts.unwrap().median).collect::<Vec<_>>();
            prop_assert_eq!(&found, &expected);
            prop_assert!(found.contains(&true));
            let plain: Vec<Vec<(f64, u64)>> = settings.iter().map(|runs| vec![medians(runs)]).collect();
            let plain = brute_force(&plain);
            let noisy = found.iter().zip(&plain).filter(|(found, plain)| **found && !**plain).count();
            prop_assert_eq!(kept, noisy);
        }
    }
}
