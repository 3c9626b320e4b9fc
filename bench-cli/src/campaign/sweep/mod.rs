//! A sweep: every run of a [`plan`] executed by one engine, each result on disk before the next run starts.
//!
//! ```text
//! Grid ── plan ──► Run … ── scheduler ──► Engine ──► Outcome ──► Recorder ──► a row of sweep.csv, progress
//! ```

pub mod progress;
pub mod resume;
pub mod scheduler;
pub mod signals;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::engine::child::LOG_FILE;
use crate::engine::{Engine, Finished, Phase};
use crate::record::csv_file::{CsvFile, Rows};
use crate::record::{Row, Status, Validity};
use crate::runner::lateness::is_late;
use crate::spec::plan::Run;
use crate::supervise::orphans;
use crate::supervise::stop::StopSignal;
use node::StrategyKind;
use progress::{Detail, Progress};
use resume::Remaining;
use scheduler::{Completed, Observer, Schedule};

/// The file of a sweep's directory that holds its rows.
pub const CSV_FILE: &str = "sweep.csv";
/// The folder of a sweep's directory in which each run has its own.
pub const RUNS_FOLDER: &str = "runs";

/// What becomes of an earlier sweep in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It is gone on with: runs that have ended are not repeated.
    Resume,
    /// It is gone on with, and its runs that failed are repeated.
    RetryFailed,
    /// It is removed.
    Replace,
}

/// Which runs' files stay when their rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
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
    /// Where everything is written.
    pub directory: PathBuf,
    /// What becomes of an earlier sweep in that directory.
    pub earlier: Earlier,
    /// Whether the seed is the user's, and not drawn.
    pub seed_given: bool,
    /// How many runs go on at a time.
    pub jobs: NonZeroUsize,
    /// When a run is given up; `None` to derive it from its settings.
    pub deadline: Option<Duration>,
    /// Which runs' files stay.
    pub keep: Keep,
    /// How much of its progress is shown.
    pub detail: Detail,
}

/// The rows in a file are not of the sweep that is asked for; replacing them helps.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be gone on with", .0.display())]
pub struct CannotGoOn(pub PathBuf);

/// A sweep whose place is prepared: nobody else writes there.
pub struct Sweep<E> {
    engine: Arc<E>,
    options: Options,
    csv: CsvFile,
    rows: Vec<Row>,
    remaining: Remaining,
}

impl<E: Engine> Sweep<E> {
    /// Makes the sweep's directory and its CSV, or goes on with those that are there.
    ///
    /// # Errors
    /// If the directory holds something else, or a sweep with other settings or of an older build of the node
    /// ([`CannotGoOn`]), or cannot be written.
    pub fn open(engine: Arc<E>, plan: &[Run], options: Options) -> anyhow::Result<Sweep<E>> {
        let Options { directory, earlier, .. } = &options;
        let replace = *earlier == Earlier::Replace;
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the folder {}", directory.display()))?;
        let (path, runs) = (directory.join(CSV_FILE), directory.join(RUNS_FOLDER));
        if !replace && runs.exists() && !path.exists() {
            bail!("{} holds runs of an earlier sweep; --force replaces them", runs.display());
        }
        let (csv, Rows { rows, torn_line }) = CsvFile::open(&path, replace, engine.leaves_files())?;
        // Nobody else sweeps here now, so what still runs here is left over.
        orphans::end(directory);
        if let Some(line) = torn_line {
            eprintln!("line {line} of {} was cut off in the writing; that run is repeated", path.display());
        }
        if replace && runs.exists() {
            fs::remove_dir_all(&runs).with_context(|| format!("cannot remove {}", runs.display()))?;
        }
        let planned: Vec<Row> = plan.iter().map(|run| row(engine.as_ref(), run)).collect();
        let retry = *earlier == Earlier::RetryFailed;
        let remaining = resume::remaining(plan, &planned, &rows, options.seed_given, retry)
            .and_then(|remaining| {
                if let Some(run) = plan.first() {
                    resume::refuse_rebuilt(&engine.node_program(&run.node)?, &rows, retry)?;
                }
                Ok(remaining)
            })
            .with_context(|| CannotGoOn(path.clone()))?;
        Ok(Sweep { engine, options, csv, rows, remaining })
    }

    /// The runs that are still to be done.
    pub fn runs(&self) -> &[Run] {
        &self.remaining.runs
    }

    /// How many runs an earlier sweep has done.
    pub fn done(&self) -> usize {
        self.remaining.done
    }

    /// Executes the runs and returns the rows of all that have ended, now or earlier.
    ///
    /// # Errors
    /// If something cannot be written. The rows that were written before are safe.
    pub async fn run(mut self, stop: StopSignal) -> anyhow::Result<Vec<Row>> {
        let Remaining { runs, tried, .. } = self.remaining;
        let expected = runs.first().map(|run| self.engine.expected_duration(&run.settings));
        let mut recorder = Recorder {
            engine: self.engine.as_ref(),
            csv: &mut self.csv,
            progress: Progress::new(
                runs.len(),
                self.options.jobs.get(),
                expected.unwrap_or_default(),
                self.options.detail,
            ),
            options: &self.options,
            tried,
            rows: self.rows,
        };
        let schedule = Schedule {
            jobs: self.options.jobs,
            directory: self.options.directory.join(RUNS_FOLDER),
            deadline: self.options.deadline,
        };
        let ended = scheduler::execute(&self.engine, &runs, &schedule, stop, &mut recorder).await;
        recorder.progress.end();
        let rows = recorder.rows;
        self.csv.sync()?;
        ended.map(|()| rows)
    }
}

/// Keeps results, and shows that they have come.
struct Recorder<'a, E> {
    engine: &'a E,
    csv: &'a mut CsvFile,
    progress: Progress,
    options: &'a Options,
    /// How often each run was tried before this sweep.
    tried: Vec<u32>,
    rows: Vec<Row>,
}

impl<E: Engine> Observer for Recorder<'_, E> {
    fn started(&mut self, index: usize, run: &Run) {
        self.progress.started(index, run);
    }

    fn entered(&mut self, index: usize, phase: Phase) {
        self.progress.entered(index, phase);
    }

    fn completed(&mut self, index: usize, run: &Run, completed: &Completed) -> anyhow::Result<()> {
        let mut row = measured(row(self.engine, run), completed);
        row.attempts += self.tried[index];
        let kept = !self.engine.leaves_files() || self.options.keep.keeps(row.status);
        if !kept {
            row.log.clear();
        }
        if self.tried[index] == 0 {
            self.csv.append(&row)?;
            self.rows.push(row);
        } else {
            // The row of the run's earlier failure stays until this one is there to take its place.
            self.rows.retain(|other| !resume::same_run(other, &row));
            self.rows.push(row);
            self.csv.rewrite(&self.rows)?;
        }
        if !kept {
            let files = self.options.directory.join(RUNS_FOLDER).join(run.directory_name());
            fs::remove_dir_all(&files).with_context(|| format!("cannot remove {}", files.display()))?;
        }
        self.progress.completed(index, run, completed);
        Ok(())
    }

    fn abandoned(&mut self, index: usize) {
        self.progress.abandoned(index);
    }
}

/// The row of a run that has not been measured: its settings.
fn row(engine: &impl Engine, run: &Run) -> Row {
    let settings = &run.settings;
    Row {
        engine: engine.name().to_owned(),
        strategy: run.strategy.map_or("", StrategyKind::name).to_owned(),
        batch_timeout_ms: ms(run.batch_timeout),
        repetition: run.repetition,
        status: Status::Crashed,
        valid: String::new(),
        operations: None,
        msgs_per_op: None,
        msgs_per_op_all: None,
        stable_p0_ms: None,
        stable_p50_ms: None,
        stable_p95_ms: None,
        stable_p99_ms: None,
        stable_max_ms: None,
        lost_count: None,
        ok_fraction: None,
        attempt_count: None,
        stable_count: None,
        never_read_count: None,
        fail_count: None,
        info_count: None,
        timer_p99_us: None,
        seed: engine.takes_seed().then_some(run.seed),
        node_count: settings.node_count,
        concurrency: settings.concurrency.to_string(),
        rate: settings.rate,
        time_limit_s: settings.time_limit.as_secs_f64(),
        latency_ms: ms(settings.latency.mean),
        latency_dist: settings.latency.distribution.to_string(),
        topology: settings.topology.to_string(),
        nemesis: settings.nemesis.faults.cell(),
        nemesis_interval_s: settings.nemesis.interval.as_secs_f64(),
        message_loss: settings.message_faults.loss,
        message_duplication: settings.message_faults.duplication,
        availability: settings.availability.map(|a| a.to_string()).unwrap_or_default(),
        node_bin: run.node_shown.clone(),
        node_args: quoted(&run.node.args),
        engine_version: engine.version(),
        bench_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: String::new(),
        duration_s: 0.0,
        attempts: 0,
        reason: String::new(),
        log: if engine.leaves_files() {
            Path::new(RUNS_FOLDER).join(run.directory_name()).join(LOG_FILE).display().to_string()
        } else {
            String::new()
        },
        late: None,
    }
}

/// The row of a run with what came of it.
fn measured(row: Row, completed: &Completed) -> Row {
    let Finished { outcome, timer_p99 } = &completed.finished;
    let figures = outcome.figures();
    let stable = figures.and_then(|figures| figures.stable);
    let valid = figures.map_or("", |figures| match figures.validity {
        Validity::Valid => "true",
        Validity::Invalid => "false",
        Validity::Unknown => "unknown",
    });
    Row {
        status: outcome.status(),
        valid: valid.to_owned(),
        operations: figures.map(|f| f.operations),
        msgs_per_op: figures.and_then(|f| f.msgs_per_op),
        msgs_per_op_all: figures.and_then(|f| f.msgs_per_op_all),
        stable_p0_ms: stable.map(|s| ms(s.p0)),
        stable_p50_ms: stable.map(|s| ms(s.p50)),
        stable_p95_ms: stable.map(|s| ms(s.p95)),
        stable_p99_ms: stable.map(|s| ms(s.p99)),
        stable_max_ms: stable.map(|s| ms(s.max)),
        lost_count: figures.map(|f| f.lost_count),
        ok_fraction: figures.and_then(|f| f.ok_fraction),
        attempt_count: figures.map(|f| f.attempt_count),
        stable_count: figures.map(|f| f.stable_count),
        never_read_count: figures.map(|f| f.never_read_count),
        fail_count: figures.map(|f| f.fail_count),
        info_count: figures.map(|f| f.info_count),
        timer_p99_us: timer_p99.map(|late| late.as_micros() as u64),
        late: timer_p99.map(|late| is_late(late, Duration::from_millis(row.latency_ms))),
        started_at: to_the_second(completed.started_at),
        duration_s: (completed.duration.as_secs_f64() * 10.0).round() / 10.0,
        attempts: completed.attempts,
        reason: outcome.reason().to_owned(),
        ..row
    }
}

/// A time as the CSV has it.
fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Arguments as one would type them.
fn quoted(args: &[String]) -> String {
    // Only a NUL cannot be quoted, and no argument that came from a command line has one.
    shlex::try_join(args.iter().map(String::as_str)).unwrap_or_else(|_| args.join(" "))
}
