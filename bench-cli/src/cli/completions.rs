//! `bench-cli completions` and `bench-cli man`: what shells and `man` read, made from the flags themselves.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::usage::UsageError;
use super::{Cli, typed};
use crate::spec::command::PROGRAM;
use crate::terminal;

/// Print shell completions
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli completions bash > ~/.local/share/bash-completion/completions/bench-cli
  bench-cli completions zsh > ~/.zfunc/_bench-cli
  bench-cli completions fish > ~/.config/fish/completions/bench-cli.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completions of a shell.
///
/// # Errors
/// If they cannot be printed.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut text);
    print(&text)
}

/// Prints the manual page of this program, or of its command `name`.
///
/// # Errors
/// If there is no such command or nothing can be printed.
pub fn man(name: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut program = Cli::command();
    program.build();
    let command = match name {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            UsageError::new(format!("there is no command {name:?}; {} --help lists them", typed::program()))
        })?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).context("cannot write the page")?;
    print(&text)
}

fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    terminal::write_to_stdout(text).context("cannot print it")?;
    Ok(ExitCode::SUCCESS)
}
