//! The runner behind `bench-cli test`: it drives the harness with real child processes and the real clock.
//!
//! One thread does everything. It sleeps in the poller until a node has written a line or the next message is
//! due. So its timers are as precise as the operating system's, and no data passes between threads. The seed
//! decides the nodes' launch times, which are recorded ones of real Maelstrom ([`crate::harness::launch`]).
//!
//! ```text
//!  run ──► driver ──► nodes ──► process ──► program                    (a node's start)
//!            │  │       │            └─────► lines, node_log, output_tail (its pipes)
//!            │  │       └─────► poller ◄── signals                    (what to wait for)
//!            │  └──► harness::run ◄── node_output ◄── json, read_ok   (a node's lines)
//!            └──► log, lateness, message_diagram
//!  run ──► store: history, results, messages.svg, and the diagnosis for the terminal
//! ```
//!
//! [`probe`] starts one node with the same parts and ends when it has answered `init`.
//!
//! # What a message costs
//!
//! In a sparse run (25 nodes, tree, 100 op/s) a message takes 30 µs of the runner's CPU. Sleeping, writing a
//! line and reading the answer alone take 12.5 (`cargo bench -p bench-cli --bench embedded`). A profile
//! (`perf record -e cpu-clock`) finds 12 µs of a message in the kernel: 6.8 in `epoll_wait`, 3.6 in `write`,
//! 0.9 in `timerfd_settime` and 0.8 in `read`. Messages are milliseconds apart, so each has a wait of its
//! own. Another 13 µs are spread over the runner's own code, of which no function takes more than 1.1. That
//! code finds cold caches after each sleep: where messages are dense, the whole takes 8 µs. The rest is the
//! launch.

mod diagnosis;
mod driver;
mod error;
pub mod json;
pub mod lateness;
pub mod lines;
mod log;
pub mod message_diagram;
mod names;
mod node_log;
mod node_output;
mod nodes;
mod output_tail;
mod poller;
pub mod probe;
mod process;
pub mod program;
mod read_ok;
mod signals;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::edn::Value;
use crate::harness::checker::{self, Validity};
use crate::harness::history::History;
use crate::harness::history_file;
use crate::harness::results::{self, Plots};
use crate::spec::settings::{NodeCommand, Settings};
use crate::supervise::orphans;

pub use self::error::RunError;
pub use self::lateness::Lateness;
pub use self::log::Verbosity;
pub use self::output_tail::OutputTail;
pub use self::signals::TerminationSignal;

/// The exit status of `bench-cli test` after a run that this runner could not finish, through no fault of the
/// nodes ([`RunError::is_runners`]). Maelstrom has no such status.
pub const FAILED_STATUS: u8 = 253;

/// The specification of one run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Network, workload and faults.
    pub settings: Settings,
    /// The nodes' names. Their number replaces the settings' node count.
    pub names: Vec<String>,
    /// The program that runs as a node.
    pub node: NodeCommand,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The directory that holds `store/`.
    pub directory: PathBuf,
    /// What the terminal shows.
    pub verbosity: Verbosity,
    /// Whether the caller draws plots of the run afterwards. `results.edn` says so.
    pub plots: Plots,
}

/// A run that has results.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The verdict of all checkers.
    pub validity: Validity,
    /// The content of `results.edn`.
    pub results: Value,
    /// What the clients and the nemesis did.
    pub history: History,
    /// The directory with all files of the run.
    pub directory: PathBuf,
    /// How late messages were delivered.
    pub lateness: Lateness,
    /// The nodes' failures, in sentences; empty if there are none.
    pub diagnosis: String,
}

/// Executes one run and writes its files.
///
/// # Errors
/// If the node cannot be run or dies, if files cannot be written, or if the run is interrupted. The store
/// then has the history until that moment, but no `results.edn`.
pub fn run(spec: &Spec) -> Result<Finished, RunError> {
    allow_open_files();
    let store = store::Store::create(&spec.directory)?;
    let mut log = log::Log::create(&store.file("jepsen.log"), spec.verbosity)?;
    log.line(&format!("Running in {}", store.path().display()))?;
    let ran = driver::drive(spec, &store, &mut log);
    orphans::end_run(store.path());
    let ran = match ran {
        Ok(ran) => ran,
        Err(failed) => {
            write_history(&store, &failed.history)?;
            log.quiet_line(&failed.error.to_string())?;
            return Err(failed.error);
        }
    };
    write_history(&store, &ran.history)?;
    let report = checker::check(&ran.history, spec.settings.availability);
    let results = results::results(&ran.history, ran.counts, &report, spec.plots);
    let text = results.pretty();
    store.write("messages.svg", &ran.diagram.svg(&spec.names))?;
    store.write("embedded.edn", &runner_metrics(spec.seed, &ran).pretty())?;
    store.write("results.edn", &text)?;
    store.link_latest()?;
    log.quiet_line(&text)?;
    let clients = spec.settings.client_count();
    let nodes: Vec<(String, OutputTail)> = spec.names.iter().cloned().zip(ran.output_tails).collect();
    let diagnosis = diagnosis::diagnose(&ran.history, &report, clients, &nodes);
    log.quiet_line(&diagnosis)?;
    Ok(Finished {
        validity: report.validity(),
        results,
        history: ran.history,
        directory: store.path().to_owned(),
        lateness: ran.lateness,
        diagnosis,
    })
}

/// Raises this process's limit of open files to its maximum, as a JVM does. Each node takes four. The usual
/// limit is for programs that call `select`.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // If the system refuses, the old limit remains, and a run that exceeds it reports that.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn write_history(store: &store::Store, history: &History) -> Result<(), RunError> {
    store.write_with("history.edn", |out| history_file::write_edn(history, out))?;
    store.write_with("history.txt", |out| history_file::write_text(history, out))?;
    Ok(())
}

/// The runner's measurements of itself. They have a file of their own, so that `results.edn` has only
/// Maelstrom's keys.
fn runner_metrics(seed: u64, ran: &driver::Ran) -> Value {
    let micros = |duration: Duration| Value::Int(duration.as_micros() as i64);
    let lateness = &ran.lateness;
    let delays = ran.counts.request_delays;
    Value::record([
        // A string, because a seed may exceed a signed 64-bit integer.
        ("seed", Value::Str(seed.to_string())),
        ("launch-spread-us", micros(ran.launch_spread)),
        ("set-up-us", micros(ran.set_up)),
        ("cpu-us", micros(ran.cpu)),
        ("cpu-us-per-message", Value::Float(ran.cpu_per_message().as_secs_f64() * 1e6)),
        (
            "request-delay-us",
            Value::record([
                ("count", Value::Int(delays.count as i64)),
                ("mean", micros(delays.mean())),
                ("max", micros(delays.max())),
            ]),
        ),
        (
            "timer-lateness-us",
            Value::record([
                ("count", Value::Int(lateness.count as i64)),
                ("p50", micros(lateness.p50)),
                ("p99", micros(lateness.p99)),
                ("max", micros(lateness.max)),
            ]),
        ),
    ])
}
