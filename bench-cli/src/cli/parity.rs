//! `bench-cli parity`: an engine's figures beside those of recorded runs of real Maelstrom.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use node::StrategyKind;
use serde::{Deserialize, Serialize};

use super::sweep::{default_jobs, our_node};
use crate::analysis::parity::{Comparison, Sample, compare};
use crate::engine::maelstrom::TestProcess;
use crate::engine::simulated::Simulated;
use crate::engine::{AnyEngine, Engine as _, Stop};
use crate::outcome::{Row, csv_file};
use crate::settings::Settings;
use crate::sweep::plan::{Grid, NodeChoice};
use crate::sweep::progress::Detail;
use crate::sweep::template::Template;
use crate::sweep::{Earlier, Keep, Options, Sweep, signals};

/// The recorded runs: real Maelstrom v0.2.4 at the challenge's settings.
const RECORDED: &str = include_str!("../../data/maelstrom-runs.csv");

/// Compare an engine's figures with recorded runs of real Maelstrom
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli parity                                 sweeps the tree on the embedded runner and compares
  bench-cli parity --engine simulated --repetitions 25
  bench-cli parity --from results/mine/sweep.csv   compares a sweep that was done before
  bench-cli parity --recorded real/sweep.csv --from embedded/sweep.csv

Medians of repetitions must lie within 10 % of each other (latencies) and 3 % (messages per operation).
Exit status: 0 within these limits, 1 not.")]
pub struct ParityArgs {
    /// A sweep.csv to compare, instead of sweeping now
    #[arg(long, value_name = "CSV", conflicts_with_all = ["engine", "repetitions", "jobs", "seed"])]
    from: Option<PathBuf>,
    /// What executes the runs
    #[arg(long, value_enum, default_value_t = EngineChoice::Embedded)]
    engine: EngineChoice,
    /// The recorded runs to compare with: those of the tutorial's own node, in Go, of this repository's node with
    /// the same protocol (--strategy tree), or of both
    #[arg(long, value_enum, default_value_t = Reference::Both)]
    reference: Reference,
    /// A sweep.csv of real Maelstrom to compare with, instead of the recorded runs
    #[arg(long, value_name = "CSV", conflicts_with = "reference")]
    recorded: Option<PathBuf>,
    /// How often each point is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// How many runs go on at a time
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Seed of the first run; each further run has the next one
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A folder for parity.txt and parity.csv, and for the sweep; without it, they are not kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineChoice {
    Embedded,
    Simulated,
}

/// The values of `--reference`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reference {
    Article,
    Tree,
    Both,
}

/// One recorded run.
#[derive(Clone, Debug, Deserialize)]
struct Recorded {
    /// `article` or `tree`.
    node: String,
    batch_timeout_ms: u64,
    msgs_per_op: f64,
    stable_p50_ms: f64,
    stable_p95_ms: f64,
    stable_max_ms: f64,
}

/// One line of `parity.csv`.
#[derive(Debug, Serialize)]
struct Line {
    batch_timeout_ms: u64,
    quantity: String,
    recorded: f64,
    recorded_min: f64,
    recorded_max: f64,
    recorded_runs: usize,
    measured: f64,
    measured_min: f64,
    measured_max: f64,
    measured_runs: usize,
    ratio: f64,
    tolerance: f64,
    within: bool,
}

/// Runs the command.
///
/// # Errors
/// If the sweep cannot be executed or read, nothing can be compared, or the table cannot be written.
pub fn run(args: &ParityArgs) -> anyhow::Result<ExitCode> {
    let recorded = args.recorded()?;
    let rows = match &args.from {
        Some(path) => csv_file::read(path)?.rows,
        None => args.sweep(&recorded)?,
    };
    let measured: Vec<Sample> = rows.iter().filter_map(Sample::of).collect();
    let comparisons = compare(&recorded, &measured);
    if comparisons.is_empty() {
        bail!("no run that is ok has a batch timeout that was recorded, so there is nothing to compare");
    }
    let engine = rows.first().map_or("", |row| row.engine.as_str());
    let text = table(&comparisons, engine, &rows);
    print!("{text}");
    if let Some(out) = &args.out {
        write(out, &text, &comparisons)?;
    }
    let all_within = comparisons.iter().all(Comparison::is_within);
    Ok(if all_within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl ParityArgs {
    fn recorded(&self) -> anyhow::Result<Vec<Sample>> {
        if let Some(path) = &self.recorded {
            return Ok(csv_file::read(path)?.rows.iter().filter_map(Sample::of).collect());
        }
        let wanted = match self.reference {
            Reference::Article => &["article"][..],
            Reference::Tree => &["tree"],
            Reference::Both => &["article", "tree"],
        };
        let runs: Result<Vec<Recorded>, csv::Error> =
            csv::Reader::from_reader(RECORDED.as_bytes()).deserialize().collect();
        let runs = runs.context("the recorded runs that are built in cannot be read")?;
        Ok(runs.iter().filter(|run| wanted.contains(&run.node.as_str())).map(Recorded::sample).collect())
    }

    /// Sweeps this repository's tree over the recorded timeouts.
    fn sweep(&self, recorded: &[Sample]) -> anyhow::Result<Vec<Row>> {
        let mut timeouts: Vec<Duration> = recorded.iter().map(|sample| sample.batch_timeout).collect();
        timeouts.sort_unstable();
        timeouts.dedup();
        let (engine, bin): (AnyEngine, PathBuf) = match self.engine {
            EngineChoice::Embedded => (TestProcess::embedded(std::env::current_exe()?).into(), our_node()?),
            EngineChoice::Simulated => (Simulated.into(), PathBuf::from("node")),
        };
        let node =
            NodeChoice::Ours { bin, strategies: vec![StrategyKind::Tree], extra: Template::parse("")? };
        let grid = Grid {
            settings: vec![Settings::default()],
            node,
            timeouts,
            repetitions: self.repetitions,
            seed: self.seed,
        };
        let kept = tempfile::tempdir().context("cannot make a temporary folder")?;
        let options = Options {
            directory: self.out.clone().unwrap_or_else(|| kept.path().to_owned()),
            earlier: Earlier::Replace,
            seed_given: true,
            jobs: self.jobs.unwrap_or_else(|| default_jobs(&engine)),
            deadline: None,
            keep: Keep::All,
            detail: Detail::Runs,
        };
        let runs = grid.runs();
        eprintln!("{} runs on the {} engine, {} at a time", runs.len(), engine.name(), options.jobs);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stop = signals::listen().context("cannot handle signals")?;
            let rows = Sweep::open(Arc::new(engine), &runs, options)?.run(stop.clone()).await?;
            if stop.current() != Stop::No {
                bail!("interrupted after {} of {} runs", rows.len(), runs.len());
            }
            Ok(rows)
        })
    }
}

impl Recorded {
    fn sample(&self) -> Sample {
        Sample {
            batch_timeout: Duration::from_millis(self.batch_timeout_ms),
            msgs_per_op: self.msgs_per_op,
            p50_ms: self.stable_p50_ms,
            p95_ms: self.stable_p95_ms,
            max_ms: self.stable_max_ms,
        }
    }
}

/// The comparisons as text, and what the engine said of its own timers.
fn table(comparisons: &[Comparison], engine: &str, rows: &[Row]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Real Maelstrom v0.2.4 (recorded) and the {engine} engine: medians [range], runs");
    let _ = writeln!(
        text,
        "{:>7}  {:8} {:>26} {:>4}  {:>26} {:>4}  {:>6}",
        "timeout", "", "recorded", "runs", engine, "runs", "ratio"
    );
    for comparison in comparisons {
        let Comparison { batch_timeout, quantity, recorded, recorded_runs, measured, measured_runs } =
            comparison;
        let decimals = quantity.decimals();
        let spread = |spread: &crate::analysis::median::Spread| {
            let crate::analysis::median::Spread { median, min, max } = spread;
            format!("{median:.decimals$} [{min:.decimals$}–{max:.decimals$}]")
        };
        let _ = writeln!(
            text,
            "{:>5}ms  {quantity:8} {:>26} {recorded_runs:>4}  {:>26} {measured_runs:>4}  {:>6.3}  {}",
            batch_timeout.as_millis(),
            spread(recorded),
            spread(measured),
            comparison.ratio(),
            if comparison.is_within() { "within" } else { "OUTSIDE" },
        );
    }
    let outside = comparisons.iter().filter(|comparison| !comparison.is_within()).count();
    let _ = writeln!(
        text,
        "{} of {} medians within the limits (latencies 10 %, msgs/op 3 %)",
        comparisons.len() - outside,
        comparisons.len()
    );
    if let Some(worst) = rows.iter().filter_map(|row| row.timer_p99_us).max() {
        let _ = writeln!(text, "the engine's timers were at most {worst} µs late (p99 of the worst run)");
    }
    text
}

fn write(out: &Path, text: &str, comparisons: &[Comparison]) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let path = out.join("parity.txt");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let path = out.join("parity.csv");
    let mut csv =
        csv::Writer::from_path(&path).with_context(|| format!("cannot write {}", path.display()))?;
    for comparison in comparisons {
        csv.serialize(line(comparison))?;
    }
    csv.flush().with_context(|| format!("cannot write {}", path.display()))
}

fn line(comparison: &Comparison) -> Line {
    let Comparison { batch_timeout, quantity, recorded, recorded_runs, measured, measured_runs } =
        *comparison;
    Line {
        batch_timeout_ms: batch_timeout.as_millis() as u64,
        quantity: quantity.to_string().replace([' ', '/'], "_"),
        recorded: recorded.median,
        recorded_min: recorded.min,
        recorded_max: recorded.max,
        recorded_runs,
        measured: measured.median,
        measured_min: measured.min,
        measured_max: measured.max,
        measured_runs,
        ratio: comparison.ratio(),
        tolerance: quantity.tolerance(),
        within: comparison.is_within(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_timeout_has_runs_of_both_nodes() {
        let runs = |reference| {
            let args = ParityArgs {
                from: None,
                engine: EngineChoice::Simulated,
                reference,
                recorded: None,
                repetitions: 1,
                jobs: None,
                seed: 1,
                out: None,
            };
            args.recorded().unwrap()
        };
        let (article, tree, both) = (runs(Reference::Article), runs(Reference::Tree), runs(Reference::Both));
        assert_eq!(article.len() + tree.len(), both.len());
        for samples in [article, tree] {
            for timeout in [25, 50, 100, 200, 400, 600, 800].map(Duration::from_millis) {
                assert!(samples.iter().any(|sample| sample.batch_timeout == timeout), "{timeout:?}");
            }
        }
    }
}
