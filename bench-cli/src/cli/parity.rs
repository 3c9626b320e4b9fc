//! `bench-cli parity`: an engine's figures beside those of real Maelstrom, or of another engine.

use std::collections::BTreeSet;
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

use super::sweep::{default_jobs, executable, our_node};
use crate::analysis::Figure;
use crate::analysis::median::Spread;
use crate::analysis::parity::{Comparison, Limits, Sample, compare};
use crate::engine::maelstrom::TestProcess;
use crate::engine::simulated::Simulated;
use crate::engine::{AnyEngine, Engine as _, Stop};
use crate::outcome::{Row, csv_file};
use crate::settings::Settings;
use crate::sweep::plan::{Grid, NodeChoice};
use crate::sweep::progress::Detail;
use crate::sweep::{Earlier, Keep, Options, Sweep, signals};
use crate::template::Template;

/// The recorded runs: real Maelstrom v0.2.4 at the challenge's settings.
const RECORDED: &str = include_str!("../../data/maelstrom-runs.csv");

/// The strategy that the recorded runs are of.
const RECORDED_STRATEGY: StrategyKind = StrategyKind::Tree;

/// Compare an engine's figures with recorded runs of real Maelstrom
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli parity                                 sweeps the tree on the embedded runner and compares
  bench-cli parity --engine simulated --repetitions 25 --reference tree
  bench-cli parity --bin ./article --reference article     the same program under both runners
  bench-cli parity --from results/mine/sweep.csv   compares a sweep that was done before
  bench-cli parity --recorded results/reference/sweep.csv --engine simulated      two engines, the same seeds
  bench-cli parity --recorded a/sweep.csv --from b/sweep.csv

Medians of repetitions must lie within 10 % of each other (latencies) and 3 % (messages per operation); those of
the simulated engine, which nothing disturbs, within 5 % and 2 %. Beside each ratio of medians stands the 95 %
interval of Mann and Whitney: what the runs say of the true ratio.
Exit status: 0 within these limits, 1 not.")]
pub struct ParityArgs {
    /// A sweep.csv to compare, instead of sweeping now
    #[arg(long, value_name = "CSV", conflicts_with_all = ["engine", "bin", "repetitions", "jobs", "seed"])]
    from: Option<PathBuf>,
    /// Another node to run, instead of this repository's tree: one that has the same protocol and takes its batch
    /// timeout from BATCH_TIMEOUT_MS, such as the tutorial's own
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// What executes the runs
    #[arg(long, value_enum, default_value_t = EngineChoice::Embedded)]
    engine: EngineChoice,
    /// The recorded runs to compare with: those of the tutorial's own node, in Go, of this repository's node with
    /// the same protocol (--strategy tree), or of both
    #[arg(long, value_enum, default_value_t = Reference::Both)]
    reference: Reference,
    /// A sweep.csv of real Maelstrom or of another engine to compare with, instead of the recorded runs
    #[arg(long, value_name = "CSV", conflicts_with = "reference")]
    recorded: Option<PathBuf>,
    /// How often each point is measured [default: 7; with --recorded as often as there]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,
    /// How many runs go on at a time
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Seed of the first run; each further run has the next one [default: 1; with --recorded the first seed there, so
    /// that both have the same launches and operations]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
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
struct RecordedRun {
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
struct Line<'a> {
    batch_timeout_ms: u64,
    quantity: &'static str,
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
    strategy: &'a str,
    ratio_low: Option<f64>,
    ratio_high: Option<f64>,
}

/// What is compared with.
struct Recorded {
    /// What it is, for the table's title.
    name: String,
    samples: Vec<Sample>,
    /// Its first seed, if it has seeds.
    seed: Option<u64>,
    /// How often each point was measured, where that is for the same to do.
    repetitions: Option<u32>,
    /// They are the built-in ones, which are of one protocol, whoever wrote the node.
    are_built_in: bool,
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
    let mut measured: Vec<Sample> = rows.iter().filter_map(Sample::of).collect();
    if recorded.are_built_in {
        // A node that is not this repository's has no strategy in the CSV.
        for sample in measured.iter_mut().filter(|sample| sample.strategy.is_empty()) {
            RECORDED_STRATEGY.name().clone_into(&mut sample.strategy);
        }
    }
    let engine = rows.first().map_or("", |row| row.engine.as_str());
    let limits = if engine == Simulated.name() { Limits::VIRTUAL_TIME } else { Limits::REAL_TIME };
    let comparisons = compare(&recorded.samples, &measured, limits);
    if comparisons.is_empty() {
        bail!(
            "there is nothing to compare: no run that is ok has the strategy and the batch timeout of a run in {}",
            recorded.name
        );
    }
    let text = table(&comparisons, &recorded.name, engine, limits, &rows);
    print!("{text}");
    if let Some(out) = &args.out {
        write(out, &text, &comparisons)?;
    }
    let all_within = comparisons.iter().all(Comparison::is_within);
    Ok(if all_within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl ParityArgs {
    fn recorded(&self) -> anyhow::Result<Recorded> {
        if let Some(path) = &self.recorded {
            let rows = csv_file::read(path)?.rows;
            let engine = rows.first().map_or("", |row| row.engine.as_str());
            return Ok(Recorded {
                name: format!("{} ({engine})", path.display()),
                samples: rows.iter().filter_map(Sample::of).collect(),
                seed: rows.iter().filter_map(|row| row.seed).min(),
                repetitions: rows.iter().map(|row| row.repetition).max(),
                are_built_in: false,
            });
        }
        let (wanted, name) = match self.reference {
            Reference::Article => (&["article"][..], "the tutorial's node in Go"),
            Reference::Tree => (&["tree"][..], "this repository's tree"),
            Reference::Both => {
                (&["article", "tree"][..], "the tutorial's node in Go and this repository's tree")
            }
        };
        let runs: Result<Vec<RecordedRun>, csv::Error> =
            csv::Reader::from_reader(RECORDED.as_bytes()).deserialize().collect();
        let runs = runs.context("the recorded runs that are built in cannot be read")?;
        Ok(Recorded {
            name: format!("real Maelstrom v0.2.4 (recorded runs of {name})"),
            samples: runs
                .iter()
                .filter(|run| wanted.contains(&run.node.as_str()))
                .map(RecordedRun::sample)
                .collect(),
            seed: None,
            repetitions: None,
            are_built_in: true,
        })
    }

    /// Sweeps the recorded strategies over the recorded timeouts.
    fn sweep(&self, recorded: &Recorded) -> anyhow::Result<Vec<Row>> {
        let timeouts: BTreeSet<Duration> =
            recorded.samples.iter().map(|sample| sample.batch_timeout).collect();
        let engine: AnyEngine = match self.engine {
            EngineChoice::Embedded => TestProcess::embedded(std::env::current_exe()?).into(),
            EngineChoice::Simulated => Simulated.into(),
        };
        let grid = Grid {
            settings: vec![Settings::default()],
            node: self.node(recorded)?,
            timeouts: timeouts.into_iter().collect(),
            repetitions: self.repetitions.or(recorded.repetitions).unwrap_or(7),
            seed: self.seed.or(recorded.seed).unwrap_or(1),
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

    /// What runs as a node.
    fn node(&self, recorded: &Recorded) -> anyhow::Result<NodeChoice> {
        let extra = Template::parse("")?;
        if let Some(bin) = &self.bin {
            if self.engine == EngineChoice::Simulated {
                bail!("programs given by --bin live in real time, so the simulated engine cannot run them");
            }
            let given = bin.display().to_string();
            return Ok(NodeChoice::Other { bin: executable(bin).context("--bin")?, given, args: extra });
        }
        let is_recorded =
            |kind: &StrategyKind| recorded.samples.iter().any(|sample| sample.strategy == kind.name());
        let bin = match self.engine {
            EngineChoice::Embedded => our_node()?,
            EngineChoice::Simulated => PathBuf::from("node"),
        };
        let strategies = StrategyKind::ALL.into_iter().filter(is_recorded).collect();
        Ok(NodeChoice::Ours { bin, strategies, extra })
    }
}

impl RecordedRun {
    fn sample(&self) -> Sample {
        Sample {
            strategy: RECORDED_STRATEGY.name().to_owned(),
            batch_timeout: Duration::from_millis(self.batch_timeout_ms),
            figures: [self.msgs_per_op, self.stable_p50_ms, self.stable_p95_ms, self.stable_max_ms],
        }
    }
}

/// The comparisons as text, and what the engine said of its own timers.
fn table(
    comparisons: &[Comparison],
    recorded_name: &str,
    engine: &str,
    limits: Limits,
    rows: &[Row],
) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "recorded: {recorded_name}");
    let _ = writeln!(
        text,
        "{:8} {:>7}  {:7} {:>26} {:>4}  {:>26} {:>4}  {:>5}  {:13}",
        "medians",
        "timeout",
        "",
        "recorded [range]",
        "runs",
        format!("{engine} [range]"),
        "runs",
        "ratio",
        "95 %"
    );
    for comparison in comparisons {
        let figure = comparison.figure;
        let decimals = if figure == Figure::MsgsPerOp { 2 } else { 0 };
        let spread = |Spread { median, min, max }: Spread| {
            format!("{median:.decimals$} [{min:.decimals$}–{max:.decimals$}]")
        };
        let interval = comparison
            .interval
            .map_or_else(|| "too few runs".to_owned(), |(low, high)| format!("{low:.3}–{high:.3}"));
        let _ = writeln!(
            text,
            "{:8} {:>5}ms  {:7} {:>26} {:>4}  {:>26} {:>4}  {:.3}  {interval:13}{}",
            comparison.strategy,
            comparison.batch_timeout.as_millis(),
            figure.label(),
            spread(comparison.recorded),
            comparison.recorded_runs,
            spread(comparison.measured),
            comparison.measured_runs,
            comparison.ratio(),
            if comparison.is_within() { "" } else { "  OUTSIDE" },
        );
    }
    let count = |wanted: fn(&Comparison) -> bool| comparisons.iter().filter(|&one| wanted(one)).count();
    let _ = writeln!(
        text,
        "{} of {} medians within the limits (latencies {:.0} %, msgs/op {:.0} %); the whole interval is within them for {}, \
         outside for {}",
        count(Comparison::is_within),
        comparisons.len(),
        100.0 * limits.latency,
        100.0 * limits.messages,
        count(Comparison::is_surely_within),
        count(Comparison::is_surely_outside),
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

fn line(comparison: &Comparison) -> Line<'_> {
    let Comparison { recorded, measured, .. } = comparison;
    Line {
        batch_timeout_ms: comparison.batch_timeout.as_millis() as u64,
        quantity: match comparison.figure {
            Figure::MsgsPerOp => "msgs_op",
            Figure::P50 => "p50_ms",
            Figure::P95 => "p95_ms",
            Figure::Max => "max_ms",
        },
        recorded: recorded.median,
        recorded_min: recorded.min,
        recorded_max: recorded.max,
        recorded_runs: comparison.recorded_runs,
        measured: measured.median,
        measured_min: measured.min,
        measured_max: measured.max,
        measured_runs: comparison.measured_runs,
        ratio: comparison.ratio(),
        tolerance: comparison.limit,
        within: comparison.is_within(),
        strategy: &comparison.strategy,
        ratio_low: comparison.interval.map(|(low, _)| low),
        ratio_high: comparison.interval.map(|(_, high)| high),
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
                bin: None,
                engine: EngineChoice::Simulated,
                reference,
                recorded: None,
                repetitions: None,
                jobs: None,
                seed: None,
                out: None,
            };
            args.recorded().unwrap().samples
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
