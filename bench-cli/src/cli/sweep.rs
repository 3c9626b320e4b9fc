//! `bench-cli sweep`: flags to a description, the sweep, its tables and plots.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;

use super::artifacts;
use super::build;
use super::description::{DescriptionArgs, random_seed};
use super::limits::LimitArgs;
use super::live::LiveReport;
use super::output::{self, FormatArgs};
use super::progress::{Screen, rounded};
use super::runs::RunArgs;
use super::settings::{self, SettingsArgs};
use super::shard::{self, ShardChoice};
use super::signals;
use super::slurm::{self, ClusterArgs, Request};
use super::typed::Commands;
use super::usage::UsageError;
use crate::analysis::Threshold;
use crate::campaign::sweep::{self, CSV_FILE, CannotResume, Ended, Existing, Options, Recorded, folder};
use crate::engine::Engine;
use crate::record::RunRecord;
use crate::spec::{SweepSpec, shell};
use crate::supervise::stop::Stop;
use crate::terminal::{are, count};

/// The exit status of a sweep whose runs are all ok, but which crosses a threshold of `--fail-if`.
const THRESHOLD_CROSSED: u8 = 3;
/// The default seed of a sweep in shards.
const SEED_OF_SHARDS: u64 = 1;
/// The exit status of an interrupted sweep: 128 + SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

/// Measure a grid of batch timeouts, strategies and other parameters; fit and plot the latencies
#[derive(Clone, Debug, Args)]
#[command(
    mut_args(settings::with_lists),
    after_help = "Examples:
  bench-cli sweep
  bench-cli sweep --strategy tree,hub --batch-timeouts 50,100..=400:100 --repetitions 5
  bench-cli sweep --bin ./my-node --node-args '--flush-every {batch_timeout_ms}' --name mine
  bench-cli sweep --bin ./gossip --param fanout=1..=5 --param wait=9ms --node-args '{fanout} {wait}'
  bench-cli sweep --preset 3e --bin ./gossip --param k=1..=24 --node-args '{k}' --sample 10 --x k
  bench-cli sweep --bin ./my-node --build 'go build -o my-node .' --label 'my node, v2'
  bench-cli sweep --engine simulated --latency 10ms,100ms --node-count 5,25 --repetitions 20
  bench-cli sweep --engine maelstrom --maelstrom ~/maelstrom --batch-timeouts 200
  bench-cli sweep --batch-timeouts 400 --fail-if 'msgs_per_op>2' --fail-if 'every:stable_max_ms>600'
  bench-cli sweep --spec results/mine/sweep.toml --engine maelstrom --name mine-real
  bench-cli sweep --strategy tree,hub --name mine --shard 3/16
  bench-cli sweep --strategy tree,hub --name mine --on slurm --shards 16 --sbatch '--time=2:00:00'

Every node finds its batch timeout in the environment variable BATCH_TIMEOUT_MS. With --nemesis kill, DATA_DIR names \
a directory for the node's log.

The folder of a sweep has its description, sweep.toml, which repeats it exactly. summary.md and -v list the Pareto \
front: the settings that no other beats in messages and latency beyond noise. If two parameters vary, effects.png \
shows the effect of each one, and a table says how much of the variance it explains.

A run that fails is recorded with its reason, and the sweep continues. The same command resumes a stopped sweep; more \
repetitions or other values extend it. If the node's program was modified since the first run, bench-cli refuses to \
resume. It looks at the file that --bin names, not at what a script starts. --force starts over.

Exit status: 0 if every run in sweep.csv is ok; 1 if a run failed or nothing could be measured; 2 if the flags are \
wrong; 3 if every run is ok and a --fail-if holds; 130 if it was interrupted."
)]
pub struct SweepArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    #[command(flatten)]
    runs: RunArgs,
    /// A shell command to run before the sweep, such as 'go build -o my-node .'
    #[arg(long, value_name = "COMMAND")]
    build: Option<String>,
    /// Name of the sweep [default: sweep- and the time (UTC)]
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    name: Option<String>,
    /// Output folder [default: results/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Execute only part I of N, for sweeps on several machines; bench-cli merge joins the parts. auto takes
    /// I and N from a Slurm job array; auto/N takes I from a Slurm array or a Kubernetes indexed job
    #[arg(long, value_name = "I/N", value_parser = clap::value_parser!(ShardChoice))]
    shard: Option<ShardChoice>,
    /// Replace an earlier sweep in the same folder instead of resuming it
    #[arg(long)]
    force: bool,
    /// Repeat the failed runs of an earlier sweep in the same folder
    #[arg(long, conflicts_with = "force")]
    retry_failed: bool,
    /// Print the commands of all runs and how long they would take, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Exit with status 3 if this is true for the median of any point, such as 'msgs_per_op > 2', or for any
    /// run, such as 'every:stable_max_ms > 600'; any column of sweep.csv; repeatable
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Threshold>,
    #[command(flatten)]
    formats: FormatArgs,
    // Groups with a heading come last: the heading also covers what follows them.
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command. The exit status is 1 if a run is not ok, so that scripts notice missing results.
///
/// # Errors
/// If something that it needs does not exist, or results cannot be written.
pub fn run(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    if let Some(shards) = args.cluster.shards {
        return run_on_cluster(args, shards);
    }
    let shard = args.shard.map(ShardChoice::resolve).transpose()?;
    let whole = args.directory()?;
    let directory = shard.map_or_else(|| whole.clone(), |shard| folder::shard_folder(&whole, shard));
    let commands = Commands::new(std::env::args_os(), &whole);
    let mut screen = Screen::new(args.runs.detail());
    if shard.is_none() {
        // A shard has no page of its own: writing it after each run would load a shared file system.
        screen = screen.with_report(LiveReport::new(&directory, &args.limits));
    }
    if let Some(command) = args.build.as_ref().filter(|_| !args.dry_run) {
        build::run(command, &screen)?;
    }
    let existing = args.existing();
    let resumes = existing != Existing::Replace;
    // All shards of a sweep need the same seed, but do not know each other.
    let seed_of_whole = folder::spec_in(&whole)?.filter(|_| resumes).map_or(SEED_OF_SHARDS, |spec| spec.seed);
    let default_seed = || if shard.is_some() { seed_of_whole } else { random_seed() };
    let (spec, why) =
        args.description.resolve(&args.settings, &args.limits, &directory, resumes, default_seed)?;
    let options = args.runs.options(&directory, existing, args.description.engine.programs()?)?;
    let options = Options { shard, ..options };
    if args.dry_run {
        if let Some(command) = &args.build {
            println!("{command}");
        }
        return print_plan(&spec, &options);
    }
    screen.note(&format!("engine: {} ({why})", spec.engine));
    if let Some(sampled) = spec.sampled() {
        screen.note(&format!("sample: {sampled}"));
    }
    if shard.is_some() && !shard::wait_for_predecessor(&directory.join(CSV_FILE), &options.stop, &screen) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let ended = measure(&spec, &options, &mut screen, &commands)?;
    match shard {
        // A shard has too few runs for plots, and many shards would draw at the same time.
        Some(shard) => screen.note(&format!(
            "shard {shard}: {} in {}; bench-cli merge {} puts the shards together",
            done(&ended),
            directory.display(),
            shell::quote(&whole.display().to_string())
        )),
        // A user who asks twice to stop does not wait for plots.
        None if options.stop.current() == Stop::Now => {}
        None => {
            output::conclude(&ended, &directory, args.runs.extent(), &args.limits, &args.formats)?;
        }
    }
    if ended.stopped {
        eprintln!(
            "interrupted: {} in {}; to resume:\n  {}",
            done(&ended),
            directory.join(CSV_FILE).display(),
            commands.resume
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(exit_status(args, &ended))
}

/// `1 of 3 runs is`, as the start of a sentence.
fn done(Ended { records, planned, .. }: &Ended) -> String {
    format!("{} of {} {}", records.len(), count(*planned, "run"), are(records.len()))
}

/// The exit status of a sweep that was not interrupted.
fn exit_status(args: &SweepArgs, ended: &Ended) -> ExitCode {
    let crossed = report_crossings(&args.fail_if, &ended.records);
    match (!ended.stopped && ended.records.iter().all(RunRecord::is_ok), crossed) {
        (false, _) => ExitCode::FAILURE,
        (true, true) => ExitCode::from(THRESHOLD_CROSSED),
        (true, false) => ExitCode::SUCCESS,
    }
}

/// Executes the sweep on a cluster in `shards` parts.
fn run_on_cluster(args: &SweepArgs, shards: NonZeroU32) -> anyhow::Result<ExitCode> {
    let directory = slurm::shared(&args.directory()?)?;
    let commands = Commands::new(std::env::args_os(), &directory);
    let existing = args.existing();
    let resumes = existing != Existing::Replace;
    let (spec, why) =
        args.description.resolve(&args.settings, &args.limits, &directory, resumes, random_seed)?;
    let stop = signals::listen(signals::DETACHING).context("cannot handle signals")?;
    let programs = args.description.engine.programs()?;
    let options = args.runs.options_until(stop, &directory, existing, programs);
    let mut sweep_flags = args.runs.words();
    sweep_flags.extend(args.description.engine.place_of_maelstrom()?);
    if existing == Existing::RetryFailed {
        sweep_flags.push("--retry-failed".to_owned());
    }
    let request = Request {
        spec,
        options: &options,
        shards,
        sbatch: args.cluster.sbatch.as_ref(),
        sweep_flags,
        limits: &args.limits,
        formats: &args.formats,
        extent: args.runs.extent(),
        commands: &commands,
    };
    if args.dry_run {
        return request.print_scripts().map(|()| ExitCode::SUCCESS);
    }
    let screen = Screen::new(args.runs.detail());
    screen.note(&format!("engine: {} ({why})", request.spec.engine));
    let build = |screen: &Screen| args.build.as_ref().map_or(Ok(()), |command| build::run(command, screen));
    Ok(match request.run(screen, build)? {
        Some(ended) => exit_status(args, &ended),
        None => ExitCode::from(INTERRUPTED),
    })
}

/// Prints which thresholds are crossed. Returns whether any is.
fn report_crossings(thresholds: &[Threshold], records: &[RunRecord]) -> bool {
    let mut crossed = false;
    for threshold in thresholds {
        let crossings = threshold.crossings(records);
        if crossings.is_empty() {
            println!("passed: not {threshold}");
            continue;
        }
        crossed = true;
        println!("FAILED: {threshold}");
        for crossing in crossings {
            println!("  {crossing}");
        }
    }
    crossed
}

/// Executes a sweep into its folder, which must have no artifacts of an earlier sweep.
///
/// # Errors
/// If something that it needs does not exist, the folder has another sweep, or results cannot be written.
pub(super) fn measure(
    spec: &SweepSpec,
    options: &Options,
    screen: &mut Screen,
    commands: &Commands,
) -> anyhow::Result<Ended> {
    if options.existing != Existing::Replace {
        artifacts::refuse_strangers(&options.directory)?;
    }
    sweep::run(spec, options, screen).map_err(|error| {
        if error.is::<CannotResume>() {
            // The library's errors name the flag, not the whole command, which `make` hides.
            anyhow!("{error:#}:\n  {}", commands.restart)
        } else if screen.has_begun() {
            error.context(format!("the sweep has ended early; to resume it: {}", commands.resume))
        } else {
            error
        }
    })
}

/// Prints the commands of a sweep.
fn print_plan(spec: &SweepSpec, options: &Options) -> anyhow::Result<ExitCode> {
    let commands = sweep::commands(spec, options)?;
    let runs = spec.runs_of(options.shard)?;
    for ((name, command), run) in commands.iter().zip(&runs) {
        match (command, run.seed) {
            (Some(command), _) => println!("{command}"),
            (None, seed) => {
                let seed = seed.unwrap_or_default();
                println!("{name}: in virtual time, without a process, with the seed {seed}");
            }
        }
    }
    let engine = Engine::new(spec.engine, &options.programs)?;
    let jobs = options.most_jobs(&engine, &spec.node);
    let each = runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default();
    let all = each * runs.len().div_ceil(jobs.get()) as u32;
    if let Some(sampled) = spec.sampled() {
        eprintln!("sample: {sampled}");
    }
    eprintln!(
        "{}, {jobs} at a time, would take about {}; nothing was done",
        count(runs.len(), "run"),
        rounded(all)
    );
    Ok(ExitCode::SUCCESS)
}

/// Refuses to write into the folder of the sweep with which the new runs are compared. `sweep` describes that
/// sweep for the error.
///
/// # Errors
/// If it is that folder.
pub(super) fn refuse_the_folder_of(csv: &Path, directory: &Path, sweep: &str) -> anyhow::Result<()> {
    let same = directory.join(CSV_FILE).canonicalize().ok() == csv.canonicalize().ok();
    let refused = || {
        UsageError::new(format!(
            "--out {} is the folder of {sweep}; give another folder",
            directory.display()
        ))
    };
    ensure!(!same, refused());
    Ok(())
}

/// Reads a sweep, given by its folder or its CSV, and warns of a line that was cut off.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read(path: &Path) -> anyhow::Result<Recorded> {
    let sweep = Recorded::read(path)?;
    if let Some(line) = sweep.torn_line {
        eprintln!("warning: line {line} of {} is cut off and left out", sweep.csv.display());
    }
    Ok(sweep)
}

impl SweepArgs {
    fn existing(&self) -> Existing {
        match (self.force, self.retry_failed) {
            (true, _) => Existing::Replace,
            (false, true) => Existing::RetryFailed,
            (false, false) => Existing::Resume,
        }
    }

    /// The output folder.
    ///
    /// # Errors
    /// If the name is not a plain folder name.
    fn directory(&self) -> anyhow::Result<PathBuf> {
        match (&self.out, &self.name) {
            (Some(out), _) => Ok(out.clone()),
            (None, Some(name)) => {
                let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
                if !plain {
                    bail!(UsageError::new(format!(
                        "--name {name:?} is not a plain folder name; --out takes a path"
                    )));
                }
                Ok(Path::new("results").join(name))
            }
            (None, None) if self.shard.is_some() => {
                bail!("--shard needs --out or --name: all shards of a sweep go into the same folder")
            }
            (None, None) => {
                let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
                Ok(Path::new("results").join(format!("sweep-{now}")))
            }
        }
    }
}
