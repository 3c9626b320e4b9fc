//! The whole run as one state machine: set-up, operations and faults, recovery, final reads.
//!
//! Its methods are of four kinds. `handle_*` tell it what happened and when; `poll_delivery` gives what the driver
//! must hand to nodes; `next_deadline` says when to call [`Run::handle_timeout`] at the latest; the rest are
//! getters. Time must not run backwards. The order of calls at one point in time is the driver's to choose.

mod clients;
mod operations;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use node::Time;

use self::clients::{Client, Owner, Timeout};
use self::operations::Thread;
use super::address::{Address, ClientId, NodeId};
use super::generator::Generator;
use super::history::{Element, History, LogId};
use super::maelstrom_timing::DeliveryTiming;
use super::message_counts::MessageCounts;
use super::network::{Delivery, Network};
use super::payload::{Payload, Request};
use super::topology;
use crate::spec::settings::Settings;

/// How long a node may take to answer `init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long any other request may take.
const RPC_TIMEOUT: Duration = Duration::from_secs(5);
/// The quiet time before the final reads.
const RECOVERY: Duration = Duration::from_secs(10);

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Nodes are being started and asked to initialise; so many have not answered.
    Init(usize),
    /// Nodes are being told their neighbours; so many have not answered.
    Topology(usize),
    /// Operations and faults.
    Main,
    /// The time limit is over; some operations have not completed.
    Draining,
    /// The quiet time before the final reads, until when.
    Recovery(Time),
    /// One last read on every client.
    FinalReads,
    /// The run is over.
    Done,
    /// A node could not be set up.
    Failed(SetupError),
}

/// Why a node could not be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SetupError {
    /// No answer in time.
    #[error("expected node {node} to respond to {article} {rpc} message, but it did not within {}", humantime::format_duration(*.timeout))]
    Silent {
        /// The node.
        node: String,
        /// The request.
        rpc: &'static str,
        /// `an` or `a`, before the request's name.
        article: &'static str,
        /// The time it had.
        timeout: Duration,
    },
    /// An error message, or one that the protocol does not allow.
    #[error("node {node} answered {rpc} with {answer}")]
    Refused {
        /// The node.
        node: String,
        /// The request.
        rpc: &'static str,
        /// What it answered.
        answer: String,
    },
}

/// A message that has no receiver. Real Maelstrom warns, and reads nothing more from the node that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client c{} is not (or no longer) on the network", .0.0)]
pub struct Undeliverable(pub ClientId);

/// One run.
#[derive(Debug)]
pub struct Run<P> {
    settings: Settings,
    names: Vec<String>,
    neighbours: Vec<Vec<usize>>,
    network: Network<P>,
    clients: Vec<Client>,
    threads: Vec<Thread>,
    free_threads: usize,
    /// The thread that gets the next operation, if it is free. Counts one past the last client: the nemesis.
    next_thread: usize,
    generator: Generator,
    history: History,
    node_logs: Vec<Option<LogId>>,
    timeouts: VecDeque<Timeout>,
    phase: Phase,
    /// When the phase itself has something to do.
    wake: Option<Time>,
    /// When the history's time begins.
    origin: Time,
}

impl<P: Payload> Run<P> {
    /// A run of nodes called `names`, which the driver has yet to start.
    ///
    /// The names' number takes the place of the settings' node count.
    pub fn new(settings: Settings, names: Vec<String>, seed: u64) -> Run<P> {
        let settings = Settings { node_count: names.len(), ..settings };
        let nodes = names.len();
        let clients = settings.client_count();
        let mut network = Network::new(nodes, settings.latency, DeliveryTiming::MAELSTROM, seed);
        network.set_message_faults(settings.message_faults);
        // A node's queue is there before its process: what others send it meanwhile waits for the launch.
        (0..nodes as u32).for_each(|node| network.pause(NodeId(node)));
        Run {
            neighbours: topology::neighbours(settings.topology, nodes),
            network,
            clients: Vec::new(),
            threads: (0..clients as u32).map(Thread::new).collect(),
            free_threads: clients,
            next_thread: 0,
            generator: Generator::new(&settings, seed),
            history: History::new(),
            node_logs: vec![None; nodes],
            timeouts: VecDeque::new(),
            phase: Phase::Init(nodes),
            wake: None,
            origin: Time::ZERO,
            settings,
            names,
        }
    }

    /// The nodes' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the run stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether there is nothing left to do, for better or worse.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Failed(_))
    }

    /// What happened so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, when the run is over.
    pub fn into_history(self) -> History {
        self.history
    }

    /// The messages so far.
    pub fn message_counts(&self) -> MessageCounts {
        self.network.counts()
    }

    /// A node has been started: it gets what others have sent it already, and is asked to initialise.
    pub fn handle_started(&mut self, now: Time, node: NodeId) {
        self.network.resume(now, node);
        let client = self.open_client(Owner::Init(node));
        let names = std::mem::take(&mut self.names);
        let request = Request::Init { node: &names[node.index()], all: &names };
        self.call(now, client, node, &request, INIT_TIMEOUT);
        self.names = names;
    }

    /// A node sends a message.
    ///
    /// # Errors
    /// If it goes to a client that is not there (any more). Such a message is not counted.
    pub fn handle_message(
        &mut self,
        now: Time,
        src: Address,
        dest: Address,
        payload: P,
    ) -> Result<(), Undeliverable> {
        match dest {
            Address::Node(dest) => {
                self.network.send(now, src, dest, payload);
                Ok(())
            }
            Address::Client(dest) => {
                self.deliver_to_client(now, src, dest, payload)?;
                self.advance(now);
                Ok(())
            }
        }
    }

    /// The time has come for something, or may have.
    pub fn handle_timeout(&mut self, now: Time) {
        self.expire(now);
        self.advance(now);
    }

    /// The next message that is due at a node.
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivery<P>> {
        self.network.poll_delivery(now)
    }

    /// When the next message is due or [`Run::handle_timeout`] has something to do, whichever comes first.
    pub fn next_deadline(&mut self) -> Option<Time> {
        let timeout = self.next_timeout();
        [self.network.next_deadline(), timeout, self.wake].into_iter().flatten().min()
    }

    /// Delivers nothing more to a node that does not read what it was given.
    pub fn pause(&mut self, node: NodeId) {
        self.network.pause(node);
    }

    /// Ends a pause.
    pub fn resume(&mut self, now: Time, node: NodeId) {
        self.network.resume(now, node);
    }

    /// How many values the driver has recorded for a node.
    pub fn recorded_values(&self, node: NodeId) -> usize {
        self.node_logs[node.index()].map_or(0, |log| self.history.log(log).len())
    }

    /// Records values that a node has learnt, in the order in which its reads list them. A read answered with
    /// [`super::payload::Values::Recorded`] refers to them.
    pub fn record_values(&mut self, node: NodeId, values: impl IntoIterator<Item = Element>) {
        let log = *self.node_logs[node.index()].get_or_insert_with(|| self.history.add_log());
        self.history.extend_log(log, values);
    }

    /// Nanoseconds since the history's beginning.
    fn relative(&self, now: Time) -> u64 {
        now.saturating_since(self.origin).as_nanos() as u64
    }

    /// All nodes have answered `init`: they are told their neighbours.
    fn begin_topology(&mut self, now: Time) {
        self.origin = now;
        self.phase = Phase::Topology(self.names.len());
        let (names, neighbours) = (std::mem::take(&mut self.names), std::mem::take(&mut self.neighbours));
        for node in (0..names.len() as u32).map(NodeId) {
            let client = self.open_client(Owner::Setup(node));
            let request = Request::Topology { names: &names, neighbours: &neighbours };
            self.call(now, client, node, &request, RPC_TIMEOUT);
        }
        (self.names, self.neighbours) = (names, neighbours);
    }

    fn fail(&mut self, error: SetupError) {
        self.phase = Phase::Failed(error);
        self.wake = None;
        self.timeouts.clear();
    }
}
