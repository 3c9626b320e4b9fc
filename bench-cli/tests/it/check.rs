//! `bench-cli check` on recorded histories of real Maelstrom: its results must be the recorded ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use bench_cli::edn;
use bench_cli::harness::{checker, history_file};
use clojure_reader::edn::Edn;

use crate::common;

/// The recorded runs that have both a history and results.
fn recorded() -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> = fs::read_dir(common::recorded())
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|run| run.join("history.edn").exists() && run.join("results.edn").exists())
        .collect();
    runs.sort();
    runs
}

fn name(run: &Path) -> String {
    run.file_name().expect("a name").to_string_lossy().into_owned()
}

/// What `bench-cli check` prints for a run, and what is recorded.
fn printed_and_recorded(run: &Path) -> (String, String) {
    let mut check = Command::cargo_bin("bench-cli").expect("the binary");
    check.arg("check").arg(run.join("history.edn"));
    if name(run) == "availability" {
        check.args(["--availability", "0.9"]);
    }
    let output = check.output().expect("a run of bench-cli check");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let valid = edn::parse(&printed).expect("results").get(":valid?").map(ToString::to_string);
    let status = match valid.as_deref() {
        Some("true") => 0,
        Some("false") => 1,
        Some(":unknown") => 2,
        other => panic!("{}: {other:?}, {stderr}", name(run)),
    };
    assert_eq!(output.status.code(), Some(status), "{}: {stderr}", name(run));
    (printed, fs::read_to_string(run.join("results.edn")).expect("recorded results"))
}

const COMPARED: [&str; 3] = ["workload", "stats", "availability"];

#[test]
fn recorded_results_are_reproduced() {
    let runs = recorded();
    assert!(runs.len() >= 20, "only {} recorded runs were found", runs.len());
    for run in runs {
        let (printed, recorded) = printed_and_recorded(&run);
        // A strict reader, that knows the types of keys and numbers.
        let strict = |text| clojure_reader::edn::read_string(text).expect("EDN that Clojure would read");
        let (ours, theirs) = (strict(&printed), strict(&recorded));
        // The reader that the rest of the tool uses.
        let (our_edn, their_edn) =
            (edn::parse(&printed).expect("readable EDN"), edn::parse(&recorded).expect("readable EDN"));
        for key in COMPARED {
            let of = |results: &Edn<'_>| {
                let Edn::Map(map) = results else { panic!("no map") };
                let found = map.get(&Edn::Key(key.into())).expect("a section of the results");
                found.to_string()
            };
            assert_eq!(of(&ours), of(&theirs), "{} {key}", name(&run));
            let key = format!(":{key}");
            assert_eq!(our_edn.get(key.as_str()), their_edn.get(key.as_str()), "{} {key}", name(&run));
        }
    }
}

/// The text itself, too: same order of keys, same line breaks, same decimals. Sections of results are
/// compared line by line, less their indentation, which depends on the text before them.
#[test]
fn recorded_results_are_printed_alike() {
    for run in recorded() {
        let (printed, recorded) = printed_and_recorded(&run);
        let lines = |text: &str| -> BTreeSet<String> {
            text.lines().map(|line| line.trim().trim_end_matches(['}', ',', ')']).to_owned()).collect()
        };
        let recorded = lines(&recorded);
        let strange: Vec<String> = lines(&printed)
            .into_iter()
            // The first and the last section begin and end differently, as others stand around them.
            .filter(|line| !line.starts_with("{:stats") && !recorded.contains(line))
            .collect();
        assert!(strange.is_empty(), "{}: {strange:#?}", name(&run));
    }
}

#[test]
fn faults_of_a_history_are_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("history.edn");
    let cases = [
        ("{:index 0, :time 1, :type :ok, :process 0, :f :read, :value []}", "has not begun"),
        ("{:index 1, :time 1, :type :invoke, :process 0, :f :read, :value nil}", "is a line missing"),
        ("{:index 0, :time 1, :type :invoke, :process 0, :f :no-such, :value nil}", ":f is :no-such"),
        ("{:index 0, :time 1, :type :invoke, :process 0, :f :txn, :value nil}", ":txn is of txn-list-append"),
        (
            "{:index 0, :time 1, :type :invoke, :process 0, :f :read, :value [0 nil]}
{:index 1, :time 2, :type :invoke, :process 1, :f :cas, :value [0 [1 2]]}",
            "another workload: the operation :cas is of lin-kv",
        ),
        ("{:index 0, :time", "line 1"),
    ];
    for (text, problem) in cases {
        fs::write(&path, text).expect("a written history");
        let assert = Command::cargo_bin("bench-cli").expect("the binary").arg("check").arg(&path).assert();
        assert.code(254).stderr(predicates::str::contains(problem));
    }
    let missing = directory.path().join("nowhere");
    let assert = Command::cargo_bin("bench-cli").expect("the binary").arg("check").arg(&missing).assert();
    assert.code(254).stderr(predicates::str::contains("cannot read"));
    let results = common::recorded().join("pass/results.edn");
    let assert = Command::cargo_bin("bench-cli").expect("the binary").arg("check").arg(&results).assert();
    let advice = "is the results of a run, not a history; check the history next to it";
    assert.code(254).stderr(predicates::str::contains(advice));
}

/// The exit status is that of `maelstrom test`, and the results have an overall verdict.
#[test]
fn a_history_decides_the_exit_status() {
    let lost = "{:index 0, :time 1000000, :type :invoke, :process 0, :f :broadcast, :value 1}
{:index 1, :time 2000000, :type :ok, :process 0, :f :broadcast, :value 1}
{:index 2, :time 3000000, :type :invoke, :process 1, :f :read, :value nil}
{:index 3, :time 4000000, :type :ok, :process 1, :f :read, :value [VALUES]}
";
    let no_broadcast = "{:index 0, :time 3000000, :type :invoke, :process 1, :f :read, :value nil}
{:index 1, :time 4000000, :type :ok, :process 1, :f :read, :value []}
";
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (text, status, verdict) in [
        (lost.replace("VALUES", "1"), 0, ":valid? true}"),
        (lost.replace("VALUES", ""), 1, ":valid? false}"),
        (no_broadcast.to_owned(), 2, ":valid? :unknown}"),
    ] {
        fs::write(directory.path().join("history.edn"), text).expect("a written history");
        let mut check = Command::cargo_bin("bench-cli").expect("the binary");
        let assert = check.arg("check").arg(directory.path()).assert().code(status);
        let stdout = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        assert!(stdout.trim_end().ends_with(verdict), "{stdout}");
    }
}

/// `bench-cli COMMAND | true`: whoever does not read on has seen enough.
#[test]
fn a_closed_pipe_ends_any_command_quietly() {
    let run = common::recorded().join("pass");
    for command in [
        format!("check {}", run.display()),
        "man sweep".to_owned(),
        "completions bash".to_owned(),
        "doctor --help".to_owned(),
        "--help".to_owned(),
        "test --help".to_owned(),
        "simulate --time-limit 1s".to_owned(),
    ] {
        let script = format!("'{}' {command} | true", common::called());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    }
}

#[test]
fn values_that_final_reads_missed_are_counted_from_the_history() {
    // The checker calls the values of `partition` stable although some nodes never got them.
    for (run, missed) in [("pass", 0), ("article-T800", 0), ("partition", 68)] {
        let path = common::recorded().join(run);
        let text = fs::read_to_string(path.join("history.edn")).expect("a recorded history");
        let history = history_file::read_edn(&text).expect("a history");
        assert_eq!(checker::missed_by_final_reads(&history), missed, "{run}");
    }
}

/// Maelstrom takes `nil` for an empty list.
#[test]
fn a_read_that_saw_nil_saw_nothing() {
    let text = "{:index 0, :time 1, :type :invoke, :process 0, :f :broadcast, :value 7}
{:index 1, :time 2, :type :ok, :process 0, :f :broadcast, :value 7}
{:index 2, :time 3, :type :invoke, :process 1, :f :read, :value nil, :final? true}
{:index 3, :time 4, :type :ok, :process 1, :f :read, :value nil, :final? true}
";
    let history = history_file::read_edn(text).expect("a history");
    assert_eq!(checker::missed_by_final_reads(&history), 1);
    assert_eq!(checker::check(&history, None).workload.lost.len(), 1);
    let mut written = Vec::new();
    history_file::write_edn(&history, &mut written).expect("a written history");
    assert_eq!(String::from_utf8_lossy(&written), text);
}
