//! A process that behaves as `maelstrom test`: Maelstrom itself, or this program's own `test`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::locate::Launcher;
use super::process::{Exit, supervise};
use super::{Engine, Finished, Interrupted, Phase, Progress, Request, StopSignal};
use crate::edn;
use crate::harness::{checker, history_file};
use crate::outcome::{Outcome, Status, Validity, results};
use crate::settings::{NodeCommand, Settings};

/// The file in a run's directory that takes everything the process prints.
pub const LOG_FILE: &str = "log.txt";

/// How much of a log's end is searched for the reason of a failure.
const TAIL_BYTES: u64 = 256 << 10;

/// What a JVM says that needs more memory than it may have.
const OUT_OF_MEMORY: &str = "java.lang.OutOfMemoryError";

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
        let status = match supervise(command, request.deadline, stop, on_tick).await? {
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
        let outcome = judge_exit(status, &request.directory, &tail(&log)?);
        Ok(Ok(Finished { outcome, timer_p99: timer_p99(&request.directory) }))
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
        expected_duration(settings)
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

/// How long a run with these settings may take: generous starts and checks around what is known.
pub fn default_deadline(settings: &Settings) -> Duration {
    const START: Duration = Duration::from_secs(60);
    const CHECK: Duration = Duration::from_secs(60);
    // 10 s of quiet, then final reads that time out after 5 s.
    const RECOVERY: Duration = Duration::from_secs(20);
    let operations = settings.rate * settings.time_limit.as_secs_f64();
    // A checker that needed 10 ms for each operation would be very slow.
    START + settings.time_limit + RECOVERY + CHECK + Duration::from_secs_f64(operations.min(1e6) / 100.0)
}

/// How long a run with these settings is expected to take, start and checks included.
fn expected_duration(settings: &Settings) -> Duration {
    settings.time_limit + Duration::from_secs(11)
}

/// The arguments of `maelstrom test` for these settings, up to the node's own.
pub fn test_arguments(settings: &Settings) -> Vec<OsString> {
    let Settings {
        node_count, concurrency, rate, time_limit, latency, topology, nemesis, availability, ..
    } = settings;
    let mut args: Vec<String> = ["test", "-w", "broadcast"].map(String::from).into();
    let mut option = |name: &str, value: String| args.extend([format!("--{name}"), value]);
    option("node-count", node_count.to_string());
    option("concurrency", concurrency.to_string());
    option("rate", rate.to_string());
    option("time-limit", time_limit.as_secs().to_string());
    option("latency", latency.mean.as_millis().to_string());
    option("latency-dist", latency.distribution.to_string());
    option("topology", topology.to_string());
    if nemesis.partition {
        option("nemesis", "partition".to_owned());
        option("nemesis-interval", nemesis.interval.as_secs_f64().to_string());
    }
    if let Some(availability) = availability {
        option("availability", availability.to_string());
    }
    args.into_iter().map(OsString::from).collect()
}

/// The arguments that name the node and end with what is passed on to it.
fn node_arguments(node: &NodeCommand) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["--bin".into(), node.bin.clone().into()];
    if !node.args.is_empty() {
        args.push("--".into());
        args.extend(node.args.iter().map(OsString::from));
    }
    args
}

/// What came of a process that ended by itself.
fn judge_exit(status: ExitStatus, directory: &Path, log: &str) -> Outcome {
    let expected = match status.code() {
        Some(0) => Validity::Valid,
        Some(1) => Validity::Invalid,
        Some(2) => Validity::Unknown,
        // After these the store is absent or holds no results, so it is not looked at.
        Some(254) => return Outcome::failed(Status::BadArguments, last_words(log)),
        Some(code) => {
            let crash = Outcome::failed(Status::Crashed, format!("exit status {code}: {}", last_words(log)));
            // A script that starts the JVM ends so when a signal ended the JVM.
            let signalled = (128 + 1..=128 + 31).contains(&code);
            return if signalled || log.contains(OUT_OF_MEMORY) { crash.transient() } else { crash };
        }
        // It was not this program that killed it, and a node cannot: the JVM crashed, or memory ran out.
        None => {
            let signal = status.signal().unwrap_or_default();
            return Outcome::failed(Status::Crashed, format!("killed by signal {signal}")).transient();
        }
    };
    match results::read(&directory.join("store/latest/results.edn")) {
        Err(error) => Outcome::failed(Status::Unreadable, error.to_string()),
        Ok(figures) if figures.validity != expected => Outcome::failed(
            Status::Unreadable,
            format!(
                "exit status and results.edn contradict each other: {expected:?}, {:?}",
                figures.validity
            ),
        ),
        Ok(figures) => Outcome::judge(figures, || missed_by_final_reads(directory)),
    }
}

/// How many values final reads missed, by the history that the run left.
fn missed_by_final_reads(directory: &Path) -> Option<usize> {
    let text = std::fs::read_to_string(directory.join("store/latest/history.edn")).ok()?;
    let history = history_file::read_edn(&text).ok()?;
    Some(checker::missed_by_final_reads(&history))
}

/// The end of a log. Bytes that are not UTF-8 are replaced: a node may have printed anything.
fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a log says last about why it ended: the crash that it reports, or its last line.
fn last_words(log: &str) -> String {
    const LONGEST: usize = 300;
    // Maelstrom's words, and the embedded runner's.
    let crash = ["Test crashed!\n", "The run broke: "].into_iter().find_map(|introduction| {
        let (_, report) = log.rsplit_once(introduction)?;
        Some(crash_words(report))
    });
    let line = crash.unwrap_or_else(|| {
        log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_owned()
    });
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// The message of a crash report, with what a node that crashed wrote to stderr.
fn crash_words(report: &str) -> String {
    let message = report.lines().next().unwrap_or_default();
    // "clojure.lang.ExceptionInfo: Node n1 crashed with …"
    let message = match message.split_once(": ") {
        Some((class, message)) if class.ends_with("Exception") || class.ends_with("ExceptionInfo") => message,
        _ => message,
    };
    let quote = [" Before crashing, it wrote to STDOUT:", " Before that, it wrote to STDOUT:"];
    let Some((headline, _)) = quote.iter().find_map(|quote| message.split_once(quote)) else {
        return message.to_owned();
    };
    let stderr = report.split_once("And to STDERR:").map_or("", |(_, text)| text);
    let stderr = stderr.split("Full STDERR").next().unwrap_or_default().trim();
    format!("{headline} It wrote to stderr: {}", if stderr.is_empty() { "nothing" } else { stderr })
}

/// How late the embedded runner's timers fired, from the `embedded.edn` that it leaves beside `results.edn`.
fn timer_p99(directory: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(directory.join("store/latest/embedded.edn")).ok()?;
    let measured = edn::read::parse(&text).ok()?;
    let p99 = measured.get(":timer-lateness-us")?.get(":p99")?.to_int()?;
    u64::try_from(p99).ok().map(Duration::from_micros)
}

/// Reads phases from a log as it grows.
struct PhaseReader {
    log: File,
    /// The beginning of a line whose end has not been written yet.
    partial: Vec<u8>,
}

impl PhaseReader {
    /// Longer lines say nothing about phases; what exceeds this is forgotten.
    const LONGEST_LINE: usize = 64 << 10;

    fn open(log: &Path) -> io::Result<PhaseReader> {
        Ok(PhaseReader { log: File::open(log)?, partial: Vec::new() })
    }

    /// The last phase that began since the last call, if any. What cannot be read is no phase.
    fn poll(&mut self) -> Option<Phase> {
        self.log.read_to_end(&mut self.partial).ok()?;
        let end = self.partial.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let phase = String::from_utf8_lossy(&self.partial[..end]).lines().filter_map(phase_of).next_back();
        self.partial.drain(..end);
        if self.partial.len() > Self::LONGEST_LINE {
            self.partial.clear();
        }
        phase
    }
}

/// The phase that a line of the log announces.
fn phase_of(line: &str) -> Option<Phase> {
    // Maelstrom's words, and the embedded runner's.
    if line.ends_with("Relative time begins now") || line.ends_with("operations begin") {
        Some(Phase::Operations)
    } else if line.ends_with("Waiting for recovery...") {
        Some(Phase::Recovery)
    } else if line.ends_with("Analyzing...") {
        Some(Phase::Checking)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Availability, Nemesis};
    use std::io::Write as _;

    fn joined(args: &[OsString]) -> String {
        args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn settings_become_maelstroms_own_options() {
        assert_eq!(
            joined(&test_arguments(&Settings::default())),
            "test -w broadcast --node-count 25 --concurrency 1n --rate 100 --time-limit 20 --latency 100 \
             --latency-dist constant --topology grid"
        );
        let faulty = Settings {
            nemesis: Nemesis { partition: true, interval: Duration::from_secs(5) },
            availability: Some(Availability::Fraction(0.9)),
            rate: 2.5,
            ..Settings::default()
        };
        let args = joined(&test_arguments(&faulty));
        assert!(args.contains("--rate 2.5 "), "{args}");
        assert!(args.ends_with("--nemesis partition --nemesis-interval 5 --availability 0.9"), "{args}");
    }

    #[test]
    fn a_node_without_arguments_gets_no_separator() {
        let node = NodeCommand { bin: "/n".into(), args: Vec::new(), env: Vec::new() };
        assert_eq!(joined(&node_arguments(&node)), "--bin /n");
        let node = NodeCommand { args: vec!["--x".to_owned()], ..node };
        assert_eq!(joined(&node_arguments(&node)), "--bin /n -- --x");
    }

    #[test]
    fn the_reason_of_a_crash_is_found_before_its_stack_trace() {
        let crash = "INFO x\nWARN main - jepsen.core Test crashed!\nclojure.lang.ExceptionInfo: ";
        let node = "Node n1 crashed with exit status 3. Before crashing, it wrote to STDOUT:\n\n{}\n\nAnd to \
                    STDERR:\n\nthread main panicked\nat x\n\nFull STDERR logs are available in n1.log\n\tat a.b\n";
        assert_eq!(
            last_words(&format!("{crash}{node}")),
            "Node n1 crashed with exit status 3. It wrote to stderr: thread main panicked at x"
        );
        let embedded = "INFO x\nThe run broke: Node n1 crashed with exit status 3. Before that, it wrote to \
                        STDOUT:\n\n\n\nAnd to STDERR:\n\n\n\nFull STDERR logs are available in n1.log\n";
        assert_eq!(last_words(embedded), "Node n1 crashed with exit status 3. It wrote to stderr: nothing");
        let io = "Cannot run program \"/x\": error=13, Permission denied\n\tat a.b\n";
        assert_eq!(
            last_words(&format!("WARN Test crashed!\njava.io.IOException: {io}")),
            io.lines().next().unwrap()
        );
        assert_eq!(
            last_words("Unknown option: \"--no-such-flag\"\n\n"),
            "Unknown option: \"--no-such-flag\""
        );
        assert_eq!(last_words(""), "it printed nothing");
    }

    #[test]
    fn an_exit_status_decides_whether_results_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let exit = |code: i32| judge_exit(ExitStatus::from_raw(code << 8), directory.path(), "bad flag\n");
        assert_eq!(exit(0).status(), Status::Unreadable);
        let store = directory.path().join("store/latest");
        std::fs::create_dir_all(&store).unwrap();
        let recorded =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/maelstrom/article-T200/results.edn");
        std::fs::copy(recorded, store.join("results.edn")).unwrap();
        assert_eq!(exit(0).status(), Status::Ok);
        assert_eq!(
            (exit(254).status(), exit(254).reason().to_owned()),
            (Status::BadArguments, "bad flag".to_owned())
        );
        assert_eq!(exit(255).status(), Status::Crashed);
        assert!(exit(1).reason().contains("contradict"));
        let killed = judge_exit(ExitStatus::from_raw(9), directory.path(), "");
        assert_eq!((killed.status(), killed.reason()), (Status::Crashed, "killed by signal 9"));
        assert!(killed.is_transient() && exit(134).is_transient());
        assert!(!exit(255).is_transient() && !exit(1).is_transient() && !exit(254).is_transient());
        let full =
            judge_exit(ExitStatus::from_raw(255 << 8), directory.path(), "java.lang.OutOfMemoryError: x");
        assert!(full.is_transient());
        assert_eq!(timer_p99(directory.path()), None);
        std::fs::write(store.join("embedded.edn"), "{:timer-lateness-us {:p50 8, :p99 120}}").unwrap();
        assert_eq!(timer_p99(directory.path()), Some(Duration::from_micros(120)));
    }

    #[test]
    fn phases_are_read_as_the_log_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = File::create(&path).unwrap();
        let mut reader = PhaseReader::open(&path).unwrap();
        assert_eq!(reader.poll(), None);
        log.write_all(b"INFO - jepsen.core Relative time beg").unwrap();
        assert_eq!(reader.poll(), None);
        log.write_all(b"ins now\nINFO :invoke\n").unwrap();
        assert_eq!(reader.poll(), Some(Phase::Operations));
        log.write_all(b"x Waiting for recovery...\nx Analyzing...\n").unwrap();
        assert_eq!(reader.poll(), Some(Phase::Checking));
        assert_eq!(reader.poll(), None);
    }
}
