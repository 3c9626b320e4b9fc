//! The search for the settings that are worth a check: coarse first, finer where limits begin to be missed.

use std::collections::{BTreeMap, BTreeSet};

use super::{TuneSpec, sweep_of};
use crate::analysis::advice::{Aim, Judged};
use crate::analysis::{Advice, Series};
use crate::campaign::sweep::{self, Ended, Observer, Options};
use crate::record::RunRecord;
use crate::spec::{EngineKind, Node};

/// How a search goes about it.
struct Plan {
    /// The engine; `None` for that of the check.
    engine: Option<EngineKind>,
    /// Its folder.
    folder: &'static str,
    /// The timeouts to begin with (ms): the whole range that makes sense, coarsely.
    first: &'static [u64],
    /// Repetitions in the first sweeps; the last number holds for all further ones. A timeout that is open
    /// after as many is left open: there it is chance whether a run meets the limits.
    repetitions: &'static [u32],
    /// Whether further sweeps look at all that is open and add repetitions to all timeouts, or at the
    /// surroundings of the best setting alone.
    is_thorough: bool,
}

/// In virtual time runs cost next to nothing.
const VIRTUAL: Plan = Plan {
    engine: Some(EngineKind::Simulated),
    folder: "simulated",
    first: &[0, 25, 50, 100, 200, 400, 800, 1200, 1600],
    repetitions: &[5, 10, 15, 20],
    is_thorough: true,
};

/// In real time each takes half a minute. A node may well take a timeout of 0 for a busy loop.
const REAL: Plan = Plan {
    engine: None,
    folder: "search",
    first: &[25, 50, 100, 200, 400, 800, 1600],
    repetitions: &[3, 5, 8],
    is_thorough: false,
};

/// Sweeps at most. Each narrows a gap to about a quarter, so a search ends by itself before.
const SWEEPS: usize = 12;
/// From the first seed of one of a search's folders to that of the next: so many runs no folder has.
const SEEDS: u64 = 1_000_000;
/// Settings to check before giving up.
const CANDIDATES: usize = 3;
/// A candidate that failed its check is followed by one whose timeout differs by at least this fraction of
/// its own.
const STEP: f64 = 0.04;

impl Plan {
    /// Repetitions of the sweep of this number, from 0.
    fn repetitions(&self, sweep: usize) -> u32 {
        let all = self.repetitions;
        all.get(sweep).or(all.last()).copied().unwrap_or(1)
    }
}

/// What a search has measured, by the folder's name: all series together, then each that was best by itself.
type Measurements = BTreeMap<String, Vec<RunRecord>>;

/// Sweeps, finer and finer where the limits begin to be missed, until nothing is left to learn. `None` if it
/// was interrupted.
pub(super) fn run(
    spec: &TuneSpec,
    options: &Options,
    observer: &mut impl Observer,
) -> anyhow::Result<Option<Vec<RunRecord>>> {
    let plan = match &spec.check.node {
        Node::Program(_) => REAL,
        Node::Bundled => VIRTUAL,
    };
    let mut timeouts: BTreeSet<u64> = plan.first.iter().copied().collect();
    let mut best: Option<String> = None;
    let mut measured = Measurements::new();
    for sweep in 0..SWEEPS {
        let Some((folder, records)) =
            look(spec, &plan, best.as_deref(), &timeouts, sweep, options, observer)?
        else {
            return Ok(None);
        };
        measured.insert(folder, records);
        let records: Vec<RunRecord> = measured.values().flatten().cloned().collect();
        let advice = Advice::on(&Series::group(&records), spec.limits.clone());
        let next = next(spec, &plan, &advice);
        if next.is_empty() {
            break;
        }
        if !plan.is_thorough {
            timeouts.clear();
        }
        timeouts.extend(next);
        best = advice.best(spec.aim.figure()).map(|best| best.series.clone());
    }
    Ok(Some(measured.into_values().flatten().collect()))
}

/// One sweep: of all strategies, or of the best alone once there is one.
fn look(
    spec: &TuneSpec,
    plan: &Plan,
    best: Option<&str>,
    timeouts: &BTreeSet<u64>,
    sweep: usize,
    options: &Options,
    observer: &mut impl Observer,
) -> anyhow::Result<Option<(String, Vec<RunRecord>)>> {
    let timeouts: Vec<u64> = timeouts.iter().copied().collect();
    let all = &spec.check.grid.strategies;
    // A folder holds the runs of the same strategies, and no two folders runs with the same seed.
    let alone = all.iter().position(|strategy| all.len() > 1 && best == Some(strategy.name()));
    let (folder, strategies) = match alone {
        Some(place) => (format!("{}-{}", plan.folder, all[place].name()), &all[place..=place]),
        None => (plan.folder.to_owned(), all.as_slice()),
    };
    let mut wanted = sweep_of(spec, strategies, &timeouts, plan.repetitions(sweep));
    if let Some(engine) = plan.engine {
        wanted.engine = engine;
    }
    if wanted.engine == EngineKind::Simulated {
        // The same question gets the same answer.
        wanted.seed = 1 + alone.map_or(0, |place| SEEDS * (place as u64 + 1));
    }
    let directory = options.directory.join(&folder);
    let Ended { records, stopped, .. } = sweep::run(&wanted, &options.in_directory(directory), observer)?;
    Ok((!stopped).then_some((folder, records)))
}

/// The timeouts that are worth measuring (more often); empty if nothing is left to learn.
fn next(spec: &TuneSpec, plan: &Plan, advice: &Advice) -> BTreeSet<u64> {
    let next = match spec.aim {
        Aim::FewestMessages if plan.is_thorough => advice.next.clone(),
        aim => advice.next_for(aim),
    };
    let most = plan.repetitions.last().copied().unwrap_or(1) as usize;
    let is_settled = |series: &str, timeout_ms: u64| {
        let same = |one: &Judged| one.series == series && one.timeout_ms() == timeout_ms;
        advice.judged.iter().any(|one| same(one) && one.runs >= most)
    };
    let worth_it = next.iter().flat_map(|next| {
        next.timeouts_ms.iter().copied().filter(|&timeout| !is_settled(&next.series, timeout))
    });
    worth_it.collect()
}

/// The settings that reliably meet the limits, best first, each clearly apart from the one before.
pub(super) fn candidates(advice: &Advice, aim: Aim) -> Vec<&Judged> {
    let value = |one: &Judged| one.figure(aim.figure()).map_or(f64::INFINITY, |predicted| predicted.mean);
    let mut meeting: Vec<&Judged> = advice.meeting().collect();
    meeting.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let mut candidates: Vec<&Judged> = Vec::new();
    for one in meeting {
        let apart = |other: &&Judged| {
            let step = one.timeout_ms().abs_diff(other.timeout_ms()) as f64;
            other.series != one.series || step >= STEP * other.timeout_ms() as f64
        };
        if candidates.iter().all(apart) {
            candidates.push(one);
        }
    }
    candidates.truncate(CANDIDATES);
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::example;
    use crate::spec::Limits;

    #[test]
    fn candidates_are_the_best_and_apart_from_each_other() {
        let run = |timeout: u64, repetition| {
            example(timeout, repetition)
                .with(|record| record.figures_mut().msgs_per_op = Some(300.0 / timeout as f64))
        };
        let timeouts = [100, 101, 102, 110, 120, 130, 131];
        let records: Vec<RunRecord> =
            timeouts.into_iter().flat_map(|ms| [1, 2, 3].map(|n| run(ms, n))).collect();
        let limit = Limits { name: String::new(), msgs_per_op: Some(5.0), median: None, max: None };
        let advice = Advice::on(&Series::group(&records), limit);
        let chosen = |aim| candidates(&advice, aim).iter().map(|one| one.timeout_ms()).collect::<Vec<_>>();
        assert_eq!(chosen(Aim::FewestMessages), [131, 120, 110]);
        assert_eq!(chosen(Aim::LowestLatency), [100, 110, 120]);
    }
}
