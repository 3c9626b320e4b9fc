//! The outcome of a run whose process has ended, from its exit status, its files and the end of its output.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use crate::edn;
use crate::harness::history::History;
use crate::harness::{checker, history_file};
use crate::record::{Distribution, Outcome, Status, Validity, results};
use crate::runner::FAILED_STATUS;
use crate::spec::settings::Settings;

/// How many bytes at the end of a log are searched for the reason of a failure.
const TAIL_BYTES: u64 = 256 << 10;

/// The message of a JVM that is out of memory.
const OUT_OF_MEMORY: &str = "java.lang.OutOfMemoryError";

/// What a run left in its directory. Its history is long, so that it is read once, and only if it is asked
/// for.
pub(super) struct RunFiles<'a> {
    directory: &'a Path,
    history: OnceCell<Option<History>>,
}

impl RunFiles<'_> {
    pub(super) fn of(directory: &Path) -> RunFiles<'_> {
        RunFiles { directory, history: OnceCell::new() }
    }

    /// `None` if its file cannot be read.
    fn history(&self) -> Option<&History> {
        let read = || {
            let text = std::fs::read_to_string(self.directory.join("store/latest/history.edn")).ok()?;
            history_file::read_edn(&text).ok()
        };
        self.history.get_or_init(read).as_ref()
    }
}

/// The outcome of a process that ended by itself.
pub(super) fn of(status: ExitStatus, files: &RunFiles<'_>, log: &str, settings: &Settings) -> Outcome {
    let expected = status.code().and_then(Validity::of_exit_status);
    let expected = match (expected, status.code()) {
        (Some(expected), _) => expected,
        // With these exit statuses there are no results in the store, or no store at all.
        (None, Some(254)) => return Outcome::failed(Status::BadArguments, failure_reason(log)),
        (None, Some(code)) if code == i32::from(FAILED_STATUS) => {
            return Outcome::failed(Status::RunnerFailed, failure_reason(log));
        }
        (None, Some(code)) => {
            let reason = format!("exit status {code}: {}", failure_reason(log));
            let crash = Outcome::failed(Status::Crashed, reason);
            // The exit status of a start script if a signal ended the JVM.
            let signalled = (128 + 1..=128 + 31).contains(&code);
            return if signalled || log.contains(OUT_OF_MEMORY) { crash.transient() } else { crash };
        }
        // Neither this program nor a node killed it: the JVM crashed, or memory ran out.
        (None, None) => {
            let signal = status.signal().unwrap_or_default();
            return Outcome::failed(Status::Crashed, format!("killed by signal {signal}")).transient();
        }
    };
    match results::read(&files.directory.join("store/latest/results.edn")) {
        Err(error) => Outcome::failed(Status::Unreadable, error.to_string()),
        Ok(figures) if figures.validity != expected => Outcome::failed(
            Status::Unreadable,
            format!(
                "exit status and results.edn contradict each other: {expected:?}, {:?}",
                figures.validity
            ),
        ),
        Ok(figures) => {
            let missed = || Some(checker::missed_by_final_reads(files.history()?));
            explained(Outcome::of(figures, missed), files, settings)
        }
    }
}

/// The outcome with the nodes that lack values, if it is a failure and there is a history.
fn explained(outcome: Outcome, files: &RunFiles<'_>, settings: &Settings) -> Outcome {
    if outcome.status() == Status::Ok {
        return outcome;
    }
    let missing = files
        .history()
        .and_then(|history| checker::missing_values(history, settings.client_count(), settings.node_count));
    match missing {
        Some(missing) => outcome.explained(&missing),
        None => outcome,
    }
}

/// The distribution of an ok run's stable latencies, if there is a history.
pub(super) fn distribution(outcome: &Outcome, files: &RunFiles<'_>) -> Option<Distribution> {
    if outcome.status() != Status::Ok {
        return None;
    }
    Distribution::of(&checker::check(files.history()?, None).workload.sorted_stable_latencies)
}

/// Puts the reason why a run is not ok in front of its log, where a reader looks first.
pub(super) fn head_log(log: &Path, outcome: &Outcome) -> io::Result<()> {
    let headed = log.with_extension("txt.new");
    let mut file = File::create(&headed)?;
    writeln!(file, "This run is not ok ({}): {}\n", outcome.status(), outcome.reason())?;
    io::copy(&mut File::open(log)?, &mut file)?;
    std::fs::rename(headed, log)
}

/// The end of a log. Replaces bytes that are not UTF-8, because a node may print anything.
pub(super) fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The reason for the failure in a log: the last reported crash, or the last line.
fn failure_reason(log: &str) -> String {
    /// The longest reason in characters.
    const LONGEST: usize = 300;
    // The first text is Maelstrom's, the second our runner's.
    let crash = ["Test crashed!\n", "The run broke: "].into_iter().find_map(|introduction| {
        let (_, report) = log.rsplit_once(introduction)?;
        Some(crash_message(report))
    });
    let line = crash.unwrap_or_else(|| {
        log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_owned()
    });
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// The message of a crash report, with the stderr of a node that crashed.
fn crash_message(report: &str) -> String {
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

/// The lateness of our runner's timers (99th percentile), from the `embedded.edn` next to its `results.edn`.
pub(super) fn timer_p99(directory: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(directory.join("store/latest/embedded.edn")).ok()?;
    let metrics = edn::parse(&text).ok()?;
    let p99 = metrics.at(&[":timer-lateness-us", ":p99"])?.as_int()?;
    u64::try_from(p99).ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_crash_is_found_before_its_stack_trace() {
        let crash = "INFO x\nWARN main - jepsen.core Test crashed!\nclojure.lang.ExceptionInfo: ";
        let node = "Node n1 crashed with exit status 3. Before crashing, it wrote to STDOUT:\n\n{}\n\nAnd to \
                    STDERR:\n\nthread main panicked\nat x\n\nFull STDERR logs are available in n1.log\n\tat a.b\n";
        assert_eq!(
            failure_reason(&format!("{crash}{node}")),
            "Node n1 crashed with exit status 3. It wrote to stderr: thread main panicked at x"
        );
        let embedded = "INFO x\nThe run broke: Node n1 crashed with exit status 3. Before that, it wrote to \
                        STDOUT:\n\n\n\nAnd to STDERR:\n\n\n\nFull STDERR logs are available in n1.log\n";
        assert_eq!(
            failure_reason(embedded),
            "Node n1 crashed with exit status 3. It wrote to stderr: nothing"
        );
        let io = "Cannot run program \"/x\": error=13, Permission denied\n\tat a.b\n";
        assert_eq!(
            failure_reason(&format!("WARN Test crashed!\njava.io.IOException: {io}")),
            io.lines().next().unwrap()
        );
        assert_eq!(
            failure_reason("Unknown option: \"--no-such-flag\"\n\n"),
            "Unknown option: \"--no-such-flag\""
        );
        assert_eq!(failure_reason(""), "it printed nothing");
    }

    #[test]
    fn an_exit_status_decides_whether_results_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::default();
        let ended = |status: i32, log: &str| {
            of(ExitStatus::from_raw(status), &RunFiles::of(directory.path()), log, &settings)
        };
        let exit = |code: i32| ended(code << 8, "bad flag\n");
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
        assert_eq!((exit(253).status(), exit(253).is_transient()), (Status::RunnerFailed, false));
        assert!(exit(1).reason().contains("contradict"));
        let killed = ended(9, "");
        assert_eq!((killed.status(), killed.reason()), (Status::Crashed, "killed by signal 9"));
        assert!(killed.is_transient() && exit(134).is_transient());
        assert!(!exit(255).is_transient() && !exit(1).is_transient() && !exit(254).is_transient());
        let full = ended(255 << 8, "java.lang.OutOfMemoryError: x");
        assert!(full.is_transient());
        assert_eq!(timer_p99(directory.path()), None);
        std::fs::write(store.join("embedded.edn"), "{:timer-lateness-us {:p50 8, :p99 120}}").unwrap();
        assert_eq!(timer_p99(directory.path()), Some(Duration::from_micros(120)));
    }
}
