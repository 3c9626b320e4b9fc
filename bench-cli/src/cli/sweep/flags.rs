//! The flags of `bench-cli sweep`, and what they come to.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Parser};

use super::engine::EngineArgs;
use super::node::NodeArgs;
use super::runs::RunArgs;
use crate::campaign::sweep::{Earlier, Options};
use crate::cli::conclude::FormatArgs;
use crate::cli::limits::LimitArgs;
use crate::cli::settings::SettingsArgs;
use crate::engine::AnyEngine;
use crate::spec::durations::{DefaultUnit, parse_list};
use crate::spec::plan::Grid;

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
stopped; more repetitions or timeouts extend it. It is refused if the node's program was modified since the first run
(the file that --bin names; what a script starts is not looked at): --force starts anew.

Exit status: 0 if every run in sweep.csv is ok; 1 if some are not, though all that the others measured is there, or if
nothing could be measured; 2 if the flags are wrong; 130 if it was interrupted.")]
pub struct SweepArgs {
    /// Batch timeouts: a list and ranges, in ms or with units, such as 25,50,100..=400:50 or 0.5s
    #[arg(long, value_name = "LIST", default_value = "50,100,200,400,600,800")]
    batch_timeouts: String,
    /// How often each point is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    #[command(flatten)]
    pub(in crate::cli) node: NodeArgs,
    #[command(flatten)]
    pub(in crate::cli) engine: EngineArgs,
    #[command(flatten)]
    pub(in crate::cli) runs: RunArgs,
    /// Seed of the first run; each further run has the next one [default: drawn]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
    /// Name of the sweep [default: sweep- and the time (UTC)]
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    name: Option<String>,
    /// Where to write [default: results/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace an earlier sweep in the same place instead of going on with it
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Repeat the failed runs of an earlier sweep in the same place
    #[arg(long, conflicts_with = "force")]
    retry_failed: bool,
    /// Print the commands that would be executed, and how long that would take, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) formats: FormatArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// For flags that a program writes.
#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    sweep: SweepArgs,
}

impl SweepArgs {
    /// Flags as if they had been typed after `bench-cli sweep`.
    ///
    /// # Errors
    /// If they would be refused there.
    pub(in crate::cli) fn typed<'a>(flags: impl IntoIterator<Item = &'a str>) -> anyhow::Result<SweepArgs> {
        let typed = Typed::try_parse_from(std::iter::once("bench-cli sweep").chain(flags));
        let typed = typed.map_err(|error| {
            // Whoever prints it calls it an error, too.
            let text = error.to_string();
            anyhow!("{}", text.strip_prefix("error: ").unwrap_or(&text).trim_end())
        })?;
        Ok(typed.sweep)
    }

    /// What is to be measured.
    ///
    /// # Errors
    /// If the timeouts cannot be read or there is no such node.
    pub(super) fn grid(&self) -> anyhow::Result<Grid> {
        let timeouts =
            parse_list(&self.batch_timeouts, DefaultUnit::Milliseconds).context("--batch-timeouts")?;
        Ok(Grid {
            settings: self.settings.combinations(),
            node: self.node.choice()?,
            timeouts,
            repetitions: self.repetitions,
            seed: self.seed.unwrap_or_else(drawn_seed),
        })
    }

    /// How it is executed.
    pub(super) fn options(&self, directory: &Path, engine: &AnyEngine) -> Options {
        self.runs.options(directory, engine, self.earlier(), self.seed.is_some())
    }

    fn earlier(&self) -> Earlier {
        match (self.force, self.retry_failed) {
            (true, _) => Earlier::Replace,
            (false, true) => Earlier::RetryFailed,
            (false, false) => Earlier::Resume,
        }
    }

    /// Where everything is written.
    ///
    /// # Errors
    /// If the name is no plain folder name.
    pub(super) fn directory(&self) -> anyhow::Result<PathBuf> {
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

/// A seed that differs from one sweep to the next, small enough to type.
fn drawn_seed() -> u64 {
    u64::from(jiff::Timestamp::now().as_nanosecond() as u32)
}
