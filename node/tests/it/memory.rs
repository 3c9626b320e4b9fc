//! Memory per value as the system sees it: the growth of the process, reads included.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Bytes for each value of up to seven digits: log and duplicate filter 53 to 82, its text 8, where that ends
/// 8; and twice that where tables have just doubled.
const AT_MOST: u64 = 200;

/// This many requests and their answers fit into pipes, so that neither side waits for the other to read.
const AT_ONCE: usize = 500;

struct Node {
    child: Child,
    stdin: BufWriter<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Node {
    fn start() -> Node {
        let mut child = Command::new(env!("CARGO_BIN_EXE_node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = BufWriter::new(child.stdin.take().unwrap());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut node = Node { child, stdin, stdout };
        node.ask(r#"{"type":"init","msg_id":1,"node_id":"n0","node_ids":["n0"]}"#);
        node
    }

    /// Sends a request and takes its answer. Returns the answer's length.
    fn ask(&mut self, body: &str) -> usize {
        self.send(body);
        self.answer()
    }

    fn send(&mut self, body: &str) {
        writeln!(self.stdin, r#"{{"src":"c1","dest":"n0","body":{body}}}"#).unwrap();
    }

    fn answer(&mut self) -> usize {
        // What has been sent may still be in the buffer.
        self.stdin.flush().unwrap();
        let mut answer = Vec::new();
        self.stdout.read_until(b'\n', &mut answer).unwrap()
    }

    /// Adds values; then a read, so that whatever answering needs is there.
    fn learn(&mut self, values: std::ops::Range<u64>) {
        for start in values.clone().step_by(AT_ONCE) {
            for value in start..start + AT_ONCE as u64 {
                self.send(&format!(r#"{{"type":"broadcast","message":{value},"msg_id":2}}"#));
            }
            assert!((0..AT_ONCE).all(|_| self.answer() > 0));
        }
        assert!(self.ask(r#"{"type":"read","msg_id":3}"#) > 100_000);
    }

    /// Resident memory in bytes.
    fn resident(&self) -> u64 {
        let output = Command::new("ps").args(["-o", "rss=", "-p", &self.child.id().to_string()]).output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        said.trim().parse::<u64>().unwrap() * 1024
    }
}

#[test]
fn memory_for_each_value_is_bounded() {
    let mut node = Node::start();
    // What is needed once, buffers for instance, is there after the first part.
    node.learn(1_000_000..1_020_000);
    let before = node.resident();
    node.learn(1_020_000..1_100_000);
    let per_value = node.resident().saturating_sub(before) / 80_000;
    println!("{per_value} bytes for each value");
    assert!(per_value < AT_MOST, "{per_value} bytes for each value");
    drop(node.stdin);
    node.child.wait().unwrap();
}
