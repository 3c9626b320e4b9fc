//! How runs go on, and what is shown and kept of them: the same flags wherever runs are made.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::engine::default_jobs;
use crate::campaign::sweep::progress::Detail;
use crate::campaign::sweep::{Earlier, Keep, Options};
use crate::cli::settings::seconds;
use crate::engine::AnyEngine;

/// The flags that say how runs are executed.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// How many runs go on at a time [default: 1 with Maelstrom, 4 a core embedded, 1 a core simulated]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// When a run in real time is killed [default: from its settings]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    run_timeout: Option<Duration>,
    /// Which runs' files to keep; one of Maelstrom's takes about 15 MB
    #[arg(long, value_enum, default_value_t = Keep::All)]
    keep: Keep,
    /// No progress: only warnings, errors and the summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Show each run's phases where there are no bars
    #[arg(short, long)]
    verbose: bool,
}

impl RunArgs {
    /// How the runs of a sweep into `directory` are executed.
    pub(super) fn options(
        &self,
        directory: &Path,
        engine: &AnyEngine,
        earlier: Earlier,
        seed_given: bool,
    ) -> Options {
        Options {
            directory: directory.to_owned(),
            earlier,
            seed_given,
            jobs: self.jobs.unwrap_or_else(|| default_jobs(engine)),
            deadline: self.run_timeout,
            keep: self.keep,
            detail: self.detail(),
        }
    }

    fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Phases,
            (false, false) => Detail::Runs,
        }
    }
}
