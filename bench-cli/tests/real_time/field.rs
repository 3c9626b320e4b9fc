//! What people really feed to such a tool, with the verdict of real Maelstrom.
//!
//! Each node among the fixtures is looked at in three ways: by a run of `test`, by a sweep, and by `doctor`.
//! All three must say the same. The runs of one test execute in parallel.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use bench_cli::edn::{self, Value};
use tempfile::TempDir;

use crate::common::{bench_cli, fixtures, has_python, program, stderr, stdout};

/// The nodes among the fixtures: the exit status of `test`, and what is said of a node that cannot be set up.
const NODES: [(&str, i32, Option<&str>); 16] = [
    ("batching.py", 0, None),
    ("carriage_return", 255, Some("carriage return")),
    // It is set up, and then answers nothing.
    ("cat", 1, None),
    ("gossip.py", 0, None),
    ("hello_first.py", 0, None),
    ("kv_in_init.py", 0, None),
    ("kv_store.py", 0, None),
    ("loose_json.py", 0, None),
    ("no_interpreter", 255, Some("the interpreter /no/such/python3")),
    ("no_shebang", 0, None),
    ("node.py", 0, None),
    ("null_id.py", 255, Some("id is null")),
    ("polls_service.py", 0, None),
    ("relative_path", 255, Some("can't open file")),
    ("silent", 255, Some("within 10")),
    ("stubborn.py", 255, Some("error (code 10)")),
];

fn node(name: &str) -> PathBuf {
    fixtures().join("nodes").join(name)
}

/// A command that runs in a folder of its own.
struct Started {
    folder: TempDir,
    child: Child,
}

fn start(args: &[&str]) -> Started {
    let folder = tempfile::tempdir().expect("a folder");
    let child = bench_cli()
        .args(args)
        .current_dir(folder.path())
        .env_remove("MAELSTROM")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a started command");
    Started { folder, child }
}

impl Started {
    fn finish(self) -> (Output, TempDir) {
        (self.child.wait_with_output().expect("a finished command"), self.folder)
    }
}

fn start_test(bin: &Path, flags: &[&str]) -> Started {
    let bin = bin.display().to_string();
    let common = ["test", "-w", "broadcast", "--bin", &bin, "--rate", "10", "--latency", "5", "--seed", "1"];
    start(&[&common[..], flags].concat())
}

fn start_sweep(bin: &Path) -> Started {
    let bin = bin.display().to_string();
    // With other seeds, one run in a thousand has no broadcast among its ten operations.
    let flags = "--engine embedded --batch-timeouts 50 --repetitions 1 --node-count 1 --rate 10 --time-limit 1s \
                 --latency 5ms --seed 1 --out out";
    start(&[&["sweep", "--bin", &bin][..], &flags.split_whitespace().collect::<Vec<_>>()].concat())
}

/// The cells of the sweep's only row, by column.
fn row(folder: &TempDir) -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_path(folder.path().join("out/sweep.csv")).expect("a sweep");
    let mut rows = reader.deserialize();
    let row = rows.next().expect("a row").expect("a readable row");
    assert!(rows.next().is_none());
    row
}

fn results(folder: &TempDir) -> Value {
    let text = fs::read_to_string(folder.path().join("store/latest/results.edn")).expect("results");
    edn::parse(&text).expect("readable results")
}

#[test]
fn every_node_gets_the_same_verdict_from_test_sweep_and_doctor() {
    if !has_python() {
        return;
    }
    let folder = fs::read_dir(fixtures().join("nodes")).expect("the nodes");
    let mut there: Vec<String> = folder
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().expect("UTF-8"))
        .collect();
    there.sort();
    assert_eq!(there, NODES.map(|(name, ..)| name));

    let started = NODES.map(|(name, ..)| {
        let bin = node(name);
        let doctor = start(&["doctor", "--bin", &bin.display().to_string()]);
        (start_test(&bin, &["--node-count", "1", "--time-limit", "1"]), start_sweep(&bin), doctor)
    });
    let mut different = Vec::new();
    for ((name, status, refusal), (test, sweep, doctor)) in NODES.into_iter().zip(started) {
        let (test, _store) = test.finish();
        let (sweep, out) = sweep.finish();
        let (doctor, _) = doctor.finish();
        let (test_says, sweep_says, doctor_says) = (stdout(&test), stderr(&sweep), stdout(&doctor));
        let finding =
            doctor_says.lines().find(|line| line.contains(" node: ")).unwrap_or_default().to_owned();
        let agree = match refusal {
            Some(refusal) => {
                sweep.status.code() == Some(1)
                    && sweep_says.contains("every run would fail")
                    && finding.starts_with("FAULT")
                    && [&test_says, &sweep_says, &finding].iter().all(|said| said.contains(refusal))
            }
            None => {
                let expected = if status == 0 { "ok" } else { "invalid" };
                sweep.status.code() == Some(i32::from(status != 0))
                    && row(&out).get("status").is_some_and(|status| status == expected)
                    && finding.starts_with("ok")
            }
        };
        if test.status.code() != Some(status) || !agree {
            different.push(format!(
                "{name}: test ends with {:?}:\n{test_says}\nsweep ends with {:?}:\n{sweep_says}\ndoctor: {finding}",
                test.status.code(),
                sweep.status.code()
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// Their messages have the network's latency and count as messages between servers. Partitions do not reach
/// them.
#[test]
fn services_answer_real_nodes_also_through_partitions() {
    if !has_python() {
        return;
    }
    let polls = start_test(&node("polls_service.py"), &["--node-count", "1", "--time-limit", "4"]);
    let flags =
        ["--node-count", "3", "--time-limit", "6", "--nemesis", "partition", "--nemesis-interval", "1"];
    let stores = start_test(&node("kv_store.py"), &flags);

    let (output, folder) = polls.finish();
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let polled = results(&folder);
    let count = |path: &[&str]| polled.at(path).and_then(Value::as_int).expect("a count");
    assert!(count(&[":stats", ":ok-count"]) > 30, "{polled}");
    assert_eq!(count(&[":stats", ":count"]), count(&[":stats", ":ok-count"]));
    // Five polls a second in 4 s of operations and 10 s of recovery, each a message to the service and its
    // answer.
    let sent = count(&[":net", ":servers", ":send-count"]);
    assert!((80..=150).contains(&sent) && count(&[":net", ":servers", ":recv-count"]) >= sent - 2, "{sent}");

    let (output, folder) = stores.finish();
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let stored = results(&folder);
    assert_eq!(stored.at(&[":workload", ":lost-count"]), Some(&Value::Int(0)), "{stored}");
    assert_eq!(stored.at(&[":stats", ":ok-count"]), stored.at(&[":stats", ":count"]));
    let history = fs::read_to_string(folder.path().join("store/latest/history.edn")).expect("a history");
    assert!(history.contains(":start-partition"));
    for plot in ["latency-raw.png", "latency-quantiles.png", "rate.png", "timeline.html"] {
        assert!(folder.path().join("store/latest").join(plot).exists(), "{plot}");
    }
}

#[test]
fn files_that_are_not_programs_are_explained_with_the_fix() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().display().to_string();
    let (doctor, _) = start(&["doctor", "--bin", &directory]).finish();
    let finding = stdout(&doctor);
    assert!(finding.contains("is a directory") && !finding.contains("chmod"), "{finding}");
    let (sweep, _) = start_sweep(folder.path()).finish();
    assert!(stderr(&sweep).contains("is a directory"), "{}", stderr(&sweep));
}

/// What the runner cannot do is not put down to the node, and never counts as ok.
#[test]
fn a_run_that_the_runner_cuts_short_has_its_own_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = folder.path().join("endless");
    let mut text = fs::read_to_string(node("cat")).expect("a node").replace("exec cat >/dev/null", "");
    // One line of 140 MB; the longest that is read has 128 MiB.
    text.push_str("head -c 140000000 /dev/zero | tr '\\0' x\nexec cat >/dev/null\n");
    program(&bin, &text);
    let (output, _) = start_test(&bin, &["--node-count", "1", "--time-limit", "5"]).finish();
    assert_eq!(output.status.code(), Some(253), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("this runner cannot continue: node n0 wrote a line of more than 128 MiB")
    );
    let (output, folder) = start_sweep(&bin).finish();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let row = row(&folder);
    assert_eq!(row["status"], "runner-failed");
    assert!(row["reason"].contains("128 MiB"), "{row:?}");
}

/// Nodes that keep their cores busy would bend each other's latencies; cheap ones need no such care.
#[test]
fn the_first_run_decides_how_many_run_in_parallel() {
    if !has_python() {
        return;
    }
    let batching = fixtures().join("nodes/batching.py");
    let busy = format!(
        "#!/usr/bin/env python3\nimport threading\n\
         threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()\n\
         exec(open({batching:?}).read())\n"
    );
    for (name, text, said) in [
        ("busy", busy, "cores: 1 at a time from now on; --jobs sets another number"),
        ("cheap", format!("#!/bin/sh\nexec {batching:?}\n"), "at a time from now on"),
    ] {
        let place = tempfile::tempdir().unwrap();
        program(&place.path().join(name), &text);
        let mut sweep = bench_cli();
        sweep.args([
            "sweep",
            "--engine",
            "embedded",
            "--out",
            "out",
            "--bin",
            name,
            "--batch-timeouts",
            "50,100",
        ]);
        sweep.args(["--repetitions", "1", "--node-count", "2", "--rate", "5", "--time-limit", "1s"]);
        let output = sweep.current_dir(place.path()).output().unwrap();
        let shown = stderr(&output);
        assert!(shown.contains("2 runs, the first one alone, to see how many"), "{shown}");
        let line = shown.lines().find(|line| line.starts_with("the first run took ")).unwrap();
        assert!(line.ends_with(said) || name == "cheap" && line.contains(said), "{line}");
        assert_eq!(line.contains(": 1 at a time"), name == "busy", "{line}");
    }
}
