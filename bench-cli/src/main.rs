//! The benchmark's binary.

use std::process::ExitCode;

use bench_cli::cli;
use clap::Parser;

/// Commands that clap parses; `test` parses its own flags as Maelstrom does.
#[derive(Parser)]
enum Command {
    Check(cli::check::CheckArgs),
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|command| command == "test") {
        return cli::test::main(arguments);
    }
    let Command::Check(args) = Command::parse();
    match cli::check::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
