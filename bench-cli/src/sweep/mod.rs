//! A sweep: every run of a [`plan`] executed by one engine, each result on disk before the next run starts.
//!
//! ```text
//! Grid ── plan ──► Run … ── scheduler ──► Engine ──► Outcome ──► Recorder ──► a row of sweep.csv, progress
//! ```

pub mod durations;
pub mod plan;
pub mod progress;
pub mod scheduler;
pub mod signals;
pub mod summary;
pub mod template;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::engine::maelstrom::LOG_FILE;
use crate::engine::{Engine, Phase, StopSignal};
use crate::outcome::csv_file::CsvFile;
use crate::outcome::{Row, Validity};
use node::StrategyKind;
use plan::Run;
use progress::Progress;
use scheduler::{Completed, Observer, Schedule};

/// The file of a sweep's directory that holds its rows.
pub const CSV_FILE: &str = "sweep.csv";
/// The folder of a sweep's directory in which each run has its own.
pub const RUNS_FOLDER: &str = "runs";

/// How a sweep is executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is written.
    pub directory: PathBuf,
    /// Whether an earlier sweep in that directory is replaced.
    pub replace: bool,
    /// How many runs go on at a time.
    pub jobs: NonZeroUsize,
    /// When a run is given up; `None` to derive it from its settings.
    pub deadline: Option<Duration>,
}

/// Executes `runs` and returns the rows of those that ended, in the order in which they did.
///
/// # Errors
/// If the directory holds an earlier sweep, or something cannot be written.
pub async fn run(
    engine: Arc<impl Engine>,
    runs: &[Run],
    options: &Options,
    stop: StopSignal,
) -> anyhow::Result<Vec<Row>> {
    let mut csv = prepare(options, engine.leaves_files())?;
    let expected = runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default();
    let mut recorder = Recorder {
        engine: engine.as_ref(),
        csv: &mut csv,
        progress: Progress::new(runs.len(), options.jobs.get(), expected),
        rows: Vec::new(),
    };
    let schedule = Schedule {
        jobs: options.jobs,
        directory: options.directory.join(RUNS_FOLDER),
        deadline: options.deadline,
    };
    let ended = scheduler::execute(&engine, runs, &schedule, stop, &mut recorder).await;
    recorder.progress.end();
    let rows = recorder.rows;
    csv.sync()?;
    ended.map(|()| rows)
}

/// Makes the sweep's directory and its CSV.
fn prepare(options: &Options, durable: bool) -> anyhow::Result<CsvFile> {
    let Options { directory, replace, .. } = options;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the folder {}", directory.display()))?;
    let csv = directory.join(CSV_FILE);
    let runs = directory.join(RUNS_FOLDER);
    if !replace && runs.exists() && !csv.exists() {
        bail!("{} holds runs of an earlier sweep; --force replaces them", runs.display());
    }
    let csv = CsvFile::create(&csv, *replace, durable)?;
    if runs.exists() {
        fs::remove_dir_all(&runs).with_context(|| format!("cannot remove {}", runs.display()))?;
    }
    Ok(csv)
}

/// Keeps results, and shows that they have come.
struct Recorder<'a, E> {
    engine: &'a E,
    csv: &'a mut CsvFile,
    progress: Progress,
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
        let row = row(self.engine, run, completed);
        self.csv.append(&row)?;
        self.rows.push(row);
        self.progress.completed(index, run, completed);
        Ok(())
    }

    fn abandoned(&mut self, index: usize) {
        self.progress.abandoned(index);
    }
}

/// The row of a run that ended.
fn row(engine: &impl Engine, run: &Run, completed: &Completed) -> Row {
    let outcome = &completed.finished.outcome;
    let figures = outcome.figures();
    let stable = figures.and_then(|figures| figures.stable);
    let ms = |latency: Duration| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    let settings = &run.settings;
    let valid = figures.map_or("", |figures| match figures.validity {
        Validity::Valid => "true",
        Validity::Invalid => "false",
        Validity::Unknown => "unknown",
    });
    Row {
        engine: engine.name().to_owned(),
        strategy: run.strategy.map_or("", StrategyKind::name).to_owned(),
        batch_timeout_ms: ms(run.batch_timeout),
        repetition: run.repetition,
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
        timer_p99_us: completed.finished.timer_p99.map(|late| late.as_micros() as u64),
        seed: engine.takes_seed().then_some(run.seed),
        node_count: settings.node_count,
        concurrency: settings.concurrency.to_string(),
        rate: settings.rate,
        time_limit_s: settings.time_limit.as_secs_f64(),
        latency_ms: ms(settings.latency.mean),
        latency_dist: settings.latency.distribution.to_string(),
        topology: settings.topology.to_string(),
        nemesis: if settings.nemesis.partition { "partition" } else { "none" }.to_owned(),
        nemesis_interval_s: settings.nemesis.interval.as_secs_f64(),
        message_loss: settings.message_faults.loss,
        message_duplication: settings.message_faults.duplication,
        availability: settings.availability.map(|a| a.to_string()).unwrap_or_default(),
        node_bin: run.node_shown.clone(),
        node_args: quoted(&run.node.args),
        engine_version: engine.version(),
        bench_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: completed.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        duration_s: (completed.duration.as_secs_f64() * 10.0).round() / 10.0,
        reason: outcome.reason().to_owned(),
        log: if engine.leaves_files() {
            Path::new(RUNS_FOLDER).join(run.directory_name()).join(LOG_FILE).display().to_string()
        } else {
            String::new()
        },
    }
}

/// Arguments as one would type them.
fn quoted(args: &[String]) -> String {
    // Only a NUL cannot be quoted, and no argument that came from a command line has one.
    shlex::try_join(args.iter().map(String::as_str)).unwrap_or_else(|_| args.join(" "))
}
