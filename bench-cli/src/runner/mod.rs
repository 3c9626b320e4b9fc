//! The embedded runner: the harness driven by real child processes and the real clock, in place of Maelstrom.
//!
//! One thread does everything. It sleeps (`ready`) until a node has written something or the next message is
//! due, whichever comes first, so that timers are as precise as the operating system's and nothing has to be
//! handed from one thread to another. Nodes are launched at the times that
//! [`crate::harness::launch`] draws from the seed, as far apart as real Maelstrom's.

mod diagnosis;
mod driver;
mod error;
mod json;
pub mod lateness;
mod log;
mod message_diagram;
mod names;
mod node_log;
mod node_output;
mod nodes;
mod poller;
mod process;
mod read_ok;
mod signals;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::edn::Value;
use crate::harness::checker::{self, Validity};
use crate::harness::{history_file, results};
use crate::spec::settings::{NodeCommand, Settings};
use crate::supervise::orphans;

pub use self::error::RunError;
pub use self::lateness::Lateness;
pub use self::log::Verbosity;
pub use self::signals::TerminationSignal;

/// Everything that one run needs.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Network, workload and faults.
    pub settings: Settings,
    /// The nodes' names; their number takes the place of the settings' node count.
    pub names: Vec<String>,
    /// What runs as a node.
    pub node: NodeCommand,
    /// Seed of the random draws.
    pub seed: u64,
    /// The directory that holds `store/`.
    pub directory: PathBuf,
    /// What the terminal shows.
    pub verbosity: Verbosity,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whether the node did its work.
    pub validity: Validity,
    /// What `results.edn` says.
    pub results: Value,
    /// Where it and everything else is.
    pub directory: PathBuf,
    /// How late messages were delivered.
    pub lateness: Lateness,
    /// What the nodes did wrong, in sentences; empty if nothing.
    pub diagnosis: String,
}

/// Executes one run and writes its files.
///
/// # Errors
/// If the node cannot be run or dies, if files cannot be written, or if the run is interrupted. What happened until
/// then is in the store; `results.edn` is not.
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
    let results = results::results(&ran.history, ran.counts, &report);
    let text = results.pretty();
    store.write("messages.svg", &ran.diagram.svg(&spec.names))?;
    store.write("embedded.edn", &measured(spec.seed, &ran).pretty())?;
    store.write("results.edn", &text)?;
    store.link_latest()?;
    log.quiet_line(&text)?;
    let clients = spec.settings.client_count();
    let diagnosis = diagnosis::diagnose(&ran.history, &report, clients, &ran.output_tails);
    log.quiet_line(&diagnosis)?;
    Ok(Finished {
        validity: report.validity(),
        results,
        directory: store.path().to_owned(),
        lateness: ran.lateness,
        diagnosis,
    })
}

/// Lets this process open as many files as it may at most: each node takes four, and the usual limit is for programs that
/// mind old system calls. A JVM does the same.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where this is refused the old limit holds, and a run that exceeds it says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn write_history(store: &store::Store, history: &crate::harness::history::History) -> Result<(), RunError> {
    store.write_with("history.edn", |out| history_file::write_edn(history, out))?;
    store.write_with("history.txt", |out| history_file::write_text(history, out))?;
    Ok(())
}

/// What the runner measured of itself; kept apart so that `results.edn` has Maelstrom's keys and no others.
fn measured(seed: u64, ran: &driver::Ran) -> Value {
    let micros = |duration: Duration| Value::Int(duration.as_micros() as i64);
    let lateness = &ran.lateness;
    let delays = ran.counts.request_delays;
    Value::record([
        // A seed may use all 64 bits, which an EDN integer does not hold.
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
                ("max", micros(delays.max)),
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
