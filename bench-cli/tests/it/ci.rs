//! What continuous integration needs: thresholds in the exit status, differences that other programs read,
//! and sweeps that start without looking first.

use bench_cli::record::Status;

use crate::common::{Place, program, stderr, stdout};

/// A sweep of this repository's node in simulated time, which is over at once.
fn simulated(place: &Place, out: &str, flags: &[&str]) -> std::process::Output {
    let sweep = ["sweep", "--engine", "simulated", "--seed", "1", "--time-limit", "2s", "--node-count", "5"];
    let points = ["--batch-timeouts", "50,400", "--repetitions", "2", "-q", "--out", out];
    place.bench(&[&sweep[..], &points, flags].concat()).output().unwrap()
}

#[test]
fn thresholds_decide_the_exit_status() {
    let place = Place::new();
    for (flags, status, said) in [
        (&["--fail-if", "msgs_per_op > 1000"][..], 0, "passed: not msgs_per_op > 1000"),
        (&["--fail-if", "msgs_per_op > 0.001"], 3, "FAILED: msgs_per_op > 0.001"),
        (&["--fail-if", "stable_max_ms>1"], 3, "hub, 400 ms, median: stable_max_ms is "),
        (&["--fail-if", "every:stable_max_ms > 1"], 3, "hub, 50 ms, repetition 2: stable_max_ms is "),
        (
            &["--fail-if", "msgs_per_op > 1000", "--fail-if", "every:status == ok"],
            3,
            "FAILED: every:status == ok",
        ),
        (&["--fail-if", "timer_p99_us > 1"], 3, "no run has a value of timer_p99_us"),
    ] {
        let output = simulated(&place, "out", flags);
        assert_eq!(output.status.code(), Some(status), "{flags:?}: {}", stderr(&output));
        assert!(stdout(&output).contains(said), "{flags:?}: {}", stdout(&output));
    }
    for (condition, problem) in [
        ("msgs > 2", "is not a column of sweep.csv"),
        ("msgs_per_op", "no comparison"),
        ("status > 1", "every run"),
    ] {
        let output = simulated(&place, "out", &["--fail-if", condition]);
        assert_eq!(output.status.code(), Some(2), "{condition}");
        assert!(stderr(&output).contains(problem), "{condition}: {}", stderr(&output));
    }
}

/// A failed run is worse than a crossed threshold.
#[test]
fn failed_runs_come_before_thresholds() {
    let place = Place::new();
    let args = ["--batch-timeouts", "50,200", "--repetitions", "1", "--fail-if", "msgs_per_op > 0.001"];
    let output = place.sweep(&args).env("FAKE_50", "crash").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("FAILED: msgs_per_op"), "{}", stdout(&output));
}

#[test]
fn differences_are_written_for_other_programs_and_for_people() {
    let place = Place::new();
    for (out, flags) in [("one", &["--node-count", "5"][..]), ("two", &["--node-count", "5", "--seed", "2"])]
    {
        let args =
            ["sweep", "--engine", "simulated", "--time-limit", "2s", "--batch-timeouts", "50,400", "-q"];
        let output =
            place.bench(&[&args[..], &["--repetitions", "3", "--out", out], flags].concat()).output();
        assert!(output.unwrap().status.success());
    }
    let compare = |format: &str| {
        let output =
            place.bench(&["compare", "one", "two", "--format", format, "-o", "both.svg"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let json: serde_json::Value = serde_json::from_str(&compare("json")).expect("JSON and nothing else");
    assert_eq!((&json[0]["first"], &json[0]["other"]), (&"one".into(), &"two".into()));
    let differences = json[0]["differences"].as_array().expect("differences");
    assert!(differences.iter().any(|one| one["x"] == 400.0 && one["figure"] == "max"), "{json}");
    let markdown = compare("markdown");
    assert!(markdown.starts_with("### one → two\n\n- hub: "), "{markdown}");
    assert!(markdown.contains("\n\n| series | timeout |"), "{markdown}");
    let rows = |flags: &[&str]| {
        let output = place.bench(&[&["compare", "one", "two"], flags].concat()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).lines().filter(|line| line.contains(" ± ")).count()
    };
    // Four figures, each at two timeouts and over both.
    assert_eq!((rows(&["--threshold", "500%"]), rows(&["--all"])), (3, 4 * 3));
    let wrong = place.bench(&["compare", "one", "two", "--threshold", "5"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(compare("text").contains("drew both.svg"));
}

#[test]
fn a_sweep_can_start_without_looking_first() {
    let place = Place::new();
    let bin = place.path("mute");
    program(&bin, "#!/bin/sh\nexit 0\n");
    let sweep = |flags: &[&str]| {
        let args =
            ["sweep", "--out", "out", "--engine", "embedded", "--batch-timeouts", "50", "--repetitions", "1"];
        let mut command = place.bench(&[&args[..], &["--node-count", "2", "--bin"]].concat());
        command.arg(&bin).args(flags).output().unwrap()
    };
    let looked = sweep(&[]);
    assert_eq!(looked.status.code(), Some(1));
    assert!(stderr(&looked).contains("every run would fail") && stderr(&looked).contains("--skip-preflight"));
    assert!(!place.path("out").exists());
    let started = sweep(&["--skip-preflight"]);
    assert_eq!(started.status.code(), Some(1));
    assert_eq!(place.records()[0].measured.status, Status::Crashed, "{}", stderr(&started));
}
