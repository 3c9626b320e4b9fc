//! Finds the best setting within limits: sweeps until it is known, and checks it with runs of its own.

mod search;

use std::time::Duration;

use node::StrategyKind;

use super::sweep::{self, Ended, Observer, Options};
use crate::analysis::advice::{Aim, Judged, Verdict};
use crate::analysis::{Advice, Series};
use crate::record::RunRecord;
use crate::spec::names::plain_name;
use crate::spec::{EngineKind, Limits, SweepSpec};

/// What is to be tuned.
#[derive(Clone, Debug)]
pub struct TuneSpec {
    /// The sweep that checks a setting: engine, node, strategies to choose from, one combination of settings,
    /// and how often the check is repeated. Its batch timeouts do not matter.
    pub check: SweepSpec,
    /// What runs must stay below.
    pub limits: Limits,
    /// What is best within the limits.
    pub aim: Aim,
}

/// Follows the tuning.
pub trait TuneObserver: Observer {
    /// A step was taken.
    fn step(&mut self, step: Step<'_>);
}

/// A step of the tuning.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// The search has ended, and a series starts to miss the limits between two timeouts (ms) that are far
    /// apart.
    NotKnownFinely {
        /// The series.
        series: &'a str,
        /// The longest timeout that is known to meet them.
        low: u64,
        /// The shortest that is known not to.
        high: u64,
    },
    /// A setting is about to be checked.
    Check(&'a Judged),
    /// The runs of the check do not confirm it.
    NotConfirmed(&'a Judged),
    /// These are all runs of a check that does not confirm its setting.
    Checked(&'a [RunRecord]),
}

/// How the tuning ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A setting meets the limits.
    Recommended(Box<Recommendation>),
    /// No setting reliably meets the limits; these are the runs of the search.
    NothingMeets(Vec<RunRecord>),
    /// Settings looked as if they met the limits, but no check confirmed one.
    NothingConfirmed,
    /// It was stopped.
    Interrupted,
}

/// A setting that meets the limits.
#[derive(Clone, Debug)]
pub struct Recommendation {
    /// The setting, by the runs that decided.
    pub setting: Judged,
    /// The sweep of this setting alone.
    pub sweep: SweepSpec,
    /// The setting by the runs of the search, if it was checked on another engine.
    pub searched: Option<(EngineKind, Judged)>,
}

/// Tunes.
///
/// # Errors
/// If a sweep cannot be executed.
pub fn run(spec: &TuneSpec, options: &Options, observer: &mut impl TuneObserver) -> anyhow::Result<Outcome> {
    // What would fail after the search had better fail before.
    sweep::validate(&spec.check, options)?;
    let Some(records) = search::run(spec, options, observer)? else { return Ok(Outcome::Interrupted) };
    let series = Series::group(&records);
    let found = Advice::on(&series, spec.limits.clone());
    let candidates = search::candidates(&found, spec.aim);
    let Some(best) = candidates.first() else { return Ok(Outcome::NothingMeets(records)) };
    if let Some((low, high)) = found.not_known_finely(spec.aim) {
        observer.step(Step::NotKnownFinely { series: &best.series, low, high });
    }
    if spec.check.engine == EngineKind::Simulated {
        return Ok(recommended((*best).clone(), spec, None));
    }
    let engine = records.first().map_or(spec.check.engine, |record| record.run.engine);
    for candidate in candidates {
        observer.step(Step::Check(candidate));
        let Ended { records: checked, stopped, .. } = check(spec, candidate, options, observer)?;
        if stopped {
            return Ok(Outcome::Interrupted);
        }
        let judged = Advice::on(&Series::group(&checked), spec.limits.clone()).judged;
        if let [one] = judged.as_slice()
            && one.verdict == Verdict::Pass
        {
            return Ok(recommended(one.clone(), spec, Some((engine, candidate.clone()))));
        }
        judged.iter().for_each(|one| observer.step(Step::NotConfirmed(one)));
        observer.step(Step::Checked(&checked));
    }
    Ok(Outcome::NothingConfirmed)
}

fn recommended(setting: Judged, spec: &TuneSpec, searched: Option<(EngineKind, Judged)>) -> Outcome {
    let repetitions = u32::try_from(setting.runs).unwrap_or(u32::MAX);
    let sweep = sweep_of(spec, &strategies_of(spec, &setting.series), &[setting.timeout_ms()], repetitions);
    Outcome::Recommended(Box::new(Recommendation { setting, sweep, searched }))
}

/// Runs a candidate on the engine asked for, apart from the runs that it was chosen by.
fn check(
    spec: &TuneSpec,
    candidate: &Judged,
    options: &Options,
    observer: &mut impl Observer,
) -> anyhow::Result<Ended> {
    // One combination of settings, so the series is named by its strategy or program alone.
    let folder = format!("{}-{}ms", plain_name(&candidate.series), candidate.timeout_ms());
    let strategies = strategies_of(spec, &candidate.series);
    let sweep = sweep_of(spec, &strategies, &[candidate.timeout_ms()], spec.check.grid.repetitions);
    sweep::run(&sweep, &options.in_directory(options.directory.join(folder)), observer)
}

/// The strategy that a series is named by; none if it is another program.
fn strategies_of(spec: &TuneSpec, series: &str) -> Vec<StrategyKind> {
    spec.check.grid.strategies.iter().copied().filter(|strategy| strategy.name() == series).collect()
}

/// A sweep like the check's, of other points.
fn sweep_of(
    spec: &TuneSpec,
    strategies: &[StrategyKind],
    timeouts_ms: &[u64],
    repetitions: u32,
) -> SweepSpec {
    let mut sweep = spec.check.clone();
    sweep.grid.strategies = strategies.to_vec();
    sweep.grid.batch_timeouts = timeouts_ms.iter().copied().map(Duration::from_millis).collect();
    sweep.grid.repetitions = repetitions;
    sweep
}
