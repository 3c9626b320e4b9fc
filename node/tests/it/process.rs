//! The real binary over pipes, as Maelstrom drives it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

pub const NODE: &str = env!("CARGO_BIN_EXE_node");

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(NODE);
    command.args(args);
    for variable in ["BATCH_TIMEOUT_MS", "STRATEGY", "TARGET_MSGS_PER_OP", "TARGET_LATENCY", "DATA_DIR"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Feeds `input`, closes stdin, and waits for the end.
pub fn feed(mut command: Command, input: Vec<u8>) -> Output {
    let mut child = command.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the node ends");
    writer.join().expect("no panic").expect("the node reads all of its input");
    output
}

pub fn replies(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

pub fn line(src: &str, body: Value) -> Vec<u8> {
    format!("{}\n", json!({"src": src, "dest": "n0", "body": body})).into_bytes()
}

pub fn init(nodes: &[&str]) -> Vec<u8> {
    line("c0", json!({"type": "init", "msg_id": 1, "node_id": "n0", "node_ids": nodes}))
}

pub fn broadcast(msg_id: usize, message: Value) -> Vec<u8> {
    line("c1", json!({"type": "broadcast", "msg_id": msg_id, "message": message}))
}

pub fn read(msg_id: usize) -> Vec<u8> {
    line("c1", json!({"type": "read", "msg_id": msg_id}))
}

#[test]
fn a_session_is_answered_in_full_before_the_end() {
    let values =
        [json!(1), json!("é\n"), json!({"b": [1.5, null], "a": {}}), json!(-7), json!(true), json!([])];
    for args in [&[][..], &["--strategy", "tree"], &["--strategy", "direct", "--batch-timeout", "0"]] {
        let mut input = init(&["n0"]);
        input.extend(line("c1", json!({"type": "topology", "msg_id": 2, "topology": {"n0": []}})));
        for (i, value) in values.iter().enumerate() {
            input.extend(broadcast(10 + i, value.clone()));
        }
        input.extend(broadcast(20, json!(1)));
        input.extend(read(21));
        let output = feed(command(args), input);
        assert!(output.status.success());
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let replies = replies(&output);
        let types: Vec<_> = replies.iter().map(|reply| reply["body"]["type"].as_str().unwrap()).collect();
        let mut expected = vec!["init_ok", "topology_ok"];
        expected.extend(["broadcast_ok"; 7]);
        expected.push("read_ok");
        assert_eq!(types, expected);
        let last = replies.last().unwrap();
        let expected = json!({"src": "n0", "dest": "c1",
            "body": {"type": "read_ok", "in_reply_to": 21, "messages": values}});
        assert_eq!(*last, expected);
    }
}

#[test]
fn errors_have_maelstroms_codes() {
    let mut input = read(1);
    input.extend(line("c1", json!({"type": "init", "msg_id": 2})));
    input.extend(init(&["n0"]));
    input.extend(init(&["n0"]));
    input.extend(init(&["n0", "n1"]));
    input.extend(line("c1", json!({"type": "fly", "msg_id": 6})));
    input.extend(line("c1", json!({"type": "broadcast", "msg_id": 7})));
    input.extend(broadcast(8, json!("x".repeat(node::values::MAX_VALUE))));
    let output = feed(command(&[]), input);
    assert!(output.status.success());
    let codes: Vec<_> = replies(&output).iter().map(|reply| reply["body"]["code"].as_u64()).collect();
    assert_eq!(codes, [Some(11), Some(12), None, None, Some(22), Some(10), Some(12), Some(12)]);
}

#[test]
fn lines_that_are_not_messages_are_reported_and_skipped() {
    let mut input = init(&["n0"]);
    input.extend(b"not json\n\xff\xfe\n\n[[[[\n{}\n\0\n");
    input.extend(vec![b'['; 1_000_000]);
    input.push(b'\n');
    input.extend(line("c1", json!({"type": "read", "in_reply_to": 3, "msg_id": 3})));
    input.extend(line("c1", json!({"type": "read"})));
    input.extend(read(2));
    // The last line without its newline counts too.
    input.pop();
    let output = feed(command(&[]), input);
    assert!(output.status.success());
    assert_eq!(replies(&output).len(), 2);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 8, "{stderr}");
    assert!(stderr.contains("not json"), "{stderr}");
}

#[test]
fn a_line_beyond_the_limit_is_skipped_and_the_next_is_read() {
    let mut input = init(&["n0"]);
    input.extend(vec![b'x'; node::runtime::MAX_LINE + 200_000]);
    input.push(b'\n');
    input.extend(read(2));
    let output = feed(command(&[]), input);
    assert!(output.status.success());
    assert_eq!(replies(&output).len(), 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("longer than"));
}

#[test]
fn many_values_are_read_back_in_order() {
    let count = 20_000;
    let mut input = init(&["n0", "n1"]);
    for i in 0..count {
        input.extend(broadcast(i + 2, json!(i)));
    }
    input.extend(read(9));
    input.extend(read(10));
    let output = feed(command(&["--batch-timeout", "1h"]), input);
    assert!(output.status.success());
    let replies = replies(&output);
    assert_eq!(replies.len(), count + 3);
    let all: Vec<_> = (0..count).collect();
    for reply in &replies[count + 1..] {
        assert_eq!(reply["body"]["messages"], json!(all));
    }
}

#[test]
fn without_a_window_values_leave_at_once_even_at_the_end_of_input() {
    for strategy in ["tree", "hub", "direct"] {
        let mut input = init(&["n0", "n1"]);
        input.extend(broadcast(2, json!(5)));
        let output = feed(command(&["--strategy", strategy, "--batch-timeout", "0ms"]), input);
        let sent: Vec<_> = replies(&output).into_iter().filter(|message| message["dest"] == "n1").collect();
        assert_eq!(sent.len(), 1, "{strategy}: {sent:?}");
        let body = &sent[0]["body"];
        let values = body.get("values").or(body.get("messages"));
        assert_eq!(values, Some(&json!([5])), "{strategy}");
    }
}

#[test]
fn a_peers_batch_is_taken_and_a_strangers_is_not() {
    let mut input = init(&["n0", "n1"]);
    input.extend(line("n1", json!({"type": "batch", "seq": 0, "values": [1, "two", 3]})));
    input.extend(line("n7", json!({"type": "batch", "seq": 0, "values": [4]})));
    input.extend(line("n1", json!({"type": "batch", "seq": "x", "values": [5]})));
    input.extend(read(2));
    let output = feed(command(&[]), input);
    let replies = replies(&output);
    let read = replies.iter().find(|reply| reply["body"]["type"] == "read_ok").unwrap();
    assert_eq!(read["body"]["messages"], json!([1, "two", 3]));
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 2);
}

#[test]
fn flags_and_environment_are_checked() {
    let fails = |command: Command| {
        let output = feed(command, Vec::new());
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(fails(command(&["--batch-timeout", "200"])).contains("200ms"));
    assert!(fails(command(&["--batch-timeout", "soon"])).contains("200ms"));
    assert!(fails(command(&["--strategy", "star"])).contains("direct"));
    let mut with_env = command(&[]);
    with_env.env("BATCH_TIMEOUT_MS", "200ms");
    assert!(fails(with_env).contains("BATCH_TIMEOUT_MS"));
    // The flag wins, so a useless variable does not matter then.
    let mut both = command(&["--batch-timeout", "1.5s"]);
    both.env("BATCH_TIMEOUT_MS", "x");
    assert!(feed(both, Vec::new()).status.success());
    let mut strategy = command(&[]);
    strategy.env("STRATEGY", "tree").env("BATCH_TIMEOUT_MS", "0");
    let mut input = init(&["n0", "n1"]);
    input.extend(broadcast(2, json!(5)));
    let output = feed(strategy, input);
    assert!(String::from_utf8_lossy(&output.stdout).contains("broadcast_internal"));
    let mut target = command(&[]);
    target.env("STRATEGY", "auto").env("TARGET_LATENCY", "600ms");
    assert!(feed(target, init(&["n0"])).status.success());
    let mut two = command(&["--strategy", "auto", "--target-msgs-per-op", "2"]);
    two.env("TARGET_LATENCY", "600ms");
    assert!(fails(two).contains("--target-latency"));
}

#[test]
fn the_example_in_the_help_works() {
    let help = String::from_utf8(feed(command(&["--help"]), Vec::new()).stdout).unwrap();
    let begin = help.find("echo '").expect("an example that starts the node");
    let length = help[begin..].find("| node").expect("a pipe into the node");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{} | \"{NODE}\"", &help[begin..begin + length])]);
    let output = shell.output().expect("a shell");
    assert_eq!(replies(&output)[0]["body"]["type"], "init_ok");
}

#[test]
fn a_closed_stdout_ends_the_node_quietly() {
    let mut child = command(&[]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&init(&["n0"])).unwrap();
    // Its stdin stays open: it must end because nobody reads.
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    drop(stdin);
}

#[test]
fn a_closed_stderr_does_not_end_the_node() {
    let mut child = command(&[]).spawn().unwrap();
    drop(child.stderr.take());
    let mut stdin = child.stdin.take().unwrap();
    let mut input = b"not a message\n".to_vec();
    input.extend(init(&["n0", "n1"]));
    input.extend(vec![b'x'; node::runtime::MAX_LINE + 200_000]);
    input.push(b'\n');
    input.extend(read(2));
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().expect("no panic").expect("the node reads all of its input");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(replies(&output).len(), 2);
}
