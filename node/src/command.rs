//! The node's command line: flags, then [`runtime`]. The binary `node` is this alone; `bench-cli node` is the
//! same, so that one program is enough.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

use crate::storage::Disk;
use crate::{Config, StrategyKind, Target, runtime};

const EXAMPLES: &str = "\
Examples:
  maelstrom test -w broadcast --bin ./node --node-count 25 --time-limit 20 --rate 100 \\
      --latency 100
  maelstrom test -w broadcast --bin ./node --node-count 25 --time-limit 20 --rate 100 \\
      --latency 100 -- --strategy hub --batch-timeout 1500ms
  maelstrom test -w broadcast --bin ./node --node-count 25 --time-limit 20 --rate 100 \\
      --latency 100 -- --strategy auto --target-latency 600ms
  maelstrom test -w broadcast --bin ./node --node-count 25 --time-limit 20 --rate 100 \\
      --latency 100 --nemesis kill,pause -- --data-dir /tmp/cluster
  echo '{\"src\":\"c1\",\"dest\":\"n0\",\"body\":{\"type\":\"init\",\"msg_id\":1,' \\
      '\"node_id\":\"n0\",\"node_ids\":[\"n0\"]}}' | node

Environment:
  BATCH_TIMEOUT_MS    whole milliseconds, for --batch-timeout
  STRATEGY            for --strategy
  TARGET_MSGS_PER_OP  for --target-msgs-per-op
  TARGET_LATENCY      a duration with its unit, for --target-latency
  DATA_DIR            for --data-dir
A flag wins over the environment.";

/// A broadcast node for Maelstrom that sends values to other nodes in batches.
/// Reads messages from stdin and writes messages to stdout, one JSON object per line.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// How long values are collected before they are sent to other nodes, for example 300ms or 1.5s; 0s sends
    /// at once [default: 300ms]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    batch_timeout: Option<Duration>,

    /// How values spread
    #[arg(long, value_enum, env = "STRATEGY", hide_env = true, default_value_t = Strategy::Hub)]
    strategy: Strategy,

    /// With --strategy auto: the most messages between nodes for each client operation; latency is minimised
    #[arg(long, value_name = "M", value_parser = parse_thousandths, conflicts_with = "target_latency")]
    #[arg(env = "TARGET_MSGS_PER_OP", hide_env = true)]
    target_msgs_per_op: Option<u32>,

    /// With --strategy auto: the longest time until every node has a value, for example 600ms; messages are
    /// minimised
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "TARGET_LATENCY", hide_env = true)]
    target_latency: Option<Duration>,
    /// A directory for the node's log, so that a killed node loses nothing that it acknowledged. All nodes of
    /// a cluster may share it; two clusters must not
    #[arg(long, value_name = "DIR", env = "DATA_DIR", hide_env = true)]
    data_dir: Option<PathBuf>,
    /// Wait for the disk at each write to the log, so that nothing is lost in a power failure either
    #[arg(long, requires = "data_dir")]
    fsync: bool,
}

impl Args {
    fn strategy(&self) -> Result<StrategyKind, &'static str> {
        let most = self.target_msgs_per_op.map(|thousandths| Target::MsgsPerOp { thousandths });
        let target = most.or(self.target_latency.map(Target::Latency));
        match (self.strategy, target) {
            (Strategy::Auto, Some(target)) => Ok(StrategyKind::Auto(target)),
            (Strategy::Auto, None) => Err(
                "--strategy auto needs --target-msgs-per-op or --target-latency, such as --target-latency 600ms",
            ),
            (_, Some(_)) => Err("--target-msgs-per-op and --target-latency need --strategy auto"),
            (Strategy::Tree, None) => Ok(StrategyKind::Tree),
            (Strategy::Hub, None) => Ok(StrategyKind::Hub),
            (Strategy::Direct, None) => Ok(StrategyKind::Direct),
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Strategy {
    /// The tutorial's protocol: a leader in the middle of a grid, free-running tickers, every message
    /// acknowledged
    Tree,
    /// To one hub, and from there to all others: fewest messages
    Hub,
    /// From each node to all others: lowest latency
    Direct,
    /// Hub or direct, whichever meets a target best at the rate and the latency that the first node measures
    Auto,
}

/// Runs a node with these command-line arguments, the program's name first, until stdin ends. Wrong arguments
/// end the process, with the exit status 2.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = Args::parse_from(arguments);
    let batch_timeout = args.batch_timeout.or_else(|| match timeout_from_environment() {
        Ok(timeout) => timeout,
        Err(message) => Args::command().error(ErrorKind::ValueValidation, message).exit(),
    });
    let config = Config {
        strategy: args
            .strategy()
            .unwrap_or_else(|why| Args::command().error(ErrorKind::ArgumentConflict, why).exit()),
        batch_timeout: batch_timeout.unwrap_or(Config::default().batch_timeout),
    };
    let disk = args
        .data_dir
        .filter(|directory| !directory.as_os_str().is_empty())
        .map(|directory| Disk { directory, fsync: args.fsync });
    match runtime::run(config, disk, io::stdin(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stdout is closed, stderr may be closed too.
            let _ = writeln!(io::stderr(), "node: stdin or stdout failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Parses a duration with a unit. Zero needs none. Any other plain number is refused, because it could be
/// milliseconds or seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Err(format!("a unit is missing: write {text}ms or {text}s"));
    }
    // humantime knows no decimal point.
    if let Some(seconds) = text.strip_suffix('s').and_then(|number| number.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string());
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 200ms or 1.5s"))
}

fn parse_thousandths(text: &str) -> Result<u32, String> {
    let thousandths = text.parse::<f64>().map_err(|error| error.to_string())? * 1000.0;
    if (1.0..=f64::from(u32::MAX)).contains(&thousandths) {
        Ok(thousandths.round() as u32)
    } else {
        Err("must be a number from 0.001 to 4000000".to_owned())
    }
}

fn timeout_from_environment() -> Result<Option<Duration>, String> {
    let Some(text) = env::var_os("BATCH_TIMEOUT_MS") else { return Ok(None) };
    let millis = text.to_str().and_then(|text| text.trim().parse::<u32>().ok());
    millis.map(|millis| Some(Duration::from_millis(millis.into()))).ok_or_else(|| {
        format!(
            "the environment variable BATCH_TIMEOUT_MS is {text:?}, but must hold whole milliseconds, for \
             example 200"
        )
    })
}
