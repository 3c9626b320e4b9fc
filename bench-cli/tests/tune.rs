//! `bench-cli tune` as a user runs it, in simulated time alone.

// A test that cannot go on should panic.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use bench_cli::outcome::csv_file;

fn tune(directory: &Path, args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("bench-cli"))
        .current_dir(directory)
        .args(["tune", "--engine", "simulated", "--strategy", "hub", "--out", "out"])
        .args(["--node-count", "5", "--rate", "50", "--time-limit", "5s", "--latency", "20ms"])
        .args(args)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn it_ends_with_a_setting_and_its_evidence() {
    let place = tempfile::tempdir().unwrap();
    let output = tune(place.path(), &["--max-latency", "500ms"]);
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("recommended: --strategy hub --batch-timeout "), "{said}");
    assert!(
        said.contains("again: bench-cli sweep --engine simulated --strategy hub --node-count 5"),
        "{said}"
    );
    // It went on from the first coarse sweep to timeouts between.
    let rows = csv_file::read(&place.path().join("out/simulated/sweep.csv")).unwrap().rows;
    let timeout: u64 =
        said.split("--batch-timeout ").nth(1).unwrap().split("ms").next().unwrap().parse().unwrap();
    assert!((200..500).contains(&timeout), "{said}");
    let recommended = rows.iter().filter(|row| row.batch_timeout_ms == timeout);
    assert!(recommended.clone().count() >= 5);
    assert!(recommended.clone().all(|row| row.stable_max_ms.unwrap() < 500));
}

#[test]
fn what_cannot_be_met_is_said() {
    let place = tempfile::tempdir().unwrap();
    let output = tune(place.path(), &["--max-latency", "1ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("no setting surely meets max < 1 ms"), "{}", stdout(&output));
    let two = tune(place.path(), &["--limit", "3d,3e"]);
    assert!(String::from_utf8_lossy(&two.stderr).contains("give one limit"));
}
