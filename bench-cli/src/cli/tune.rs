//! `bench-cli tune`: races settings until the best one for some limits is known, and checks it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::description::{self, DescriptionArgs, strategies_help, timeouts_help};
use super::limits::{self, LimitArgs};
use super::output::{self, FormatArgs, Outputs, Results};
use super::progress::{Screen, rounded};
use super::runs::RunArgs;
use super::settings::{self, SettingsArgs};
use super::sweep::INTERRUPTED;
use super::typed::{self, Commands};
use super::usage::UsageError;
use crate::analysis::{Figure, Series, Warning};
use crate::campaign::sweep::{CSV_FILE, Existing, Options};
use crate::campaign::tune::{
    self, Budget, Ending, Found, Recommendation, Step, Tally, TuneObserver, TuneSpec,
};
use crate::report::advice::{self, Described};
use crate::report::brief;
use crate::spec::file::{BATCH_TIMEOUT, STRATEGY, SpecFile, ValueList};
use crate::spec::setting::Setting;
use crate::spec::{EngineKind, Limits, Node, SweepSpec};
use crate::terminal::count;

/// Find the best setting within limits, and check it with fresh runs
#[derive(Clone, Debug, Args)]
#[command(mut_args(settings::with_lists))]
#[command(mut_args(limits::to_meet))]
#[command(mut_arg("limit", |arg| arg.help(limit_help())))]
#[command(mut_arg("batch_timeouts", |arg| arg.help(timeouts_help("up to the longest that the limits allow"))))]
#[command(mut_arg("strategy", |arg| arg.help(strategies_help(STRATEGIES))))]
#[command(mut_arg("sample", |arg| arg.hide(true)))]
#[command(mut_arg("repetitions", |arg| arg.help(repetitions_help())))]
#[command(mut_arg("seed", |arg| arg.help(description::SEED_HELP)))]
#[command(after_help = "Examples:
  bench-cli tune
  bench-cli tune --limit 3d --strategy tree,hub,direct --topology grid,line,tree4
  bench-cli tune --max-msgs-per-op 2 --max-latency 500ms --minimize max
  bench-cli tune --limit 3e --engine maelstrom --node-count 9
  bench-cli tune --limit 3d --bin ./my-node --node-args '--flush-every {batch_timeout_ms}'
  bench-cli tune --budget 200 --bin ./gossip --param fanout=1..=5 --param period=50ms,500ms \\
      --node-args '{fanout} {period_ms}'

Each parameter with several values is tuned: words as they are listed, numbers and durations also between the listed \
values. bench-cli runs a coarse grid once, drops settings that miss a limit or are significantly worse than the best, \
repeats the others, and tries values around the best.

This repository's node is searched in virtual time whatever --engine is, unless it has --node-args or --node-env. Your \
own node is searched in real time, which takes minutes. The search ends with one setting that meets the limits with \
95 % confidence for one more run. Fresh runs on the engine of --engine check the answer. They are in the folders \
check-1, check-2, …

Exit status: 0 if fresh runs confirm a setting; 1 if no setting is confirmed or a run cannot be executed; 2 if the flags \
are wrong; 130 if it was interrupted.")]
pub struct TuneArgs {
    /// The quantity to minimize within the limits
    #[arg(long, alias = "prefer", value_enum, default_value_t = Minimize::Msgs)]
    minimize: Minimize,
    /// Limit on the runs of search and checks together, or on their time, such as 30m [default: none]
    #[arg(long, value_name = "RUNS|TIME")]
    budget: Option<Budget>,
    /// Print the first runs and how long they would take, and run nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    description: DescriptionArgs,
    #[command(flatten)]
    runs: RunArgs,
    /// Output folder; an earlier search there is resumed [default: results/tune- and the time (UTC)]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace an earlier search in the same folder instead of resuming it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// The challenge whose limits to meet, unless somebody says which.
const DEFAULT_LIMIT: &str = "3e";
/// The help of `--limit`.
fn limit_help() -> String {
    limits::one_challenge_help(&format!("that of --preset or --spec, else {DEFAULT_LIMIT}"))
}

/// The strategies to choose from, unless somebody says which.
const STRATEGIES: &str = "hub,direct";

/// The help of `--repetitions`.
fn repetitions_help() -> String {
    let [simulated, real] = [EngineKind::Simulated, EngineKind::Embedded].map(tune::check_runs);
    format!("Number of fresh runs that check the answer [default: {simulated} simulated, else {real}]")
}

/// The values of `--minimize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Minimize {
    /// The fewest messages for each operation
    #[value(alias = "messages")]
    Msgs,
    /// The lowest median stable latency
    Median,
    /// The lowest maximum stable latency
    #[value(alias = "latency")]
    Max,
}

impl Minimize {
    const fn figure(self) -> Figure {
        match self {
            Minimize::Msgs => Figure::MsgsPerOp,
            Minimize::Median => Figure::P50,
            Minimize::Max => Figure::Max,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// If there is more than one limit, or a run cannot be executed.
pub fn run(args: &TuneArgs) -> anyhow::Result<ExitCode> {
    let directory = args.out.clone().unwrap_or_else(|| {
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        Path::new("results").join(format!("tune-{now}"))
    });
    let spec = args.spec(&directory)?;
    let commands = Commands::new(std::env::args_os(), &directory);
    let existing = if args.force { Existing::Replace } else { Existing::Resume };
    let options = args.runs.options(&directory, existing, args.description.engine.programs()?)?;
    if args.dry_run {
        return print_outlook(&spec, &options);
    }
    let mut screen = Screen::new(args.runs.detail());
    let found = tune::run(&spec, &options, &mut screen)?;
    if found.ending == Ending::Interrupted {
        eprintln!("interrupted; finished runs are saved; to resume:\n  {}", commands.resume);
        return Ok(ExitCode::from(INTERRUPTED));
    }
    args.leave(&found, &directory)?;
    print_tally(&found);
    Ok(print_answer(&found, &spec, &directory))
}

impl TuneArgs {
    fn spec(&self, directory: &Path) -> anyhow::Result<TuneSpec> {
        let (mut file, _) = self.description.file(&self.settings, &self.limits)?;
        let mut given = self.limits.given();
        if given.is_empty() {
            given = file.limits()?;
        }
        let limits: Limits = match given.len() {
            0 => DEFAULT_LIMIT.parse().map_err(anyhow::Error::msg)?,
            1 => given.remove(0),
            _ => bail!(UsageError::new("give one limit to tune for; several are different questions")),
        };
        if let Some(engine) = file.engine {
            file.repetitions.get_or_insert(tune::check_runs(engine));
        }
        if file.sample.take().is_some() {
            bail!(UsageError::new("tune itself chooses which settings to measure; leave --sample out"));
        }
        file.extends.clear();
        choose_from(&mut file, &limits);
        let sweep = description::complete(file, directory, !self.force, description::random_seed)?;
        if sweep.grid.repetitions < 2 {
            bail!(UsageError::new("--repetitions 1 is not enough for a check; give at least 2"));
        }
        Ok(TuneSpec { sweep, limits, minimize: self.minimize.figure(), budget: self.budget })
    }

    /// Writes plots and a report of all runs of the search.
    fn leave(&self, found: &Found, directory: &Path) -> anyhow::Result<()> {
        let spec = &found.searched.spec;
        let results =
            Results { records: &found.searched.records, spec: Some(spec), axis: spec.axis.as_ref() };
        let outputs = Outputs::next_to(&directory.join(CSV_FILE));
        output::write_all(results, &outputs, &self.limits, &FormatArgs::default())
    }
}

/// Adds the default values to choose from: strategies, and batch timeouts of a node that has one. A
/// program of which nothing else is to be tuned is taken to have one.
fn choose_from(file: &mut SpecFile, limits: &Limits) {
    let has_several =
        |(_, ValueList(values)): (&String, &ValueList)| values.contains(',') || values.contains("..");
    let is_bundled = file.node.bin.is_none();
    let mentions_timeout = file.node.args.iter().any(|args| args.uses(BATCH_TIMEOUT))
        || file.node.env.iter().any(|variable| variable.uses(BATCH_TIMEOUT));
    if is_bundled || mentions_timeout || !file.parameters.iter().any(has_several) {
        let timeouts = file.parameters.entry(BATCH_TIMEOUT.to_owned());
        timeouts.or_insert_with(|| ValueList(timeouts_within(limits, is_bundled)));
    }
    if is_bundled {
        file.parameters.entry(STRATEGY.to_owned()).or_insert_with(|| ValueList(STRATEGIES.to_owned()));
    }
}

/// The batch timeouts (ms) that make sense: up to just below the longest that can meet the limits. Another
/// program may take a timeout of 0 for a busy loop.
fn timeouts_within(limits: &Limits, with_zero: bool) -> String {
    const DOUBLING: [u64; 11] = [25, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600];
    let longest = limits.timeout_bound_ms().map_or(1600, |bound| bound - bound.div_ceil(32));
    let zero = with_zero.then_some(0);
    let doubling = DOUBLING.into_iter().filter(|&ms| ms < longest);
    let all: Vec<String> =
        zero.into_iter().chain(doubling).chain([longest]).map(|ms| ms.to_string()).collect();
    all.join(",")
}

impl TuneObserver for Screen {
    fn step(&mut self, step: Step<'_>) {
        let settings = |number: usize| count(number, "setting");
        match step {
            Step::Try(number) => self.note(&format!("search: try {} once", settings(number))),
            Step::Repeat(number) => self.note(&format!("race: repeat {} that may be best", settings(number))),
            Step::Check(candidate) => self.note(&format!("check: {}", advice::describe(candidate))),
            Step::NotConfirmed(one) => println!("the check does not confirm {}", advice::describe(one)),
            Step::Checked(records) => {
                for warning in Warning::lateness(&Series::group(records)) {
                    println!("warning: {warning}");
                }
            }
        }
    }
}

/// Prints the first runs of a search.
fn print_outlook(spec: &TuneSpec, options: &Options) -> anyhow::Result<ExitCode> {
    let outlook = spec.outlook(options)?;
    let first = outlook.each * outlook.first.div_ceil(outlook.jobs) as u32;
    println!(
        "search: {} of {} in the grid, once each, {} at a time on the {} engine, about {}",
        count(outlook.first, "first setting"),
        outlook.grid,
        outlook.jobs,
        outlook.engine,
        rounded(first)
    );
    match spec.budget {
        Some(Budget::Runs(runs)) => {
            println!("race: up to {} in all, with those of the check", count(runs, "run"));
        }
        Some(Budget::Time(time)) => println!("race: up to {} in all, with the check", rounded(time)),
        None => println!("race: until no further run would find a better setting"),
    }
    let fresh = count(spec.sweep.grid.repetitions as usize, "fresh run");
    println!("check: {fresh} on the {} engine", spec.sweep.engine);
    println!("nothing was done");
    Ok(ExitCode::SUCCESS)
}

/// Prints a sentence, in several lines where a terminal is narrow.
fn print_sentence(sentence: &str) {
    print!("{}", brief::wrapped(sentence, output::prose_width()));
}

/// Prints how many settings were tried, and why the search ended.
fn print_tally(found: &Found) {
    let Tally { tried, over_limit, worse, meeting, unclear } = found.tally;
    println!();
    print_sentence(&format!(
        "tried {} in {}: {meeting} within the limits, {over_limit} over a limit, {worse} significantly worse, {unclear} \
         unclear; {} of checks",
        count(tried, "setting"),
        count(found.searched.records.len(), "run"),
        count(found.checks, "run")
    ));
    let why = match found.ending {
        Ending::Settled => "no further run would find a better setting",
        Ending::Budget => "the budget is used up",
        Ending::Interrupted => "it was interrupted",
    };
    println!("ended: {why}");
}

/// Prints the best setting, or that none meets the limits.
fn print_answer(found: &Found, spec: &TuneSpec, directory: &Path) -> ExitCode {
    if let Some(recommendation) = &found.recommended {
        print_recommendation(recommendation, &found.searched.spec, &spec.limits);
        println!("  all runs: {}", directory.join(CSV_FILE).display());
        return ExitCode::SUCCESS;
    }
    if found.checks > 0 {
        println!("no candidate was confirmed; all runs are in {}", directory.display());
        return ExitCode::FAILURE;
    }
    println!("no setting reliably meets {}", spec.limits);
    let series = Series::group(&found.searched.records);
    for answer in advice::answers(
        &series,
        std::slice::from_ref(&spec.limits),
        Some(Described { spec: &found.searched.spec, folder: None }),
    ) {
        println!("{}", output::on_the_terminal(answer));
    }
    ExitCode::FAILURE
}

/// Prints the recommendation, its evidence, and the command that repeats it.
fn print_recommendation(recommendation: &Recommendation, searched: &SweepSpec, limits: &Limits) {
    let Recommendation { setting, sweep, elsewhere } = recommendation;
    println!("\nrecommended: {}", in_words(sweep, searched));
    print_sentence(&format!("  meets {limits} with 95 % confidence for one more run"));
    print_sentence(&format!("  {}: {}", sweep.engine, advice::describe(setting)));
    if let Some(found) = elsewhere {
        print_sentence(&format!("  search, simulated: {}", advice::describe(found)));
    }
    println!("  to repeat it: {}", typed::as_typed(&sweep.command_without_seed()));
}

/// The one setting of a sweep, as far as it was searched for.
fn in_words(sweep: &SweepSpec, searched: &SweepSpec) -> String {
    let grid = &sweep.grid;
    let timeout = grid.batch_timeouts.first().map(|timeout| timeout.as_millis());
    let mut words: Vec<String> = match &sweep.node {
        Node::Bundled => {
            let strategy = grid.strategies.first().map(|one| format!("--strategy {}", one.name()));
            strategy.into_iter().chain(timeout.map(|ms| format!("--batch-timeout {ms}ms"))).collect()
        }
        Node::Program(_) => timeout.map(|ms| format!("a batch timeout of {ms} ms")).into_iter().collect(),
    };
    let users = grid.parameters.iter().filter_map(|one| Some((&one.name, &one.values.first()?.text)));
    words.extend(users.map(|(name, value)| format!("{name}={value}")));
    let settings = grid.settings.iter().zip(searched.grid.settings.iter());
    let searched = settings.filter(|(_, (_, values))| values.len() > 1);
    let flag =
        |(setting, values): (&Setting, &[_])| format!("--{} {}", setting.flag(), setting.text(&values[0]));
    words.extend(searched.map(|(own, _)| flag(own)));
    match &sweep.node {
        Node::Bundled => words.join(" "),
        Node::Program(program) => format!("{} with {}", program.display(), words.join(", ")),
    }
}
