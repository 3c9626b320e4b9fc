//! What sweeps leave on the disk, and what they do when it cannot be written.

// A test that cannot go on should panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::Command;

use common::{Place, stderr, tools};

#[test]
fn files_are_kept_as_asked() {
    for (keep, kept) in [("all", &[50, 200][..]), ("failed", &[50]), ("none", &[])] {
        let place = Place::new();
        let args = ["--batch-timeouts", "50,200", "--repetitions", "1", "--keep", keep];
        assert!(place.sweep(&args).env("FAKE_50", "crash").status().unwrap().success());
        for row in place.rows() {
            let ms = row.batch_timeout_ms;
            assert_eq!(
                place.path(&format!("out/runs/cat-{ms}ms-r1")).exists(),
                kept.contains(&ms),
                "{keep} {ms}"
            );
            assert_eq!(!row.log.is_empty(), kept.contains(&ms), "{keep} {ms}");
        }
    }
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let place = Place::new();
    fs::write(place.path("file"), "kept").unwrap();
    fs::create_dir_all(place.path("folder/sweep.csv")).unwrap();
    for (out, problem) in [
        ("file", "cannot make the folder file"),
        ("file/below", "cannot make the folder file/below"),
        ("folder", "cannot create or write folder/sweep.csv"),
        ("/dev/null/x", "cannot make the folder /dev/null/x"),
        ("/proc/x", "cannot make the folder /proc/x"),
    ] {
        let output = place.bench(&["sweep", "--engine", "simulated", "--out", out]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{out}");
        assert!(stderr(&output).contains(problem), "{out}: {}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "kept");
}

#[test]
fn a_full_disk_ends_a_sweep_with_its_rows_safe() {
    let place = Place::new();
    let args = ["--batch-timeouts", "50,200", "--repetitions", "2"];
    assert!(place.sweep(&args).status().unwrap().success());
    let csv = place.path("out/sweep.csv");
    let text = fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = text.lines().take(2).collect();
    fs::write(&csv, lines.join("\n") + "\n").unwrap();
    // No file of this process may grow beyond some blocks: as good as a disk with no more than that.
    let length = fs::metadata(&csv).unwrap().len();
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", (length / 512).max(1));
    let mut limited = Command::new("sh");
    let sweep = place.sweep(&args);
    limited.args(["-c", &script]).arg(sweep.get_program()).args(sweep.get_args());
    let output = limited.env("PATH", tools()).current_dir(place.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("cannot write to out/sweep.csv") && said.contains("to go on with it: "), "{said}");
    assert_eq!(fs::read_to_string(&csv).unwrap(), lines.join("\n") + "\n");
    assert!(place.sweep(&args).status().unwrap().success());
    assert_eq!(place.rows().len(), 4);
}
