//! `bench-cli tune`: sweeps until the best setting for some limits is known, and checks it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{ArgAction, Args, ValueEnum};
use node::StrategyKind;

use super::description::random_seed;
use super::engine::EngineArgs;
use super::limits::LimitArgs;
use super::output;
use super::progress::Screen;
use super::runs::RunArgs;
use super::settings::SettingsArgs;
use super::sweep::INTERRUPTED;
use super::typed::{self, Commands};
use super::usage::UsageError;
use crate::analysis::advice::Aim;
use crate::analysis::{Series, Warning};
use crate::campaign::sweep::{CSV_FILE, Existing};
use crate::campaign::tune::{self, Outcome, Recommendation, Step, TuneObserver, TuneSpec};
use crate::report::advice::{self, Described};
use crate::spec::file;
use crate::spec::template::ArgsTemplate;
use crate::spec::{Limits, Node, SettingLists, SweepSpec};

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
It ends with one setting that meets the limits with 95 % confidence for one more run, and the runs that show it. The
engine checks that setting; --engine simulated leaves it at the search. The default limits are those of challenge 3e.")]
pub struct TuneArgs {
    /// What is best within the limits
    #[arg(long, value_enum, default_value_t = Prefer::Messages)]
    prefer: Prefer,
    /// Strategies to choose from
    #[arg(long, value_name = "LIST", default_value = "hub,direct", value_delimiter = ',', action = ArgAction::Set, value_parser = file::strategy)]
    strategy: Vec<StrategyKind>,
    /// Another node to tune: a program that speaks Maelstrom's protocol
    #[arg(long, value_name = "PATH", conflicts_with = "strategy")]
    bin: Option<PathBuf>,
    /// Arguments for that node; {batch_timeout_ms} becomes 50 and {batch_timeout} becomes 50ms
    #[arg(long, value_name = "ARGS", requires = "bin", allow_hyphen_values = true, value_parser = ArgsTemplate::parse)]
    node_args: Option<ArgsTemplate>,
    /// The engine that checks the setting that was found; simulated means that the search's runs are the
    /// check
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    runs: RunArgs,
    /// Runs of the check
    #[arg(long, alias = "runs", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..))]
    repetitions: u32,
    /// Where to write; the sweeps of an earlier call with the same limits and settings are resumed
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

/// Runs the command.
///
/// # Errors
/// If there is more than one limit, or a sweep cannot be run.
pub fn run(args: &TuneArgs) -> anyhow::Result<ExitCode> {
    let directory = args.out.clone().unwrap_or_else(|| {
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        Path::new("results").join(format!("tune-{now}"))
    });
    let spec = args.spec()?;
    let commands = Commands::without_force(std::env::args_os(), &directory);
    let options = args.runs.options(&directory, Existing::Resume, args.engine.programs()?)?;
    let mut screen = Screen::new(args.runs.detail());
    Ok(match tune::run(&spec, &options, &mut screen)? {
        Outcome::Recommended(recommendation) => {
            print_recommendation(&recommendation, &spec);
            println!("  all runs: {}", directory.join("*").join(CSV_FILE).display());
            ExitCode::SUCCESS
        }
        Outcome::NothingMeets(records) => {
            println!("no setting reliably meets {}", spec.limits);
            let series = Series::group(&records);
            let sweep = Described { spec: &spec.check, folder: None };
            for answer in advice::answers(&series, std::slice::from_ref(&spec.limits), Some(sweep)) {
                println!("{}", output::on_the_terminal(answer));
            }
            ExitCode::FAILURE
        }
        Outcome::NothingConfirmed => {
            println!("no candidate was confirmed; the sweeps are in {}", directory.display());
            ExitCode::FAILURE
        }
        Outcome::Interrupted => {
            eprintln!("interrupted; finished runs are saved; to resume:\n  {}", commands.resume);
            ExitCode::from(INTERRUPTED)
        }
    })
}

impl TuneArgs {
    fn spec(&self) -> anyhow::Result<TuneSpec> {
        let mut given = self.limits.given();
        let limits: Limits = match given.len() {
            0 => "3e".parse().map_err(anyhow::Error::msg)?,
            1 => given.remove(0),
            _ => bail!(UsageError::new("give one limit to tune for; several are different questions")),
        };
        let (engine, _) = self.engine.choose(None)?;
        let mut check = SweepSpec::bundled(engine, &self.strategy, &[]);
        if let Some(bin) = &self.bin {
            check.node = Node::Program(bin.clone());
            check.grid.strategies.clear();
        }
        check.args = self.node_args.clone().unwrap_or_default();
        check.grid.repetitions = self.repetitions;
        check.grid.settings = SettingLists::of(&self.settings.one()?);
        check.seed = random_seed();
        Ok(TuneSpec { check, limits, aim: self.prefer.aim() })
    }
}

impl TuneObserver for Screen {
    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::NotKnownFinely { series, low, high } => {
                println!("{series} starts to fail somewhere between {low} and {high} ms");
            }
            Step::Check(candidate) => println!("to be checked: {}", advice::describe(candidate)),
            Step::NotConfirmed(one) => println!("the check does not confirm it: {}", advice::describe(one)),
            Step::Checked(records) => {
                for warning in Warning::lateness(&Series::group(records)) {
                    println!("warning: {warning}");
                }
            }
        }
    }
}

/// Says the answer, what it rests on, and how to measure it again.
fn print_recommendation(recommendation: &Recommendation, spec: &TuneSpec) {
    let Recommendation { setting, sweep, searched } = recommendation;
    let (series, timeout_ms) = (&setting.series, setting.timeout_ms());
    match &sweep.node {
        Node::Program(bin) => {
            println!("\nrecommended: {} with a batch timeout of {timeout_ms} ms", bin.display());
        }
        Node::Bundled => println!("\nrecommended: --strategy {series} --batch-timeout {timeout_ms}ms"),
    }
    println!("  meets {} with 95 % confidence for one more run", spec.limits);
    println!("  {}: {}", sweep.engine, advice::describe(setting));
    if let Some((engine, found)) = searched {
        println!("  search, {engine}: {}", advice::describe(found));
    }
    println!("  again: {}", typed::as_typed(&sweep.command_without_seed()));
}
