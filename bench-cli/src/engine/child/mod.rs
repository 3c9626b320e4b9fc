//! A process that behaves as `maelstrom test`: Maelstrom itself, or this program's own `test`.

mod arguments;
mod lost_replies;
mod phases;
mod verdict;

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

/// The file in a run's directory that takes everything the process prints.
pub const LOG_FILE: &str = "log.txt";

/// Which of the two it is.
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

    /// The embedded runner: `test` of the program `bench_cli`, which is this one.
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

    /// The command that executes a run in `directory`, as one would type it.
    pub fn command_line(
        &self,
        settings: &Settings,
        node: &NodeCommand,
        seed: u64,
        directory: &Path,
    ) -> String {
        let quoted = |words: Vec<OsString>| {
            let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            // Only a NUL cannot be quoted, and the system takes no argument with one.
            shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
        };
        let seed = self.takes_seed().then_some(seed);
        let mut words = vec![self.program.clone().into_os_string()];
        words.extend(self.arguments(settings, node, seed));
        let variable = |(name, value): &(String, String)| format!("{name}={}", quoted(vec![value.into()]));
        let variables: Vec<String> = node.env.iter().map(variable).collect();
        let directory = quoted(vec!["cd".into(), directory.into()]);
        format!("({directory} && {} {})", variables.join(" "), quoted(words))
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
        let outcome = verdict::judge_exit(status, &request.directory, &verdict::tail(&log)?);
        let outcome = self.excused(outcome, request);
        Ok(Ok(Finished { outcome, timer_p99: verdict::timer_p99(&request.directory) }))
    }

    /// The outcome, put down to Maelstrom if that did not hear what the nodes said.
    fn excused(&self, outcome: Outcome, request: &Request) -> Outcome {
        if self.kind != Kind::Maelstrom || outcome.status() == Status::Ok || outcome.figures().is_none() {
            return outcome;
        }
        let store = request.directory.join("store/latest");
        match lost_replies::answers(&store, request.settings.node_count) {
            None => outcome,
            Some(answers) => outcome.excused(format!(
                "no operation succeeded although nodes sent {answers} answers: Maelstrom's clients heard none"
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
        // Start and checks included.
        settings.time_limit + Duration::from_secs(11)
    }

    fn default_deadline(&self, settings: &Settings) -> Duration {
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

    fn start_interval(&self) -> Duration {
        match self.kind {
            // A JVM starts for seconds; waiting for its end would cost more than it saves.
            Kind::Maelstrom => Duration::ZERO,
            // 25 nodes are set up in about this time if nothing else is.
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
