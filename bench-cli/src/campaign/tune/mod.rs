//! Finds the best setting within limits: a race among settings, then a check of the winner by fresh runs.
//!
//! ```text
//! SweepSpec ─► Space ─► Race ── next runs ──► sweep::run_chosen ──► DIR/sweep.csv ──► Race …
//!                        └──── winner ──► sweep::run ──► DIR/check-1 ──► confirmed, or back to the race
//! ```
//!
//! What to run next depends on the records alone. So the same command resumes a search that was interrupted:
//! it asks for the same runs again, and those that are on disk are not repeated.

mod race;
mod space;

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};

pub use self::race::Tally;
use self::race::{Next, Race};
use self::space::{Point, Space};
use super::sweep::{self, CSV_FILE, Ended, Existing, Observer, Options, Recorded, folder};
use crate::analysis::advice::{Assessed, Verdict};
use crate::analysis::{Advice, Figure, Series};
use crate::engine::Engine;
use crate::record::RunRecord;
use crate::spec::durations::{DefaultUnit, parse_duration};
use crate::spec::{EngineKind, Limits, Node, RunSpec, SweepSpec};
use crate::terminal::count;

/// What is to be tuned.
#[derive(Clone, Debug)]
pub struct TuneSpec {
    /// Node, engine of the check, and the values to choose from. Each setting is checked by as many runs as
    /// its repetitions say.
    pub sweep: SweepSpec,
    /// What runs must stay below.
    pub limits: Limits,
    /// The figure to minimise within the limits.
    pub minimize: Figure,
    /// What the runs may cost, those of checks included; `None` for as much as it takes.
    pub budget: Option<Budget>,
}

/// What a search may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// A number of runs.
    Runs(usize),
    /// So much time, in which several runs may execute in parallel.
    Time(Duration),
}

/// A budget that leaves no run for the search.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "--budget is enough for {}, but {CHECKS_KEPT} checks of {} each are kept back; give a budget of more than {} runs, \
     or fewer --repetitions", count(*runs, "run"), count(*check, "run"), CHECKS_KEPT * check
)]
pub struct TooLittle {
    /// The runs that the budget is enough for.
    runs: usize,
    /// The runs of a check.
    check: usize,
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Budget, String> {
        if let Ok(runs) = text.parse::<usize>() {
            return if runs == 0 { Err("give at least 1 run".to_owned()) } else { Ok(Budget::Runs(runs)) };
        }
        parse_duration(text, DefaultUnit::Seconds).map(Budget::Time).map_err(|_| {
            format!("{text:?} is not a budget; give a number of runs such as 200, or a time such as 30m")
        })
    }
}

/// Is told of the steps of a search.
pub trait TuneObserver: Observer {
    /// A phase begins, or one has ended.
    fn step(&mut self, _step: Step<'_>) {}
}

/// Ignores every step.
impl TuneObserver for () {}

/// A step of the tuning.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// New settings are about to be run once each.
    Try(usize),
    /// The settings that may still win are about to be run again.
    Repeat(usize),
    /// A setting is about to be checked.
    Check(&'a Assessed),
    /// The runs of the check do not confirm it.
    NotConfirmed(&'a Assessed),
    /// These are all runs of a check.
    Checked(&'a [RunRecord]),
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No further run would find a better setting.
    Settled,
    /// The budget is used up.
    Budget,
    /// The user stopped it.
    Interrupted,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The setting that its own runs confirm; `None` if there is none.
    pub recommended: Option<Recommendation>,
    /// Why the search ended.
    pub ending: Ending,
    /// What became of the candidates.
    pub tally: Tally,
    /// The search as a sweep: all values that it tried, and all of its runs.
    pub searched: Ended,
    /// Runs of checks.
    pub checks: usize,
}

/// A setting that meets the limits.
#[derive(Clone, Debug)]
pub struct Recommendation {
    /// The setting, by the runs that decided.
    pub setting: Assessed,
    /// The sweep of this setting alone.
    pub sweep: SweepSpec,
    /// The setting by the runs of the search, if it was checked on another engine.
    pub elsewhere: Option<Assessed>,
}

/// What a search is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// What executes the runs of the search.
    pub engine: EngineKind,
    /// The settings that are run first.
    pub first: usize,
    /// The settings that the values make, none between them.
    pub grid: usize,
    /// How many runs execute in parallel.
    pub jobs: usize,
    /// About how long one run takes.
    pub each: Duration,
}

/// Runs of a check before all others.
const FIRST_OF_CHECK: u32 = 4;
/// Checks that are kept back from a budget: the first may fail.
const CHECKS_KEPT: usize = 2;
/// Settings to check before giving up.
const CHECKS: usize = 4;

/// Runs of a check, unless somebody says how many. If all of 19 keep the limits, one more does not with a
/// probability of at most 1 in 20, whatever the figures' distribution is. In real time four cost enough.
pub const fn check_runs(engine: EngineKind) -> u32 {
    match engine {
        EngineKind::Simulated => 19,
        EngineKind::Embedded | EngineKind::Maelstrom => 4,
    }
}

/// Runs of a candidate at most, by engine: in virtual time they cost next to nothing.
const fn most_runs(engine: EngineKind) -> u32 {
    match engine {
        EngineKind::Simulated => 20,
        EngineKind::Embedded | EngineKind::Maelstrom => 8,
    }
}
/// The largest part of a budget for the first look at everything.
const FIRST_LOOK: f64 = 0.33;
/// Settings of the first look without a budget, unless words alone make more.
const FIRST_SETTINGS: usize = 120;

impl TuneSpec {
    /// The sweep to search: simulated if the node can be.
    fn search(&self) -> SweepSpec {
        let mut search = self.sweep.clone();
        let can_be_simulated =
            search.node == Node::Bundled && search.args.is_empty() && search.env.is_empty();
        if can_be_simulated {
            search.engine = EngineKind::Simulated;
        }
        search.limits = vec![self.limits.clone()];
        search
    }

    fn first(&self, space: &Space, outlook: (usize, Duration)) -> Vec<Point> {
        let (jobs, each) = outlook;
        let most = match self.budget {
            None => FIRST_SETTINGS,
            Some(budget) => (FIRST_LOOK * budget.runs(jobs, each) as f64) as usize,
        };
        space.coarse(most)
    }

    /// What a search would do.
    ///
    /// # Errors
    /// If something that it needs does not exist, or the budget is too small for a search ([`TooLittle`]).
    pub fn outlook(&self, options: &Options) -> anyhow::Result<Outlook> {
        sweep::validate_chosen(&self.sweep, options)?;
        let search = self.search();
        let engine = Engine::new(search.engine, &options.programs)?;
        let mut once = search.clone();
        once.grid.repetitions = 1;
        let each = engine.expected_duration(&once.first_run()?.settings);
        let jobs = options.most_jobs(&engine, &search.node).get();
        let check = self.sweep.grid.repetitions as usize;
        if let Some(budget) = self.budget.filter(|budget| budget.runs(jobs, each) <= CHECKS_KEPT * check) {
            bail!(TooLittle { runs: budget.runs(jobs, each), check });
        }
        let first = self.first(&Space::of(&search), (jobs, each)).len();
        Ok(Outlook { engine: search.engine, first, grid: once.run_count(), jobs, each })
    }
}

impl Budget {
    /// About how many runs it is enough for.
    pub fn runs(self, jobs: usize, each: Duration) -> usize {
        match self {
            Budget::Runs(runs) => runs,
            Budget::Time(time) => (time.as_secs_f64() / each.as_secs_f64().max(1e-3) * jobs as f64) as usize,
        }
    }

    /// How many more runs it is enough for after some.
    fn left(self, spent: &[&RunRecord], jobs: usize, each: Duration) -> usize {
        match self {
            Budget::Runs(runs) => runs.saturating_sub(spent.len()),
            Budget::Time(time) => {
                let spent: Duration = spent.iter().map(|record| record.measured.duration).sum();
                Budget::Time(time.saturating_sub(spent / jobs as u32)).runs(jobs, each)
            }
        }
    }
}

/// Tunes. If the options replace an earlier search, its checks are removed, too.
///
/// # Errors
/// If a run cannot be executed, or what is in the folder is of another search.
pub fn run(spec: &TuneSpec, options: &Options, observer: &mut impl TuneObserver) -> anyhow::Result<Found> {
    // What would fail after the search had better fail before.
    let outlook = spec.outlook(options)?;
    let mut search = Search::new(spec, options.clone(), outlook)?;
    let mut ending = search.race(observer)?;
    let mut recommended = None;
    while ending != Ending::Interrupted && search.checks.len() < CHECKS {
        let Some(leader) = search.race.leader() else { break };
        if search.unspent() < spec.sweep.grid.repetitions as usize {
            break;
        }
        match search.check(leader, observer)? {
            Check::Confirmed(one) => {
                recommended = Some(*one);
                break;
            }
            Check::Refuted => ending = search.race(observer)?,
            Check::Interrupted => ending = Ending::Interrupted,
        }
    }
    Ok(Found {
        recommended,
        ending,
        tally: search.race.tally(),
        checks: search.checks.iter().map(Vec::len).sum(),
        searched: search.ended(ending)?,
    })
}

/// A search in progress.
struct Search<'a> {
    spec: &'a TuneSpec,
    options: Options,
    outlook: Outlook,
    race: Race,
    /// The points of the values that an earlier search in the folder tried.
    planned: SweepSpec,
    /// The runs of each check.
    checks: Vec<Vec<RunRecord>>,
}

/// How a check ended.
enum Check {
    Confirmed(Box<Recommendation>),
    Refuted,
    Interrupted,
}

impl Search<'_> {
    fn new(spec: &TuneSpec, options: Options, outlook: Outlook) -> anyhow::Result<Search<'_>> {
        let search = spec.search();
        let most = most_runs(search.engine);
        let race = Race::new(Space::of(&search), spec.limits.clone(), spec.minimize, most);
        let mut planned = SweepSpec { extends: Vec::new(), ..search };
        planned.grid.repetitions = 1;
        Ok(Search { spec, options, outlook, race, planned, checks: Vec::new() })
    }

    /// Runs what the race asks for, until it settles.
    fn race(&mut self, observer: &mut impl TuneObserver) -> anyhow::Result<Ending> {
        loop {
            let next = match self.race.candidates.is_empty() {
                true => {
                    let outlook = (self.outlook.jobs, self.outlook.each);
                    Next::Try(self.spec.first(self.race.space(), outlook))
                }
                false => self.race.next(),
            };
            let mut runs = self.runs_of(next, observer)?;
            if runs.is_empty() {
                return Ok(Ending::Settled);
            }
            let left = self.left();
            if left == 0 {
                return Ok(Ending::Budget);
            }
            runs.truncate(left);
            if !self.measure(runs, observer)? {
                return Ok(Ending::Interrupted);
            }
        }
    }

    /// The runs that a step of the race takes.
    fn runs_of(&mut self, next: Next, observer: &mut impl TuneObserver) -> anyhow::Result<Vec<RunSpec>> {
        let wanted: Vec<(usize, u32)> = match next {
            Next::Settled => Vec::new(),
            Next::Try(points) => {
                let entered = self.race.enter(points)?;
                observer.step(Step::Try(entered.len()));
                entered.into_iter().map(|place| (place, 1)).collect()
            }
            Next::Repeat(wanted) => {
                observer.step(Step::Repeat(wanted.len()));
                wanted
            }
        };
        let mut runs = Vec::new();
        for (place, most) in wanted {
            let one = &self.race.candidates[place];
            for repetition in one.records.len() as u32 + 1..=most {
                runs.push(self.race.space().run(&one.point, repetition)?);
            }
        }
        Ok(runs)
    }

    /// How many more runs of the search the budget is enough for, those of checks aside.
    fn left(&self) -> usize {
        let check = self.spec.sweep.grid.repetitions as usize;
        self.unspent().saturating_sub(CHECKS_KEPT * check)
    }

    /// How many more runs the budget is enough for.
    fn unspent(&self) -> usize {
        let Some(budget) = self.spec.budget else { return usize::MAX };
        let spent: Vec<&RunRecord> = self.race.records().chain(self.checks.iter().flatten()).collect();
        budget.left(&spent, self.outlook.jobs, self.outlook.each)
    }

    /// Executes runs of the search, those that are not on disk. Says whether all were done.
    fn measure(&mut self, runs: Vec<RunSpec>, observer: &mut impl Observer) -> anyhow::Result<bool> {
        let wanted: Vec<RunSpec> = runs.iter().map(RunSpec::identity).collect();
        let ended = sweep::run_chosen(&self.tried()?, runs, &self.options, observer)?;
        // The first sweep in the folder has looked at the node, and replaced an earlier search.
        self.options.preflight = false;
        if !self.resumes() {
            self.options.existing = Existing::Resume;
            self.remove_checks()?;
        }
        if ended.stopped {
            return Ok(false);
        }
        self.planned = ended.spec;
        let of_race = |record: &RunRecord| wanted.contains(&record.run.identity());
        self.race.take(ended.records.into_iter().filter(of_race));
        Ok(true)
    }

    /// The sweep over all values that were given or tried, in an earlier search into the same folder, too.
    fn tried(&self) -> anyhow::Result<SweepSpec> {
        let points = self.race.candidates.iter().map(|one| &one.point);
        let mut tried = self.race.space().sweep_of(points, 1);
        tried.extends.clear();
        tried.grid.include(&self.planned.grid);
        if self.resumes()
            && let Some(there) = folder::spec_in(&self.options.directory)?
        {
            tried.grid.include(&there.grid);
        }
        Ok(tried)
    }

    /// Whether the records in the folder are of this search.
    fn resumes(&self) -> bool {
        self.options.existing != Existing::Replace
    }

    /// Removes the checks of a search that has been replaced.
    fn remove_checks(&self) -> anyhow::Result<()> {
        for directory in (1..).map(|number| self.numbered_check(number)) {
            if folder::spec_in(&directory)?.is_none() {
                break;
            }
            fs::remove_dir_all(&directory)
                .with_context(|| format!("cannot remove {}", directory.display()))?;
        }
        Ok(())
    }

    fn numbered_check(&self, number: u32) -> PathBuf {
        self.options.directory.join(format!("check-{number}"))
    }

    /// Runs the leader on the engine asked for, with seeds of their own.
    fn check(&mut self, leader: usize, observer: &mut impl TuneObserver) -> anyhow::Result<Check> {
        let candidate = self.race.candidates[leader].clone();
        let Some(found) = candidate.assessed.clone() else { return Ok(Check::Refuted) };
        observer.step(Step::Check(&found));
        let mut sweep =
            self.race.space().sweep_of(std::iter::once(&candidate.point), self.spec.sweep.grid.repetitions);
        sweep.engine = self.spec.sweep.engine;
        sweep.seed = self.fresh_seed(sweep.seed, sweep.grid.repetitions);
        let options = self.options.in_directory(self.check_folder(&sweep)?);
        let keep = |records: &[RunRecord]| records.iter().all(|record| self.spec.limits.are_met_by(record));
        // A setting that does not keep the limits shows it in few runs.
        let all = sweep.grid.repetitions;
        sweep.grid.repetitions = all.min(FIRST_OF_CHECK);
        let mut ended = sweep::run(&sweep, &options, observer)?;
        while sweep.grid.repetitions < all && !ended.stopped && keep(&ended.records) {
            sweep.grid.repetitions = all.min(2 * sweep.grid.repetitions);
            ended = sweep::run(&sweep, &options, observer)?;
        }
        if ended.stopped {
            return Ok(Check::Interrupted);
        }
        observer.step(Step::Checked(&ended.records));
        let is_elsewhere = sweep.engine != self.outlook.engine;
        let assessed = self.assess(&ended.records, is_elsewhere);
        // So many runs prove it by themselves, whatever the figures' distribution is.
        let proof = check_runs(EngineKind::Simulated) as usize;
        let is_proof = ended.records.len() >= proof && keep(&ended.records);
        // Runs on another engine have other margins.
        let is_exception = |record: &RunRecord| !is_elsewhere && self.race.is_exception(leader, record);
        let missed = self.missed_by(&ended.records, is_exception);
        self.checks.push(ended.records);
        let Some(assessed) = assessed else { return Ok(Check::Refuted) };
        if assessed.verdict == Verdict::Pass || is_proof {
            sweep.grid.repetitions = u32::try_from(assessed.runs).unwrap_or(u32::MAX);
            let elsewhere = is_elsewhere.then_some(found);
            let recommended = Recommendation { setting: assessed, sweep, elsewhere };
            return Ok(Check::Confirmed(Box::new(recommended)));
        }
        observer.step(Step::NotConfirmed(&assessed));
        self.race.refute(leader, missed);
        Ok(Check::Refuted)
    }

    /// The fraction by which the worst of some runs, but for exceptions, is over a limit: 0 if none is,
    /// infinite if one failed.
    fn missed_by(&self, records: &[RunRecord], is_exception: impl Fn(&RunRecord) -> bool) -> f64 {
        let over = |record: &RunRecord| {
            let ratio = |(figure, limit): (Figure, f64)| {
                figure.of(record).map_or(f64::INFINITY, |value| value / limit - 1.0)
            };
            let failed = if record.is_ok() { 0.0 } else { f64::INFINITY };
            self.spec.limits.figures().into_iter().map(ratio).fold(failed, f64::max)
        };
        records.iter().filter(|record| !is_exception(record)).map(over).fold(0.0, f64::max)
    }

    /// The verdict on a checked setting: by the runs of the check alone if they are of another engine, else
    /// by all runs.
    fn assess(&self, checked: &[RunRecord], is_elsewhere: bool) -> Option<Assessed> {
        let searched = self.race.records().filter(|_| !is_elsewhere).cloned();
        // Repetitions of the search have other numbers, so that no two runs are the same.
        let records: Vec<RunRecord> = searched.chain(checked.iter().cloned()).collect();
        let run = &checked.first()?.run;
        Series::group(&records).into_iter().find_map(|series| {
            let is_own = |record: &&RunRecord| record.run == *run;
            let x = series.records.iter().copied().find(is_own).and_then(|own| series.x(own))?;
            let assessed = Advice::on(std::slice::from_ref(&series), self.spec.limits.clone()).assessed;
            assessed.into_iter().find(|one| one.x == x)
        })
    }

    /// A first seed such that no run of the search has one of a check's.
    fn fresh_seed(&self, from: u64, runs: u32) -> u64 {
        let used = |seed: u64| self.race.records().any(|record| record.run.seed == Some(seed));
        let is_fresh = |first: &u64| (0..u64::from(runs)).all(|run| !used(first.wrapping_add(run)));
        let mut first = from.wrapping_sub(u64::from(runs) * (self.checks.len() as u64 + 1));
        while !is_fresh(&first) {
            first = first.wrapping_sub(1);
        }
        first
    }

    /// The folder of a check: the first that is free, or has runs of the same check.
    fn check_folder(&self, sweep: &SweepSpec) -> anyhow::Result<PathBuf> {
        let mut number = 1;
        loop {
            let directory = self.numbered_check(number);
            let Some(mut there) = folder::spec_in(&directory)? else { return Ok(directory) };
            there.extends.clear();
            (there.grid.repetitions, there.limits) = (sweep.grid.repetitions, sweep.limits.clone());
            there.axis.clone_from(&sweep.axis);
            if there == *sweep {
                return Ok(directory);
            }
            number += 1;
        }
    }

    /// The search as a sweep that has ended.
    fn ended(&self, ending: Ending) -> anyhow::Result<Ended> {
        let stopped = ending == Ending::Interrupted;
        let spec = self.tried()?;
        let records = match self.resumes() && self.options.directory.join(CSV_FILE).exists() {
            true => Recorded::read(&self.options.directory)?.records,
            false => Vec::new(),
        };
        Ok(Ended { planned: records.len(), spec, records, stopped })
    }
}
