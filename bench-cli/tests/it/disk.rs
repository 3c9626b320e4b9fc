//! What sweeps leave on the disk, and what they do when it cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::common::{self, Place, stderr, tools};
use bench_cli::record::csv_file;

#[test]
fn files_are_kept_as_asked() {
    for (keep, kept) in [("all", &[50, 200][..]), ("failed", &[50]), ("none", &[])] {
        let place = Place::new();
        let args = ["--batch-timeouts", "50,200", "--repetitions", "1", "--keep", keep];
        assert_eq!(place.sweep(&args).env("FAKE_50", "crash").status().unwrap().code(), Some(1));
        for row in place.records() {
            let ms = row.batch_timeout_ms().unwrap();
            assert_eq!(
                place.path(&format!("out/runs/cat-{ms}ms-r1")).exists(),
                kept.contains(&ms),
                "{keep} {ms}"
            );
            assert_eq!(!row.measured.log.is_empty(), kept.contains(&ms), "{keep} {ms}");
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
    assert!(said.contains("cannot write to out/sweep.csv") && said.contains("to resume it: "), "{said}");
    assert_eq!(fs::read_to_string(&csv).unwrap(), lines.join("\n") + "\n");
    assert!(place.sweep(&args).status().unwrap().success());
    assert_eq!(place.records().len(), 4);
}

/// Whether this user may mount a file system of its own.
fn may_mount() -> bool {
    let mount = "mount -t tmpfs -o size=64k none /mnt";
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", mount]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_that_is_really_full_is_named_and_written_rows_are_whole() {
    if !may_mount() {
        eprintln!("skipped: this system lets no user mount a small disk");
        return;
    }
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    // A disk that fills up while rows are written. What is on it is shown before it goes with its namespace.
    let script = "mount -t tmpfs -o size=16k none out && \"$0\" \"$@\"; status=$?; cp out/sweep.csv kept.csv; cp out/sweep.toml kept.toml; exit $status";
    let sweep = ["sweep", "--engine", "simulated", "--out", "out", "--time-limit", "1s", "--node-count", "3"];
    let many = ["--repetitions", "100", "--batch-timeouts", "50", "--seed", "1"];
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script])
        .arg(place.bench(&[]).get_program())
        .args(sweep)
        .args(many)
        .current_dir(place.0.path())
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write to out/sweep.csv: No space left on device"), "{said}");
    assert!(said.contains("to resume it: "), "{said}");
    let read = csv_file::read(&place.path("kept.csv")).unwrap();
    assert_eq!(read.torn_line, None);
    assert!((10..100).contains(&read.records.len()), "{} rows", read.records.len());
    // On a larger disk the same command resumes the sweep.
    fs::rename(place.path("kept.csv"), place.path("out/sweep.csv")).unwrap();
    fs::rename(place.path("kept.toml"), place.path("out/sweep.toml")).unwrap();
    let again = place.bench(&sweep).args(many).output().unwrap();
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(place.records().len(), 100);
}

#[test]
fn nothing_is_written_outside_the_output_directory() {
    let place = Place::new();
    for folder in ["home", "tmp", "work"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    let read_only = |folder: &str, mode| {
        fs::set_permissions(place.path(folder), fs::Permissions::from_mode(mode)).unwrap();
    };
    read_only("home", 0o555);
    let node = common::built_node();
    let bin = if node.exists() { node } else { common::cat() };
    let output = place
        .bench(&["sweep", "--engine", "embedded", "--out", "out", "--node-count", "2", "--time-limit", "1s"])
        .args(["--repetitions", "1", "--batch-timeouts", "50", "--run-timeout", "20s", "--bin"])
        .arg(bin)
        .env("HOME", place.path("home"))
        .env("TMPDIR", place.path("tmp"))
        .current_dir(place.path("work"))
        .output()
        .unwrap();
    assert!(stderr(&output).contains("[1/1]"), "{}", stderr(&output));
    let listed = |folder: &str| {
        let entries = fs::read_dir(place.path(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!([listed("home"), listed("tmp")], [Vec::<String>::new(), Vec::new()]);
    assert_eq!(listed("work"), ["out"]);
    read_only("home", 0o755);
}
