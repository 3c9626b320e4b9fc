//! Misbehaving nodes and command lines: each recorded run of real Maelstrom repeated on the embedded runner.
//!
//! Both must end with the same exit status and results of the same class: the same verdicts, and the same
//! kinds of outcome among the operations. Takes about 20 s, so it is run on request:
//!
//! ```text
//! MISBEHAVIOUR_TABLE=results/parity/misbehaviour.md \
//!     cargo test -p bench-cli --test real_time misbehaviour -- --ignored
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use bench_cli::edn::{self, Value};
use tempfile::TempDir;

use crate::common::{bench_cli, fixtures};

/// A recorded run, and what the embedded runner must say on the terminal.
const CASES: &[(&str, &str)] = &[
    ("pass", "Everything looks good!"),
    ("dup", "Everything looks good!"),
    ("badjson", "not well-formed JSON:\nthis is not json"),
    ("baddest", "to \"n99\", which is not on the network"),
    ("error", "unavailable for the test"),
    ("noack", "no answer within 5 s"),
    ("availability", "less than --availability demands"),
    ("fail-lost", "later missing from reads"),
    ("fail-empty", "later missing from reads"),
    ("fail-somelost", "later missing from reads"),
    ("fail-noread", "reads failed, the first on n"),
    ("wrongshape", "an answer that is not what the protocol asks for"),
    ("rate0", "there was nothing to check"),
    ("crash", "crashed with exit status 3"),
    ("bad-bin", "cannot run"),
    ("bad-bin-notexec", "cannot run"),
    ("no-bin", "--bin"),
    ("bad-flag", "--no-such-flag"),
    ("bad-flag-value", "--node-count"),
    ("bad-flag-rate", "--rate"),
    ("bad-workload", "nosuch"),
];

/// The recorded command line, with this machine's paths.
fn arguments(case: &str, directory: &Path) -> Vec<String> {
    let command =
        fs::read_to_string(fixtures().join("maelstrom").join(case).join("command")).expect("a command");
    let local = |word: &str| {
        let Some(name) = word.strip_prefix("/home/user/") else { return word.to_owned() };
        let path = directory.join(Path::new(name).file_name().expect("a file name"));
        if name.ends_with(".py") {
            fs::copy(fixtures().join("nodes/node.py"), &path).expect("a copied node");
        } else if name.ends_with(".txt") {
            fs::write(&path, "no program").expect("a written file");
        }
        path.display().to_string()
    };
    command.split_whitespace().skip(1).map(local).collect()
}

fn start(case: &str) -> (Child, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let child = bench_cli()
        .args(arguments(case, directory.path()))
        // With few operations it is a matter of luck whether one shows what its case is about.
        .args(["--seed", "2"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a started run");
    (child, directory)
}

/// What makes two results the same: verdicts, and which outcomes there were.
fn class(results: &Value) -> String {
    let verdict = |path: &[&str]| {
        results.at(path).map_or("-".to_owned(), |value| value.to_string().trim_start_matches(':').to_owned())
    };
    let some = |path: &[&str]| {
        if results.at(path).and_then(Value::as_int).is_some_and(|count| count > 0) { "some" } else { "none" }
    };
    format!(
        "valid {}, stats {}, workload {}, availability {}; failed {}, unknown {}; lost {}, never read {}",
        verdict(&[":valid?"]),
        verdict(&[":stats", ":valid?"]),
        verdict(&[":workload", ":valid?"]),
        verdict(&[":availability", ":valid?"]),
        some(&[":stats", ":fail-count"]),
        some(&[":stats", ":info-count"]),
        some(&[":workload", ":lost-count"]),
        some(&[":workload", ":never-read-count"]),
    )
}

fn class_of(directory: &Path) -> String {
    match fs::read_to_string(directory.join("results.edn")) {
        Ok(text) => class(&edn::parse(&text).expect("readable results")),
        Err(_) => "no results".to_owned(),
    }
}

#[test]
#[ignore = "takes 20 s; see the top of the file"]
fn recorded_misbehaviour_is_repeated() {
    let runs: Vec<_> = CASES.iter().map(|(case, said)| (case, said, start(case))).collect();
    let mut table = "# Misbehaving nodes and command lines\n\nEach recorded run of real Maelstrom v0.2.4, \
                     and the same command line on the embedded runner.\n\n\
                     | case | exit status, recorded | embedded | class of result, recorded | embedded \
                     | the terminal says |\n|---|---|---|---|---|---|\n"
        .to_owned();
    let mut different = Vec::new();
    for (case, said, (child, directory)) in runs {
        let recorded = fixtures().join("maelstrom").join(case);
        let expected = fs::read_to_string(recorded.join("exit-status")).expect("a status").trim().to_owned();
        let output = child.wait_with_output().expect("a finished run");
        let status = output.status.code().map_or("signal".to_owned(), |code| code.to_string());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let (theirs, ours) = (class_of(&recorded), class_of(&directory.path().join("store/latest")));
        let line = stdout.lines().find(|line| line.contains(said.lines().last().unwrap_or(said)));
        let shown: String = line.unwrap_or("").trim().chars().take(120).collect();
        let shown = shown.replace(&directory.path().display().to_string(), "…").replace('|', "\\|");
        let ours_shown = if ours == theirs { "the same" } else { &ours };
        let _ = writeln!(table, "| {case} | {expected} | {status} | {theirs} | {ours_shown} | `{shown}` |");
        if status != expected || ours != theirs || !stdout.contains(said) {
            different.push(format!(
                "{case}: {status} not {expected}, {ours} not {theirs}, {said:?} in:\n{stdout}"
            ));
        }
    }
    if let Some(path) = std::env::var_os("MISBEHAVIOUR_TABLE") {
        // A test runs in its package's directory; the path is meant from the workspace's.
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::write(workspace.join(path), table).expect("a written table");
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
