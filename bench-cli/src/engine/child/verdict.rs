//! What came of a run, by its exit status, the files that it left and the last that it printed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use crate::edn;
use crate::harness::{checker, history_file};
use crate::record::{Outcome, Status, Validity, results};

/// How much of a log's end is searched for the reason of a failure.
const TAIL_BYTES: u64 = 256 << 10;

/// What a JVM says that needs more memory than it may have.
const OUT_OF_MEMORY: &str = "java.lang.OutOfMemoryError";

/// What came of a process that ended by itself.
pub(super) fn judge_exit(status: ExitStatus, directory: &Path, log: &str) -> Outcome {
    let expected = status.code().and_then(Validity::of_exit_status);
    let expected = match (expected, status.code()) {
        (Some(expected), _) => expected,
        // After these the store is absent or holds no results, so it is not looked at.
        (None, Some(254)) => return Outcome::failed(Status::BadArguments, last_words(log)),
        (None, Some(code)) => {
            let crash = Outcome::failed(Status::Crashed, format!("exit status {code}: {}", last_words(log)));
            // A script that starts the JVM ends so when a signal ended the JVM.
            let signalled = (128 + 1..=128 + 31).contains(&code);
            return if signalled || log.contains(OUT_OF_MEMORY) { crash.transient() } else { crash };
        }
        // It was not this program that killed it, and a node cannot: the JVM crashed, or memory ran out.
        (None, None) => {
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
pub(super) fn tail(log: &Path) -> io::Result<String> {
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
pub(super) fn timer_p99(directory: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(directory.join("store/latest/embedded.edn")).ok()?;
    let measured = edn::parse(&text).ok()?;
    let p99 = measured.at(&[":timer-lateness-us", ":p99"])?.as_int()?;
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
}
