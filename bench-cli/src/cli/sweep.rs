//! `bench-cli sweep`: flags to a plan and an engine, the sweep, its tables and pictures.

mod before;
mod engine;
mod flags;
mod node;
mod runs;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail, ensure};

pub(super) use self::engine::EngineChoice;
pub use self::flags::SweepArgs;
pub(super) use self::node::{our_node, strategy};
pub use self::runs::RunArgs;
use super::conclude::{self, FormatArgs, Outputs};
use super::go_on::Commands;
use super::limits::LimitArgs;
use super::products;
use crate::campaign::sweep::progress::Detail;
use crate::campaign::sweep::{CSV_FILE, CannotGoOn, Earlier, Options, Sweep, signals};
use crate::engine::{AnyEngine, Engine as _};
use crate::record::Row;
use crate::spec::plan::Run;
use crate::supervise::stop::Stop;

/// The exit status of an interrupted sweep: 128 + SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

/// Runs the command. The exit status is 1 if a run is not ok: whoever calls it without reading what it prints should
/// not take the rest for all.
///
/// # Errors
/// If something that was asked for does not exist, or results cannot be written.
pub fn run(args: SweepArgs) -> anyhow::Result<ExitCode> {
    let directory = args.directory()?;
    let commands = Commands::new(std::env::args_os(), &directory);
    if args.dry_run {
        return Ok(before::print_plan(&prepare(&args, &directory)?));
    }
    let Measured { rows, planned, stopped } = measure(&args, &directory, &commands)?;
    conclude(&rows, &directory, &args.limits, &args.formats)?;
    if stopped {
        eprintln!(
            "interrupted: {} of {planned} runs are in {}; to go on:\n  {}",
            rows.len(),
            directory.join(CSV_FILE).display(),
            commands.go_on
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if rows.iter().all(Row::is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    let (engine, why) = args.engine.choose(&args.node)?;
    if runs.iter().any(|run| run.settings.message_faults.any()) && engine.name() != "simulated" {
        bail!("--loss and --duplication are beyond Maelstrom; they need --engine simulated");
    }
    let options = args.options(directory, &engine);
    Ok(Prepared { runs, engine, why, options })
}

/// Looks whether the runs that `args` ask for could be executed, before something else that takes long.
///
/// # Errors
/// If something that was asked for does not exist.
pub(super) fn look_ahead(args: &SweepArgs, directory: &Path) -> anyhow::Result<()> {
    prepare(args, directory).map(drop)
}

/// Executes the runs that `args` ask for into `directory`.
///
/// # Errors
/// If something that was asked for does not exist, what is there is of another sweep, or results cannot be written.
pub(super) fn measure(args: &SweepArgs, directory: &Path, commands: &Commands) -> anyhow::Result<Measured> {
    let Prepared { runs, engine, why, options } = prepare(args, directory)?;
    let shown = options.detail != Detail::Quiet;
    if shown {
        eprintln!("engine: {} ({why})", engine.name());
    }
    // One thread: its life is that of the whole process, which is what the system ties children to.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything is touched: --force must not remove a sweep that cannot be replaced.
    runtime.block_on(before::check(&engine, &runs, &options))?;
    let replace = options.earlier == Earlier::Replace;
    if !replace {
        products::refuse_strangers(directory)?;
    }
    let engine = Arc::new(engine);
    let sweep = Sweep::open(engine.clone(), &runs, options.clone())
        .map_err(|error| with_remedy(error, commands.anew.as_deref()))?;
    if replace {
        products::remove(directory)?;
    }
    if shown {
        before::announce(&engine, &sweep, &options);
    }
    let (rows, stopped) = runtime
        .block_on(async {
            let stop = signals::listen().context("cannot handle signals")?;
            let rows = sweep.run(stop.clone()).await?;
            anyhow::Ok((rows, stop.current() != Stop::No))
        })
        .with_context(|| format!("the sweep has ended early; to go on with it: {}", commands.go_on))?;
    Ok(Measured { rows, planned: runs.len(), stopped })
}

/// The error with what to type if what is there may go: the texts of the runner say which flag, not which command, and
/// whoever typed `make` knows neither.
fn with_remedy(error: anyhow::Error, anew: Option<&str>) -> anyhow::Error {
    match anew {
        Some(anew) if error.is::<CannotGoOn>() => anyhow!("{error:#}:\n  {anew}"),
        _ => error,
    }
}

/// Refuses to measure into the folder of a sweep that the new runs are held against, be it to go on with it or to
/// replace it. `sweep` says which one that is.
///
/// # Errors
/// If it is that folder.
pub(super) fn refuse_the_folder_of(csv: &Path, directory: &Path, sweep: &str) -> anyhow::Result<()> {
    let same = directory.join(CSV_FILE).canonicalize().ok() == csv.canonicalize().ok();
    ensure!(!same, "--out {} is the folder of {sweep}; give another folder", directory.display());
    Ok(())
}

/// Prints the tables of what was measured, draws its pictures and writes its report.
fn conclude(rows: &[Row], directory: &Path, limits: &LimitArgs, formats: &FormatArgs) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    conclude::print(rows, directory, limits);
    println!("wrote {}", directory.join(CSV_FILE).display());
    conclude::write_all(rows, &Outputs::beside(&directory.join(CSV_FILE)), limits, formats)
}
