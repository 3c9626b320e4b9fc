//! The command line: flags in, exit status out.

pub mod plot;
pub mod settings;
pub mod sweep;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sweep a broadcast node's batch timeout under Maelstrom, fit its latencies, draw them.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sweep(Box<sweep::SweepArgs>),
    Plot(plot::PlotArgs),
}

/// Runs the command that this process was called with. Errors are printed; the exit status says how it ended:
/// 0 done, 1 failed, 2 wrong usage, 130 interrupted.
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Sweep(args) => sweep::run(*args),
        Command::Plot(args) => plot::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
