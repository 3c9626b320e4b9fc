//! Engines, which execute runs: an [`Engine`] takes a [`Request`] and returns an [`Outcome`].
//!
//! [`child`] runs each test in a child process, either real Maelstrom or this program's own `test` command
//! (which is [`crate::runner`]). [`simulated`] runs this repository's node in-process, in virtual time.
//! [`programs`] finds what they start, [`locate`] real Maelstrom. Nothing here knows of sweeps.

pub mod child;
pub mod locate;
pub mod programs;
pub mod simulated;

use std::fmt;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use self::child::TestProcess;
use self::programs::Programs;
use self::simulated::Simulated;
use crate::record::{Distribution, Outcome};
use crate::spec::settings::{NodeCommand, Settings};
use crate::spec::{EngineKind, RunSpec};
use crate::supervise::stop::StopSignal;

/// A run to execute.
#[derive(Clone, Debug)]
pub struct Request {
    /// The run.
    pub run: RunSpec,
    /// The program that runs as a node.
    pub node: NodeCommand,
    /// The run's own directory; empty, and existing if the engine [leaves files](EngineKind::leaves_files).
    pub directory: PathBuf,
    /// How long it may take until it is killed.
    pub deadline: Duration,
    /// Whether no other run is executed at the same time.
    pub is_alone: bool,
}

/// A run was stopped on request and measured nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// A run that ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its outcome.
    pub outcome: Outcome,
    /// How late the engine's timers fired (99th percentile), if it says.
    pub timer_p99: Option<Duration>,
    /// The distribution of its stable latencies, if its history is there.
    pub distribution: Option<Distribution>,
}

impl From<Outcome> for Finished {
    fn from(outcome: Outcome) -> Finished {
        Finished { outcome, timer_p99: None, distribution: None }
    }
}

/// What a scheduler needs of an engine.
pub trait Execute: Send + Sync + 'static {
    /// Which engine it is.
    fn kind(&self) -> EngineKind;

    /// After how long a run is given up if the user does not say.
    fn default_deadline(&self, settings: &Settings) -> Duration;

    /// How long after one run has started the next one may: a run whose start competes with others' for the
    /// processors takes longer to set up.
    fn start_interval(&self) -> Duration;

    /// Executes one run. Whatever goes wrong is an outcome; nothing of the run is left running.
    ///
    /// # Errors
    /// If it was stopped, and only then.
    fn run(
        &self,
        request: Request,
        progress: Progress,
        stop: StopSignal,
    ) -> impl Future<Output = Result<Finished, Interrupted>> + Send;
}

/// An engine, ready to execute runs.
#[derive(Clone, Debug)]
pub enum Engine {
    /// A process that behaves as `maelstrom test`.
    Child(TestProcess),
    /// This repository's node in virtual time.
    Simulated(Simulated),
}

/// How many runs of the embedded runner execute in parallel on each core. Twice as many kept their timers
/// within 1 ms (p99) on 2 cores: `results/parity/parallelism.md`.
const EMBEDDED_JOBS_PER_CORE: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

impl Engine {
    /// The engine of this kind.
    ///
    /// # Errors
    /// If it is real Maelstrom, and that is not found.
    pub fn new(kind: EngineKind, programs: &Programs) -> anyhow::Result<Engine> {
        Ok(match kind {
            EngineKind::Maelstrom => Engine::Child(TestProcess::maelstrom(programs.maelstrom()?)),
            EngineKind::Embedded => Engine::Child(TestProcess::embedded(programs.bench_cli.clone())),
            EngineKind::Simulated => Engine::Simulated(Simulated),
        })
    }

    /// Its version, or an empty text if that is not known.
    pub fn version(&self) -> String {
        match self.kind() {
            // Maelstrom has no option that prints its version.
            EngineKind::Maelstrom => String::new(),
            EngineKind::Embedded | EngineKind::Simulated => env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The program that runs as a node: if it changes, so may every figure.
    ///
    /// # Errors
    /// If the system does not say where that is.
    pub fn node_program(&self, node: &NodeCommand) -> io::Result<PathBuf> {
        match self {
            Engine::Child(_) => Ok(node.bin.clone()),
            // The node is a part of this program.
            Engine::Simulated(_) => std::env::current_exe(),
        }
    }

    /// About how long one run takes.
    pub fn expected_duration(&self, settings: &Settings) -> Duration {
        match self {
            // Start and checks included.
            Engine::Child(_) => settings.time_limit + Duration::from_secs(11),
            // Some 20 messages for each operation of the costliest strategy, and 0.3 µs for each message.
            Engine::Simulated(_) => {
                let operations = settings.rate * settings.time_limit.as_secs_f64();
                Duration::from_secs_f64(operations * settings.node_count as f64 * 0.2e-6)
                    .max(Duration::from_millis(1))
            }
        }
    }

    /// How many runs execute in parallel if the user does not say. A JVM with its nodes fills the machine;
    /// the embedded runner and its nodes sleep most of the time; a simulation never sleeps.
    pub fn default_jobs(&self) -> NonZeroUsize {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        match self.kind() {
            EngineKind::Embedded => cores.saturating_mul(EMBEDDED_JOBS_PER_CORE),
            EngineKind::Simulated => cores,
            EngineKind::Maelstrom => NonZeroUsize::MIN,
        }
    }

    /// The command that executes a run in `directory`, as one would type it. `None` if it takes no process.
    pub fn command_line(&self, run: &RunSpec, node: &NodeCommand, directory: &Path) -> Option<String> {
        match self {
            Engine::Child(engine) => Some(engine.command_line(run, node, directory)),
            Engine::Simulated(_) => None,
        }
    }
}

impl Execute for Engine {
    fn kind(&self) -> EngineKind {
        match self {
            Engine::Child(engine) => engine.kind(),
            Engine::Simulated(_) => EngineKind::Simulated,
        }
    }

    fn default_deadline(&self, settings: &Settings) -> Duration {
        match self {
            Engine::Child(_) => child::default_deadline(settings),
            // In virtual time nothing hangs, so no run is given up.
            Engine::Simulated(_) => Duration::MAX,
        }
    }

    fn start_interval(&self) -> Duration {
        match self.kind() {
            // 25 nodes are set up in about this time if nothing else is.
            EngineKind::Embedded => Duration::from_millis(100),
            // A JVM starts for seconds; waiting for its end would cost more than it saves.
            EngineKind::Maelstrom | EngineKind::Simulated => Duration::ZERO,
        }
    }

    async fn run(
        &self,
        request: Request,
        progress: Progress,
        stop: StopSignal,
    ) -> Result<Finished, Interrupted> {
        match self {
            Engine::Child(engine) => engine.run(request, progress, stop).await,
            Engine::Simulated(engine) => engine.run(request, progress, stop).await,
        }
    }
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The engine and the nodes start.
    Starting,
    /// Clients send operations.
    Operations,
    /// Operations have ended; values still spread before the final reads.
    Recovery,
    /// The history is checked.
    Checking,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Starting => "starting",
            Phase::Operations => "operations",
            Phase::Recovery => "recovery",
            Phase::Checking => "checking",
        })
    }
}

/// Where an engine reports the phases of one run.
#[derive(Clone, Debug)]
pub struct Progress {
    run: usize,
    sender: mpsc::UnboundedSender<(usize, Phase)>,
}

impl Progress {
    /// Reports of the run numbered `run` go to `sender`.
    pub fn new(run: usize, sender: mpsc::UnboundedSender<(usize, Phase)>) -> Progress {
        Progress { run, sender }
    }

    /// Says that the run has entered `phase`.
    pub fn enter(&self, phase: Phase) {
        // Nobody listens any more once the sweep is being abandoned; the run does not care.
        let _ = self.sender.send((self.run, phase));
    }
}
