//! `bench-cli tune`: sweeps until the best setting for some limits is known, and checks it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, ValueEnum};

use super::limits::LimitArgs;
use super::settings::SettingsArgs;
use super::sweep::{self, INTERRUPTED, Measured, SweepArgs};
use crate::analysis::advice::{Judged, Verdict};
use crate::analysis::{Advice, Envelope, Figure, Series};
use crate::outcome::Row;
use crate::report::{advice, repeat};
use crate::sweep::CSV_FILE;

/// The timeouts to begin with (ms): the whole range that makes sense, coarsely.
const FIRST_TIMEOUTS: [u64; 9] = [0, 25, 50, 100, 200, 400, 800, 1200, 1600];
/// Sweeps in simulated time until the boundary must be known finely enough.
const ROUNDS: u32 = 4;
/// Repetitions in the first of them, and what each further one adds.
const REPETITIONS: u32 = 5;
/// Settings to check on the engine asked for before giving up.
const CANDIDATES: usize = 3;
/// A candidate that failed its check is followed by one whose timeout is at most this fraction of its own.
const STEP_BACK: f64 = 0.96;

/// Find the best setting within limits: sweep in simulated time, then check on the engine asked for
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli tune
  bench-cli tune --limit 3d
  bench-cli tune --max-msgs-per-op 2 --max-latency 500ms --prefer latency
  bench-cli tune --limit 3e --engine maelstrom --node-count 9

It ends with one setting that meets the limits with 95 % confidence for one more run, and the runs that show it.
Without limits those of challenge 3e are taken.")]
pub struct TuneArgs {
    /// What is best within the limits
    #[arg(long, value_enum, default_value_t = Prefer::Messages)]
    prefer: Prefer,
    /// Strategies to choose from
    #[arg(long, value_name = "LIST", default_value = "hub,direct")]
    strategy: String,
    /// What checks the setting that was found: embedded, maelstrom, simulated (no check), or auto, which is
    /// Maelstrom where it is found, else embedded
    #[arg(long, value_name = "ENGINE", default_value = "auto")]
    engine: String,
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

/// A sweep's flags, to be read as if they had been typed.
#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    sweep: SweepArgs,
}

/// Why tuning ended without an answer.
enum Ended {
    Interrupted,
    NothingMeets,
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
    let tuning = Tuning { args, envelope, directory };
    match tuning.run()? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Ended::Interrupted) => Ok(ExitCode::from(INTERRUPTED)),
        Err(Ended::NothingMeets) => Ok(ExitCode::FAILURE),
    }
}

struct Tuning<'a> {
    args: &'a TuneArgs,
    envelope: Envelope,
    directory: PathBuf,
}

impl Tuning<'_> {
    fn run(&self) -> anyhow::Result<Result<(), Ended>> {
        let rows = match self.search()? {
            Ok(rows) => rows,
            Err(ended) => return Ok(Err(ended)),
        };
        let found = Advice::on(&Series::group(&rows), self.envelope.clone());
        let candidates = self.candidates(&found);
        if candidates.is_empty() {
            println!("no setting surely meets {}", self.envelope);
            let series = Series::group(&rows);
            for answer in advice::answers(&series, std::slice::from_ref(&self.envelope)) {
                println!("{}", answer.to_string().trim_end());
            }
            return Ok(Err(Ended::NothingMeets));
        }
        if self.args.engine == "simulated" {
            self.recommend(candidates[0], &rows, None);
            return Ok(Ok(()));
        }
        for candidate in candidates {
            let Measured { rows: checked, stopped, .. } = self.check(candidate, &rows)?;
            if stopped {
                return Ok(Err(Ended::Interrupted));
            }
            let judged = Advice::on(&Series::group(&checked), self.envelope.clone()).judged;
            match judged.as_slice() {
                [one] if one.verdict == Verdict::Meets => {
                    self.recommend(one, &checked, Some(candidate));
                    return Ok(Ok(()));
                }
                judged => {
                    for one in judged {
                        println!("the check does not confirm it: {}", advice::describe(one));
                    }
                }
            }
        }
        println!("no candidate was confirmed; the sweeps are in {}", self.directory.display());
        Ok(Err(Ended::NothingMeets))
    }

    /// Sweeps in simulated time, finer and finer where the limits are met or missed.
    fn search(&self) -> anyhow::Result<Result<Vec<Row>, Ended>> {
        let mut timeouts: BTreeSet<u64> = FIRST_TIMEOUTS.into();
        let mut rows = Vec::new();
        for round in 1..=ROUNDS {
            let list: Vec<String> = timeouts.iter().map(u64::to_string).collect();
            let repetitions = (REPETITIONS * round).to_string();
            let words = [
                ["--engine", "simulated"],
                ["--strategy", &self.args.strategy],
                ["--batch-timeouts", &list.join(",")],
                ["--repetitions", &repetitions],
                // The same question gets the same answer.
                ["--seed", "1"],
            ];
            let measured = self.sweep(&words, &self.directory.join("simulated"))?;
            if measured.stopped {
                return Ok(Err(Ended::Interrupted));
            }
            rows = measured.rows;
            let advice = Advice::on(&Series::group(&rows), self.envelope.clone());
            if advice.next.is_empty() {
                break;
            }
            timeouts.extend(advice.next.iter().flat_map(|next| &next.timeouts_ms));
        }
        Ok(Ok(rows))
    }

    /// The settings that surely meet the limits, best first, each clearly apart from the one before.
    fn candidates<'a>(&self, advice: &'a Advice) -> Vec<&'a Judged> {
        let figure = match self.args.prefer {
            Prefer::Messages => Figure::MsgsPerOp,
            Prefer::Latency => Figure::Max,
        };
        let value = |one: &Judged| one.figure(figure).map_or(f64::INFINITY, |predicted| predicted.mean);
        let mut meeting: Vec<&Judged> = advice.meeting().collect();
        meeting.sort_by(|a, b| value(a).total_cmp(&value(b)));
        let mut candidates: Vec<&Judged> = Vec::new();
        for one in meeting {
            let apart = |other: &&Judged| {
                other.series != one.series || (one.timeout_ms as f64) <= STEP_BACK * other.timeout_ms as f64
            };
            if candidates.iter().all(apart) {
                candidates.push(one);
            }
        }
        candidates.truncate(CANDIDATES);
        candidates
    }

    /// Runs a candidate on the engine asked for.
    fn check(&self, candidate: &Judged, rows: &[Row]) -> anyhow::Result<Measured> {
        println!("to be checked: {}", advice::describe(candidate));
        let timeout = candidate.timeout_ms.to_string();
        let words = [
            ["--engine", &self.args.engine],
            ["--strategy", &strategy_of(candidate, rows)?],
            ["--batch-timeouts", &timeout],
            ["--repetitions", &self.args.repetitions.to_string()],
        ];
        let folder = format!("{}-{timeout}ms", strategy_of(candidate, rows)?);
        self.sweep(&words, &self.directory.join(folder))
    }

    fn sweep(&self, words: &[[&str; 2]], directory: &Path) -> anyhow::Result<Measured> {
        let words = std::iter::once("sweep").chain(words.iter().flatten().copied());
        let mut args = Typed::try_parse_from(words)?.sweep;
        args.settings = self.args.settings.clone();
        sweep::measure(&args, directory, &format!("the same command with --out {}", self.directory.display()))
    }

    /// Says the answer, what it rests on, and how to measure it again.
    fn recommend(&self, judged: &Judged, rows: &[Row], simulated: Option<&Judged>) {
        let of_it = |row: &&Row| row.batch_timeout_ms == judged.timeout_ms;
        let series = Series::group(rows);
        let row = series
            .iter()
            .find(|series| series.name == judged.series)
            .and_then(|series| series.rows.iter().copied().find(of_it));
        let Some(row) = row else { return };
        println!("\nrecommended: --strategy {} --batch-timeout {}ms", row.strategy, row.batch_timeout_ms);
        println!("  meets {} with 95 % confidence for one more run", self.envelope);
        println!("  {}: {}", row.engine, advice::describe(judged));
        if let Some(simulated) = simulated {
            println!("  simulated: {}", advice::describe(simulated));
        }
        if let Some(command) = repeat::further(&[row], &[judged.timeout_ms], judged.runs) {
            println!("  again: {command}");
        }
        println!("  all runs: {}", self.directory.join("*").join(CSV_FILE).display());
    }
}

/// The strategy of a judged series: its name may hold settings, too.
fn strategy_of(judged: &Judged, rows: &[Row]) -> anyhow::Result<String> {
    let series = Series::group(rows);
    let series = series.iter().find(|series| series.name == judged.series);
    let row = series.and_then(|series| series.rows.first()).context("a series has rows")?;
    Ok(row.strategy.clone())
}
