//! The command line: flags in, exit status out.

mod artifacts;
mod build;
pub mod check;
pub mod compare;
pub mod completions;
pub mod confirm;
mod description;
pub mod doctor;
mod engine;
pub mod limits;
mod live;
pub mod merge;
mod output;
pub mod parity;
pub mod plot;
mod progress;
mod runs;
pub mod serve;
pub mod settings;
mod shard;
mod signals;
pub mod simulate;
mod slurm;
pub mod soak;
pub mod sweep;
pub mod test;
pub mod tune;
mod typed;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::engine::programs::NODE_COMMAND;
use crate::supervise::guard::{self, Guard};

/// Help is at most so many columns wide.
const HELP_WIDTH: usize = 100;

/// Measure how a broadcast node's batch timeout trades messages for latency under Maelstrom.
#[derive(Debug, Parser)]
#[command(version, max_term_width = HELP_WIDTH, args_override_self = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sweep(Box<sweep::SweepArgs>),
    Tune(Box<tune::TuneArgs>),
    Plot(plot::PlotArgs),
    Compare(compare::CompareArgs),
    Serve(serve::ServeArgs),
    Confirm(confirm::ConfirmArgs),
    Merge(merge::MergeArgs),
    /// Run one broadcast test without Maelstrom, with the flags, files and exit statuses of `maelstrom test`
    #[command(disable_help_flag = true)]
    Test {
        /// Maelstrom's flags; `bench-cli test --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run this repository's node; sweeps start this if there is no program `node` next to bench-cli
    #[command(disable_help_flag = true)]
    Node {
        /// The node's flags; `bench-cli node --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    Check(check::CheckArgs),
    Parity(parity::ParityArgs),
    Simulate(Box<simulate::SimulateArgs>),
    Soak(soak::SoakArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    /// Print a manual page: bench-cli man | man -l -
    Man {
        /// A command [default: all of bench-cli]
        command: Option<String>,
    },
}

/// Runs the command line and prints its errors. The exit status is 0 for done, 1 for failed, 2 for wrong
/// usage and 130 for interrupted. `test` and `check` have Maelstrom's own.
pub fn run() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|command| command == NODE_COMMAND) {
        // Runs start many nodes, so nothing else is set up for one.
        return node::command::main(std::env::args_os().skip(1));
    }
    crate::logging::start();
    // `test` parses its flags as Maelstrom does, "--" and all, so clap must not touch them.
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next();
    if command.as_ref().is_some_and(|command| command == "test") {
        return guarded(|| test::main(arguments));
    }
    if command.is_some_and(|command| command == guard::COMMAND) {
        guard::main();
        return ExitCode::SUCCESS;
    }
    let cli = Cli::try_parse().unwrap_or_else(|error| usage::with_tip(error).exit());
    let result = match cli.command {
        Command::Sweep(args) => guarded(|| sweep::run(&args)),
        Command::Tune(args) => guarded(|| tune::run(&args)),
        Command::Plot(args) => plot::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Confirm(args) => guarded(|| confirm::run(&args)),
        Command::Test { arguments } => Ok(guarded(|| test::main(arguments.into_iter()))),
        Command::Node { arguments } => {
            Ok(node::command::main(std::iter::once(NODE_COMMAND.into()).chain(arguments)))
        }
        Command::Simulate(args) => simulate::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Parity(args) => guarded(|| parity::run(&args)),
        Command::Doctor(args) => guarded(|| doctor::run(&args)),
        Command::Completions(args) => completions::run(&args),
        Command::Man { command } => completions::man(command.as_deref()),
        Command::Check(args) => check::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {}", typed::within(&format!("{error:#}")));
        usage::exit_status(&error)
    })
}

/// Does work that starts processes under a guard, which ends them if this process is killed.
fn guarded<T>(work: impl FnOnce() -> T) -> T {
    let guard = std::env::current_exe().and_then(|program| Guard::start(&program));
    if let Err(error) = &guard {
        eprintln!(
            "warning: cannot start a guard ({error}); if bench-cli is killed, nodes may be left running"
        );
    }
    work()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// clap wraps longer lines, and a wrapped command cannot be pasted into a shell.
    #[test]
    fn examples_fit_the_width_of_help() {
        let mut examples = 0;
        for command in Cli::command().get_subcommands() {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for example in text.lines().filter(|line| line.starts_with("  ")) {
                assert!(example.chars().count() <= HELP_WIDTH, "{example}");
                examples += 1;
            }
        }
        assert!(examples > 25, "{examples}");
    }
}
