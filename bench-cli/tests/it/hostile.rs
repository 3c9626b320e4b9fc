//! What nodes write to harm a terminal or a disk, and terminals that are hardly any.

use std::fs;
use std::process::{Command, Stdio};

use crate::common::{Place, has_python, program, stderr, stdout};

/// What a terminal would obey: a new title, a cleared screen, red by a C1 character, delete.
const COMMANDS: &str = r"\033]0;owned\007\033[2J\302\23331m\177";
/// The same as it is shown.
const SHOWN: &str = r"\x1b]0;owned\x07\x1b[2J\u{9b}31m\x7f";

/// Whether a terminal shows all of it and obeys none.
fn is_plain(text: &str) -> bool {
    text.chars().all(|character| character == '\n' || character == '\t' || !character.is_control())
}

#[test]
fn nothing_that_a_node_writes_reaches_the_terminal_raw() {
    let place = Place::new();
    program(&place.path("mute"), &format!("#!/bin/sh\nprintf '{COMMANDS}\\n' >&2\nexit 2\n"));
    program(&place.path("liar"), &format!("#!/bin/sh\nread -r line\nprintf '{COMMANDS}\\n'\n"));
    program(
        &place.path("dies"),
        &format!(
            "#!/bin/sh\nread -r line\nprintf '{COMMANDS}\\n' >&2\n\
             echo '{{\"src\":\"n0\",\"dest\":\"c0\",\"body\":{{\"type\":\"init_ok\",\"in_reply_to\":1}}}}'\n\
             read -r line\nprintf '{COMMANDS}\\n'\nexit 3\n"
        ),
    );
    let test = ["test", "-w", "broadcast", "--node-count", "1", "--time-limit", "1", "--log-stderr", "--bin"];
    let sweep = ["sweep", "--repetitions", "1", "--batch-timeouts", "50"];
    let embedded = ["--engine", "embedded", "--out", "out", "--node-count", "1", "--bin", "dies"];
    for args in [
        &["doctor", "--bin", "mute"][..],
        &["doctor", "--bin", "liar"],
        &[&test[..], &["mute"]].concat(),
        &[&test[..], &["liar"]].concat(),
        &[&test[..], &["dies"]].concat(),
        &[&sweep[..], &embedded].concat(),
    ] {
        let output = place.bench(args).env("RUST_LOG", "debug").output().unwrap();
        let (out, err) = (stdout(&output), stderr(&output));
        assert!(is_plain(&out) && is_plain(&err), "{args:?}: {out:?} {err:?}");
        // Where a message quotes with `{:?}`, the escapes are Rust's.
        let said = format!("{out}{err}");
        let is_told = said.contains(SHOWN) || said.contains(r"\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{7f}");
        assert!(is_told, "{args:?}: {said}");
    }
    // The log of a node has the bytes.
    let log = fs::read(place.path("store/latest/node-logs/n0.log")).unwrap();
    assert!(
        log.starts_with(b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\x7f\n"),
        "{}",
        String::from_utf8_lossy(&log)
    );
    // What real Maelstrom prints goes the same way.
    let output = place
        .sweep(&["--batch-timeouts", "50", "--repetitions", "1", "--force"])
        .env("FAKE_50", "escapes")
        .env("RUST_LOG", "info")
        .output()
        .unwrap();
    let (out, err) = (stdout(&output), stderr(&output));
    assert!(is_plain(&out) && is_plain(&err), "{out:?} {err:?}");
    assert_eq!(err.matches("Node n1 crashed. It says \\x1b]0;owned").count(), 2, "{err}");
    let csv = fs::read_to_string(place.path("out/sweep.csv")).unwrap();
    assert!(is_plain(&csv), "{csv:?}");
    let report = fs::read_to_string(place.path("out/report.html")).unwrap();
    assert!(is_plain(&report));
}

#[test]
fn a_flood_on_stderr_fills_neither_memory_nor_disk() {
    let place = Place::new();
    let node = "#!/bin/sh\nread -r line\nhead -c 100000000 /dev/zero >&2\nhead -c 3000000 /dev/zero | tr '\\0' '\\n' >&2\n\
                echo the end >&2\nexit 4\n";
    program(&place.path("floods"), node);
    let output = Command::new("sh")
        // In kB, of what it may have mapped.
        .args(["-c", "ulimit -v 300000 2>/dev/null; exec \"$0\" \"$@\""])
        .arg(place.bench(&[]).get_program())
        .args(["test", "-w", "broadcast", "--node-count", "1", "--time-limit", "1", "--bin", "floods"])
        .current_dir(place.0.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(255), "{said}");
    assert!(said.contains("Node n0 has written more than 64 MiB to STDERR"), "{said}");
    assert!(said.contains("crashed with exit status 4") && said.contains("\nthe end\n"), "{said}");
    let log = fs::read(place.path("store/latest/node-logs/n0.log")).unwrap();
    let note = "\n[bench-cli keeps the first 64 MiB of a node's stderr; the rest is missing here]\n";
    assert_eq!(log.len(), (64 << 20) + note.len());
    assert!(log.ends_with(note.as_bytes()));
}

/// Runs a command on a terminal that is `columns` wide, and returns what the terminal was sent.
fn on_terminal(place: &Place, columns: u32, args: &[&str]) -> String {
    let script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let sized = format!("stty cols {columns} rows 10; exec \"$0\" \"$@\"");
    let output = Command::new("python3")
        .args(["-c", script, "sh", "-c", &sized])
        .arg(place.bench(&[]).get_program())
        .args(args)
        .env("TERM", "xterm")
        .env("RUST_LOG", "bench_cli=info")
        .env_remove("NO_COLOR")
        .current_dir(place.0.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", stderr(&output));
    said
}

#[test]
fn bars_live_with_a_narrow_terminal_and_with_a_log() {
    // It makes the terminal.
    if !has_python() {
        return;
    }
    for columns in [10, 200] {
        let place = Place::new();
        let sweep =
            ["sweep", "--engine", "simulated", "--out", "out", "--time-limit", "1s", "--node-count", "3"];
        let said = on_terminal(&place, columns, &[&sweep[..], &["--batch-timeouts", "50,100,200"]].concat());
        assert!(!said.contains("panicked"), "{said}");
        assert!(said.contains("pass rate: 9 of 9 runs ok"), "{said}");
        // Each record is on a line of its own, whatever the bars do.
        let starts: Vec<&str> = said.lines().filter(|line| line.contains("scheduler: run ")).collect();
        assert_eq!(starts.len(), 18, "{said}");
        for line in starts {
            // Behind the last escape sequence, which has cleared the line.
            let record = match line.rsplit_once('\u{1b}') {
                Some((_, sequence)) => sequence.split_once(char::is_alphabetic).unwrap().1,
                None => line,
            };
            let record = record.trim_start_matches('\r');
            assert_eq!(record.get(4..5), Some("-"), "{line:?}");
            assert!(record.contains("INFO  bench_cli::campaign::sweep::scheduler: run hub "), "{line:?}");
        }
    }
}
