//! A sweep of many short runs on the embedded runner: memory and descriptors stay flat, and nothing is left
//! behind.
//!
//! It takes minutes, so only `make soak-embedded` runs it: SOAK_RUNS (40) runs, SOAK_JOBS (8) at a time.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::built_node;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Holding {
    rss_kb: u64,
    /// Open files, where the system tells them.
    files: Option<usize>,
}

impl Holding {
    fn of(pid: u32) -> Holding {
        let output = Command::new("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output();
        let said = String::from_utf8(output.expect("ps runs").stdout).expect("a number");
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok().map(|entries| entries.count());
        Holding { rss_kb: said.trim().parse().expect("the sweep is running"), files }
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The processes whose command line names `path`.
fn processes(path: &Path) -> Vec<String> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,command="]).output().expect("ps runs");
    let named = path.display().to_string();
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    list.lines().filter(|line| line.contains(&named)).map(str::to_owned).collect()
}

#[test]
#[ignore = "takes minutes: make soak-embedded"]
fn many_runs_leave_nothing_behind() {
    let (runs, jobs) = (number("SOAK_RUNS", 40), number("SOAK_JOBS", 8));
    let place = tempfile::tempdir().expect("a temporary directory");
    let temporary = place.path().join("tmp");
    fs::create_dir(&temporary).expect("a directory");
    // A copy, so that its path tells these processes from all others.
    let bench: PathBuf = place.path().join("bench-cli");
    fs::copy(assert_cmd::cargo::cargo_bin!("bench-cli"), &bench).expect("a copy");
    let node = built_node();
    fs::copy(&node, place.path().join("node")).expect("a built node: cargo build");
    let mut sweep = Command::new(&bench)
        .args(["sweep", "--engine", "embedded", "--out", "out", "--keep", "none", "--node-count", "5"])
        .args(["--time-limit", "1s", "--batch-timeouts", "50", "--rate", "50"])
        .args(["--repetitions", &runs.to_string(), "--jobs", &jobs.to_string()])
        .env("TMPDIR", &temporary)
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a started sweep");
    let lines = BufReader::new(sweep.stderr.take().expect("its stderr")).lines();
    let mut held = Vec::new();
    for line in lines.map_while(Result::ok).filter(|line| line.starts_with('[')) {
        // While the last runs end, fewer execute than before.
        if held.len() + jobs < runs {
            held.push(Holding::of(sweep.id()));
            println!("{:?} {line}", held[held.len() - 1]);
        }
    }
    assert!(sweep.wait().expect("an ended sweep").success());
    let (first, last) = (held[jobs.min(held.len() - 1)], held[held.len() - 1]);
    println!("after {jobs} runs: {first:?}; after {} runs: {last:?}", held.len());
    assert!(last.rss_kb <= first.rss_kb + 1024, "memory grows: {first:?}, {last:?}");
    if let (Some(first), Some(last)) = (first.files, last.files) {
        assert!(last <= first + 6, "open files grow: {first}, {last}");
    }
    assert_eq!(processes(place.path()), Vec::<String>::new());
    assert_eq!(fs::read_dir(&temporary).expect("the directory").count(), 0, "temporary files are left");
    assert_eq!(fs::read_dir(place.path().join("out/runs")).map_or(0, Iterator::count), 0, "runs are left");
}
