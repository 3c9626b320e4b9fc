//! How many instructions a simulated challenge run takes, checker included: a figure that a busy machine does
//! not change.
//!
//! This program runs itself under valgrind's callgrind, once with few runs and once with more. The difference
//! is the cost of the runs alone, without the start of the program. Without valgrind it says so and measures
//! nothing.

use std::error::Error;
use std::io;
use std::process::Command;
use std::time::Duration;

use bench_cli::engine::simulated;
use bench_cli::spec::settings::Settings;
use node::StrategyKind;

/// By this argument, the first one, this program becomes the measured one.
const RUN: &str = "run";
/// The two numbers of runs that are compared. Seeds count up from zero, so both have the first runs in
/// common.
const RUNS: (u64, u64) = (2, 12);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [RUN, strategy, runs] => simulate(strategy, runs.parse()?),
        _ => measure(),
    }
}

fn simulate(strategy: &str, runs: u64) -> Result<(), Box<dyn Error>> {
    let strategy = StrategyKind::ALL.into_iter().find(|kind| kind.name() == strategy);
    let config = node::Config {
        strategy: strategy.ok_or("no such strategy")?,
        batch_timeout: Duration::from_millis(200),
    };
    let settings = Settings::default();
    for seed in 0..runs {
        simulated::run(&settings, config, seed)?;
    }
    Ok(())
}

fn measure() -> Result<(), Box<dyn Error>> {
    println!("strategy  million instructions per run (25 nodes, 2,000 operations, 200 ms)");
    for strategy in StrategyKind::ALL {
        let Some(few) = instructions(strategy, RUNS.0)? else {
            println!("valgrind is not installed: instructions are not counted");
            return Ok(());
        };
        let more = instructions(strategy, RUNS.1)?.ok_or("valgrind has gone")?;
        let per_run = (more - few) as f64 / (RUNS.1 - RUNS.0) as f64;
        println!("{:8}  {:6.2}", strategy.name(), per_run / 1e6);
    }
    Ok(())
}

/// The instructions of this program with so many runs. `None` without valgrind.
fn instructions(strategy: StrategyKind, runs: u64) -> Result<Option<u64>, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([RUN, strategy.name(), &runs.to_string()])
        .output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind failed: {report}").into());
    }
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = collected.ok_or_else(|| format!("valgrind counted nothing: {report}"))?;
    Ok(Some(number.trim().parse()?))
}
