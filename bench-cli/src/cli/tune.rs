//! `bench-cli tune`: sweeps until the best setting for some limits is known, and checks it.

mod search;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use node::StrategyKind;

use super::go_on::Commands;
use super::limits::LimitArgs;
use super::settings::SettingsArgs;
use super::sweep::{self, EngineChoice, INTERRUPTED, Measured, RunArgs, SweepArgs};
use super::{called, conclude};
use crate::analysis::advice::{Aim, Judged, Verdict};
use crate::analysis::{Advice, Envelope, Series};
use crate::campaign::sweep::CSV_FILE;
use crate::record::Row;
use crate::report::{advice, repeat, summary};
use crate::spec::plan::plain_name;

/// Find the best setting within limits: sweep until it is known, then check it with runs of its own
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli tune
  bench-cli tune --limit 3d
  bench-cli tune --max-msgs-per-op 2 --max-latency 500ms --prefer latency
  bench-cli tune --limit 3e --engine maelstrom --node-count 9
  bench-cli tune --limit 3d --bin ./my-node --node-args '--flush-every {batch_timeout_ms}'

This repository's node is searched in simulated time, which takes seconds. Another program lives in real time: it is
swept coarsely on the engine asked for, then more finely where the limits begin to be missed, which takes minutes.
It ends with one setting that meets the limits with 95 % confidence for one more run, and the runs that show it.
Without limits those of challenge 3e are taken.")]
pub struct TuneArgs {
    /// What is best within the limits
    #[arg(long, value_enum, default_value_t = Prefer::Messages)]
    prefer: Prefer,
    /// Strategies to choose from
    #[arg(long, value_name = "LIST", default_value = "hub,direct", value_delimiter = ',', value_parser = sweep::strategy)]
    strategy: Vec<StrategyKind>,
    /// Another node to tune: a program that speaks Maelstrom's protocol
    #[arg(long, value_name = "PATH", conflicts_with = "strategy")]
    bin: Option<PathBuf>,
    /// Arguments for that node; {batch_timeout_ms} becomes 50 and {batch_timeout} becomes 50ms
    #[arg(long, value_name = "ARGS", requires = "bin", allow_hyphen_values = true)]
    node_args: Option<String>,
    /// What checks the setting that was found: embedded, maelstrom, simulated (no check), or auto, which is
    /// Maelstrom where it is found, else embedded
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto)]
    engine: EngineChoice,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    maelstrom: Option<PathBuf>,
    #[command(flatten)]
    runs: RunArgs,
    /// Runs of the check
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..))]
    repetitions: u32,
    /// Where to write; the sweeps of an earlier call with the same limits and settings are gone on with
    /// [default: results/tune- and the time (UTC)]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Prefer {
    /// The fewest messages for each operation
    Messages,
    /// The lowest maximum stable latency
    Latency,
}

impl Prefer {
    const fn aim(self) -> Aim {
        match self {
            Prefer::Messages => Aim::FewestMessages,
            Prefer::Latency => Aim::LowestLatency,
        }
    }
}

/// How tuning ended.
enum Ended {
    Recommended,
    NothingMeets,
    Interrupted,
}

/// Runs the command.
///
/// # Errors
/// If there is more than one limit, or a sweep cannot be run.
pub fn run(args: &TuneArgs) -> anyhow::Result<ExitCode> {
    let mut given = args.limits.given();
    let envelope = match given.len() {
        0 => "3e".parse().map_err(anyhow::Error::msg)?,
        1 => given.remove(0),
        _ => bail!("give one limit to tune for; several are different questions"),
    };
    args.settings.one()?;
    let directory = args.out.clone().unwrap_or_else(|| {
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        Path::new("results").join(format!("tune-{now}"))
    });
    let commands = Commands::without_force(std::env::args_os(), &directory);
    let tuning = Tuning { args, envelope, directory, commands };
    Ok(match tuning.run()? {
        Ended::Recommended => ExitCode::SUCCESS,
        Ended::NothingMeets => ExitCode::FAILURE,
        Ended::Interrupted => {
            eprintln!("interrupted; what was measured is kept; to go on:\n  {}", tuning.commands.go_on);
            ExitCode::from(INTERRUPTED)
        }
    })
}

struct Tuning<'a> {
    args: &'a TuneArgs,
    envelope: Envelope,
    directory: PathBuf,
    /// What to type if this one is stopped.
    commands: Commands,
}

impl Tuning<'_> {
    fn run(&self) -> anyhow::Result<Ended> {
        // What would fail after the search had better fail before.
        let check = self.sweep_args(self.args.engine, &self.args.strategy, &[0], self.args.repetitions)?;
        sweep::look_ahead(&check, &self.directory)?;
        let Some(rows) = self.search()? else { return Ok(Ended::Interrupted) };
        let series = Series::group(&rows);
        let found = Advice::on(&series, self.envelope.clone());
        let candidates = search::candidates(&found, self.args.prefer);
        let Some(best) = candidates.first() else {
            println!("no setting surely meets {}", self.envelope);
            for answer in advice::answers(&series, std::slice::from_ref(&self.envelope)) {
                println!("{}", conclude::on_the_terminal(answer));
            }
            return Ok(Ended::NothingMeets);
        };
        if let Some((low, high)) = found.not_known_finely(self.args.prefer.aim()) {
            println!("where {} begins to miss is not known finely: between {low} and {high} ms", best.series);
        }
        if self.args.engine == EngineChoice::Simulated {
            self.recommend(best, &rows, None);
            return Ok(Ended::Recommended);
        }
        for candidate in candidates {
            println!("to be checked: {}", advice::describe(candidate));
            let Measured { rows: checked, stopped, .. } = self.check(candidate)?;
            if stopped {
                return Ok(Ended::Interrupted);
            }
            let series = Series::group(&checked);
            let judged = Advice::on(&series, self.envelope.clone()).judged;
            if let [one] = judged.as_slice()
                && one.verdict == Verdict::Meets
            {
                self.recommend(one, &checked, Some((candidate, &rows)));
                return Ok(Ended::Recommended);
            }
            for one in judged {
                println!("the check does not confirm it: {}", advice::describe(&one));
            }
            for warning in summary::lateness(&series) {
                println!("warning: {warning}");
            }
        }
        println!("no candidate was confirmed; the sweeps are in {}", self.directory.display());
        Ok(Ended::NothingMeets)
    }

    /// Runs a candidate on the engine asked for, apart from the runs that it was chosen by.
    fn check(&self, candidate: &Judged) -> anyhow::Result<Measured> {
        // One combination of settings, so the series is called by its strategy or program alone.
        let folder = format!("{}-{}ms", plain_name(&candidate.series), candidate.timeout_ms);
        let strategies = self.strategies_of(&candidate.series);
        let args =
            self.sweep_args(self.args.engine, &strategies, &[candidate.timeout_ms], self.args.repetitions)?;
        self.sweep(&args, &folder)
    }

    /// The strategy that a series is called by; none if it is a program given by --bin.
    fn strategies_of(&self, series: &str) -> Vec<StrategyKind> {
        self.args.strategy.iter().copied().filter(|strategy| strategy.name() == series).collect()
    }

    /// Sweeps into a folder of its own.
    fn sweep(&self, args: &SweepArgs, folder: &str) -> anyhow::Result<Measured> {
        sweep::measure(args, &self.directory.join(folder), &self.commands)
    }

    /// The flags of a sweep. A node given by --bin has no strategy.
    fn sweep_args(
        &self,
        engine: EngineChoice,
        strategies: &[StrategyKind],
        timeouts_ms: &[u64],
        repetitions: u32,
    ) -> anyhow::Result<SweepArgs> {
        let timeouts: Vec<String> = timeouts_ms.iter().map(u64::to_string).collect();
        let (timeouts, repetitions) = (timeouts.join(","), repetitions.to_string());
        let mut args = SweepArgs::typed(["--batch-timeouts", &timeouts, "--repetitions", &repetitions])?;
        match &self.args.bin {
            Some(bin) => args.node.bin = Some(bin.clone()),
            None => args.node.strategy = strategies.to_vec(),
        }
        args.node.node_args = self.args.node_args.clone().unwrap_or_default();
        args.engine.engine = engine;
        if engine == self.args.engine {
            args.engine.maelstrom.clone_from(&self.args.maelstrom);
        }
        args.runs = self.args.runs.clone();
        args.settings = self.args.settings.clone();
        Ok(args)
    }

    /// Says the answer, what it rests on, and how to measure it again.
    fn recommend(&self, judged: &Judged, rows: &[Row], search: Option<(&Judged, &[Row])>) {
        let Some(row) = rows
            .iter()
            .find(|row| (row.series(), row.batch_timeout_ms) == (judged.series.clone(), judged.timeout_ms))
        else {
            return;
        };
        match &self.args.bin {
            Some(bin) => {
                println!("\nrecommended: {} with a batch timeout of {} ms", bin.display(), judged.timeout_ms);
            }
            None => {
                println!(
                    "\nrecommended: --strategy {} --batch-timeout {}ms",
                    judged.series, judged.timeout_ms
                );
            }
        }
        println!("  meets {} with 95 % confidence for one more run", self.envelope);
        println!("  {}: {}", row.engine, advice::describe(judged));
        if let Some((found, rows)) = search {
            let engine = rows.first().map_or("", |row| row.engine.as_str());
            println!("  search, {engine}: {}", advice::describe(found));
        }
        if let Some(command) = repeat::further(&[row], &[judged.timeout_ms], judged.runs) {
            println!("  again: {}", called::typed(&command));
        }
        println!("  all runs: {}", self.directory.join("*").join(CSV_FILE).display());
    }
}
