//! `bench-cli doctor`: does this machine have everything a sweep needs?

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::engine::locate::Places;
use crate::engine::programs::Programs;
use crate::preflight::{Finding, machine, maelstrom, node, tools};
use crate::spec::settings::{NodeCommand, Settings};

/// Check that this machine has everything a sweep needs, and say how to fix what is missing
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli doctor
  bench-cli doctor --bin ./my-node --jobs 2")]
pub struct DoctorArgs {
    /// The node to check [default: this repository's]
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    maelstrom: Option<PathBuf>,
    /// Number of parallel runs
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// Output folder of a sweep
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

/// Runs the command. The exit status is 1 if there is a fault.
///
/// # Errors
/// If processes cannot be watched.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    /// As many as a sweep has by default.
    const RUNS: usize = 18;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut findings = vec![runtime.block_on(check_node(args.bin.as_deref()))];
    findings.extend(check_maelstrom(args.maelstrom.clone()));
    findings.extend([machine::disk(&args.out, RUNS), machine::cores(args.jobs)]);
    findings.extend([machine::timers(), machine::clock()]);
    for finding in &findings {
        println!("{finding}");
    }
    let faults = findings.iter().filter(|finding| finding.is_fault()).count();
    if faults > 0 {
        println!("\n{faults} to fix");
        return Ok(ExitCode::FAILURE);
    }
    println!("\nready to sweep");
    Ok(ExitCode::SUCCESS)
}

async fn check_node(bin: Option<&Path>) -> Finding {
    let command = match bin {
        Some(bin) => {
            let bin = std::path::absolute(bin).unwrap_or_else(|_| bin.to_owned());
            NodeCommand { bin, args: Vec::new(), env: Vec::new() }
        }
        None => match Programs::of_process().context("where is bench-cli?") {
            Ok(programs) => programs.bundled(),
            Err(error) => return Finding::fault("node", format!("{error:#}"), "--bin PATH"),
        },
    };
    node::check(&command, Settings::default().node_count).await
}

/// Maelstrom and what it calls. The embedded runner does without, so what is missing matters only if
/// Maelstrom is there.
fn check_maelstrom(given: Option<PathBuf>) -> Vec<Finding> {
    let found = Places::of_process(given).find();
    let tools = tools::check();
    match found {
        Ok(Some(launcher)) => {
            let mut findings = vec![maelstrom::check(&launcher)];
            findings.extend(tools);
            findings
        }
        Ok(None) => {
            let text = "not found in MAELSTROM, on PATH or in ./maelstrom; sweeps use the embedded runner";
            let mut findings = vec![Finding::fault("maelstrom", text, maelstrom::download()).softened()];
            findings.extend(tools.into_iter().map(Finding::softened));
            findings
        }
        Err(error) => {
            let remedy = "--maelstrom PATH, or unset MAELSTROM";
            vec![Finding::fault("maelstrom", error.to_string(), remedy)]
        }
    }
}
