//! A sweep: every run of a [`SweepSpec`] executed by one engine, each record on disk before the next run
//! starts.
//!
//! ```text
//! SweepSpec ── runs ──► RunSpec … ── scheduler ──► Engine ──► Outcome ──► RunRecord ──► a line of sweep.csv
//!     └── sweep.toml in the folder                                            └──► Observer: progress
//! ```

mod checks;
pub mod folder;
mod host;
pub mod origin;
pub mod overview;
mod resume;
mod scheduler;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

pub use self::checks::{Impossible, refuse_impossible};
pub use self::folder::{CSV_FILE, RUNS_FOLDER, Recorded, SHARDS_FOLDER};
use self::origin::Origin;
use self::resume::Remaining;
use self::scheduler::{Completed, Events, Job, Jobs, Schedule};
use crate::engine::child::LOG_FILE;
use crate::engine::programs::Programs;
use crate::engine::{Engine, Execute as _, Finished, Phase};
use crate::preflight::Finding;
use crate::record::csv_file::{CsvFile, Rows};
use crate::record::distribution::{LATENCIES_FILE, LatencyFile};
use crate::record::parameter_columns::ParameterColumns;
use crate::record::{Measured, Outcome, RunRecord, Status};
use crate::runner::lateness::is_late;
use crate::spec::shard::Shard;
use crate::spec::{EngineKind, Names, Node, RunSpec, SweepSpec};
use crate::supervise::orphans;
use crate::supervise::stop::{Stop, StopSignal};

/// What to do with an earlier sweep in the same folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Resume it: runs that have ended are not repeated.
    #[default]
    Resume,
    /// Resume it, and repeat its failed runs.
    RetryFailed,
    /// Remove the earlier sweep.
    Replace,
}

/// The runs whose files to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Those of every run.
    #[default]
    All,
    /// Those of runs that are not ok, to see why.
    Failed,
    /// Those of no run.
    None,
}

impl Keep {
    /// Whether the files of a run that ended so stay.
    fn keeps(self, status: Status) -> bool {
        match self {
            Keep::All => true,
            Keep::Failed => status != Status::Ok,
            Keep::None => false,
        }
    }
}

/// How a sweep is executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// The output folder.
    pub directory: PathBuf,
    /// The part of the sweep to execute; `None` for all runs.
    pub shard: Option<Shard>,
    /// What to do with an earlier sweep in that folder.
    pub existing: Existing,
    /// How many runs execute in parallel; `None` for the engine's default.
    pub jobs: Option<NonZeroUsize>,
    /// How long a run may take; `None` to derive it from its settings.
    pub deadline: Option<Duration>,
    /// The runs whose files to keep.
    pub keep: Keep,
    /// Whether to look for faults that would make every run fail before the first one starts.
    pub preflight: bool,
    /// The paths of the programs to start.
    pub programs: Programs,
    /// The request to stop.
    pub stop: StopSignal,
}

impl Options {
    /// A sweep into `directory`, resumed if it is there, with everything else as it is by default.
    ///
    /// # Errors
    /// If the path of this program is not known.
    pub fn new(directory: impl Into<PathBuf>) -> anyhow::Result<Options> {
        Ok(Options {
            directory: directory.into(),
            shard: None,
            existing: Existing::default(),
            jobs: None,
            deadline: None,
            keep: Keep::default(),
            preflight: true,
            programs: Programs::of_process().context("the path of this program is not known")?,
            stop: StopSignal::never(),
        })
    }

    /// The same for another directory.
    #[must_use]
    pub fn in_directory(&self, directory: PathBuf) -> Options {
        Options { directory, ..self.clone() }
    }

    /// How many runs of a sweep execute in parallel. What a user's node costs is not known before it ran.
    fn jobs_of(&self, engine: &Engine, node: &Node) -> Jobs {
        match (self.jobs, node, engine.kind()) {
            (Some(jobs), ..) => Jobs::Fixed(jobs),
            (None, Node::Program(_), EngineKind::Embedded) => Jobs::ByCost(engine.default_jobs()),
            (None, ..) => Jobs::Fixed(engine.default_jobs()),
        }
    }

    /// The most runs of a sweep that execute in parallel.
    pub fn most_jobs(&self, engine: &Engine, node: &Node) -> NonZeroUsize {
        self.jobs_of(engine, node).most()
    }
}

/// The work that a sweep is about to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The engine that executes the runs.
    pub engine: EngineKind,
    /// The output folder.
    pub directory: &'a Path,
    /// How many runs to execute.
    pub runs: usize,
    /// How many runs an earlier sweep has executed.
    pub done: usize,
    /// How many runs execute in parallel, at most.
    pub jobs: usize,
    /// Whether the first run is alone, to see how many can run in parallel.
    pub first_alone: bool,
    /// About how long one run takes.
    pub expected: Duration,
    /// The number of a last line of the CSV that was cut off in the writing; its run is repeated.
    pub torn_line: Option<usize>,
    /// The processes that an earlier, killed sweep there had left behind.
    pub orphans: orphans::Ended,
    /// Whether an earlier sweep in the same folder was removed.
    pub replaced: bool,
}

impl Plan<'_> {
    /// About how long all runs take.
    pub fn duration(&self) -> Duration {
        self.expected * self.runs.div_ceil(self.jobs.max(1)) as u32
    }
}

/// Follows a sweep. Runs are known by their place among those that are to be done.
pub trait Observer {
    /// The checks before the first run found something that is good to know.
    fn noted(&mut self, _finding: &Finding) {}

    /// The sweep is ready to start.
    ///
    /// # Errors
    /// If the sweep should not start.
    fn planned(&mut self, _plan: &Plan<'_>) -> anyhow::Result<()> {
        Ok(())
    }

    /// A run begins.
    fn started(&mut self, _index: usize, _name: &str) {}

    /// The first run used this many cores, so from now on `jobs` runs execute in parallel.
    fn measured_cost(&mut self, _cores: f64, _jobs: NonZeroUsize) {}

    /// A run has entered a phase.
    fn entered(&mut self, _index: usize, _phase: Phase) {}

    /// A run has ended, and its record is on disk.
    fn completed(&mut self, _index: usize, _name: &str, _record: &RunRecord) {}

    /// A run was stopped on request and has no record.
    fn abandoned(&mut self, _index: usize) {}

    /// No further run begins or ends.
    fn ended(&mut self) {}
}

/// Ignores every event.
impl Observer for () {}

/// A sweep that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its description, as it is in its folder.
    pub spec: SweepSpec,
    /// The records in its CSV, those of earlier runs included.
    pub records: Vec<RunRecord>,
    /// How many runs were asked for.
    pub planned: usize,
    /// Whether it was stopped before all were done.
    pub stopped: bool,
}

/// The sweep in a directory is another one; replacing it helps.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be resumed", .0.display())]
pub struct CannotResume(pub PathBuf);

/// The most runs of a sweep. A larger one is a typing error, and would not fit into memory.
const MOST_RUNS: usize = 1_000_000;

/// Checks that a sweep can be executed, before other work that takes long.
///
/// # Errors
/// If it has far too many runs, or something that it needs does not exist.
pub fn validate(spec: &SweepSpec, options: &Options) -> anyhow::Result<()> {
    if spec.run_count() > MOST_RUNS {
        bail!(
            "the sweep has more than {MOST_RUNS} runs; give fewer values, or --sample to choose among them"
        );
    }
    validate_chosen(spec, options)
}

/// The same for a sweep of which only some runs are chosen.
///
/// # Errors
/// If something that it needs does not exist.
pub fn validate_chosen(spec: &SweepSpec, options: &Options) -> anyhow::Result<()> {
    checks::refuse_impossible(spec)?;
    Engine::new(spec.engine, &options.programs)?;
    options.programs.node_command(&spec.first_run()?).map(drop)
}

/// The commands that a sweep would execute; `None` for runs without a process.
///
/// # Errors
/// If something that it needs does not exist.
pub fn commands(spec: &SweepSpec, options: &Options) -> anyhow::Result<Vec<(String, Option<String>)>> {
    validate(spec, options)?;
    let engine = Engine::new(spec.engine, &options.programs)?;
    let runs = spec.runs_of(options.shard)?;
    let names = Names::among(&spec.outline()?);
    let command = |run: &RunSpec| {
        let directory = options.directory.join(RUNS_FOLDER).join(names.directory(run));
        let node = options.programs.node_command(run)?;
        Ok((names.run(run), engine.command_line(run, &node, &directory)))
    };
    runs.iter().map(command).collect()
}

/// The description of the sweep in `directory`, extended by `spec`.
///
/// # Errors
/// If the sweep there is another one ([`CannotResume`]).
pub fn extended(spec: &SweepSpec, directory: &Path) -> anyhow::Result<SweepSpec> {
    match folder::spec_in(directory)? {
        Some(there) => resume::extended(&there, spec).with_context(|| CannotResume(directory.to_owned())),
        None => Ok(spec.clone()),
    }
}

/// Executes the runs of a sweep that have not been executed yet.
///
/// # Errors
/// If something that it needs does not exist, what is in the directory is of another sweep
/// ([`CannotResume`]), or results cannot be written. The records that were written before are safe.
pub fn run(spec: &SweepSpec, options: &Options, observer: &mut impl Observer) -> anyhow::Result<Ended> {
    execute(spec, None, options, observer)
}

/// Executes some runs of a sweep's grid that have not been executed yet, each with its repetition and seed.
/// The description in the folder names all values among which they were chosen.
///
/// # Errors
/// As [`run`].
pub fn run_chosen(
    spec: &SweepSpec,
    chosen: Vec<RunSpec>,
    options: &Options,
    observer: &mut impl Observer,
) -> anyhow::Result<Ended> {
    execute(spec, Some(chosen), options, observer)
}

fn execute(
    spec: &SweepSpec,
    chosen: Option<Vec<RunSpec>>,
    options: &Options,
    observer: &mut impl Observer,
) -> anyhow::Result<Ended> {
    let planned = match &chosen {
        Some(runs) => {
            validate_chosen(spec, options)?;
            runs.clone()
        }
        None => {
            validate(spec, options)?;
            spec.runs_of(options.shard)?
        }
    };
    let engine = Arc::new(Engine::new(spec.engine, &options.programs)?);
    // One thread, which lives as long as the process: the system ties child processes to their thread. Those
    // of simulated runs are as few as the runs at a time, so that each finds its memory in the caches.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(options.most_jobs(&engine, &spec.node).get())
        .build()?;
    // Checked first, so that no sweep is removed that cannot be replaced.
    if options.preflight {
        for note in runtime.block_on(checks::check(spec, &planned, &engine, options))? {
            observer.noted(&note);
        }
    }
    let prepared = Prepared::open(spec, chosen, &engine, options)?;
    runtime.block_on(prepared.run(engine, options, observer))
}

/// A sweep whose folder is prepared, and locked against other writers.
struct Prepared {
    spec: SweepSpec,
    csv: CsvFile,
    latencies: Option<LatencyFile>,
    records: Vec<RunRecord>,
    remaining: Remaining,
    planned: usize,
    torn_line: Option<usize>,
    orphans: orphans::Ended,
}

impl Prepared {
    /// Makes the sweep's directory and its files, or resumes those that are there.
    fn open(
        spec: &SweepSpec,
        chosen: Option<Vec<RunSpec>>,
        engine: &Engine,
        options: &Options,
    ) -> anyhow::Result<Prepared> {
        let Options { directory, existing, .. } = options;
        let replace = *existing == Existing::Replace;
        fs::create_dir_all(directory).with_context(|| {
            format!("cannot make the folder {}; choose another --out", directory.display())
        })?;
        let (path, runs) = (directory.join(CSV_FILE), directory.join(RUNS_FOLDER));
        if !replace && runs.exists() && !path.exists() {
            bail!("{} holds runs of an earlier sweep; --force replaces them", runs.display());
        }
        if !replace && directory.join(SHARDS_FOLDER).exists() && !path.exists() {
            bail!(
                "{0} holds shards of a sweep; bench-cli merge {0} puts them together, then this command executes the \
                 missing runs",
                directory.display()
            );
        }
        let parameters = ParameterColumns::of(&spec.outline()?);
        let is_new = !path.exists();
        let (csv, Rows { mut records, torn_line }) =
            CsvFile::open(&path, parameters.clone(), replace, spec.engine.leaves_files())?;
        // This process has locked the folder, so nodes that still run here are left over.
        let orphans = orphans::end(directory);
        if replace && runs.exists() {
            fs::remove_dir_all(&runs).with_context(|| format!("cannot remove {}", runs.display()))?;
        }
        let is_whole = chosen.is_none();
        let resume = || {
            let spec = match folder::spec_in(directory)? {
                Some(there) if !replace && is_whole => resume::extended(&there, spec)?,
                // The seeds of chosen runs do not depend on the earlier grid.
                Some(there) if !replace => resume::extended(&there, spec).map(|_| spec.clone())?,
                None if !records.is_empty() => bail!(
                    "it has no sweep.toml, so it is of an earlier version of bench-cli: its records can be plotted and \
                     compared, but not added to\nGive another --out or --name, or --force to replace it"
                ),
                _ => spec.clone(),
            };
            let plan = chosen.map_or_else(|| spec.runs_of(options.shard), Ok)?;
            let retry = *existing == Existing::RetryFailed;
            if let Some(run) = plan.first() {
                let node = options.programs.node_command(run)?;
                resume::refuse_rebuilt(&engine.node_program(&node)?, &records, retry)?;
            }
            let planned = plan.len();
            anyhow::Ok((spec, planned, resume::remaining(plan, &records, retry)))
        };
        let resumed = resume()
            .and_then(|(spec, planned, remaining)| {
                let origin = origin(&spec, options, records.is_empty())?;
                Ok((spec, planned, remaining, origin))
            })
            .with_context(|| CannotResume(path.clone()));
        if resumed.is_err() && is_new {
            // The folder is left as it was.
            let _ = fs::remove_file(&path);
        }
        let (spec, planned, remaining, origin) = resumed?;
        let latencies = LatencyFile::open(directory, parameters, replace)
            .inspect_err(|error| log::warn!("cannot write {LATENCIES_FILE}: {error}"));
        folder::label(&mut records, &spec);
        folder::add_distributions(&mut records, directory);
        folder::write_spec(directory, &spec, is_whole)?;
        if let Some(origin) = origin {
            origin.write(directory)?;
        }
        Ok(Prepared { spec, csv, latencies: latencies.ok(), records, remaining, planned, torn_line, orphans })
    }

    async fn run(
        mut self,
        engine: Arc<Engine>,
        options: &Options,
        observer: &mut impl Observer,
    ) -> anyhow::Result<Ended> {
        let Remaining { runs, tried, done } = self.remaining;
        let jobs = options.jobs_of(&engine, &self.spec.node);
        observer.planned(&Plan {
            engine: self.spec.engine,
            directory: &options.directory,
            runs: runs.len(),
            done,
            jobs: jobs.most().get(),
            first_alone: matches!(jobs, Jobs::ByCost(_)),
            expected: runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default(),
            torn_line: self.torn_line,
            orphans: self.orphans,
            replaced: options.existing == Existing::Replace,
        })?;
        let list = list_jobs(&self.spec, runs, options)?;
        let mut recorder = Recorder {
            engine_version: engine.version(),
            latencies: self.latencies,
            csv: &mut self.csv,
            options,
            tried,
            records: self.records,
            observer,
        };
        let schedule = Schedule { jobs, deadline: options.deadline };
        let ended = scheduler::execute(&engine, &list, &schedule, options.stop.clone(), &mut recorder).await;
        recorder.observer.ended();
        let records = recorder.records;
        self.csv.sync()?;
        ended?;
        let stopped = options.stop.current() != Stop::No;
        Ok(Ended { spec: self.spec, records, planned: self.planned, stopped })
    }
}

/// Where the runs come from that are made now, if the folder is to say so: that of a shard, and one that says
/// so already.
///
/// # Errors
/// If the folder is not `empty`, and its runs are of another shard or another build.
fn origin(spec: &SweepSpec, options: &Options, empty: bool) -> anyhow::Result<Option<Origin>> {
    let there = Origin::read(&options.directory)?;
    if options.shard.is_none() && there.is_none() {
        return Ok(None);
    }
    let mut programs = vec![options.programs.bench_cli.clone()];
    if spec.engine.leaves_files() {
        programs.push(options.programs.node_command(&spec.first_run()?)?.bin);
    }
    let programs: Vec<&Path> = programs.iter().map(PathBuf::as_path).collect();
    let now = Origin::of(&programs, options.shard)?;
    match there {
        Some(there) if !empty => there.refuse_other(&now)?,
        None if !empty => bail!("its runs are not those of a shard; give another --out"),
        _ => {}
    }
    Ok(Some(now))
}

/// The runs with all that is needed to execute them.
fn list_jobs(spec: &SweepSpec, runs: Vec<RunSpec>, options: &Options) -> anyhow::Result<Vec<Job>> {
    // Names come from the whole sweep, so they do not depend on the runs that are left.
    let names = Names::among(&spec.outline()?);
    let job = |run: RunSpec| {
        Ok(Job {
            node: options.programs.node_command(&run)?,
            name: names.run(&run),
            directory: options.directory.join(RUNS_FOLDER).join(names.directory(&run)),
            run,
        })
    };
    runs.into_iter().map(job).collect()
}

/// Writes records, and reports them to the observer.
struct Recorder<'a, O> {
    engine_version: String,
    latencies: Option<LatencyFile>,
    csv: &'a mut CsvFile,
    options: &'a Options,
    /// How often each run was tried before this sweep.
    tried: Vec<u32>,
    records: Vec<RunRecord>,
    observer: &'a mut O,
}

impl<O: Observer> Events for Recorder<'_, O> {
    fn started(&mut self, index: usize, job: &Job) {
        self.observer.started(index, &job.name);
    }

    fn entered(&mut self, index: usize, phase: Phase) {
        self.observer.entered(index, phase);
    }

    fn completed(&mut self, index: usize, job: &Job, completed: &Completed) -> anyhow::Result<()> {
        let leaves_files = job.run.engine.leaves_files();
        let kept = !leaves_files || self.options.keep.keeps(completed.finished.outcome.status());
        let mut measured = self.measured(&job.run, completed);
        measured.attempts += self.tried[index];
        if leaves_files && kept {
            let log = job.directory.strip_prefix(&self.options.directory).unwrap_or(&job.directory);
            measured.log = log.join(LOG_FILE).display().to_string();
        }
        let record = RunRecord { run: job.run.clone(), measured };
        // Only a plot needs it, so the sweep continues without it.
        if let Some(file) = &mut self.latencies
            && let Err(error) = file.append(std::slice::from_ref(&record))
        {
            log::warn!("cannot write the run's latencies: {error}");
        }
        if self.tried[index] == 0 {
            self.csv.append(&record)?;
        } else {
            // The record of the earlier failure stays until this one replaces it.
            let identity = record.run.identity();
            self.records.retain(|other| other.run.identity() != identity);
        }
        self.records.push(record);
        if self.tried[index] > 0 {
            self.csv.rewrite(&self.records)?;
        }
        if !kept {
            fs::remove_dir_all(&job.directory)
                .with_context(|| format!("cannot remove {}", job.directory.display()))?;
        }
        if let Some(record) = self.records.last() {
            self.observer.completed(index, &job.name, record);
        }
        Ok(())
    }

    fn abandoned(&mut self, index: usize) {
        self.observer.abandoned(index);
    }

    fn measured_cost(&mut self, cores: f64, jobs: NonZeroUsize) {
        self.observer.measured_cost(cores, jobs);
    }
}

impl<O> Recorder<'_, O> {
    /// The measurements of a run.
    fn measured(&self, run: &RunSpec, completed: &Completed) -> Measured {
        let Finished { outcome, timer_p99, distribution } = &completed.finished;
        Measured {
            status: outcome.status(),
            reason: Outcome::reason(outcome).to_owned(),
            figures: outcome.figures().cloned(),
            distribution: distribution.clone(),
            timer_p99: *timer_p99,
            late: timer_p99.map(|late| is_late(late, run.settings.latency.mean)),
            engine_version: self.engine_version.clone(),
            host: host::name(),
            bench_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(completed.started_at),
            duration: completed.duration,
            attempts: completed.attempts,
            log: String::new(),
        }
    }
}
