//! The whole run as one state machine: set-up, operations and faults, recovery, final reads.
//!
//! Its methods are of four kinds. `handle_*` take events and their times. `poll_delivery` returns messages
//! that the driver must deliver to nodes. `next_deadline` is the latest time to call [`Run::handle_timeout`].
//! The rest are getters. Time must not run backwards. At one point in time, the driver may call these in any
//! order.

mod clients;
mod faults;
mod operations;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use node::Time;

use self::clients::{Client, Owner, Timeout};
use self::faults::Nemesis;
pub use self::faults::ProcessAction;
use self::operations::Thread;
use super::address::{Address, ClientId, NodeId};
use super::generator::Generator;
use super::history::{Element, History, LogId};
use super::maelstrom_timing::DeliveryTiming;
use super::message_counts::MessageCounts;
use super::network::{Delivery, Network};
use super::payload::{Payload, Request};
use super::services::{Served, Services};
use super::topology;
use crate::spec::settings::Settings;

/// The time-out of `init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time-out of all other requests.
const RPC_TIMEOUT: Duration = Duration::from_secs(5);
/// The quiet time before the final reads.
const RECOVERY: Duration = Duration::from_secs(10);

/// The phase of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Nodes start and receive `init`. This many have not replied.
    Init(usize),
    /// Nodes receive `topology`. This many have not replied.
    Topology(usize),
    /// Operations and faults.
    Main,
    /// The time limit is over, but some operations have not completed.
    Draining,
    /// The quiet time before the final reads, until this time.
    Recovery(Time),
    /// One last read on every client.
    FinalReads,
    /// The run is over.
    Done,
    /// A node could not be set up.
    Failed(SetupError),
}

/// The reason why a node could not be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SetupError {
    /// No reply in time.
    #[error("expected node {node} to respond to {article} {rpc} message, but it did not within {}", humantime::format_duration(*.timeout))]
    Silent {
        /// The node.
        node: String,
        /// The request.
        rpc: &'static str,
        /// `an` or `a`, before the request's name.
        article: &'static str,
        /// The time-out.
        timeout: Duration,
    },
    /// An error message, or one that the protocol does not allow.
    #[error("node {node} answered {rpc} with {answer}")]
    Refused {
        /// The node.
        node: String,
        /// The request.
        rpc: &'static str,
        /// The reply.
        answer: String,
    },
}

/// A message without a receiver. Real Maelstrom warns and reads nothing more from the sender.
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
    services: Services<P>,
    clients: Vec<Client>,
    threads: Vec<Thread>,
    free_threads: usize,
    /// The thread whose turn is next. The turn after the last client is the nemesis's.
    next_thread: usize,
    generator: Generator,
    nemesis: Nemesis,
    history: History,
    node_logs: Vec<Option<LogId>>,
    /// The values that a node's log will probably have.
    log_room: usize,
    timeouts: VecDeque<Timeout>,
    phase: Phase,
    /// When the phase itself must act, or [`Time::NEVER`].
    wake: Time,
    /// The origin of the history's times.
    origin: Time,
}

impl<P: Payload> Run<P> {
    /// A run of nodes with these names, which the driver will start. Their number replaces the settings' node
    /// count.
    pub fn new(settings: Settings, names: Vec<String>, seed: u64) -> Run<P> {
        let settings = Settings { node_count: names.len(), ..settings };
        let nodes = names.len();
        let clients = settings.client_count();
        let operations = expected_operations(&settings);
        let timing = DeliveryTiming::maelstrom(settings.noise);
        let mut network = Network::new(nodes, settings.latency, timing, seed);
        network.set_message_faults(settings.message_faults);
        // A node's queue exists before its process: messages to it wait for the launch.
        (0..nodes as u32).for_each(|node| network.pause(NodeId(node)));
        Run {
            neighbours: topology::neighbours(settings.topology, nodes),
            network,
            services: Services::new(settings.latency, timing, seed),
            clients: Vec::new(),
            threads: (0..clients).map(|client| Thread::new(client, nodes)).collect(),
            free_threads: clients,
            next_thread: 0,
            generator: Generator::new(&settings, seed),
            nemesis: Nemesis::new(nodes),
            history: History::with_room_for(2 * operations),
            node_logs: vec![None; nodes],
            // Every second operation is a broadcast.
            log_room: operations / 2,
            timeouts: VecDeque::new(),
            phase: Phase::Init(nodes),
            wake: Time::NEVER,
            origin: Time::ZERO,
            settings,
            names,
        }
    }

    /// The nodes' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The current phase.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether the run is done or has failed.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Failed(_))
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, when the run is over.
    pub fn into_history(self) -> History {
        self.history
    }

    /// The messages so far.
    pub fn message_counts(&self) -> MessageCounts {
        self.network.counts().with_services(self.services.counts())
    }

    /// A node has started. It receives the messages that others have already sent, and `init`.
    pub fn handle_started(&mut self, now: Time, node: NodeId) {
        if !matches!(self.phase, Phase::Init(_)) {
            return self.handle_restarted(now, node);
        }
        self.network.resume(now, node);
        let client = self.open_client(Owner::Init(node));
        let names = std::mem::take(&mut self.names);
        let request = Request::Init { node: &names[node.index()], all: &names };
        self.call(now, client, node, &request);
        self.names = names;
    }

    /// A node sends a message.
    ///
    /// # Errors
    /// If its receiver is a client that does not exist, or no longer does. Such a message does not count.
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
                let nobody_was_waited_for = self.free_threads > 0 && self.nemesis.is_free();
                self.deliver_to_client(now, src, dest, payload)?;
                // Most replies only end an operation, and the next one is due later.
                if !(nobody_was_waited_for && self.awaits_next_operation(now)) {
                    self.advance(now);
                }
                Ok(())
            }
            Address::Service(service) => {
                self.services.send(now, src, service, payload);
                Ok(())
            }
        }
    }

    /// Handles everything that is due by `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.next_timeout(now) <= now {
            self.expire(now);
            self.advance(now);
        }
    }

    /// The next message that is due at a node.
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivery<P>> {
        self.network.poll_delivery(now)
    }

    /// The next request to a service that is due, after its answer has been sent. To be called before
    /// [`Run::poll_delivery`] where nodes use services.
    pub fn poll_service(&mut self, now: Time) -> Option<Served<P>> {
        let served = self.services.poll(now)?;
        if let Some(answer) = &served.answer {
            let src = Address::Service(served.service);
            // The sender may be a client that has left, under whose name a node asked. Nobody receives the
            // answer then.
            let _ = self.handle_message(now, src, served.src, answer.clone());
        }
        Some(served)
    }

    /// When the next message is due or [`Run::handle_timeout`] must be called, whichever is earlier.
    pub fn next_deadline(&mut self) -> Option<Time> {
        let next = self.next_delivery().min(self.next_timeout(Time::NEVER));
        (next < Time::NEVER).then_some(next)
    }

    /// When the next message is due, or [`Time::NEVER`].
    pub fn next_delivery(&self) -> Time {
        self.network.next_deadline().min(self.services.next_deadline())
    }

    /// When [`Run::handle_timeout`] has something to do, or [`Time::NEVER`]. If that is after `horizon`, any
    /// time after it.
    ///
    /// Most requests are answered long before they expire. With the time of the next other event as its
    /// horizon, a simulation need not look at every request.
    pub fn next_timeout(&mut self, horizon: Time) -> Time {
        self.next_expiry(horizon).min(self.wake)
    }

    /// Delivers nothing more to a node that does not read its input.
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

    /// Records values that a node has learnt, in the order in which its reads list them.
    /// [`super::payload::Values::Recorded`] refers to them.
    pub fn record_values(&mut self, node: NodeId, values: impl IntoIterator<Item = Element>) {
        let log = self.log_of(node);
        self.history.extend_log(log, values);
    }

    /// The log of the values that the driver records for a node.
    fn log_of(&mut self, node: NodeId) -> LogId {
        *self.node_logs[node.index()].get_or_insert_with(|| self.history.add_log(self.log_room))
    }

    /// Nanoseconds since the history's origin.
    fn relative(&self, now: Time) -> u64 {
        now.as_nanos().saturating_sub(self.origin.as_nanos())
    }

    /// Sends `topology` to all nodes, after they have replied to `init`.
    fn begin_topology(&mut self, now: Time) {
        self.origin = now;
        self.phase = Phase::Topology(self.names.len());
        let (names, neighbours) = (std::mem::take(&mut self.names), std::mem::take(&mut self.neighbours));
        for node in (0..names.len() as u32).map(NodeId) {
            let client = self.open_client(Owner::Setup(node));
            let request = Request::Topology { names: &names, neighbours: &neighbours };
            self.call(now, client, node, &request);
        }
        (self.names, self.neighbours) = (names, neighbours);
    }

    /// Whether nothing happens in the main phase before an operation that is due later.
    fn awaits_next_operation(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Main) && now < self.wake && self.wake < Time::NEVER
    }

    fn fail(&mut self, error: SetupError) {
        self.phase = Phase::Failed(error);
        self.wake = Time::NEVER;
        self.timeouts.clear();
    }
}

/// About how many operations a run has, so that its history is not copied while it grows. Bounded, because
/// rates can be as high as one likes.
fn expected_operations(settings: &Settings) -> usize {
    const LIMIT: usize = 1 << 17;
    let operations = settings.rate * settings.time_limit.as_secs_f64();
    (operations as usize).min(LIMIT) + settings.client_count()
}
