//! `bench-cli sweep`: flags to a plan and an engine, the sweep, its tables and pictures.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use node::StrategyKind;

use super::conclude::{self, FormatArgs};
use super::go_on;
use super::limits::LimitArgs;
use super::settings::{SettingsArgs, seconds};
use crate::engine::locate::{Places, is_executable};
use crate::engine::maelstrom::TestProcess;
use crate::engine::simulated::Simulated;
use crate::engine::{AnyEngine, Engine as _, Stop};
use crate::outcome::Row;
use crate::preflight::{self, Finding, machine, tools};
use crate::sweep::durations::{DefaultUnit, parse_list};
use crate::sweep::plan::{Grid, NodeChoice, Run};
use crate::sweep::progress::Detail;
use crate::sweep::progress::rounded;
use crate::sweep::template::Template;
use crate::sweep::{CSV_FILE, Earlier, Keep, Options, RUNS_FOLDER, Sweep, signals};

/// The exit status of an interrupted sweep: 128 + SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

/// Measure a grid of batch timeouts, strategies and repetitions; fit and draw the latencies
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli sweep
  bench-cli sweep --strategy tree,hub --batch-timeouts 50,100..=400:100 --repetitions 5
  bench-cli sweep --bin ./my-node --node-args '--flush-every {batch_timeout_ms}' --name mine
  bench-cli sweep --engine simulated --latency 10ms,100ms --node-count 5,25 --repetitions 20
  bench-cli sweep --engine maelstrom --maelstrom ~/maelstrom --batch-timeouts 200

Every node finds its batch timeout in the environment as BATCH_TIMEOUT_MS, too.
A run that fails is recorded with its reason, and the sweep goes on. The same command goes on with a sweep that was
stopped; more repetitions or timeouts extend it.")]
pub struct SweepArgs {
    /// Batch timeouts: a list and ranges, in ms or with units, such as 25,50,100..=400:50 or 0.5s
    #[arg(long, value_name = "LIST", default_value = "50,100,200,400,600,800")]
    batch_timeouts: String,
    /// How often each point is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Strategies of this repository's node: a list of tree, hub and direct [default: hub]
    #[arg(long, value_name = "LIST", conflicts_with = "bin", value_delimiter = ',', value_parser = strategy)]
    strategy: Vec<StrategyKind>,
    /// Another node: a program that speaks Maelstrom's protocol
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// Arguments for the node; {batch_timeout_ms} becomes 50 and {batch_timeout} becomes 50ms
    #[arg(
        long,
        value_name = "ARGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    node_args: String,
    /// What executes the runs; auto is Maelstrom where it is found, else the embedded runner; simulated runs
    /// this repository's node in virtual time, thousands of runs a minute
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto)]
    engine: EngineChoice,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    maelstrom: Option<PathBuf>,
    /// How many runs go on at a time [default: 1 with Maelstrom, 4 a core embedded, 1 a core simulated]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// When a run is killed [default: from its settings]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    run_timeout: Option<Duration>,
    /// Seed of the first run; each further run has the next one [default: drawn]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Name of the sweep [default: sweep- and the time (UTC)]
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    name: Option<String>,
    /// Where to write [default: results/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace an earlier sweep in the same place instead of going on with it
    #[arg(long)]
    force: bool,
    /// Repeat the failed runs of an earlier sweep in the same place
    #[arg(long, conflicts_with = "force")]
    retry_failed: bool,
    /// Which runs' files to keep; one of Maelstrom's takes about 15 MB
    #[arg(long, value_enum, default_value_t = Keep::All)]
    keep: Keep,
    /// Print the commands that would be executed, and how long that would take, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// No progress: only warnings, errors and the summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Show each run's phases where there are no bars
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    formats: FormatArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// The values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineChoice {
    Auto,
    Maelstrom,
    Embedded,
    Simulated,
}

/// Runs the command.
///
/// # Errors
/// If something that was asked for does not exist, or results cannot be written.
pub fn run(args: SweepArgs) -> anyhow::Result<ExitCode> {
    let directory = args.directory()?;
    let how_to_go_on = go_on::command(std::env::args_os(), &directory);
    if args.dry_run {
        return Ok(print_plan(&prepare(&args, &directory)?));
    }
    let Measured { rows, planned, stopped } = measure(&args, &directory, &how_to_go_on)?;
    conclude(&rows, &directory, &args.limits, &args.formats)?;
    if stopped {
        eprintln!(
            "interrupted: {} of {planned} runs are in {}; to go on:\n  {how_to_go_on}",
            rows.len(),
            directory.join(CSV_FILE).display()
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if rows.iter().any(Row::is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of a sweep.
pub(super) struct Measured {
    /// The rows in its CSV.
    pub rows: Vec<Row>,
    /// How many runs were asked for.
    pub planned: usize,
    /// Whether the user stopped it.
    pub stopped: bool,
}

/// What flags come to.
struct Prepared {
    runs: Vec<Run>,
    engine: AnyEngine,
    /// Why it is this engine.
    why: String,
    options: Options,
}

fn prepare(args: &SweepArgs, directory: &Path) -> anyhow::Result<Prepared> {
    let runs = args.grid()?.runs();
    let (engine, why) = args.engine()?;
    if runs.iter().any(|run| run.settings.message_faults.any()) && engine.name() != "simulated" {
        bail!("--loss and --duplication are beyond Maelstrom; they need --engine simulated");
    }
    let options = Options {
        directory: directory.to_owned(),
        earlier: args.earlier(),
        seed_given: args.seed.is_some(),
        jobs: args.jobs.unwrap_or_else(|| default_jobs(&engine)),
        deadline: args.run_timeout,
        keep: args.keep,
        detail: args.detail(),
    };
    Ok(Prepared { runs, engine, why, options })
}

/// Executes the runs that `args` ask for into `directory`.
///
/// # Errors
/// If something that was asked for does not exist, or results cannot be written.
pub(super) fn measure(args: &SweepArgs, directory: &Path, how_to_go_on: &str) -> anyhow::Result<Measured> {
    let Prepared { runs, engine, why, options } = prepare(args, directory)?;
    let shown = options.detail != Detail::Quiet;
    if shown {
        eprintln!("engine: {} ({why})", engine.name());
    }
    // One thread: its life is that of the whole process, which is what the system ties children to.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything is touched: --force must not remove a sweep that cannot be replaced.
    runtime.block_on(preflight(&engine, &runs, &options))?;
    let engine = Arc::new(engine);
    let sweep = Sweep::open(engine.clone(), &runs, options.clone())?;
    if shown {
        announce(&engine, &sweep, &options);
    }
    let (rows, stopped) = runtime
        .block_on(async {
            let stop = signals::listen().context("cannot handle signals")?;
            let rows = sweep.run(stop.clone()).await?;
            anyhow::Ok((rows, stop.current() != Stop::No))
        })
        .with_context(|| format!("the sweep has ended early; to go on with it: {how_to_go_on}"))?;
    Ok(Measured { rows, planned: runs.len(), stopped })
}

impl SweepArgs {
    fn grid(&self) -> anyhow::Result<Grid> {
        let timeouts =
            parse_list(&self.batch_timeouts, DefaultUnit::Milliseconds).context("--batch-timeouts")?;
        let template = Template::parse(&self.node_args).context("--node-args")?;
        let node = match &self.bin {
            Some(bin) => NodeChoice::Other {
                given: bin.display().to_string(),
                bin: executable(bin).context("--bin")?,
                args: template,
            },
            None => {
                let mut strategies = self.strategy.clone();
                if strategies.is_empty() {
                    strategies.push(StrategyKind::default());
                }
                NodeChoice::Ours { bin: our_node()?, strategies, extra: template }
            }
        };
        Ok(Grid {
            settings: self.settings.combinations(),
            node,
            timeouts,
            repetitions: self.repetitions,
            seed: self.seed.unwrap_or_else(drawn_seed),
        })
    }

    /// The engine, and why it is this one.
    fn engine(&self) -> anyhow::Result<(AnyEngine, String)> {
        let embedded =
            |why: &str| anyhow::Ok((TestProcess::embedded(std::env::current_exe()?).into(), why.to_owned()));
        if self.engine == EngineChoice::Simulated {
            self.check_simulated()?;
            return Ok((Simulated.into(), "as --engine says".to_owned()));
        }
        let asked = self.engine == EngineChoice::Maelstrom || self.maelstrom.is_some();
        if self.engine == EngineChoice::Embedded {
            if self.maelstrom.is_some() {
                bail!("--maelstrom says where Maelstrom is, but --engine embedded does not use it");
            }
            return embedded("as --engine says");
        }
        match Places::of_process(self.maelstrom.clone()).find()? {
            Some(launcher) => {
                let why = launcher.shown.clone();
                Ok((TestProcess::maelstrom(launcher).into(), why))
            }
            None if asked => bail!(
                "Maelstrom was found neither by MAELSTROM, nor on PATH, nor as ./maelstrom/maelstrom; give \
                 --maelstrom PATH, or --engine embedded, which needs nothing"
            ),
            None => embedded("there is no Maelstrom in MAELSTROM, on PATH or in ./maelstrom"),
        }
    }

    /// Refuses what virtual time cannot do.
    fn check_simulated(&self) -> anyhow::Result<()> {
        if self.bin.is_some() {
            bail!(
                "--engine simulated runs this repository's node inside bench-cli, in virtual time; a program given \
                 by --bin lives in real time: use --engine embedded or maelstrom"
            );
        }
        if !self.node_args.is_empty() {
            bail!(
                "--engine simulated starts no process that could be given --node-args; use --engine embedded"
            );
        }
        if self.maelstrom.is_some() {
            bail!("--maelstrom says where Maelstrom is, but --engine simulated does not use it");
        }
        Ok(())
    }

    fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Phases,
            (false, false) => Detail::Runs,
        }
    }

    fn earlier(&self) -> Earlier {
        match (self.force, self.retry_failed) {
            (true, _) => Earlier::Replace,
            (false, true) => Earlier::RetryFailed,
            (false, false) => Earlier::Resume,
        }
    }

    fn directory(&self) -> anyhow::Result<PathBuf> {
        match (&self.out, &self.name) {
            (Some(out), _) => Ok(out.clone()),
            (None, Some(name)) => {
                let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
                if !plain {
                    bail!("--name {name:?} is no plain folder name; --out takes a path");
                }
                Ok(Path::new("results").join(name))
            }
            (None, None) => {
                let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
                Ok(Path::new("results").join(format!("sweep-{now}")))
            }
        }
    }
}

/// Prints what a sweep would execute.
fn print_plan(Prepared { runs, engine, options, .. }: &Prepared) -> ExitCode {
    for run in runs {
        let directory = options.directory.join(RUNS_FOLDER).join(run.directory_name());
        match engine.command_line(&run.settings, &run.node, run.seed, &directory) {
            Some(command) => println!("{command}"),
            None => println!("{run}: in virtual time, without a process, with the seed {}", run.seed),
        }
    }
    let each = runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default();
    let all = each * runs.len().div_ceil(options.jobs.get()) as u32;
    eprintln!(
        "{} runs, {} at a time, would take about {}; nothing was done",
        runs.len(),
        options.jobs,
        rounded(all)
    );
    ExitCode::SUCCESS
}

/// Looks at what would make every run fail, before the first one starts.
///
/// # Errors
/// If there is such a thing.
async fn preflight(engine: &AnyEngine, runs: &[Run], options: &Options) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    if engine.name() == "maelstrom" {
        findings.extend(tools::check());
        let kept = if options.keep == Keep::All { runs.len() } else { options.jobs.get() };
        findings.push(machine::disk(&options.directory, kept));
    }
    if engine.leaves_files()
        && let Some(run) = runs.first()
    {
        findings.push(preflight::node::check(&run.node).await);
    }
    let faults: Vec<String> =
        findings.iter().filter(|finding| finding.is_fault()).map(Finding::to_string).collect();
    if faults.is_empty() {
        return Ok(());
    }
    bail!("every run would fail (bench-cli doctor looks at everything):\n{}", faults.join("\n"))
}

/// Says what is about to happen, and for how long.
fn announce(engine: &AnyEngine, sweep: &Sweep<AnyEngine>, options: &Options) {
    let (runs, jobs) = (sweep.runs(), options.jobs.get());
    let directory = options.directory.display();
    if runs.is_empty() {
        eprintln!("all {} runs are done already, in {directory}; --force starts anew", sweep.done());
        return;
    }
    if sweep.done() > 0 {
        eprintln!("{} of {} runs are done already", sweep.done(), sweep.done() + runs.len());
    }
    let each = runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default();
    let all = each * runs.len().div_ceil(jobs) as u32;
    eprintln!("{} runs, {jobs} at a time, about {}; into {directory}", runs.len(), rounded(all));
}

/// Prints the tables of what was measured, draws its pictures and writes its report.
fn conclude(rows: &[Row], directory: &Path, limits: &LimitArgs, formats: &FormatArgs) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    conclude::print(rows, directory, limits);
    println!("wrote {}", directory.join(CSV_FILE).display());
    conclude::write_all(rows, directory, formats)
}

/// How many runs of the embedded runner go on at a time on each core. Twice as many kept their timers within 1 ms
/// (p99) on 2 cores: `results/parity/parallelism.md`.
const EMBEDDED_JOBS_PER_CORE: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// How many runs go on at a time if the user does not say. A JVM with its nodes fills the machine; the embedded
/// runner and its nodes sleep most of the time; a simulation never sleeps.
pub(super) fn default_jobs(engine: &AnyEngine) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    match engine.name() {
        "embedded" => cores.saturating_mul(EMBEDDED_JOBS_PER_CORE),
        "simulated" => cores,
        _ => NonZeroUsize::MIN,
    }
}

/// This repository's node, which is built beside this program.
pub(super) fn our_node() -> anyhow::Result<PathBuf> {
    let name = format!("node{}", std::env::consts::EXE_SUFFIX);
    let node = std::env::current_exe()?.with_file_name(name);
    if !is_executable(&node) {
        bail!(
            "this repository's node is not built: there is no {}; run: cargo build --release (or give --bin)",
            node.display()
        );
    }
    Ok(node)
}

/// The absolute path of a program, without following links: a program may look at the name that it is called by.
pub(super) fn executable(bin: &Path) -> anyhow::Result<PathBuf> {
    if !bin.exists() {
        bail!("{} does not exist; give a path, PATH is not searched", bin.display());
    }
    if !is_executable(bin) {
        bail!("{0} is not an executable file; run: chmod +x {0}", bin.display());
    }
    Ok(std::path::absolute(bin)?)
}

pub(super) fn strategy(text: &str) -> Result<StrategyKind, String> {
    StrategyKind::ALL.into_iter().find(|strategy| strategy.name() == text).ok_or_else(|| {
        format!(
            "choose from {}; other nodes take --bin",
            StrategyKind::ALL.map(StrategyKind::name).join(", ")
        )
    })
}

/// A seed that differs from one sweep to the next, small enough to type.
fn drawn_seed() -> u64 {
    u64::from(jiff::Timestamp::now().as_nanosecond() as u32)
}
