//! The flags of every command that executes runs: how, and what to show and keep.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::output::Extent;
use super::progress::Detail;
use super::settings::seconds;
use super::signals;
use crate::campaign::sweep::{Existing, Keep, Options};
use crate::engine::programs::Programs;
use crate::supervise::stop::StopSignal;

/// The flags that say how runs are executed.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Number of parallel runs [default: 1 with Maelstrom, 1 per core simulated, 4 per core embedded; fewer
    /// embedded runs of --bin if the first one needs much CPU]
    #[arg(long, alias = "parallel", value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Kill a run in real time after this long [default: derived from its settings]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    run_timeout: Option<Duration>,
    /// The runs whose files to keep; a run of Maelstrom takes about 15 MB
    #[arg(long, value_enum, default_value_t = KeepChoice::All)]
    keep: KeepChoice,
    /// Skip the checks before the first run: does the node answer, is everything that Maelstrom needs there?
    #[arg(long)]
    skip_preflight: bool,
    /// Print only warnings, errors and the summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print all tables, warnings and recommendations, and without progress bars also each run's phases
    #[arg(short, long)]
    verbose: bool,
}

/// The values of `--keep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeepChoice {
    /// Keep all files
    All,
    /// Keep the files of failed runs
    Failed,
    /// Keep no files
    None,
}

impl RunArgs {
    /// How the runs of a sweep into `directory` are executed. From now on signals stop it.
    pub(super) fn options(
        &self,
        directory: &Path,
        existing: Existing,
        programs: Programs,
    ) -> anyhow::Result<Options> {
        let stop = signals::listen(signals::STOPPING).context("cannot handle signals")?;
        Ok(self.options_until(stop, directory, existing, programs))
    }

    /// The same, stopped by `stop`.
    pub(super) fn options_until(
        &self,
        stop: StopSignal,
        directory: &Path,
        existing: Existing,
        programs: Programs,
    ) -> Options {
        Options {
            directory: directory.to_owned(),
            shard: None,
            existing,
            jobs: self.jobs,
            deadline: self.run_timeout,
            keep: match self.keep {
                KeepChoice::All => Keep::All,
                KeepChoice::Failed => Keep::Failed,
                KeepChoice::None => Keep::None,
            },
            preflight: !self.skip_preflight,
            programs,
            stop,
        }
    }

    /// The flags as another process takes them, less those about what is printed.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        if let Some(jobs) = self.jobs {
            flag("jobs", jobs.to_string());
        }
        if let Some(timeout) = self.run_timeout {
            flag("run-timeout", format!("{}ms", timeout.as_millis()));
        }
        if let Some(keep) = self.keep.to_possible_value().filter(|_| self.keep != KeepChoice::All) {
            flag("keep", keep.get_name().to_owned());
        }
        if self.skip_preflight {
            words.push("--skip-preflight".to_owned());
        }
        words
    }

    /// How much of the results is printed.
    pub(super) fn extent(&self) -> Extent {
        Extent::of(self.verbose)
    }

    pub(super) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Phases,
            (false, false) => Detail::Runs,
        }
    }
}
