//! `bench-cli confirm`: the settings that a sweep recommends, run again and held against what was predicted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use super::compare::{csv_of, read};
use super::go_on::Commands;
use super::limits::LimitArgs;
use super::products::CONFIRMATION;
use super::sweep::{self, EngineChoice, INTERRUPTED, Measured, RunArgs, SweepArgs};
use super::{called, go_on};
use crate::analysis::confirm::{Held, Recommended};
use crate::analysis::{Advice, Series};
use crate::campaign::sweep::CSV_FILE;
use crate::record::Row;
use crate::report::{confirm, repeat, summary};

/// Run the settings that a sweep recommends again, and hold them against what it predicted
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli confirm results/reference/sweep.csv --limit 3d,3e
  bench-cli confirm results/reference-simulated/sweep.csv --limit 3d --engine embedded
  bench-cli confirm mine/sweep.csv --max-msgs-per-op 2 --max-latency 1s --repetitions 10

Of each limit, the settings with the fewest messages and with the lowest latency are run. The exit status is 1 if a run
did not stay below its limits.")]
pub struct ConfirmArgs {
    /// The rows of the sweep that recommends, or its folder
    #[arg(value_name = "SWEEP.CSV")]
    csv: PathBuf,
    /// Runs of each setting
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// What executes the runs [default: what executed the sweep's]
    #[arg(long, value_enum)]
    engine: Option<EngineChoice>,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    maelstrom: Option<PathBuf>,
    #[command(flatten)]
    runs: RunArgs,
    /// Where to write; earlier runs there that are newer than the sweep are gone on with [default: the folder confirm
    /// beside the CSV]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace earlier runs in the same place
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
    let csv = csv_of(&args.csv);
    let rows = read(&csv)?;
    let series = Series::group(&rows);
    let recommended = recommended(args, &series)?;
    let sweep_args = args.sweep_args(&series, &recommended)?;
    let directory = args.out.clone().unwrap_or_else(|| csv.with_file_name("confirm"));
    let itself = "the sweep that recommends, whose runs cannot confirm themselves";
    sweep::refuse_the_folder_of(&csv, &directory, itself)?;
    if !args.force {
        refuse_older_runs(&csv, &rows, &directory)?;
    }
    let commands = Commands::new(std::env::args_os(), &directory);
    let Measured { rows: measured, stopped, .. } = sweep::measure(&sweep_args, &directory, &commands)?;
    if stopped {
        eprintln!("interrupted; to go on:\n  {}", commands.go_on);
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let series = Series::group(&measured);
    let held: Vec<Held> = recommended.into_iter().map(|one| Held::against(one, &series)).collect();
    println!("{}\n\n{}", summary::table(confirm::sheet(&held)).trim_fmt(), confirm::LEGEND);
    for warning in summary::lateness(&series) {
        println!("warning: {warning}");
    }
    // What was typed, and the sweep that it came to.
    let own = std::env::args_os().skip(1);
    let command = go_on::command([OsString::from(called::NAME)].into_iter().chain(own), &directory);
    let commands: Vec<String> =
        [command].into_iter().chain(repeat::command(&measured).map(|repeat| repeat.command)).collect();
    let table = directory.join(CONFIRMATION);
    std::fs::write(&table, confirm::markdown(&held, &commands))
        .with_context(|| format!("cannot write {}", table.display()))?;
    println!("wrote {}\nwrote {}", directory.join(CSV_FILE).display(), table.display());
    let all = held.iter().all(Held::is_confirmed);
    println!(
        "{}",
        if all { "confirmed" } else { "not confirmed: some runs did not stay below their limits" }
    );
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Refuses to go on with runs that are older than the sweep: they confirmed an earlier one.
fn refuse_older_runs(csv: &Path, rows: &[Row], directory: &Path) -> anyhow::Result<()> {
    let earlier = directory.join(CSV_FILE);
    if !earlier.exists() {
        return Ok(());
    }
    // RFC 3339 in UTC, so the order of the texts is that of the times.
    let newest = rows.iter().map(|row| row.started_at.as_str()).max().unwrap_or_default();
    let older = read(&earlier)?.iter().filter(|row| row.started_at.as_str() < newest).count();
    ensure!(
        older == 0,
        "{older} runs in {} are older than the newest of {}, so they confirm an earlier sweep; --force replaces them, \
         --out takes another folder",
        earlier.display(),
        csv.display()
    );
    Ok(())
}

/// What the sweep recommends for each limit.
fn recommended(args: &ConfirmArgs, series: &[Series<'_>]) -> anyhow::Result<Vec<Recommended>> {
    let one_setting = series.iter().all(|one| one.settings == series[0].settings);
    ensure!(
        one_setting,
        "{} is a grid of settings, each with advice of its own; confirm a sweep of one combination",
        args.csv.display()
    );
    let envelopes = args.limits.for_series(series);
    ensure!(!envelopes.is_empty(), "say the limits: --limit 3d, or own ones such as --max-latency 500ms");
    let of_envelope = |envelope| {
        let advice = Advice::on(series, envelope);
        let recommended = advice.recommended().into_iter().map(|(aim, judged)| Recommended {
            envelope: advice.envelope.clone(),
            aim,
            judged: judged.clone(),
        });
        recommended.collect::<Vec<_>>()
    };
    let recommended: Vec<Recommended> = envelopes.into_iter().flat_map(of_envelope).collect();
    if recommended.is_empty() {
        bail!(
            "nothing in {0} surely meets the limits; {1} plot {0} says what to measure next",
            args.csv.display(),
            called::program()
        );
    }
    Ok(recommended)
}

impl ConfirmArgs {
    /// The flags of the sweep that runs every recommended strategy at every recommended timeout.
    fn sweep_args(&self, series: &[Series<'_>], recommended: &[Recommended]) -> anyhow::Result<SweepArgs> {
        let is_recommended =
            |series: &&Series<'_>| recommended.iter().any(|one| one.judged.series == series.name);
        let rows: Vec<&Row> =
            series.iter().filter(is_recommended).flat_map(|series| series.rows.iter().copied()).collect();
        let mut timeouts: Vec<u64> = recommended.iter().map(|one| one.judged.timeout_ms).collect();
        timeouts.sort_unstable();
        timeouts.dedup();
        let mut words = repeat::further_words(&rows, &timeouts, self.repetitions as usize)
            .context("a recommended series has rows")?;
        if self.engine.is_some()
            && let Some(place) = words.iter().position(|word| word == "--engine")
        {
            words.drain(place..place + 2);
        }
        // Without the words `bench-cli sweep`.
        let mut args = SweepArgs::typed(words.iter().skip(2).map(String::as_str))?;
        if let Some(engine) = self.engine {
            args.engine.engine = engine;
        }
        args.engine.maelstrom.clone_from(&self.maelstrom);
        args.runs = self.runs.clone();
        args.force = self.force;
        Ok(args)
    }
}
