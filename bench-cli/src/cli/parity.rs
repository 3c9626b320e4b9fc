//! `bench-cli parity`: an engine's results compared with those of real Maelstrom or of another engine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::artifacts::{PARITY_CSV, PARITY_TEXT};
use super::compare::csv_of;
use super::engine::{EngineArgs, engine_help};
use super::progress::Screen;
use super::runs::RunArgs;
use super::sweep::{self, INTERRUPTED, read};
use super::typed::Commands;
use crate::analysis::parity::Comparison;
use crate::campaign::parity::reference::{Nodes, Reference};
use crate::campaign::parity::{compare_with, sweep_of};
use crate::campaign::sweep::Existing;
use crate::record::RunRecord;
use crate::report::parity as report;
use crate::spec::EngineKind;

/// Compare an engine's results with recorded runs of real Maelstrom
#[derive(Clone, Debug, Args)]
#[command(mut_arg("engine", |arg| arg.help(engine_help("embedded"))))]
#[command(after_help = "Examples:
  # Sweep the tree on the embedded runner, and compare
  bench-cli parity
  bench-cli parity --engine simulated --repetitions 25 --reference tree
  # The same program under both runners
  bench-cli parity --bin ./article --reference article
  # Compare a sweep that was done before
  bench-cli parity --from results/mine/sweep.csv
  # Two engines, the same seeds
  bench-cli parity --recorded results/reference/sweep.csv --engine simulated
  bench-cli parity --recorded a --from b

Medians of repetitions must lie within 10 % of each other (latencies) and 3 % (messages per operation); those of \
the simulated engine, within 5 % and 2 %. Next to each ratio of medians is its 95 % \
confidence interval (Mann and Whitney).
A second table compares the worst cases: how many runs are late, and whether the maxima come from one distribution.

Exit status: 0 if all medians are within these limits; 1 if one is not or nothing could be compared; 2 if the flags are \
wrong; 130 if it was interrupted.")]
pub struct ParityArgs {
    /// The folder of a sweep to compare, or its CSV, instead of a new sweep
    #[arg(long, value_name = "SWEEP", conflicts_with_all =
        ["engine", "maelstrom", "bin", "repetitions", "jobs", "run_timeout", "keep", "seed", "force"])]
    from: Option<PathBuf>,
    /// Another node that has the protocol of this repository's tree, such as the tutorial's own; it takes its
    /// batch timeout from BATCH_TIMEOUT_MS
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
    /// The recorded runs to compare with: those of the tutorial's own node, in Go, of this repository's node
    /// with the same protocol (--strategy tree), or of both
    #[arg(long, value_enum, default_value_t = NodesChoice::Both)]
    reference: NodesChoice,
    /// The folder or CSV of another sweep to compare with, instead of the recorded runs
    #[arg(long, value_name = "SWEEP", conflicts_with = "reference")]
    recorded: Option<PathBuf>,
    /// Number of runs of each point [default: 7; with --recorded as many as there]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,
    #[command(flatten)]
    runs: RunArgs,
    /// Seed of the first run; each further run has the next one [default: 1; with --recorded the first seed
    /// there, so that both have the same launches and operations]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Output folder for parity.txt, parity.csv and the sweep; an earlier sweep there is resumed [default:
    /// none of them is kept]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace an earlier sweep in the same folder instead of resuming it
    #[arg(long)]
    force: bool,
}

/// The values of `--reference`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NodesChoice {
    Article,
    Tree,
    Both,
}

impl NodesChoice {
    const fn nodes(self) -> Nodes {
        match self {
            NodesChoice::Article => Nodes::Article,
            NodesChoice::Tree => Nodes::Tree,
            NodesChoice::Both => Nodes::Both,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// If the sweep cannot be executed or read, nothing can be compared, or the table cannot be written.
pub fn run(args: &ParityArgs) -> anyhow::Result<ExitCode> {
    let reference = match &args.recorded {
        Some(path) => Reference::of_sweep(path)?,
        None => Reference::built_in(args.reference.nodes())?,
    };
    let records = match &args.from {
        Some(path) => read(path)?.records,
        None => match args.sweep(&reference)? {
            Some(records) => records,
            None => return Ok(ExitCode::from(INTERRUPTED)),
        },
    };
    let parity = compare_with(&reference, &records)?;
    let engine = records.first().map_or("", |record| record.run.engine.name());
    let text = report::text(&parity, &reference.name, engine, &records);
    print!("{text}");
    if let Some(out) = &args.out {
        write(out, &text, &parity.comparisons)?;
    }
    Ok(if parity.is_within() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl ParityArgs {
    /// Sweeps the recorded strategies over the recorded timeouts. `None` if it was interrupted.
    fn sweep(&self, reference: &Reference) -> anyhow::Result<Option<Vec<RunRecord>>> {
        let (engine, _) = self.engine.choose(Some(EngineKind::Embedded))?;
        let spec = sweep_of(reference, engine, self.bin.clone(), self.repetitions, self.seed)?;
        let passing = tempfile::tempdir().context("cannot make a temporary folder")?;
        let directory = self.out.as_deref().unwrap_or(passing.path());
        if let Some(csv) = &self.recorded {
            let itself = "the sweep to compare with, which cannot be compared with itself";
            sweep::refuse_the_folder_of(&csv_of(csv), directory, itself)?;
        }
        let existing = if self.force { Existing::Replace } else { Existing::Resume };
        let options = self.runs.options(directory, existing, self.engine.programs()?)?;
        let commands = Commands::new(std::env::args_os(), directory);
        let mut screen = Screen::new(self.runs.detail());
        let ended = sweep::measure(&spec, &options, &mut screen, &commands)?;
        if ended.stopped && self.out.is_some() {
            eprintln!("interrupted; to resume:\n  {}", commands.resume);
        } else if ended.stopped {
            eprintln!("interrupted; with --out DIR finished runs are saved, and can be resumed");
        }
        Ok((!ended.stopped).then_some(ended.records))
    }
}

fn write(out: &Path, text: &str, comparisons: &[Comparison]) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    for (name, text) in [(PARITY_TEXT, text), (PARITY_CSV, &report::csv(comparisons)?)] {
        let path = out.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
