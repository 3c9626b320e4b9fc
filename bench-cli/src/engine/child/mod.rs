//! The engine that runs each test in a child process: `maelstrom test`, or this program's own `test`.

mod arguments;
mod exit_outcome;
mod lost_replies;
mod phases;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::locate::Launcher;
use super::{Finished, Interrupted, Phase, Progress, Request, StopSignal};
use crate::record::{Outcome, Status};
use crate::spec::settings::{Fault, NodeCommand, Settings};
use crate::spec::{EngineKind, RunSpec, shell};
use crate::supervise::orphans;
use crate::supervise::process::{Exit, supervise};
use arguments::{node_arguments, test_arguments};
use exit_outcome::RunFiles;
use phases::PhaseReader;

/// The file in a run's directory with the process's output.
pub const LOG_FILE: &str = "log.txt";

/// The variable in which nodes that are killed find a directory for what must survive, and its name in a
/// run's directory.
const DATA_VARIABLE: &str = "DATA_DIR";
const DATA_FOLDER: &str = "data";

/// An engine that spawns a process for each run and reads the `results.edn` that it leaves.
#[derive(Clone, Debug)]
pub struct TestProcess {
    kind: EngineKind,
    program: PathBuf,
    leading_args: Vec<OsString>,
}

impl TestProcess {
    /// Real Maelstrom.
    pub fn maelstrom(launcher: Launcher) -> TestProcess {
        let Launcher { program, leading_args, .. } = launcher;
        TestProcess { kind: EngineKind::Maelstrom, program, leading_args }
    }

    /// Our runner: the command `test` of the program `bench_cli`, which is this one.
    pub fn embedded(bench_cli: PathBuf) -> TestProcess {
        TestProcess { kind: EngineKind::Embedded, program: bench_cli, leading_args: Vec::new() }
    }

    /// The command that executes `request`.
    fn command(&self, request: &Request) -> io::Result<Command> {
        let log = File::create(request.directory.join(LOG_FILE))?;
        // An earlier attempt may have left logs with values that this run has not broadcast.
        match std::fs::remove_dir_all(request.directory.join(DATA_FOLDER)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments(&request.run, &request.node))
            .envs(variables(&request.run, &request.node, &request.directory))
            .envs(orphans::mark(&request.directory))
            .current_dir(&request.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    fn arguments(&self, run: &RunSpec, node: &NodeCommand) -> Vec<OsString> {
        let mut arguments = self.leading_args.clone();
        arguments.extend(test_arguments(&run.settings));
        arguments.extend(run.seed.iter().flat_map(|seed| ["--seed".into(), seed.to_string().into()]));
        if self.kind == EngineKind::Embedded {
            // Drawing would take time from the runs that execute at the same time.
            arguments.push("--no-plots".into());
        }
        arguments.extend(node_arguments(node));
        arguments
    }

    /// The command that executes a run in `directory`, as one would type it.
    pub(super) fn command_line(&self, run: &RunSpec, node: &NodeCommand, directory: &Path) -> String {
        let program = self.program.display().to_string();
        let arguments = self.arguments(run, node);
        let words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<String> = std::iter::once(program).chain(words).collect();
        let variable = |(name, value): &(String, String)| format!("{name}={}", shell::quote(value));
        let variables: Vec<String> = variables(run, node, directory).iter().map(variable).collect();
        let directory = directory.display().to_string();
        format!("(cd {} && {} {})", shell::quote(&directory), variables.join(" "), shell::join(&words))
    }

    /// Whether it is Maelstrom or the embedded runner.
    pub(super) fn kind(&self) -> EngineKind {
        self.kind
    }

    /// Executes one run.
    ///
    /// # Errors
    /// If it was stopped.
    pub(super) async fn run(
        &self,
        request: Request,
        progress: Progress,
        stop: StopSignal,
    ) -> Result<Finished, Interrupted> {
        self.outcome(&request, progress, stop).await.unwrap_or_else(|error| {
            let reason = format!("cannot run {}: {error}", self.program.display());
            Ok(Outcome::failed(Status::Crashed, reason).into())
        })
    }

    async fn outcome(
        &self,
        request: &Request,
        progress: Progress,
        stop: StopSignal,
    ) -> io::Result<Result<Finished, Interrupted>> {
        let command = self.command(request)?;
        let log = request.directory.join(LOG_FILE);
        let mut phases = PhaseReader::open(&log)?;
        progress.enter(Phase::Starting);
        let on_tick = || {
            if let Some(phase) = phases.poll() {
                progress.enter(phase);
            }
        };
        let ended = supervise(command, request.deadline, stop, on_tick).await;
        orphans::end_run(&request.directory);
        let status = match ended? {
            Exit::Ended(status) => status,
            Exit::Interrupted => return Ok(Err(Interrupted)),
            Exit::TimedOut => {
                let reason = format!(
                    "killed after {} s without ending; --run-timeout sets another limit",
                    request.deadline.as_secs()
                );
                return Ok(Ok(Outcome::failed(Status::TimedOut, reason).into()));
            }
        };
        let output = exit_outcome::tail(&log)?;
        let files = RunFiles::of(&request.directory);
        let outcome = exit_outcome::of(status, &files, &output, &request.run.settings);
        let outcome = self.excused(outcome, request);
        if outcome.status() != Status::Ok {
            exit_outcome::head_log(&log, &outcome)?;
        }
        Ok(Ok(Finished {
            distribution: exit_outcome::distribution(&outcome, &files),
            timer_p99: exit_outcome::timer_p99(&request.directory),
            outcome,
        }))
    }

    /// The outcome, blamed on Maelstrom if it lost the nodes' replies.
    fn excused(&self, outcome: Outcome, request: &Request) -> Outcome {
        if self.kind != EngineKind::Maelstrom || outcome.status() == Status::Ok || outcome.figures().is_none()
        {
            return outcome;
        }
        let store = request.directory.join("store/latest");
        match lost_replies::count(&store, request.run.settings.node_count) {
            None => outcome,
            Some(replies) => outcome.excused(format!(
                "no operation succeeded although nodes sent {replies} replies: Maelstrom lost all of them"
            )),
        }
    }
}

/// What is added to the environment of a run's nodes. Those that are killed get a directory of the run's own.
fn variables(run: &RunSpec, node: &NodeCommand, directory: &Path) -> Vec<(String, String)> {
    let data =
        std::path::absolute(directory.join(DATA_FOLDER)).unwrap_or_else(|_| directory.join(DATA_FOLDER));
    let kills = run.settings.nemesis.faults.contains(Fault::Kill);
    let data = kills.then(|| (DATA_VARIABLE.to_owned(), data.display().to_string()));
    // The user's own variables come later, and so replace it.
    data.into_iter().chain(node.env.iter().cloned()).collect()
}

/// After how long a run of these settings is given up.
pub(super) fn default_deadline(settings: &Settings) -> Duration {
    // Generous starts and checks around what is known.
    const START: Duration = Duration::from_secs(60);
    const CHECK: Duration = Duration::from_secs(60);
    // 10 s of quiet, then final reads that time out after 5 s.
    const RECOVERY: Duration = Duration::from_secs(20);
    let operations = settings.rate * settings.time_limit.as_secs_f64();
    // A checker that needed 10 ms for each operation would be very slow.
    let checks = CHECK + Duration::from_secs_f64(operations.min(1e6) / 100.0);
    START + settings.time_limit + RECOVERY + checks
}
