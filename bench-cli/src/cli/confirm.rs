//! `bench-cli confirm`: the settings that a sweep recommends, run again and compared with the prediction.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::artifacts::CONFIRMATION;
use super::description::random_seed;
use super::engine::{EngineArgs, engine_help};
use super::limits::LimitArgs;
use super::output;
use super::progress::Screen;
use super::runs::RunArgs;
use super::sweep::{self, INTERRUPTED, read};
use super::typed::{self, Commands};
use crate::analysis::confirm::Confirmation;
use crate::analysis::{Series, Warning};
use crate::campaign::confirm;
use crate::campaign::sweep::{CSV_FILE, Existing, folder};
use crate::report::{self, brief, summary};

/// Rerun the settings that a sweep recommends, and compare them with its predictions
#[derive(Clone, Debug, Args)]
#[command(mut_arg("engine", |arg| arg.help(engine_help("the engine of the sweep"))))]
#[command(after_help = "Examples:
  bench-cli confirm results/reference/sweep.csv --limit 3d,3e
  bench-cli confirm results/reference-simulated/sweep.csv --limit 3d --engine embedded
  bench-cli confirm mine/sweep.csv --max-msgs-per-op 2 --max-latency 1s --repetitions 10

For each set of limits, confirm runs the setting with the fewest messages and the one with the lowest latency, and all \
combinations of their strategies and timeouts.

Exit status: 0 if every run of the recommended settings stays below its limits; 1 if one does not or nothing is \
recommended; 2 if the flags are wrong; 130 if it was interrupted.")]
pub struct ConfirmArgs {
    /// The folder of the sweep that recommends, or its CSV
    #[arg(value_name = "SWEEP")]
    csv: PathBuf,
    /// Runs of each setting
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    runs: RunArgs,
    /// Output folder; earlier runs there are resumed if they are newer than the sweep [default: confirm, next
    /// to the CSV]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace earlier runs in the same folder
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
///
/// # Errors
/// If the CSV cannot be read or recommends nothing, or the runs cannot be made.
pub fn run(args: &ConfirmArgs) -> anyhow::Result<ExitCode> {
    let recorded = read(&args.csv)?;
    let limits = args.limits.for_series(&Series::group(&recorded.records), recorded.spec.as_ref());
    let recommended = confirm::recommended(&recorded, &limits)?;
    let directory = args.out.clone().unwrap_or_else(|| recorded.csv.with_file_name("confirm"));
    let itself = "the sweep that recommends, which cannot confirm itself";
    sweep::refuse_the_folder_of(&recorded.csv, &directory, itself)?;
    let existing = if args.force { Existing::Replace } else { Existing::Resume };
    let mut seed = random_seed();
    if !args.force && directory.join(CSV_FILE).exists() {
        confirm::refuse_older_runs(&recorded, &read(&directory)?)?;
        seed = folder::spec_in(&directory)?.map_or(seed, |spec| spec.seed);
    }
    let described = recorded.records.first().map(|record| record.run.engine);
    let (engine, _) = args.engine.choose(described)?;
    let spec = confirm::sweep_of(&recorded, &recommended, Some(engine), args.repetitions, seed)?;
    let options = args.runs.options(&directory, existing, args.engine.programs()?)?;
    let commands = Commands::new(std::env::args_os(), &directory);
    let mut screen = Screen::new(args.runs.detail());
    let ended = sweep::measure(&spec, &options, &mut screen, &commands)?;
    if ended.stopped {
        eprintln!("interrupted; to resume:\n  {}", commands.resume);
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let confirmations = confirm::compare(recommended, &ended.records);
    let table = summary::table(report::confirm::narrow_sheet(&confirmations));
    println!("{}\n", summary::fitted(table, 0, output::width()));
    print!("{}", brief::wrapped(report::confirm::LEGEND, output::width()));
    for warning in Warning::lateness(&Series::group(&ended.records)) {
        print!("{}", brief::wrapped(&format!("warning: {warning}"), output::width()));
    }
    // What was typed, and the sweep that it came to.
    let typed = typed::resume(&typed::own_words(), &directory);
    let commands: Vec<String> = [typed].into_iter().chain(ended.spec.command()).collect();
    let table = directory.join(CONFIRMATION);
    std::fs::write(&table, report::confirm::markdown(&confirmations, &commands))
        .with_context(|| format!("cannot write {}", table.display()))?;
    println!("wrote {}\nwrote {}", directory.join(CSV_FILE).display(), table.display());
    let all = confirmations.iter().all(Confirmation::is_confirmed);
    println!(
        "{}",
        if all { "confirmed" } else { "not confirmed: some runs did not stay below their limits" }
    );
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
