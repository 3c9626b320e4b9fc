//! `bench-cli check`: what Maelstrom's checkers would say of a recorded history.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::harness::{checker, history_file, results};
use crate::spec::settings::Availability;

/// Judges a recorded history as Maelstrom does, and prints the results as EDN.
///
/// It prints what follows from the history alone: :workload, :stats and :availability. The message counts
/// under :net are not in a history.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The history: a history.edn, or a directory that holds one
    pub history: PathBuf,
    /// The fraction of requests that must succeed: a number from 0 to 1, or `total`
    #[arg(long)]
    pub availability: Option<Availability>,
}

/// Runs the command.
///
/// # Errors
/// If the history cannot be read.
pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let path = if args.history.is_dir() { args.history.join("history.edn") } else { args.history.clone() };
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let history =
        history_file::read_edn(&text).with_context(|| format!("{} is no history", path.display()))?;
    let report = checker::check(&history, args.availability);
    let results = results::from_history(&history, &report);
    writeln!(std::io::stdout().lock(), "{}", results.pretty()).context("could not print the results")
}
