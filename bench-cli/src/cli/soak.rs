//! `bench-cli soak`: searches random simulated runs for faults of the node.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::{ArgAction, Args};
use indicatif::{ProgressBar, ProgressStyle};
use node::StrategyKind;

use super::typed;
use crate::campaign::soak::{self, Checked, Failure, Passed};
use crate::report::summary;
use crate::spec::file;
use crate::stats::median::Spread;
use crate::terminal::count;

/// Search random settings and faults for lost values, endless traffic and too many messages
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli soak --runs 1000
  bench-cli soak --runs 500 --strategy hub --seed 20000

soak reduces a failing run to a smaller one that fails in the same way, and prints the command that repeats it.

Exit status: 0 if no run fails; 1 if one does; 2 if the flags are wrong.")]
pub struct SoakArgs {
    /// Number of runs
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Seed of the first run; each further run has the next one
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Strategies to choose from [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', action = ArgAction::Set, value_parser = file::strategy)]
    strategy: Vec<StrategyKind>,
    /// Number of parallel runs [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Runs the command; the exit status is 1 if a run failed.
///
/// # Errors
/// None at present.
pub fn run(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    let strategies = if args.strategy.is_empty() { &StrategyKind::ALL[..] } else { &args.strategy };
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let jobs = args.jobs.unwrap_or_else(cores).get();
    let started = Instant::now();
    let numbers = args.seed..args.seed.saturating_add(args.runs);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    let (passed, failed) = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The sender is moved in, so that the channel closes when the last run has ended.
            let sender = sender;
            soak::run(numbers, jobs, strategies, &stop, &sender);
        });
        collect(&receiver, args.runs, &stop)
    });
    println!("{}", table(&passed));
    if let Some((checked, failure)) = failed {
        report(&checked, &failure);
        return Ok(ExitCode::FAILURE);
    }
    println!("{} clean in {:.1} s", count(passed.len(), "run"), started.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

type Failed = (Checked, Failure);

/// Takes in results until all have come or one has failed.
fn collect(
    results: &mpsc::Receiver<Checked>,
    runs: u64,
    stop: &AtomicBool,
) -> (Vec<(StrategyKind, Passed)>, Option<Failed>) {
    let style = ProgressStyle::with_template("{pos}/{len} runs [{wide_bar}] {elapsed} so far, {eta} left");
    let bar = ProgressBar::new(runs).with_style(style.expect("the template is well-formed"));
    let mut passed = Vec::new();
    let mut failed = None;
    for checked in results {
        bar.inc(1);
        match &checked.verdict {
            Ok(result) => passed.push((checked.case.config.strategy, *result)),
            Err(failure) => {
                stop.store(true, Ordering::Relaxed);
                let failure = failure.clone();
                failed.get_or_insert((checked, failure));
            }
        }
    }
    bar.finish_and_clear();
    (passed, failed)
}

fn table(passed: &[(StrategyKind, Passed)]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["strategy", "clean runs", "msgs/op (median, range)", "silent after (median, longest)"]);
    for strategy in StrategyKind::ALL {
        let of_strategy = || passed.iter().filter(|(of, _)| *of == strategy).map(|(_, result)| result);
        let messages = Spread::of(of_strategy().map(|result| result.msgs_per_op));
        let silence = Spread::of(of_strategy().map(|result| result.silent_after.as_secs_f64()));
        if let Some(silence) = silence {
            table.add_row([
                strategy.name().to_owned(),
                of_strategy().count().to_string(),
                summary::spread(messages, 2),
                format!("{:.1} s, {:.1} s", silence.median, silence.max),
            ]);
        }
    }
    table
}

fn report(checked: &Checked, failure: &Failure) {
    println!("run {} failed: {failure}", checked.case.seed);
    println!("  to repeat it: {}", typed::as_typed(&checked.case.command()));
    let began = Instant::now();
    let (reduced, failure) = soak::reduce(&checked.case, failure);
    if reduced != checked.case {
        let took = Duration::from_secs(began.elapsed().as_secs());
        println!("reduced in {}: {failure}", humantime::format_duration(took));
        println!("  to repeat it: {}", typed::as_typed(&reduced.command()));
    }
}
