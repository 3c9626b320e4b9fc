//! The log of the real binary: kills, a torn file, a disk that is full.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use crate::process::{NODE, broadcast, command, feed, init, read, replies};

/// A node that keeps its log in a directory, and answers one request at a time.
struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child = command.spawn().expect("the binary starts");
        let stdin = child.stdin.take().expect("piped");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Running { child, stdin, stdout }
    }

    /// A node whose `init` was answered.
    fn in_directory(directory: &Path, flags: &[&str]) -> Running {
        let mut command = command(flags);
        command.arg("--data-dir").arg(directory);
        let mut node = Running::start(command);
        assert_eq!(node.ask(init(&["n0"]))["type"], "init_ok");
        node
    }

    /// The body of the reply.
    fn ask(&mut self, request: Vec<u8>) -> Value {
        self.stdin.write_all(&request).expect("the node reads");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the node answers");
        serde_json::from_str::<Value>(&line).expect("JSON")["body"].clone()
    }

    /// Kills it as `kill -9` does. Returns what it wrote on stderr.
    fn kill(mut self) -> String {
        self.child.kill().expect("a running node");
        let output = self.child.wait_with_output().expect("its end");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn a_killed_node_still_has_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().expect("a directory");
    for flags in [&[][..], &["--fsync"]] {
        let mut expected = Vec::new();
        for life in 0..4 {
            let directory = folder.path().join(flags.len().to_string());
            let mut node = Running::in_directory(&directory, flags);
            assert_eq!(node.ask(read(1))["messages"], json!(expected));
            for value in [json!(life), json!({"text": format!("line {life}\n")})] {
                assert_eq!(node.ask(broadcast(2, value.clone()))["type"], "broadcast_ok");
                expected.push(value);
            }
            assert_eq!(node.kill(), "");
        }
    }
}

#[test]
fn a_torn_log_is_cut_with_a_message() {
    let folder = tempfile::tempdir().expect("a directory");
    let mut node = Running::in_directory(folder.path(), &[]);
    node.ask(broadcast(2, json!(1)));
    node.ask(broadcast(3, json!(2)));
    node.kill();
    let log = folder.path().join("n0.log");
    let bytes = fs::read(&log).expect("the log");
    fs::write(&log, &bytes[..bytes.len() - 2]).expect("a torn log");
    let mut node = Running::in_directory(folder.path(), &[]);
    assert_eq!(node.ask(read(1))["messages"], json!([1]));
    let stderr = node.kill();
    assert!(stderr.contains("n0.log, which are torn or corrupt; it holds 1 value"), "{stderr}");
}

#[test]
fn a_full_disk_is_an_error_and_never_a_lie() {
    let folder = tempfile::tempdir().expect("a directory");
    // The largest file that the process may write, in blocks of 512 or 1024 bytes. The signal is ignored, so
    // that the write fails as on a full disk.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" --data-dir \"$1\"", NODE]).arg(folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = Running::start(command);
    node.ask(init(&["n0"]));
    let mut accepted = Vec::new();
    let mut refused = 0;
    for value in 0..20 {
        let text = json!(format!("{value}{}", "x".repeat(100)));
        let reply = node.ask(broadcast(2, text.clone()));
        if reply["type"] == "broadcast_ok" {
            accepted.push(text);
        } else {
            assert_eq!(reply["code"], 11, "{reply}");
            assert!(reply["text"].as_str().expect("a text").contains("n0.log"), "{reply}");
            refused += 1;
        }
    }
    assert!(accepted.len() >= 2 && refused >= 2, "{} accepted", accepted.len());
    assert_eq!(node.ask(read(1))["messages"], json!(accepted));
    let stderr = node.kill();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let mut node = Running::in_directory(folder.path(), &[]);
    assert_eq!(node.ask(read(1))["messages"], json!(accepted));
    assert_eq!(node.ask(broadcast(2, json!(1)))["type"], "broadcast_ok", "there is room again");
    assert_eq!(node.kill(), "");
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_at_init() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let mut node = command(&[]);
    node.arg("--data-dir").arg(&file);
    let output = feed(node, init(&["n0"]));
    let error = &replies(&output)[0]["body"];
    assert_eq!(error["code"], 11);
    assert!(error["text"].as_str().expect("a text").contains("file/n0.log"), "{error}");
}
