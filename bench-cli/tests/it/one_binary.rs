//! bench-cli alone is enough: a copy of it, without the program `node` next to it, is the node, too.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::common::{called, records, stderr, stdout};

/// A copy of bench-cli in a folder where nothing else is.
fn alone() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("bench-cli");
    // A link to the same file would do in most places, but not where the two folders are on different disks.
    fs::copy(called(), &copy).unwrap();
    (folder, copy)
}

/// Sweeps one short run with the copy.
fn sweeps(engine: &[&str]) {
    let (folder, copy) = alone();
    let mut command = Command::new(&copy);
    command.args(["sweep", "--out", "out", "--batch-timeouts", "50", "--repetitions", "1"]);
    command.args(["--node-count", "3", "--time-limit", "1s", "--strategy", "tree", "--engine"]).args(engine);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records(&folder.path().join("out"));
    assert_eq!((records.len(), records[0].is_ok()), (1, true));
    assert_eq!(records[0].series(), "tree");
    // What is recorded does not depend on which program was the node.
    assert_eq!(records[0].run.args, ["--batch-timeout", "50ms", "--strategy", "tree"]);
}

#[test]
fn a_copy_of_bench_cli_sweeps_in_virtual_time() {
    sweeps(&["simulated"]);
}

#[test]
fn a_copy_of_bench_cli_sweeps_with_the_embedded_runner() {
    sweeps(&["embedded"]);
}

#[test]
fn real_maelstrom_gets_bench_cli_as_the_node_s_program() {
    let (folder, copy) = alone();
    let mut command = Command::new(&copy);
    command.args(["sweep", "--engine", "maelstrom", "--maelstrom"]).arg(crate::common::fake());
    let output = command.args(["--batch-timeouts", "50", "--dry-run"]).current_dir(folder.path()).output();
    let shown = stdout(&output.unwrap());
    let expected = format!("--bin {} -- node --batch-timeout 50ms --strategy hub", copy.display());
    assert!(shown.contains(&expected), "{shown}");
}

#[test]
fn the_node_in_bench_cli_is_the_node() {
    let (_folder, copy) = alone();
    let help = |command: &mut Command| stdout(&command.arg("--help").output().unwrap());
    let own = help(&mut Command::new(crate::common::built_node()));
    assert_eq!(help(Command::new(&copy).arg("node")), own);
    let wrong = Command::new(&copy).args(["node", "--strategy", "none"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}
