//! The flags of `maelstrom test`, with its defaults and its words for what is wrong.
//!
//! Maelstrom's parser differs from clap's in which input is an error, in the order and words of errors, and
//! in reading `--no-such-flag 3` as two errors; so there is a table of flags and a small parser here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::harness::results::Plots;
use crate::runner::{Spec, Verbosity};
use crate::spec::settings::{
    Availability, Concurrency, Fault, Faults, Latency, LatencyDistribution, MessageFaults, Nemesis,
    NodeCommand, Noise, Settings, Topology,
};

/// What the command line asks for.
#[derive(Debug)]
pub(super) enum Parsed {
    /// The help text.
    Help,
    /// Run tests.
    Run(Box<Request>),
}

/// Runs that are asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) spec: Spec,
    /// How many, unless one is not valid.
    pub(super) count: u64,
}

/// Maelstrom's workloads, of which this runner has one.
const WORKLOADS: [&str; 10] = [
    "broadcast",
    "echo",
    "g-counter",
    "g-set",
    "kafka",
    "lin-kv",
    "pn-counter",
    "txn-list-append",
    "txn-rw-register",
    "unique-ids",
];

/// A flag: its names, what it takes, its default and what it is for.
struct Flag {
    short: Option<&'static str>,
    long: &'static str,
    /// The name of its value, if it takes one.
    value: Option<&'static str>,
    default: &'static str,
    help: &'static str,
}

const fn flag(
    short: Option<&'static str>,
    long: &'static str,
    value: Option<&'static str>,
    default: &'static str,
    help: &'static str,
) -> Flag {
    Flag { short, long, value, default, help }
}

const FLAGS: &[Flag] = &[
    flag(Some("-h"), "--help", None, "", "Print out this message and exit"),
    flag(Some("-w"), "--workload", Some("NAME"), "lin-kv", "What workload to run; this runner has broadcast"),
    flag(None, "--bin", Some("FILE"), "", "Path to binary which runs a node"),
    flag(None, "--node-count", Some("NUM"), "", "How many nodes to run. Overrides --nodes, if given"),
    flag(Some("-n"), "--node", Some("NAME"), "n1 … n5", "Node(s) to run; may be given many times"),
    flag(None, "--nodes", Some("NODE_LIST"), "", "Comma-separated list of node names"),
    flag(None, "--nodes-file", Some("FILENAME"), "", "File containing node names, one per line"),
    flag(None, "--concurrency", Some("NUMBER"), "1n", "How many clients; 3n means three for each node"),
    flag(None, "--rate", Some("RATE"), "5", "Approximate number of requests per second"),
    flag(None, "--time-limit", Some("SECONDS"), "60", "How long operations are generated"),
    flag(None, "--latency", Some("MILLIS"), "0", "Mean network latency, in ms"),
    flag(None, "--latency-dist", Some("TYPE"), "constant", "constant, uniform or exponential"),
    flag(
        None,
        "--topology",
        Some("SPEC"),
        "grid",
        "Neighbours: grid, line, tree, tree2, tree3, tree4, total",
    ),
    flag(None, "--nemesis", Some("FAULTS"), "", "Faults to inject, such as partition,kill,pause"),
    flag(None, "--nemesis-interval", Some("SECONDS"), "10", "Seconds between nemesis operations, on average"),
    flag(
        None,
        "--availability",
        Some("EXPECTED"),
        "",
        "The fraction of requests that must succeed, or total",
    ),
    flag(None, "--test-count", Some("NUMBER"), "1", "Number of runs; stops at the first that is not valid"),
    flag(None, "--log-stderr", None, "", "Show what nodes write on stderr"),
    flag(None, "--log-net-send", None, "", "Show messages as they are sent"),
    flag(None, "--log-net-recv", None, "", "Show messages as they are received"),
    flag(None, "--seed", Some("NUMBER"), "random", "Seed of all random choices (not in Maelstrom)"),
    flag(None, "--no-plots", None, "", "Draw no plots of the run (not in Maelstrom)"),
    flag(None, "--max-writes-per-key", Some("INT"), "", "For other workloads; ignored"),
    flag(None, "--max-txn-length", Some("INT"), "", "For other workloads; ignored"),
    flag(None, "--key-count", Some("INT"), "", "For other workloads; ignored"),
    flag(None, "--consistency-models", Some("MODELS"), "", "For other workloads; ignored"),
    flag(None, "--no-ssh", None, "", "Ignored"),
    flag(None, "--username", Some("USER"), "", "Ignored"),
    flag(None, "--password", Some("PASS"), "", "Ignored"),
    flag(None, "--strict-host-key-checking", None, "", "Ignored"),
    flag(None, "--ssh-private-key", Some("FILE"), "", "Ignored"),
    flag(None, "--logging-json", None, "", "Ignored"),
    flag(None, "--leave-db-running", None, "", "Ignored: nodes never outlive their run"),
];

/// The help text.
pub(super) fn help() -> String {
    let mut text = String::from(
        "Run one broadcast test as `maelstrom test` does, without a JVM\n\n\
         Usage: bench-cli test -w broadcast --bin FILE [OPTIONS ...] [-- NODE ARGUMENTS ...]\n\n\
         Nodes may use Maelstrom's services lin-kv, seq-kv, lww-kv and lin-tso.\n\n\
         Exit status:\n  \
         0    All tests passed\n  1    A test failed\n  2    A test had an :unknown validity\n  \
         253  This runner could not continue, through no fault of the nodes (not in Maelstrom)\n  \
         254  Invalid arguments\n  255  A node crashed or could not be started\n\nOptions:\n",
    );
    let names = |flag: &Flag| {
        let short = flag.short.map_or("  ".to_owned(), |short| format!("{short},"));
        format!("{short:3} {} {}", flag.long, flag.value.unwrap_or(""))
    };
    let width = FLAGS.iter().map(|flag| names(flag).len()).max().unwrap_or_default();
    for flag in FLAGS {
        let default = if flag.default.is_empty() { String::new() } else { format!(" [{}]", flag.default) };
        text.push_str(&format!("  {:<width$} {}{default}\n", names(flag), flag.help));
    }
    text
}

/// Reads the command line.
///
/// # Errors
/// What is wrong with it, in the order in which Maelstrom says it.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Parsed, Vec<String>> {
    let mut builder = Builder::default();
    let mut rest = arguments.map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = rest.next() {
        if argument == "--" {
            builder.node_args.extend(rest.by_ref());
        } else if !argument.starts_with('-') || argument == "-" {
            builder.node_args.push(argument);
        } else {
            builder.option(&argument, &mut rest);
        }
    }
    builder.finish()
}

/// Collects what the command line says.
#[derive(Default)]
struct Builder {
    given: Vec<(&'static str, String)>,
    node_args: Vec<String>,
    errors: Vec<String>,
    help: bool,
}

impl Builder {
    fn option(&mut self, argument: &str, rest: &mut impl Iterator<Item = String>) {
        let (name, attached) = split(argument);
        let Some(flag) = FLAGS.iter().find(|flag| flag.long == name || flag.short == Some(name)) else {
            self.errors.push(format!("Unknown option: {name:?}"));
            return;
        };
        let value = match (flag.value, attached) {
            (None, _) => String::new(),
            (Some(_), Some(value)) => value.to_owned(),
            (Some(placeholder), None) => match rest.next() {
                Some(value) => value,
                None => {
                    self.errors.push(format!("Missing required argument for \"{name} {placeholder}\""));
                    return;
                }
            },
        };
        self.help |= flag.long == "--help";
        let written = if attached.is_some() { argument.to_owned() } else { format!("{name} {value}") };
        match check(flag.long, &value, &written) {
            Ok(()) => self.given.push((flag.long, value)),
            Err(error) => self.errors.push(error),
        }
    }

    /// The last value given, as flags given later win.
    fn last(&self, long: &str) -> Option<&str> {
        self.given.iter().rev().find(|(flag, _)| *flag == long).map(|(_, value)| value.as_str())
    }

    fn is_set(&self, long: &str) -> bool {
        self.last(long).is_some()
    }

    /// The last value, read again: it has been checked when it was given.
    fn number<T: std::str::FromStr>(&self, long: &str, default: T) -> T {
        self.last(long).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    fn finish(mut self) -> Result<Parsed, Vec<String>> {
        if self.help {
            return Ok(Parsed::Help);
        }
        let bin = self.last("--bin").map(PathBuf::from);
        if bin.is_none() {
            self.errors.push("Expected a --bin PATH_TO_BINARY to test".to_owned());
        }
        let names = self.names();
        if let (Err(error), true) = (&names, self.errors.is_empty()) {
            self.errors.push(error.clone());
        }
        if self.errors.is_empty() && self.last("--workload") != Some("broadcast") {
            let workload = self.last("--workload").unwrap_or("lin-kv");
            self.errors.push(format!(
                "bench-cli runs the broadcast workload only, not {workload}; give -w broadcast"
            ));
        }
        let (Some(bin), Ok(names), true) = (bin, names, self.errors.is_empty()) else {
            return Err(self.errors);
        };
        let settings = self.settings(names.len());
        let node = NodeCommand { bin, args: std::mem::take(&mut self.node_args), env: Vec::new() };
        let spec = Spec {
            settings,
            names,
            node,
            seed: self.last("--seed").and_then(|seed| seed.parse().ok()).unwrap_or_else(random_seed),
            directory: PathBuf::from("."),
            verbosity: Verbosity {
                stderr: self.is_set("--log-stderr"),
                sends: self.is_set("--log-net-send"),
                receives: self.is_set("--log-net-recv"),
            },
            plots: if self.is_set("--no-plots") { Plots::Skipped } else { Plots::Drawn },
        };
        Ok(Parsed::Run(Box::new(Request { spec, count: self.number("--test-count", 1) })))
    }

    fn settings(&self, node_count: usize) -> Settings {
        let availability = self.last("--availability").and_then(|value| value.parse::<Availability>().ok());
        Settings {
            node_count,
            concurrency: self.number("--concurrency", Concurrency::PerNode(1)),
            rate: self.number("--rate", 5.0),
            time_limit: Duration::from_secs(self.number("--time-limit", 60)),
            latency: Latency {
                mean: Duration::from_millis(self.number("--latency", 0)),
                distribution: self.number("--latency-dist", LatencyDistribution::Constant),
            },
            topology: self.number("--topology", Topology::Grid),
            nemesis: Nemesis {
                faults: self.number("--nemesis", Faults::NONE),
                interval: Duration::from_secs_f64(self.number("--nemesis-interval", 10.0)),
            },
            availability,
            // Maelstrom has no such options.
            message_faults: MessageFaults::default(),
            noise: Noise::Idle,
        }
    }

    /// The nodes' names: `n0`, `n1`, … for a count, else what is listed, else Maelstrom's default.
    fn names(&self) -> Result<Vec<String>, String> {
        if let Some(count) = self.last("--node-count").and_then(|count| count.parse::<usize>().ok()) {
            return Ok((0..count).map(|i| format!("n{i}")).collect());
        }
        let mut names: Vec<String> = Vec::new();
        if let Some(path) = self.last("--nodes-file") {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("Could not read {path}: {error}"))?;
            names.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
        }
        names.extend(
            self.last("--nodes")
                .into_iter()
                .flat_map(|list| list.split(','))
                .map(|name| name.trim().to_owned()),
        );
        names.extend(self.given.iter().filter(|(flag, _)| *flag == "--node").map(|(_, name)| name.clone()));
        if names.is_empty() {
            names = (1..=5).map(|i| format!("n{i}")).collect();
        }
        for (i, name) in names.iter().enumerate() {
            if name.is_empty() || name.starts_with('c') || name.contains(['/', '\0']) {
                return Err(format!(
                    "Node name {name:?} cannot be used: a name must not be empty, hold a slash, or start with c, as clients' do"
                ));
            }
            if names[..i].contains(name) {
                return Err(format!("Node name {name:?} is given twice"));
            }
        }
        Ok(names)
    }
}

/// `--name=value` is a name with its value; so is `-nvalue`.
fn split(argument: &str) -> (&str, Option<&str>) {
    if argument.starts_with("--") {
        return match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument, None),
        };
    }
    match argument.char_indices().nth(2) {
        Some((end, _)) => (&argument[..end], Some(&argument[end..])),
        None => (argument, None),
    }
}

/// Whether a value can be used, else Maelstrom's words for why not.
fn check(long: &str, value: &str, written: &str) -> Result<(), String> {
    let invalid = |why: &str| Err(format!("Failed to validate \"{written}\": {why}"));
    let unreadable = |what: &str| Err(format!("Error while parsing option \"{written}\": {what}"));
    let no_number = || unreadable(&format!("java.lang.NumberFormatException: For input string: {value:?}"));
    match long {
        "--workload" if !WORKLOADS.contains(&value) => {
            invalid(&format!("Must be one of {}", WORKLOADS.join(", ")))
        }
        "--node-count" => match value.parse::<i64>() {
            Ok(count) if count > 10_000 => invalid("This runner runs 10,000 nodes at most"),
            Ok(count) if count > 0 => Ok(()),
            Ok(_) => invalid("Must be positive."),
            Err(_) => no_number(),
        },
        "--test-count" | "--time-limit" => match value.parse::<i64>() {
            Ok(count) if count > 0 => Ok(()),
            Ok(_) => invalid("Must be positive"),
            Err(_) => no_number(),
        },
        "--rate" => match value.parse::<f64>() {
            Ok(rate) if !rate.is_finite() => invalid("Must be finite"),
            Ok(rate) if rate >= 0.0 => Ok(()),
            Ok(_) => invalid("Can't be negative"),
            Err(_) => no_number(),
        },
        "--latency" => match value.parse::<i64>() {
            Ok(latency) if (0..=86_400_000).contains(&latency) => Ok(()),
            Ok(latency) if latency < 0 => invalid("Must be non-negative"),
            Ok(_) => invalid("Must be a day at most"),
            Err(_) => no_number(),
        },
        "--latency-dist" if value.parse::<LatencyDistribution>().is_err() => {
            invalid("Must be constant, uniform, or exponential")
        }
        "--topology" if value.parse::<Topology>().is_err() => {
            let mut names: Vec<&str> = Topology::ALL.iter().map(|topology| topology.name()).collect();
            names.sort_unstable();
            invalid(&format!("Must be one of {}", names.join(", ")))
        }
        "--nemesis" if value.split(',').any(|fault| fault.trim().parse::<Fault>().is_err()) => {
            invalid("Must be one of kill, partition, pause")
        }
        "--nemesis-interval" => match value.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(()),
            Ok(_) => invalid("Must be positive"),
            Err(_) => no_number(),
        },
        "--availability" if value.parse::<Availability>().is_err() => {
            invalid("must be either 'total' or a number between 0 and 1.")
        }
        "--concurrency" if value.parse::<Concurrency>().is_err() => {
            invalid("Must be an integer, optionally followed by n.")
        }
        "--seed" if value.parse::<u64>().is_err() => invalid("Must be a whole number from 0 to 2^64 - 1"),
        _ => Ok(()),
    }
}

/// A seed from the time of day.
fn random_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.as_nanos() as u64);
    ChaCha8Rng::seed_from_u64(nanos ^ (u64::from(std::process::id()) << 40)).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Vec<String>> {
        match parse(line.split_whitespace().map(OsString::from))? {
            Parsed::Run(request) => Ok(*request),
            Parsed::Help => panic!("{line} asks for help"),
        }
    }

    fn error(line: &str) -> String {
        parsed(line).expect_err("an error").join("\n")
    }

    #[test]
    fn flags_become_settings() {
        let request = parsed(
            "-w broadcast --bin ./node --node-count 25 --time-limit 20 --rate 100 --latency 100 \
             --latency-dist uniform --topology line --nemesis partition --nemesis-interval 4 \
             --availability 0.9 --concurrency 2n --seed 7 -- --batch-timeout 200ms",
        );
        let Request { spec, count } = request.expect("a request");
        assert_eq!((spec.seed, count, spec.names.len()), (7, 1, 25));
        assert_eq!(spec.names[24], "n24");
        assert_eq!(spec.node.args, ["--batch-timeout", "200ms"]);
        let expected = Settings {
            concurrency: Concurrency::PerNode(2),
            latency: Latency { mean: Duration::from_millis(100), distribution: LatencyDistribution::Uniform },
            topology: Topology::Line,
            nemesis: Nemesis { faults: Faults::partition(), interval: Duration::from_secs(4) },
            availability: Some(Availability::Fraction(0.9)),
            ..Settings::default()
        };
        assert_eq!(spec.settings, expected);
    }

    #[test]
    fn defaults_are_maelstroms() {
        let Request { spec, .. } = parsed("-w broadcast --bin x").expect("a request");
        assert_eq!(spec.names, ["n1", "n2", "n3", "n4", "n5"]);
        assert_eq!((spec.settings.rate, spec.settings.time_limit), (5.0, Duration::from_secs(60)));
        assert_eq!(spec.settings.latency.mean, Duration::ZERO);
    }

    #[test]
    fn nodes_can_be_named() {
        let names = |line: &str| parsed(line).expect("a request").spec.names;
        assert_eq!(names("-w broadcast --bin x -n a -n b"), ["a", "b"]);
        assert_eq!(names("-w broadcast --bin x --nodes a,b --node-count 1"), ["n0"]);
        assert!(error("-w broadcast --bin x -n c0").contains("as clients' do"));
        assert!(error("-w broadcast --bin x --nodes a,a").contains("twice"));
    }

    #[test]
    fn errors_have_maelstroms_words() {
        for (line, expected) in [
            ("-w broadcast --node-count 3", "Expected a --bin PATH_TO_BINARY to test"),
            ("-w broadcast --bin x --no-such-flag 3", "Unknown option: \"--no-such-flag\""),
            (
                "-w broadcast --bin x --node-count 0",
                "Failed to validate \"--node-count 0\": Must be positive.",
            ),
            (
                "-w broadcast --bin x --rate abc",
                "Error while parsing option \"--rate abc\": java.lang.NumberFormatException: For input string: \"abc\"",
            ),
            (
                "-w nosuch --bin x",
                "Failed to validate \"-w nosuch\": Must be one of broadcast, echo, g-counter, g-set, kafka, lin-kv, \
                 pn-counter, txn-list-append, txn-rw-register, unique-ids",
            ),
            (
                "-w broadcast --bin",
                "Missing required argument for \"--bin FILE\"\nExpected a --bin PATH_TO_BINARY to test",
            ),
        ] {
            assert_eq!(error(line), expected, "{line}");
        }
    }

    #[test]
    fn only_broadcast_is_run() {
        assert!(error("--bin x").contains("not lin-kv"));
        assert!(error("-w echo --bin x").contains("give -w broadcast"));
    }

    #[test]
    fn help_lists_every_flag() {
        assert!(matches!(parse(["--help"].into_iter().map(OsString::from)), Ok(Parsed::Help)));
        let help = help();
        assert!(FLAGS.iter().all(|flag| help.contains(flag.long)));
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
