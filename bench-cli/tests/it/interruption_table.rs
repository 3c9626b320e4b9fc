//! The processes and files of a sweep before and after each kind of interruption, as a table.
//!
//! It takes about a minute, so it is run on request, after `cargo build`:
//!
//! ```text
//! INTERRUPTION_TABLE=results/interruptions.md \
//!     cargo test -p bench-cli --test it interruption_table -- --ignored
//! ```
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::common::{self, Place, stderr};
use bench_cli::record::csv_file;

const NODES: usize = 25;

/// How a sweep is interrupted: what the table calls it, the signals that the sweep is sent, whether guards
/// are killed before, and the exit status (`None`: killed by the signal).
const WAYS: &[(&str, &[&str], bool, Option<i32>)] = &[
    ("SIGINT (Ctrl-C)", &["INT"], false, Some(130)),
    ("SIGINT twice", &["INT", "INT"], false, Some(130)),
    ("SIGTERM", &["TERM"], false, Some(130)),
    ("SIGHUP", &["HUP"], false, Some(130)),
    ("SIGKILL", &["KILL"], false, None),
    ("SIGKILL, all guards too", &["KILL"], true, None),
];

/// The processes of a sweep by their names: what it has started, or has marked as part of a run in `place`.
fn processes(place: &Path, sweep: Option<u32>) -> BTreeMap<String, Vec<i32>> {
    let mark = format!(" {}/", place.display());
    let mut found: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    let numbers =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for process in numbers.filter_map(|name| name.parse::<i32>().ok()) {
        let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        let is_marked =
            environment.split('\0').any(|entry| entry.starts_with("BENCH_CLI_RUN=") && entry.contains(&mark));
        let is_child = sweep.is_some() && (parent == sweep || u32::try_from(process).ok() == sweep);
        if is_marked || is_child {
            let name = String::from_utf8_lossy(&read("comm")).trim().to_owned();
            found.entry(name).or_default().push(process);
        }
    }
    found
}

fn shown(processes: &BTreeMap<String, Vec<i32>>) -> String {
    let each = processes.iter().map(|(name, all)| format!("{} {name}", all.len()));
    let all: Vec<String> = each.collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn sweep(place: &Place) -> Command {
    let node = common::built_node();
    // Each node has a child that does not notice when its parent has gone.
    let wrapper = format!("#!/bin/sh\nsleep 1000 &\nexec '{}' \"$@\"\n", node.display());
    // A script written again would be another build, with which no sweep is resumed.
    if !place.path("node.sh").exists() {
        common::program(&place.path("node.sh"), &wrapper);
    }
    let mut sweep = place.bench(&["sweep", "--engine", "embedded", "--out", "out", "--jobs", "1", "--bin"]);
    sweep.arg("node.sh").args([
        "--node-count",
        &NODES.to_string(),
        "--time-limit",
        "1s",
        "--repetitions",
        "1",
    ]);
    sweep.args(["--batch-timeouts", "50,100"]).stdout(Stdio::null()).stderr(Stdio::piped());
    sweep
}

/// Waits until `condition` holds, for a minute at most.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "there are no {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(signal: &str, process: i32) {
    assert!(
        Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status().unwrap().success()
    );
}

/// Sends the signals, guards first, and waits for the sweep.
fn interrupt(
    sweep: &mut Child,
    signals: &[&str],
    running: &BTreeMap<String, Vec<i32>>,
    guards: bool,
) -> ExitStatus {
    if guards {
        let of_runs = ["bench-guard", "bench-cli"].iter().filter_map(|name| running.get(*name)).flatten();
        let others: Vec<&i32> =
            of_runs.filter(|&&process| u32::try_from(process).ok() != Some(sweep.id())).collect();
        others.into_iter().for_each(|&process| kill("KILL", process));
    }
    for (number, signal) in signals.iter().enumerate() {
        // The second one may come when all is over.
        if number == 0 || sweep.try_wait().unwrap().is_none() {
            kill(signal, sweep.id().try_into().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    sweep.wait().unwrap()
}

/// Interrupts a sweep in its second run and gives the table's line.
fn line(&(name, signals, guards, expected): &(&str, &[&str], bool, Option<i32>)) -> String {
    let place = Place::new();
    let mut child = sweep(&place).spawn().unwrap();
    let csv = place.path("out/sweep.csv");
    let rows = || csv_file::read(&csv).map_or(0, |read| read.records.len());
    wait_for("finished rows", || rows() == 1);
    let now = || processes(place.0.path(), Some(child.id()));
    wait_for("nodes", || now().get("node").is_some_and(|nodes| nodes.len() == NODES));
    let before = now();
    let status = interrupt(&mut child, signals, &before, guards);
    assert_eq!(status.code(), expected, "{name}");
    if !guards {
        wait_for("ends", || processes(place.0.path(), None).is_empty());
    }
    let after = processes(place.0.path(), None);
    let kept = rows();
    let mut files: Vec<String> = Vec::new();
    for folder in ["out", "out/runs"] {
        let entries = fs::read_dir(place.path(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()));
    }
    let is_plot = |file: &String| file.ends_with(".svg") || file.ends_with(".png");
    let plots = files.iter().filter(|file| is_plot(file)).count();
    files.retain(|file| !is_plot(file));
    files.sort();
    if plots > 0 {
        files.push(format!("{plots} plots"));
    }
    let again = sweep(&place).output().unwrap();
    assert!(again.status.success(), "{name}: {}", stderr(&again));
    let said = stderr(&again);
    let ended = said.lines().find(|line| line.starts_with("ended ")).unwrap_or("–");
    let ended = ended.split(" that ").next().unwrap();
    assert!(processes(place.0.path(), None).is_empty(), "{name}");
    let left = files.iter().filter(|file| file.contains("-r")).count();
    assert_eq!((kept, left, rows()), (1, 2, 2), "{name}: {files:?}");
    let exit = expected.map_or("by the signal".to_owned(), |code| code.to_string());
    format!(
        "| {name} | {exit} | {} | {} | {kept} | {} | {ended} | {} |\n",
        shown(&before),
        shown(&after),
        files.join(", "),
        rows()
    )
}

#[test]
#[ignore = "takes a minute; see the top of the file"]
fn every_kind_of_interruption_leaves_nothing_behind() {
    let lines: Vec<String> = std::thread::scope(|scope| {
        let started: Vec<_> = WAYS.iter().map(|way| scope.spawn(move || line(way))).collect();
        started.into_iter().map(|line| line.join().unwrap()).collect()
    });
    let mut table = "# Interrupted sweeps\n\nA sweep of two runs on the embedded runner, \
                     25 nodes with a child each, interrupted in its second run; \
                     then the same command again.\n\n\
                     | interrupted by | exit status | processes before | processes after | finished rows \
                     | files after | the next start ended | rows after that |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    table.extend(lines);
    println!("{table}");
    if let Some(path) = std::env::var_os("INTERRUPTION_TABLE") {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path), table).unwrap();
    }
}
