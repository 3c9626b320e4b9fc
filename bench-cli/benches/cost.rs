//! What simulated runs cost: instructions and wall time per run, and the wall time of whole sweeps.
//!
//! Every figure comes from running a program as a process. So another build can be measured next to this one:
//! with `BASELINE=path/to/bench-cli`, each row also gives the baseline's figure and the ratio. The
//! two programs take turns, because the speed of a machine changes over minutes. A row shows medians.
//!
//! - **Instructions**, and the time of a **first run**: those of a process with the challenge run, less those
//!   of a process with almost no run. So neither the start of the program nor what it prints counts. A first
//!   run gets all its memory from the system, and nothing is in the processor's caches.
//! - The time of a run **in a row** is what the criterion benchmark `simulated` measures. The benchmark lies
//!   next to bench-cli, in `deps`, once `cargo bench --bench simulated --no-run` has built it.
//! - The time of **sweeps** is that of the whole process, plots included.

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use node::StrategyKind;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Flags of `simulate` for a run with hardly any work.
const ALMOST_NO_RUN: [&str; 4] = ["--node-count=1", "--time-limit=1s", "--rate=10", "--seed=1"];
/// How many seeds the instructions of a run are counted for, and its wall time is measured with.
const COUNTED_SEEDS: u64 = 3;
const TIMED_SEEDS: u64 = 40;
/// How often each sweep, and each criterion benchmark, is repeated.
const REPETITIONS: u64 = 3;

fn main() -> Result<()> {
    let baseline = std::env::var_os("BASELINE").filter(|path| !path.is_empty());
    let current = OsStr::new(env!("CARGO_BIN_EXE_bench-cli"));
    let programs: Vec<&OsStr> = [current].into_iter().chain(baseline.as_deref()).collect();
    // First of all, because one may be missing.
    let benchmarks =
        programs.iter().map(|program| criterion_benchmark(program)).collect::<Result<Vec<_>>>()?;
    let benchmarks: Vec<&OsStr> = benchmarks.iter().map(|path| path.as_os_str()).collect();
    println!("{:45} {:>10} {:>10} {:>6}", "25 nodes, 100 op/s, 20 s", "this build", "baseline", "ratio");
    for strategy in StrategyKind::ALL {
        let Some(counts) = instructions(&programs, strategy)? else {
            println!("valgrind is not installed: instructions are not counted");
            break;
        };
        print_row(&format!("{}, 200 ms: million instructions", strategy.name()), &counts);
    }
    for strategy in StrategyKind::ALL {
        let name = format!("{}, 200 ms: ms, a first run", strategy.name());
        print_row(&name, &first_run_times(&programs, strategy)?);
    }
    for strategy in StrategyKind::ALL {
        let name = format!("{}, 200 ms: ms, a run in a row", strategy.name());
        let times = medians(&benchmarks, 0..REPETITIONS, |benchmark, _| criterion_time(benchmark, strategy))?;
        print_row(&name, &times);
    }
    let hub = ["--strategy=hub", "--batch-timeouts=200", "--repetitions=400", "--jobs=1"];
    print_row("sweep of 400 runs, one job: s", &sweep_times(&programs, &hub)?);
    let mixed = ["--strategy=hub,tree,direct", "--batch-timeouts=0..=1800:200", "--repetitions=100"];
    print_row("sweep of 3,000 runs, all strategies: s", &sweep_times(&programs, &mixed)?);
    Ok(())
}

/// A row: this build's figure, and if there is a baseline, that one's and the ratio.
fn print_row(name: &str, figures: &[f64]) {
    print!("{name:45} {:10.2}", figures[0]);
    if let [current, baseline] = figures {
        print!(" {baseline:10.2} {:6.3}", current / baseline);
    }
    println!();
}

/// Measures each program `rounds` times, in turns. Returns each one's median.
fn medians(
    programs: &[&OsStr],
    rounds: impl IntoIterator<Item = u64>,
    mut measure: impl FnMut(&OsStr, u64) -> Result<f64>,
) -> Result<Vec<f64>> {
    let mut samples = vec![Vec::new(); programs.len()];
    for round in rounds {
        for (program, samples) in programs.iter().zip(&mut samples) {
            samples.push(measure(program, round)?);
        }
    }
    for samples in &mut samples {
        samples.sort_by(f64::total_cmp);
    }
    Ok(samples.iter().map(|samples| samples[samples.len() / 2]).collect())
}

/// The flags of `simulate` for the challenge run.
fn challenge(strategy: StrategyKind, seed: u64) -> [String; 3] {
    [format!("--strategy={}", strategy.name()), "--batch-timeout=200ms".to_owned(), format!("--seed={seed}")]
}

/// Millions of instructions per run. `None` without valgrind.
fn instructions(programs: &[&OsStr], strategy: StrategyKind) -> Result<Option<Vec<f64>>> {
    if let Err(error) = Command::new("valgrind").arg("--version").output()
        && error.kind() == io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    let figures = medians(programs, 0..COUNTED_SEEDS, |program, seed| {
        let run = count_instructions(program, &challenge(strategy, seed))?;
        Ok((run - count_instructions(program, &ALMOST_NO_RUN)?) / 1e6)
    })?;
    Ok(Some(figures))
}

/// The instructions of one process of `simulate`.
fn count_instructions(program: &OsStr, flags: &[impl AsRef<OsStr>]) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg("simulate")
        .args(flags)
        .output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = collected.ok_or_else(|| format!("valgrind counted nothing: {report}"))?;
    Ok(number.trim().parse()?)
}

/// Milliseconds for the first run of a process.
fn first_run_times(programs: &[&OsStr], strategy: StrategyKind) -> Result<Vec<f64>> {
    let simulate = |program: &OsStr, flags: &[String]| {
        time(Command::new(program).arg("simulate").args(flags)).map(|time| time.as_secs_f64() * 1e3)
    };
    let almost_no_run = ALMOST_NO_RUN.map(str::to_owned);
    let starts = medians(programs, 0..TIMED_SEEDS, |program, _| simulate(program, &almost_no_run))?;
    let runs =
        medians(programs, 0..TIMED_SEEDS, |program, seed| simulate(program, &challenge(strategy, seed)))?;
    Ok(runs.iter().zip(&starts).map(|(run, start)| run - start).collect())
}

/// The benchmark `simulated` of the same build as this bench-cli.
fn criterion_benchmark(program: &OsStr) -> Result<PathBuf> {
    let folder = Path::new(program).with_file_name("deps");
    let mut latest = None;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let is_benchmark = path.extension().is_none()
            && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("simulated-"));
        if is_benchmark {
            latest = latest.max(Some((path.metadata()?.modified()?, path)));
        }
    }
    let how = "there, `cargo bench --bench simulated --no-run` builds it";
    latest.map(|(_, path)| path).ok_or_else(|| format!("{} has no benchmark: {how}", folder.display()).into())
}

/// Milliseconds per run, as criterion measures it.
fn criterion_time(benchmark: &OsStr, strategy: StrategyKind) -> Result<f64> {
    const GROUP: &str = "challenge run, 200 ms";
    let (folder, strategy) = (tempfile::tempdir()?, strategy.name());
    time(
        Command::new(benchmark)
            .args([
                "--bench",
                "--exact",
                &format!("{GROUP}/{strategy}"),
                "--warm-up-time=1",
                "--measurement-time=3",
            ])
            .env("CRITERION_HOME", folder.path()),
    )?;
    let estimates = folder.path().join(GROUP).join(strategy).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_str(&fs::read_to_string(estimates)?)?;
    let nanos = estimates["median"]["point_estimate"].as_f64().ok_or("criterion wrote no median")?;
    Ok(nanos / 1e6)
}

/// Seconds per sweep.
fn sweep_times(programs: &[&OsStr], flags: &[&str]) -> Result<Vec<f64>> {
    medians(programs, 0..REPETITIONS, |program, _| {
        let folder = tempfile::tempdir()?;
        let mut sweep = Command::new(program);
        sweep.args(["sweep", "--engine=simulated", "--seed=1", "--quiet"]).args(flags);
        Ok(time(sweep.arg("--out").arg(folder.path().join("sweep")))?.as_secs_f64())
    })
}

/// How long a command takes.
fn time(command: &mut Command) -> Result<Duration> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = began.elapsed();
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(took)
}
