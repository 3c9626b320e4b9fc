//! `sweep --param`: a node that has parameters of its own and no batch timeout.

use std::fs;
use std::process::Command;

use bench_cli::spec::value::Value;

use crate::common::{Place, fixtures, has_pandas, has_python, program, stderr, stdout};

/// A sweep of short runs of the gossip node. With other seeds, one run in a thousand has no broadcast among
/// its ten operations.
fn gossip(place: &Place, args: &[&str]) -> Command {
    let mut sweep = place.bench(&["sweep", "--out", "out", "--engine", "embedded", "--bin"]);
    sweep.arg(fixtures().join("nodes/gossip.py")).args(args);
    sweep.args("--node-count 3 --time-limit 1s --rate 10 --latency 10ms --seed 1".split_whitespace());
    sweep
}

#[test]
fn a_node_without_a_batch_timeout_is_swept_by_its_own_parameters() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let sweep = |fanout: &str, period: &str| {
        let mut sweep = gossip(&place, &["--repetitions", "2", "--jobs", "8"]);
        sweep.args(["--param", fanout, "--param", period, "--node-args", "{fanout} {period_ms} 500"]);
        sweep
    };
    let output = sweep("fanout=1..=2", "period=50ms,0.1s").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let rows = place.records();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row.run.batch_timeout.is_none()));
    let args: Vec<String> = rows.iter().map(|row| row.run.args_shown()).collect();
    assert!(args.contains(&"2 100 500".to_owned()), "{args:?}");
    // Records are in the order in which runs ended.
    let fanouts = [1, 2].map(|fanout| ("fanout".to_owned(), Value::count(fanout)));
    assert!(rows.iter().all(|row| fanouts.contains(&row.run.parameters[0])));
    let csv = fs::read_to_string(place.path("out/sweep.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",param_fanout,param_period_ms"), "{csv}");
    assert!(place.path("out/runs/gossip-fanout2-period100ms-r1").is_dir());
    let spec = fs::read_to_string(place.path("out/sweep.toml")).unwrap();
    assert!(spec.contains("period = [\"50ms\", \"0.1s\"]") && !spec.contains("batch_timeout"), "{spec}");
    // Another parameter is the horizontal axis.
    let plot = |x: &str| place.bench(&["plot", "out", "-v", "--x", x]).output().unwrap();
    let said = stdout(&plot("period"));
    assert!(said.contains("gossip, fanout 1") && said.contains("period (ms)"), "{said}");
    let drawn = fs::read_to_string(place.path("out/latency-fit.svg")).unwrap();
    assert!(drawn.contains("Stable latency against period") && drawn.contains("period (ms)"), "{drawn}");
    assert!(place.path("out/effects.png").exists());
    // The next plot, and the sweep that resumes, know the axis that sweep.toml has.
    assert!(!spec.contains("x = "), "{spec}");
    let resumed = sweep("fanout=1..=2", "period=50ms,0.1s").args(["--x", "period", "-v"]).output().unwrap();
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let spec = fs::read_to_string(place.path("out/sweep.toml")).unwrap();
    assert!(spec.contains("x = \"period\""), "{spec}");
    for args in [&["plot", "out", "-v"][..], &["sweep", "--spec", "out", "--out", "out", "-v"]] {
        let said = stdout(&place.bench(args).output().unwrap());
        assert!(said.contains("gossip, fanout 1") && said.contains("period (ms)"), "{said}");
    }
    let refused = plot("perod");
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("is not a numeric parameter of these runs; those that vary are: fanout, period"),
        "{said}"
    );
    // More values extend it, whatever their spelling; fewer or other ones are another sweep.
    let output = sweep("fanout=1..=3", "period=50ms,100ms").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(place.records().len(), 12);
    let refused = sweep("fanout=3", "period=50ms,100ms").output().unwrap();
    assert!(stderr(&refused).contains("fanout: 1, 2, 3 there, 3 now"), "{}", stderr(&refused));
}

#[test]
fn placeholders_and_parameters_need_each_other() {
    let place = Place::new();
    for (args, problem) in [
        (&["--param", "fanout=2"][..], "nothing uses the parameter fanout"),
        (&["--node-args", "{fanout}"], "{fanout} is not a placeholder; the node has no parameters"),
        (&["--param", "fanout"], "write NAME=LIST"),
        (&["--param", "fan-out=2"], "letters, digits and _"),
        (&["--param", "period_ms=50"], "as in period=50ms"),
    ] {
        let output = gossip(&place, args).output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(problem), "{}", stderr(&output));
    }
}

/// The commonest slip with a node of one's own: it sleeps for so many seconds.
#[test]
fn a_timeout_that_is_taken_for_seconds_is_suspected() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let node = fixtures().join("nodes/batching.py");
    let slow =
        format!("#!/bin/sh\nexport BATCH_TIMEOUT_MS=${{BATCH_TIMEOUT_MS}}000\nexec '{}'\n", node.display());
    program(&place.path("slow"), &slow);
    let mut sweep = place.bench(&["sweep", "--out", "out", "--engine", "embedded", "--bin", "slow"]);
    sweep.args(["--batch-timeouts", "50,100", "--repetitions", "1", "--jobs", "2", "--node-count", "3"]);
    let output = sweep.args(["--time-limit", "1s", "--rate", "20", "--latency", "10ms"]).output().unwrap();
    // In one line, however wide the screen is.
    let said = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{said}{}", stderr(&output));
    let hint =
        "slow: nearly all values were lost in 2 of 2 runs. Does the node take its batch timeout in seconds?";
    assert!(said.contains(hint), "{said}");
    // Which node lacks which values from when on, at the top of the log, on the terminal and in the report.
    let log = fs::read_to_string(place.path("out/runs/slow-50ms-r1/log.txt")).unwrap();
    let first = log.lines().next().unwrap();
    assert!(first.starts_with("This run is not ok (invalid): "), "{first}");
    let reason = first.split("(invalid): ").nth(1).unwrap();
    assert!(reason.contains(" values lost; n") && reason.contains(" values, broadcast from 0."), "{reason}");
    // Its numbers stay with their units.
    let report = fs::read_to_string(place.path("out/report.html")).unwrap().replace('\u{a0}', " ");
    assert!(said.contains(reason) && report.contains(reason), "{reason}\n{said}");
}

/// What results/README.md tells people to type, and the types of the columns, of a node without a strategy
/// and a batch timeout.
#[test]
fn pandas_reads_every_type_and_groups_the_rows_of_a_foreign_node() {
    if !has_pandas() {
        return;
    }
    let place = Place::new();
    let mut sweep = gossip(&place, &["--repetitions", "1", "--jobs", "8", "--label", "my node"]);
    sweep.args(["--param", "fanout=1,2", "--param", "period=50ms,0.1s", "--param", "mode=push"]);
    sweep.args(["--node-args", "{fanout} {period_ms} 500", "--node-env", "MODE={mode}"]);
    let output = sweep.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let readme = fixtures().join("../../../results/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let documented = readme.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let types = "
import pandas.api.types as types
assert types.is_integer_dtype(runs.param_fanout) and types.is_integer_dtype(runs.param_period_ms), runs.dtypes
assert types.is_string_dtype(runs.param_mode) and types.is_string_dtype(runs.series), runs.dtypes
assert set(runs.param_period_ms) == {50, 100} and set(runs.series) == {'my node'}
assert types.is_integer_dtype(runs.stable_max_ms) and types.is_float_dtype(runs.msgs_per_op), runs.dtypes
settings = pandas.read_csv('summary.csv')
assert len(settings) == 4 and set(settings.pareto) <= {'both', 'median', 'max', 'neither'}, settings
assert types.is_integer_dtype(settings.param_fanout), settings.dtypes
";
    let mut python = Command::new("python3");
    let read = python.args(["-c", &format!("{documented}{types}")]).current_dir(place.path("out")).output();
    let read = read.unwrap();
    assert!(read.status.success(), "{}", stderr(&read));
    let grouped = stdout(&read);
    assert!(grouped.lines().any(|line| line.starts_with("my node")), "{grouped}");
}

#[test]
fn durations_next_to_words_are_words_and_a_note_says_so() {
    let place = Place::new();
    let list = ["--param", "flush=never,50ms", "--node-args", "{flush}", "--repetitions", "1"];
    let output = place.sweep(&list).output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("--param flush: its list has words, so 50ms is a word, too"), "{said}");
    let durations = ["--param", "flush=10ms,50ms", "--node-args", "{flush}", "--repetitions", "1", "--force"];
    let said = stderr(&place.sweep(&durations).output().unwrap());
    assert!(!said.contains("is a word"), "{said}");
}
