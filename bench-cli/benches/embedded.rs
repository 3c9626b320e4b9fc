//! What a run on the embedded runner costs: its own processor time a message, and how precisely it keeps
//! time.
//!
//! The first line is the floor under the others: a process that only sleeps, writes a line to another process
//! and reads the answer. What Linux takes for that, no runner can save.
//!
//! Each row is one whole run with real processes: this program itself, running this repository's node. Two
//! more runs have one other node each, whose reads come to list thousands of values. The nodes' own processor
//! time is not counted. A run takes as long as it takes, so these are few, and there is nothing to repeat but
//! the whole: `cargo bench -p bench-cli --bench embedded`, on an idle machine.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bench_cli::edn;
use bench_cli::edn::Value;
use node::{Config, StrategyKind};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value as Json, json};

/// By this argument, the first one, this program becomes a node.
const AS_NODE: &str = "as-node";
/// By these arguments it becomes a node that knows no other, and whose reads list values in this order. A
/// list that begins with the previous one is cheaper to parse.
const AS_OLDEST_FIRST: &str = "as-oldest-first";
const AS_NEWEST_FIRST: &str = "as-newest-first";
/// By this argument it becomes a process that answers each line with the same line.
const AS_ECHO: &str = "as-echo";
/// How long clients send operations; the runs end 10 s later.
const TIME_LIMIT_S: u64 = 10;

/// Nodes, operations a second, strategy, batch timeout in ms.
const RUNS: [(usize, u64, StrategyKind, u64); 5] = [
    // The challenge, with few messages and with many.
    (25, 100, StrategyKind::Hub, 498),
    (25, 100, StrategyKind::Tree, 200),
    (25, 100, StrategyKind::Direct, 0),
    // What 2 cores should carry. Reads come to list thousands of values.
    (100, 1_000, StrategyKind::Hub, 200),
    (100, 1_000, StrategyKind::Tree, 200),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [AS_NODE, strategy, batch_timeout_ms] => be_node(strategy, batch_timeout_ms.parse()?),
        [AS_OLDEST_FIRST] => be_lone_node(Order::OldestFirst),
        [AS_NEWEST_FIRST] => be_lone_node(Order::NewestFirst),
        [AS_ECHO] => be_echo(),
        _ => {
            println!("sleeping, writing and reading alone: {:.1} CPU µs/message", floor()?);
            measure()
        }
    }
}

/// The order of the values in a read.
#[derive(Clone, Copy)]
enum Order {
    OldestFirst,
    NewestFirst,
}

fn be_lone_node(order: Order) -> Result<(), Box<dyn Error>> {
    let mut values: VecDeque<Json> = VecDeque::new();
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Json = serde_json::from_str(&line?)?;
        let body = &request["body"];
        let kind = body["type"].as_str().ok_or("a request without a type")?;
        let mut reply = json!({"type": format!("{kind}_ok"), "in_reply_to": body["msg_id"]});
        match (kind, order) {
            ("broadcast", Order::OldestFirst) => values.push_back(body["message"].clone()),
            ("broadcast", Order::NewestFirst) => values.push_front(body["message"].clone()),
            ("read", _) => reply["messages"] = values.iter().cloned().collect(),
            _ => {}
        }
        writeln!(stdout, "{}", json!({"src": request["dest"], "dest": request["src"], "body": reply}))?;
        stdout.flush()?;
    }
    Ok(())
}

fn be_echo() -> Result<(), Box<dyn Error>> {
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        writeln!(stdout, "{}", line?)?;
        stdout.flush()?;
    }
    Ok(())
}

/// The processor time, in µs, of a message to another process that sleeps until then, or from it. A round is
/// as long as the time between two messages of a run with few.
fn floor() -> Result<f64, Box<dyn Error>> {
    const ROUNDS: u32 = 1_000;
    const LINE: &str = r#"{"src":"n1","dest":"n2","body":{"type":"broadcast_internal_ok","in_reply_to":1}}"#;
    let mut echo = Command::new(std::env::current_exe()?)
        .arg(AS_ECHO)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = echo.stdin.take().ok_or("no stdin")?;
    let mut stdout = BufReader::new(echo.stdout.take().ok_or("no stdout")?);
    let mut answer = String::new();
    let before = cpu_time();
    for _ in 0..ROUNDS {
        std::thread::sleep(Duration::from_millis(3));
        writeln!(stdin, "{LINE}")?;
        answer.clear();
        stdout.read_line(&mut answer)?;
    }
    let cpu = cpu_time() - before;
    drop(stdin);
    echo.wait()?;
    Ok(cpu.as_secs_f64() * 1e6 / f64::from(2 * ROUNDS))
}

/// The processor time that this process has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn be_node(strategy: &str, batch_timeout_ms: u64) -> Result<(), Box<dyn Error>> {
    let strategy = StrategyKind::ALL.into_iter().find(|kind| kind.name() == strategy);
    let config = Config {
        strategy: strategy.ok_or("no such strategy")?,
        batch_timeout: Duration::from_millis(batch_timeout_ms),
    };
    Ok(node::runtime::run(config, None, std::io::stdin(), std::io::stdout())?)
}

fn measure() -> Result<(), Box<dyn Error>> {
    println!(
        "nodes  op/s         node timeout ms   messages  CPU µs/message  late µs p50     p99  set-up ms  run s"
    );
    for (nodes, rate, strategy, batch_timeout_ms) in RUNS {
        let timeout = batch_timeout_ms.to_string();
        measure_run(nodes, rate, strategy.name(), &timeout, &[AS_NODE, strategy.name(), &timeout])?;
    }
    for node in [AS_OLDEST_FIRST, AS_NEWEST_FIRST] {
        measure_run(1, 1_000, node.trim_start_matches("as-"), "-", &[node])?;
    }
    Ok(())
}

/// Runs this program as the nodes, with these arguments, and prints a row.
fn measure_run(
    nodes: usize,
    rate: u64,
    name: &str,
    timeout: &str,
    arguments: &[&str],
) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let began = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_bench-cli"))
        .args(["test", "-w", "broadcast", "--seed", "1", "--node-count", &nodes.to_string()])
        .args(["--latency", "100", "--rate", &rate.to_string()])
        .args(["--time-limit", &TIME_LIMIT_S.to_string(), "--bin"])
        .arg(std::env::current_exe()?)
        .arg("--")
        .args(arguments)
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .status()?;
    let took = began.elapsed();
    if !status.success() {
        return Err(format!("the run of {nodes} nodes ({name}) failed: {status}").into());
    }
    let file = |name: &str| -> Result<Value, Box<dyn Error>> {
        let path = directory.path().join("store/latest").join(name);
        Ok(edn::parse(&std::fs::read_to_string(path)?)?)
    };
    let (measured, results) = (file("embedded.edn")?, file("results.edn")?);
    println!(
        "{nodes:5} {rate:5} {name:>12} {timeout:>10} {:10} {:15.1} {:12} {:7} {:10.0} {:6.2}",
        number(&results, &[":net", ":all", ":send-count"])?,
        number(&measured, &[":cpu-us-per-message"])?,
        number(&measured, &[":timer-lateness-us", ":p50"])?,
        number(&measured, &[":timer-lateness-us", ":p99"])?,
        number(&measured, &[":set-up-us"])? / 1e3,
        took.as_secs_f64(),
    );
    Ok(())
}

fn number(edn: &Value, path: &[&str]) -> Result<f64, Box<dyn Error>> {
    Ok(edn.at(path).and_then(Value::as_float).ok_or_else(|| format!("{path:?} is not a number"))?)
}
