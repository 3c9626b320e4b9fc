//! What executes a sweep's runs, and how many of them at a time.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::node::NodeArgs;
use crate::engine::child::TestProcess;
use crate::engine::locate::Places;
use crate::engine::simulated::Simulated;
use crate::engine::{AnyEngine, Engine as _};

/// The flags that say what executes the runs.
#[derive(Clone, Debug, Args)]
pub struct EngineArgs {
    /// What executes the runs; auto is Maelstrom where it is found, else the embedded runner; simulated runs
    /// this repository's node in virtual time, thousands of runs a minute
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto)]
    pub(in crate::cli) engine: EngineChoice,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) maelstrom: Option<PathBuf>,
}

/// The values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum EngineChoice {
    Auto,
    Maelstrom,
    Embedded,
    Simulated,
}

impl EngineArgs {
    /// The engine, and why it is this one.
    ///
    /// # Errors
    /// If it is not there, or cannot run that node.
    pub(super) fn choose(&self, node: &NodeArgs) -> anyhow::Result<(AnyEngine, String)> {
        let embedded =
            |why: &str| anyhow::Ok((TestProcess::embedded(std::env::current_exe()?).into(), why.to_owned()));
        if self.engine == EngineChoice::Simulated {
            self.check_simulated(node)?;
            return Ok((Simulated.into(), "as --engine says".to_owned()));
        }
        let asked = self.engine == EngineChoice::Maelstrom || self.maelstrom.is_some();
        if self.engine == EngineChoice::Embedded {
            if self.maelstrom.is_some() {
                bail!("--maelstrom says where Maelstrom is, but --engine embedded does not use it");
            }
            return embedded("as --engine says");
        }
        match Places::of_process(self.maelstrom.clone()).find()? {
            Some(launcher) => {
                let why = launcher.shown.clone();
                Ok((TestProcess::maelstrom(launcher).into(), why))
            }
            None if asked => bail!(
                "Maelstrom was found neither by MAELSTROM, nor on PATH, nor as ./maelstrom/maelstrom; give \
                 --maelstrom PATH, or --engine embedded, which needs nothing"
            ),
            None => embedded("there is no Maelstrom in MAELSTROM, on PATH or in ./maelstrom"),
        }
    }

    /// Refuses what virtual time cannot do.
    fn check_simulated(&self, node: &NodeArgs) -> anyhow::Result<()> {
        if node.bin.is_some() {
            bail!(
                "--engine simulated runs this repository's node inside bench-cli, in virtual time; a program given \
                 by --bin lives in real time: use --engine embedded or maelstrom"
            );
        }
        if !node.node_args.is_empty() {
            bail!(
                "--engine simulated starts no process that could be given --node-args; use --engine embedded"
            );
        }
        if self.maelstrom.is_some() {
            bail!("--maelstrom says where Maelstrom is, but --engine simulated does not use it");
        }
        Ok(())
    }
}

/// How many runs of the embedded runner go on at a time on each core. Twice as many kept their timers within 1 ms
/// (p99) on 2 cores: `results/parity/parallelism.md`.
const EMBEDDED_JOBS_PER_CORE: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// How many runs go on at a time if the user does not say. A JVM with its nodes fills the machine; the embedded
/// runner and its nodes sleep most of the time; a simulation never sleeps.
pub(super) fn default_jobs(engine: &AnyEngine) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    match engine.name() {
        "embedded" => cores.saturating_mul(EMBEDDED_JOBS_PER_CORE),
        "simulated" => cores,
        _ => NonZeroUsize::MIN,
    }
}
