//! Nodes that are killed and stopped: with a log nothing is lost, without one what is lost is reported.

use std::fs;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use bench_cli::harness::history_file;
use tempfile::TempDir;

use crate::common::{bench_cli, built_node, fixtures, has_python};

/// A run of five nodes with faults every second. In the run of this seed all nodes are killed at once, too.
fn start(directory: &TempDir, bin: &Path, faults: &str, args: &[&str]) -> Child {
    let flags = "--node-count 5 --time-limit 8 --rate 50 --latency 10 --nemesis-interval 1 --seed 11";
    bench_cli()
        .args(["test", "-w", "broadcast"])
        .args(flags.split(' '))
        .args(["--nemesis", faults, "--bin"])
        .arg(bin)
        .arg("--")
        .args(args)
        // Nodes that batch for long have much to lose.
        .env("BATCH_TIMEOUT_MS", "500")
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a started run")
}

fn results(directory: &TempDir) -> String {
    fs::read_to_string(directory.path().join("store/latest/results.edn")).expect("results")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("an exit status")
}

#[test]
fn a_node_with_a_log_loses_nothing_and_any_other_is_found_out() {
    if !has_python() {
        return;
    }
    let folder = || tempfile::tempdir().expect("a directory");
    let ours = built_node();
    let good = folder();
    let script = good.path().join("good.py");
    fs::copy(fixtures().join("nodes/node.py"), &script).expect("a copied node");
    let [batching, gossip] = ["batching.py", "gossip.py"].map(|name| fixtures().join("nodes").join(name));
    let kept: Vec<(TempDir, Child)> = ["hub", "direct", "tree"]
        .map(|strategy| {
            let directory = folder();
            let data = directory.path().join("data").display().to_string();
            let args = ["--strategy", strategy, "--data-dir", &data];
            let child = start(&directory, &ours, "partition,kill,pause", &args);
            (directory, child)
        })
        .into();
    let losing: Vec<(TempDir, Child)> =
        [(ours.as_path(), &["--strategy", "tree"][..]), (&script, &[]), (&batching, &[]), (&gossip, &[])]
            .map(|(bin, args)| {
                let directory = folder();
                let child = start(&directory, bin, "kill", args);
                (directory, child)
            })
            .into();
    for (directory, child) in kept {
        let output = child.wait_with_output().expect("the run's end");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(status(&output), 0, "{stdout}");
        assert!(results(&directory).contains(":lost-count 0"), "{}", results(&directory));
        let history =
            fs::read_to_string(directory.path().join("store/latest/history.edn")).expect("a history");
        assert!([":f :kill", ":f :start", ":f :pause", ":f :resume"].iter().all(|f| history.contains(f)));
        assert!(history.contains(":f :kill, :value :all}"), "all nodes are killed at once, too");
        history_file::read_edn(&history).expect("a history that this tool reads");
    }
    for (directory, child) in losing {
        let output = child.wait_with_output().expect("the run's end");
        let results = results(&directory);
        assert_eq!(status(&output), 1, "{}", String::from_utf8_lossy(&output.stdout));
        assert!(results.contains(":lost-count") && !results.contains(":lost-count 0,"), "{results}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("missing from reads"), "{stdout}");
    }
}
