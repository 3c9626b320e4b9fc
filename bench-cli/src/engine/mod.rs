//! Engines, which execute runs: an [`Engine`] takes a [`Request`] and returns an [`Outcome`].
//!
//! [`child`] runs each test in a child process, either real Maelstrom or this program's own `test` command.
//! [`simulated`] runs this repository's node in-process, in virtual time. [`locate`] finds real Maelstrom on this
//! machine. Nothing here knows of sweeps.

pub mod child;
pub mod locate;
pub mod simulated;

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use self::child::TestProcess;
use self::simulated::Simulated;
use crate::record::Outcome;
use crate::spec::settings::{NodeCommand, Settings};
use crate::supervise::stop::StopSignal;

/// A run to execute.
#[derive(Clone, Debug)]
pub struct Request {
    /// Network, workload and faults.
    pub settings: Settings,
    /// The program that runs as a node.
    pub node: NodeCommand,
    /// The settings of this repository's node, if that is the node: for engines that run it in-process.
    pub config: Option<node::Config>,
    /// The run's own directory; empty, and existing if the engine [leaves files](Engine::leaves_files).
    pub directory: PathBuf,
    /// The seed of its random numbers, for engines that take one.
    pub seed: Option<u64>,
    /// How long it may take until it is killed.
    pub deadline: Duration,
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
}

impl From<Outcome> for Finished {
    fn from(outcome: Outcome) -> Finished {
        Finished { outcome, timer_p99: None }
    }
}

/// What executes runs.
pub trait Engine: Send + Sync + 'static {
    /// Its name in the CSV.
    fn name(&self) -> &'static str;

    /// Its version, or an empty text if that is not known.
    fn version(&self) -> String;

    /// Whether a run can be repeated exactly by its seed; engines that cannot are handed none.
    fn takes_seed(&self) -> bool;

    /// Whether its runs leave logs and stores in their directories. Runs of an engine that leaves none are over so
    /// soon that repeating them costs less than forcing each row onto the disk.
    fn leaves_files(&self) -> bool;

    /// The program that `node` comes to: if it changes, so may every figure.
    ///
    /// # Errors
    /// If the system does not say where that is.
    fn node_program(&self, node: &NodeCommand) -> io::Result<PathBuf> {
        Ok(node.bin.clone())
    }

    /// About how long one run takes.
    fn expected_duration(&self, settings: &Settings) -> Duration;

    /// After how long a run is given up if the user does not say.
    fn default_deadline(&self, settings: &Settings) -> Duration;

    /// How long after one run has started the next one may: a run whose start competes with others' for the
    /// processors takes longer to set up.
    fn start_interval(&self) -> Duration {
        Duration::ZERO
    }

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

/// Whichever engine a user chose.
#[derive(Clone, Debug)]
pub enum AnyEngine {
    /// A process that behaves as `maelstrom test`.
    Process(TestProcess),
    /// Virtual time.
    Simulated(Simulated),
}

impl From<TestProcess> for AnyEngine {
    fn from(engine: TestProcess) -> AnyEngine {
        AnyEngine::Process(engine)
    }
}

impl From<Simulated> for AnyEngine {
    fn from(engine: Simulated) -> AnyEngine {
        AnyEngine::Simulated(engine)
    }
}

impl AnyEngine {
    /// The command that executes a run in `directory`, as one would type it. `None` if it takes no process.
    pub fn command_line(
        &self,
        settings: &Settings,
        node: &NodeCommand,
        seed: u64,
        directory: &Path,
    ) -> Option<String> {
        match self {
            AnyEngine::Process(engine) => Some(engine.command_line(settings, node, seed, directory)),
            AnyEngine::Simulated(_) => None,
        }
    }
}

/// What the chosen engine answers.
macro_rules! chosen {
    ($any:expr, $engine:ident => $answer:expr) => {
        match $any {
            AnyEngine::Process($engine) => $answer,
            AnyEngine::Simulated($engine) => $answer,
        }
    };
}

impl Engine for AnyEngine {
    fn name(&self) -> &'static str {
        chosen!(self, engine => engine.name())
    }

    fn version(&self) -> String {
        chosen!(self, engine => engine.version())
    }

    fn takes_seed(&self) -> bool {
        chosen!(self, engine => engine.takes_seed())
    }

    fn leaves_files(&self) -> bool {
        chosen!(self, engine => engine.leaves_files())
    }

    fn node_program(&self, node: &NodeCommand) -> io::Result<PathBuf> {
        chosen!(self, engine => engine.node_program(node))
    }

    fn expected_duration(&self, settings: &Settings) -> Duration {
        chosen!(self, engine => engine.expected_duration(settings))
    }

    fn default_deadline(&self, settings: &Settings) -> Duration {
        chosen!(self, engine => engine.default_deadline(settings))
    }

    fn start_interval(&self) -> Duration {
        chosen!(self, engine => engine.start_interval())
    }

    async fn run(
        &self,
        request: Request,
        progress: Progress,
        stop: StopSignal,
    ) -> Result<Finished, Interrupted> {
        chosen!(self, engine => engine.run(request, progress, stop).await)
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
