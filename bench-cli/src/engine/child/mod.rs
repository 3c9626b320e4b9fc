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
use super::{Engine, Finished, Interrupted, Phase, Progress, Request, StopSignal};
use crate::record::{Outcome, Status};
use crate::spec::settings::{NodeCommand, Settings};
use crate::supervise::orphans;
use crate::supervise::process::{Exit, supervise};
use arguments::{node_arguments, test_arguments};
use phases::PhaseReader;

/// The file in a run's directory with the process's output.
pub const LOG_FILE: &str = "log.txt";

/// The two kinds of child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Maelstrom,
    Embedded,
}

/// An engine that spawns a process for each run and reads the `results.edn` that it leaves.
#[derive(Clone, Debug)]
pub struct TestProcess {
    kind: Kind,
    program: PathBuf,
    leading_args: Vec<OsString>,
}

impl TestProcess {
    /// Real Maelstrom.
    pub fn maelstrom(launcher: Launcher) -> TestProcess {
        let Launcher { program, leading_args, .. } = launcher;
        TestProcess { kind: Kind::Maelstrom, program, leading_args }
    }

    /// Our runner: the command `test` of the program `bench_cli`, which is this one.
    pub fn embedded(bench_cli: PathBuf) -> TestProcess {
        TestProcess { kind: Kind::Embedded, program: bench_cli, leading_args: Vec::new() }
    }

    /// The command that executes `request`.
    fn command(&self, request: &Request) -> io::Result<Command> {
        let log = File::create(request.directory.join(LOG_FILE))?;
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments(&request.settings, &request.node, request.seed))
            .envs(request.node.env.iter().map(|(name, value)| (name, value)))
            .envs(orphans::mark(&request.directory))
            .current_dir(&request.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    fn arguments(&self, settings: &Settings, node: &NodeCommand, seed: Option<u64>) -> Vec<OsString> {
        let mut arguments = self.leading_args.clone();
        arguments.extend(test_arguments(settings));
        arguments.extend(seed.iter().flat_map(|seed| ["--seed".into(), seed.to_string().into()]));
        arguments.extend(node_arguments(node));
        arguments
    }

    /// The command line that executes a run in `directory`, quoted for a shell.
    pub fn command_line(
        &self,
        settings: &Settings,
        node: &NodeCommand,
        seed: u64,
        directory: &Path,
    ) -> String {
        let quoted = |args: Vec<OsString>| {
            let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            // Only a NUL cannot be quoted, and the system accepts no argument with one.
            shlex::try_join(args.iter().map(String::as_str)).unwrap_or_else(|_| args.join(" "))
        };
        let seed = self.takes_seed().then_some(seed);
        let mut args = vec![self.program.clone().into_os_string()];
        args.extend(self.arguments(settings, node, seed));
        let variable = |(name, value): &(String, String)| format!("{name}={}", quoted(vec![value.into()]));
        let variables: Vec<String> = node.env.iter().map(variable).collect();
        let directory = quoted(vec!["cd".into(), directory.into()]);
        format!("({directory} && {} {})", variables.join(" "), quoted(args))
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
        let outcome = exit_outcome::of(status, &request.directory, &exit_outcome::tail(&log)?);
        let outcome = self.excused(outcome, request);
        Ok(Ok(Finished { outcome, timer_p99: exit_outcome::timer_p99(&request.directory) }))
    }

    /// The outcome, blamed on Maelstrom if it lost the nodes' replies.
    fn excused(&self, outcome: Outcome, request: &Request) -> Outcome {
        if self.kind != Kind::Maelstrom || outcome.status() == Status::Ok || outcome.figures().is_none() {
            return outcome;
        }
        let store = request.directory.join("store/latest");
        match lost_replies::count(&store, request.settings.node_count) {
            None => outcome,
            Some(replies) => outcome.excused(format!(
                "no operation succeeded although nodes sent {replies} replies: Maelstrom lost all of them"
            )),
        }
    }
}

impl Engine for TestProcess {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Maelstrom => "maelstrom",
            Kind::Embedded => "embedded",
        }
    }

    fn version(&self) -> String {
        match self.kind {
            // Maelstrom has no option that prints its version.
            Kind::Maelstrom => String::new(),
            Kind::Embedded => env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn takes_seed(&self) -> bool {
        self.kind == Kind::Embedded
    }

    fn leaves_files(&self) -> bool {
        true
    }

    fn expected_duration(&self, settings: &Settings) -> Duration {
        // Including start and checks.
        settings.time_limit + Duration::from_secs(11)
    }

    fn default_deadline(&self, settings: &Settings) -> Duration {
        // Generous limits for start and checks, in addition to the known durations.
        const START: Duration = Duration::from_secs(60);
        const CHECK: Duration = Duration::from_secs(60);
        // 10 s of recovery, then final reads that time out after 5 s.
        const RECOVERY: Duration = Duration::from_secs(20);
        let operations = settings.rate * settings.time_limit.as_secs_f64();
        // A checker that needed 10 ms for each operation would be very slow.
        let checks = CHECK + Duration::from_secs_f64(operations.min(1e6) / 100.0);
        START + settings.time_limit + RECOVERY + checks
    }

    fn start_interval(&self) -> Duration {
        match self.kind {
            // A JVM takes seconds to start. Waiting for that would cost more than it saves.
            Kind::Maelstrom => Duration::ZERO,
            // The set-up of 25 nodes takes about this long on an idle machine.
            Kind::Embedded => Duration::from_millis(100),
        }
    }

    async fn run(
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
}
