//! `bench-cli parity`: an engine's figures beside those of real Maelstrom, or of another engine.

mod recorded;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use node::StrategyKind;

use self::recorded::{RECORDED_STRATEGY, Recorded, Reference};
use super::products::{PARITY_CSV, PARITY_TEXT};
use super::sweep::{default_jobs, executable, our_node};
use crate::analysis::parity::{Comparison, Limits, Sample, compare};
use crate::engine::maelstrom::TestProcess;
use crate::engine::simulated::Simulated;
use crate::engine::{AnyEngine, Engine as _, Stop};
use crate::outcome::{Row, csv_file};
use crate::report::parity;
use crate::settings::Settings;
use crate::sweep::plan::{Grid, NodeChoice};
use crate::sweep::progress::Detail;
use crate::sweep::{Earlier, Keep, Options, Sweep, signals};
use crate::template::Template;

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

/// Runs the command.
///
/// # Errors
/// If the sweep cannot be executed or read, nothing can be compared, or the table cannot be written.
pub fn run(args: &ParityArgs) -> anyhow::Result<ExitCode> {
    let recorded = match &args.recorded {
        Some(path) => Recorded::of_sweep(path)?,
        None => Recorded::built_in(args.reference)?,
    };
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
    let text = parity::text(&comparisons, limits, &recorded.name, engine, &rows);
    print!("{text}");
    if let Some(out) = &args.out {
        write(out, &text, &comparisons)?;
    }
    let all_within = comparisons.iter().all(Comparison::is_within);
    Ok(if all_within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl ParityArgs {
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

fn write(out: &Path, text: &str, comparisons: &[Comparison]) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    for (name, text) in [(PARITY_TEXT, text), (PARITY_CSV, &parity::csv(comparisons)?)] {
        let path = out.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
