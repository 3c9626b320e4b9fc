//! How sweeps end that do not come to their end: signals, deadlines, a supervisor that is killed. No process
//! of a run is left, and every finished row is.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{self, Place, is_gone_soon, is_running, stderr};
use bench_cli::record::Status;

/// Starts a sweep whose second run hangs, and returns it with the id of that run's node once that is running.
fn hanging(place: &Place, args: &[&str]) -> (Child, String) {
    started(place, "hang", args)
}

/// The same, with a second run of another kind.
fn started(place: &Place, kind: &str, args: &[&str]) -> (Child, String) {
    let started = place.path("started");
    assert!(Command::new("mkfifo").arg(&started).status().unwrap().success());
    let sweep = place
        .sweep(&["--batch-timeouts", "50,100,200", "--repetitions", "1"])
        .args(args)
        .env("FAKE_100", kind)
        .env("FAKE_STARTED", &started)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Opening the pipe waits for the stand-in to write to it.
    let node = fs::read_to_string(&started).unwrap().trim().to_owned();
    assert!(is_running(&node), "{node}");
    (sweep, node)
}

#[test]
fn an_interrupted_sweep_keeps_its_rows_and_leaves_no_process() {
    for signal in ["INT", "TERM", "HUP"] {
        let place = Place::new();
        let (mut sweep, node) = hanging(&place, &[]);
        let pid = sweep.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        assert_eq!(sweep.wait().unwrap().code(), Some(130), "{signal}");
        assert!(!is_running(&node), "{signal}");
        let ended: Vec<u64> = place.records().iter().map(|row| row.batch_timeout_ms().unwrap()).collect();
        assert_eq!(ended, [50], "{signal}");
        let said: Vec<String> =
            BufReader::new(sweep.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
        let [.., kept, command] = &said[..] else { panic!("{said:?}") };
        assert!(kept.contains("1 of 3 runs is in out/sweep.csv"), "{said:?}");
        // The command that it names resumes the sweep.
        let mut again = Command::new("sh");
        again.args(["-c", command]).current_dir(place.0.path()).env("PATH", common::tools());
        let again = again.output().unwrap();
        assert!(again.status.success(), "{}", stderr(&again));
        let ended: Vec<u64> = place.records().iter().map(|row| row.batch_timeout_ms().unwrap()).collect();
        assert_eq!(ended, [50, 100, 200], "{signal}");
    }
}

/// What `nohup` does: the signal is ignored when the program starts.
#[test]
fn a_hang_up_that_is_ignored_from_the_start_stops_nothing() {
    let place = Place::new();
    let started = place.path("started");
    assert!(Command::new("mkfifo").arg(&started).status().unwrap().success());
    let sweep = place.sweep(&["--batch-timeouts", "50,100", "--repetitions", "1"]);
    let mut sweep = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(sweep.get_program())
        .args(sweep.get_args())
        .current_dir(place.0.path())
        .env("PATH", common::tools())
        .envs([("FAKE_100", "hang"), ("RUST_LOG", "info")])
        .env("FAKE_STARTED", &started)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    fs::read_to_string(&started).unwrap();
    let pid = sweep.id().to_string();
    kill("HUP", &pid);
    kill("TERM", &pid);
    assert_eq!(sweep.wait().unwrap().code(), Some(130));
    let lines: Vec<String> =
        BufReader::new(sweep.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    // Had the first signal counted, the second would have asked to stop at once.
    assert_eq!(lines.iter().filter(|line| line.contains("asked to stop")).count(), 1, "{lines:?}");
}

#[test]
fn a_run_that_hangs_is_killed_at_its_deadline_and_recorded() {
    let place = Place::new();
    let (mut sweep, node) = hanging(&place, &["--run-timeout", "4s"]);
    assert_eq!(sweep.wait().unwrap().code(), Some(1));
    assert!(!is_running(&node));
    let rows = place.records();
    assert_eq!(
        rows.iter().map(|row| row.measured.status).collect::<Vec<_>>(),
        [Status::Ok, Status::TimedOut, Status::Ok]
    );
    assert!(rows[1].measured.reason.starts_with("killed after 4 s"), "{}", rows[1].measured.reason);
}

#[test]
fn a_sweep_that_is_killed_leaves_no_process() {
    let place = Place::new();
    let (mut sweep, node) = hanging(&place, &[]);
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    assert!(is_gone_soon(&node), "the node {node} has outlived the sweep");
    assert_eq!(place.records().len(), 1);
}

/// Sends a signal.
fn kill(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), pid]).status().unwrap().success());
}

#[test]
fn a_second_signal_stops_nodes_that_do_not_end_at_the_first() {
    for (first, second) in [("INT", "INT"), ("TERM", "HUP")] {
        let place = Place::new();
        let (mut sweep, node) = started(&place, "stubborn", &[]);
        let pid = sweep.id().to_string();
        kill(first, &pid);
        let mut said = BufReader::new(sweep.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("press Ctrl-C again to quit now") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it says nothing of a second signal");
        }
        // It has five seconds to end by itself, and does not.
        let begin = Instant::now();
        kill(second, &pid);
        assert_eq!(sweep.wait().unwrap().code(), Some(130), "{first} {second}");
        assert!(begin.elapsed() < Duration::from_secs(4), "it took {:?}", begin.elapsed());
        assert!(is_gone_soon(&node), "{first} {second}");
        assert_eq!(place.records().len(), 1);
    }
}

#[test]
fn nodes_that_do_not_end_at_the_first_signal_are_killed_later() {
    let place = Place::new();
    let (mut sweep, node) = started(&place, "stubborn", &[]);
    kill("INT", &sweep.id().to_string());
    assert_eq!(sweep.wait().unwrap().code(), Some(130));
    assert!(is_gone_soon(&node));
}

/// The processes that `pid` has started and that are running.
#[cfg(target_os = "linux")]
fn children(pid: u32) -> Vec<String> {
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", &pid.to_string()]).output().unwrap();
    common::stdout(&output).split_whitespace().map(str::to_owned).collect()
}

/// Kills a sweep and all guards, so that nobody is left to clean up.
#[cfg(target_os = "linux")]
fn kill_with_guards(sweep: &mut Child) {
    let guard = |pid: &String| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "bench-guard")
    };
    let of_sweep = children(sweep.id());
    let of_runs = of_sweep.iter().flat_map(|run| children(run.parse().unwrap()));
    let guards: Vec<String> = of_sweep.iter().cloned().chain(of_runs).filter(guard).collect();
    assert!(!guards.is_empty());
    for guard in &guards {
        kill("KILL", guard);
    }
    sweep.kill().unwrap();
    sweep.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn nodes_that_outlive_a_sweep_and_its_guard_are_ended_by_the_next_start() {
    let place = Place::new();
    let (mut sweep, node) = hanging(&place, &[]);
    kill_with_guards(&mut sweep);
    assert!(is_running(&node), "somebody else has cleaned up");
    // A sweep in another place does not touch it.
    let args = ["--batch-timeouts", "50,100,200", "--repetitions", "1"];
    let elsewhere = ["sweep", "--engine", "simulated", "--batch-timeouts", "50", "--out", "elsewhere"];
    assert!(place.bench(&elsewhere).status().unwrap().success());
    assert!(is_running(&node));
    let again = place.sweep(&args).output().unwrap();
    assert!(again.status.success(), "{}", stderr(&again));
    let said = stderr(&again);
    assert!(said.contains(" that an earlier, killed run in "), "{said}");
    assert!(said.contains("1 of 3 runs is done already"), "{said}");
    assert!(!is_running(&node));
    assert_eq!(place.records().len(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn nodes_that_outlive_an_embedded_run_and_all_guards_are_ended_by_the_next_start() {
    let place = Place::new();
    let pids = place.path("pids");
    // It neither notices that its input ends nor minds being told to end.
    let answer = r#"{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#;
    let node = format!(
        "#!/bin/sh\ntrap '' TERM HUP INT\nread -r line\necho $$ >>\"$PIDS\"\necho '{answer}'\nexec sleep 1000\n"
    );
    common::program(&place.path("node.sh"), &node);
    let sweep = |timeout: &str| {
        let mut sweep = place.bench(&["sweep", "--engine", "embedded", "--out", "out", "--node-count", "3"]);
        sweep.args([
            "--bin",
            "node.sh",
            "--repetitions",
            "1",
            "--batch-timeouts",
            "50",
            "--run-timeout",
            timeout,
        ]);
        sweep.env("PIDS", &pids).stdout(Stdio::null());
        sweep
    };
    let mut killed = sweep("100s").spawn().unwrap();
    let running = || {
        let said = fs::read_to_string(&pids).unwrap_or_default();
        said.lines().filter(|pid| is_running(pid)).map(str::to_owned).collect::<Vec<_>>()
    };
    let begin = Instant::now();
    while running().len() < 3 {
        assert!(begin.elapsed() < Duration::from_secs(60), "nodes do not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let run =
        children(killed.id()).into_iter().find(|pid| !children(pid.parse().unwrap()).is_empty()).unwrap();
    kill_with_guards(&mut killed);
    kill("KILL", &run);
    let nodes = running();
    assert_eq!(nodes.len(), 3);
    let again = sweep("1s").output().unwrap();
    assert!(stderr(&again).contains("ended 3 processes that an earlier, killed run"), "{}", stderr(&again));
    for node in nodes {
        assert!(!is_running(&node));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_leaves_its_group_does_not_outlive_its_run() {
    let place = Place::new();
    let started = place.path("started");
    let output = place
        .sweep(&["--batch-timeouts", "50", "--repetitions", "1"])
        .env("FAKE_50", "stray")
        .env("FAKE_STARTED", &started)
        .env("RUST_LOG", "warn")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    // When the run was over, and not only when the guard ended.
    assert!(stderr(&output).contains("left by the run in "), "{}", stderr(&output));
    let stray = fs::read_to_string(&started).unwrap();
    assert!(is_gone_soon(stray.trim()), "{stray}");
}

#[test]
fn lost_replies_are_retried_and_silence_is_a_result() {
    for (case, ended, attempts) in [("unheard", Status::Ok, 2), ("silent", Status::Invalid, 1)] {
        let place = Place::new();
        let output = place
            .sweep(&["--batch-timeouts", "50", "--repetitions", "1", "--node-count", "3"])
            .env("FAKE_50", case)
            .env("FAKE_STARTED", place.path("started"))
            .output()
            .unwrap();
        let row = &place.records()[0];
        assert_eq!(
            (row.measured.status, row.measured.attempts),
            (ended, attempts),
            "{case}: {}",
            stderr(&output)
        );
        let said = common::stdout(&output);
        let rate = match case {
            "unheard" => "pass rate: 1 of 1 run ok, 1 of them after more than one attempt",
            _ => "pass rate: 0 of 1 run ok",
        };
        assert!(said.contains(rate), "{said}");
    }
}

#[test]
fn a_log_of_runs_and_processes_is_there_for_who_asks() {
    let run = |level: Option<&str>, args: &[&str]| {
        let place = Place::new();
        let mut sweep = place.sweep(&["--batch-timeouts", "50,200", "--repetitions", "1"]);
        sweep.args(args).env("FAKE_50", "hang").env("FAKE_STARTED", "/dev/null");
        match level {
            Some(level) => sweep.env("RUST_LOG", level),
            None => sweep.env_remove("RUST_LOG"),
        };
        stderr(&sweep.args(["--run-timeout", "500ms"]).output().unwrap())
    };
    let silent = run(None, &["-q"]);
    assert!(!silent.contains("bench_cli::"), "{silent}");
    let info = run(Some("info"), &["-q"]);
    for part in [
        "INFO  bench_cli::campaign::sweep::scheduler: run cat 50 ms #1 starts\n",
        "has reached its deadline\n",
        "run cat 50 ms #1 has ended, attempts: 1, timed-out killed after 0 s",
        "run cat 200 ms #1 has ended, attempts: 1, ok",
    ] {
        assert!(info.contains(part), "{part}: {info}");
    }
    assert!(!info.contains("DEBUG"), "{info}");
    let debug = run(Some("bench_cli::supervise=debug"), &[]);
    assert!(debug.contains("DEBUG bench_cli::supervise::process: started process group "), "{debug}");
    assert!(debug.contains("DEBUG bench_cli::supervise::process: ending process group "), "{debug}");
    assert!(!debug.contains("scheduler"), "{debug}");
}
