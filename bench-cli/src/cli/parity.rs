//! `bench-cli parity`: an engine's figures beside those of real Maelstrom, or of another engine.

mod recorded;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use node::StrategyKind;

use self::recorded::{RECORDED_STRATEGY, Recorded, Reference};
use super::compare::{csv_of, read};
use super::go_on::Commands;
use super::products::{PARITY_CSV, PARITY_TEXT};
use super::sweep::{self, EngineChoice, INTERRUPTED, Measured, RunArgs, SweepArgs};
use crate::analysis::parity::{Comparison, Limits, Sample, compare};
use crate::engine::Engine as _;
use crate::engine::simulated::Simulated;
use crate::record::Row;
use crate::report::parity;

/// Compare an engine's figures with recorded runs of real Maelstrom
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli parity                                 sweeps the tree on the embedded runner and compares
  bench-cli parity --engine simulated --repetitions 25 --reference tree
  bench-cli parity --bin ./article --reference article     the same program under both runners
  bench-cli parity --from results/mine/sweep.csv   compares a sweep that was done before
  bench-cli parity --recorded results/reference/sweep.csv --engine simulated      two engines, the same seeds
  bench-cli parity --recorded a --from b

Medians of repetitions must lie within 10 % of each other (latencies) and 3 % (messages per operation); those of
the simulated engine, which nothing disturbs, within 5 % and 2 %. Beside each ratio of medians stands the 95 %
interval of Mann and Whitney: what the runs say of the true ratio.
Exit status: 0 within these limits, 1 not, 130 if it was interrupted.")]
pub struct ParityArgs {
    /// A sweep.csv to compare, or its folder, instead of sweeping now
    #[arg(long, value_name = "CSV", conflicts_with_all =
        ["engine", "maelstrom", "bin", "repetitions", "jobs", "run_timeout", "keep", "seed", "force"])]
    from: Option<PathBuf>,
    /// Another node to run, instead of this repository's tree: one that has the same protocol and takes its batch
    /// timeout from BATCH_TIMEOUT_MS, such as the tutorial's own
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// What executes the runs
    #[arg(long, value_enum, default_value_t = EngineChoice::Embedded)]
    engine: EngineChoice,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    maelstrom: Option<PathBuf>,
    /// The recorded runs to compare with: those of the tutorial's own node, in Go, of this repository's node with
    /// the same protocol (--strategy tree), or of both
    #[arg(long, value_enum, default_value_t = Reference::Both)]
    reference: Reference,
    /// A sweep.csv of real Maelstrom or of another engine to compare with, or its folder, instead of the recorded runs
    #[arg(long, value_name = "CSV", conflicts_with = "reference")]
    recorded: Option<PathBuf>,
    /// How often each point is measured [default: 7; with --recorded as often as there]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,
    #[command(flatten)]
    runs: RunArgs,
    /// Seed of the first run; each further run has the next one [default: 1; with --recorded the first seed there, so
    /// that both have the same launches and operations]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A folder for parity.txt and parity.csv, and for the sweep, which is gone on with if it is there already; without
    /// it, they are not kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace an earlier sweep in the same place instead of going on with it
    #[arg(long)]
    force: bool,
}

/// Runs the command.
///
/// # Errors
/// If the sweep cannot be executed or read, nothing can be compared, or the table cannot be written.
pub fn run(args: &ParityArgs) -> anyhow::Result<ExitCode> {
    let recorded = match &args.recorded {
        Some(path) => Recorded::of_sweep(&csv_of(path))?,
        None => Recorded::built_in(args.reference)?,
    };
    let rows = match &args.from {
        Some(path) => read(&csv_of(path))?,
        None => match args.sweep(&recorded)? {
            Some(rows) => rows,
            None => return Ok(ExitCode::from(INTERRUPTED)),
        },
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
    /// Sweeps the recorded strategies over the recorded timeouts. `None` if it was interrupted.
    fn sweep(&self, recorded: &Recorded) -> anyhow::Result<Option<Vec<Row>>> {
        let args = self.sweep_args(recorded)?;
        let passing = tempfile::tempdir().context("cannot make a temporary folder")?;
        let directory = self.out.as_deref().unwrap_or(passing.path());
        if let Some(csv) = &self.recorded {
            let itself = "the sweep that is compared with, whose runs would be measured by themselves";
            sweep::refuse_the_folder_of(&csv_of(csv), directory, itself)?;
        }
        let commands = Commands::new(std::env::args_os(), directory);
        let Measured { rows, stopped, .. } = sweep::measure(&args, directory, &commands)?;
        if stopped && self.out.is_some() {
            eprintln!("interrupted; to go on:\n  {}", commands.go_on);
        } else if stopped {
            eprintln!("interrupted; with --out DIR what is measured is kept, and can be gone on with");
        }
        Ok((!stopped).then_some(rows))
    }

    /// The flags of that sweep.
    fn sweep_args(&self, recorded: &Recorded) -> anyhow::Result<SweepArgs> {
        let timeouts: BTreeSet<Duration> =
            recorded.samples.iter().map(|sample| sample.batch_timeout).collect();
        let timeouts: Vec<String> = timeouts.iter().map(|timeout| timeout.as_millis().to_string()).collect();
        let repetitions = self.repetitions.or(recorded.repetitions).unwrap_or(7).to_string();
        let flags = ["--batch-timeouts", &timeouts.join(","), "--repetitions", &repetitions];
        let mut args = SweepArgs::typed(flags)?;
        let is_recorded =
            |kind: &StrategyKind| recorded.samples.iter().any(|sample| sample.strategy == kind.name());
        if self.bin.is_none() {
            args.node.strategy = StrategyKind::ALL.into_iter().filter(is_recorded).collect();
            ensure!(
                !args.node.strategy.is_empty(),
                "no run that is ok in {} is of this repository's node; --bin says which node to run",
                recorded.name
            );
        }
        args.node.bin.clone_from(&self.bin);
        args.engine.engine = self.engine;
        args.engine.maelstrom.clone_from(&self.maelstrom);
        args.seed = Some(self.seed.or(recorded.seed).unwrap_or(1));
        args.runs = self.runs.clone();
        args.force = self.force;
        Ok(args)
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
