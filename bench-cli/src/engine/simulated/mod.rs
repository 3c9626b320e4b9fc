//! The simulated engine: the harness and the `node` crate's state machines in one process, in virtual time.
//!
//! Network, workload, faults, history and checks come from the harness, which the embedded runner drives as
//! well. Only the clock and the way to reach a node differ. Time jumps from one deadline to the next, so a
//! run of 30 s takes milliseconds. The same seed gives the same history on every platform.
//!
//! ```text
//!  harness ──► processes (stdin, wake-ups) ──► node's state machine ──► pipes (stdout) ──► harness
//! ```
//!
//! # What a run costs
//!
//! A challenge run at 200 ms costs 22, 17 and 55 million instructions with `tree`, `hub` and `direct`,
//! checker included (`make bench`). Their shares in per cent, by a profile:
//!
//! | | `tree` | `hub` | `direct` |
//! |---|---:|---:|---:|
//! | the loop over events, standard input and output | 26 | 20 | 20 |
//! | the nodes | 16 | 28 | 36 |
//! | [timer queues](node::TimerQueue) | 15 | 12 | 12 |
//! | the rest of the network | 13 | 9 | 15 |
//! | clients, operations, the history | 10 | 11 | 5 |
//! | random durations | 8 | 6 | 4 |
//! | the checker | 7 | 8 | 3 |
//! | memory and all else | 5 | 6 | 5 |
//!
//! No single piece of work can be left out. Each message passes up to four queues, and in which order they
//! hand messages on decides the history.

mod disk;
pub mod figures;
mod payload;
mod pipes;
mod processes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use node::{Incarnation, Node, Recovery, Reply, ReplyTo, Start, Time, Transmit};

use self::disk::Disk;
use self::payload::{Body, ClientRequest};
use self::pipes::{Outbound, Pipes, Stdout};
use self::processes::{Inbound, Processes};
use super::{Interrupted, Phase as Progressed, Progress, Request};
use crate::harness::address::{Address, ClientId, NodeId};
use crate::harness::checker::{self, Report};
use crate::harness::history::History;
use crate::harness::host_delays::HostDelays;
use crate::harness::launch;
use crate::harness::message_counts::MessageCounts;
use crate::harness::network::Delivery;
use crate::harness::run::{Phase, ProcessAction, Run, SetupError};
use crate::record::{Distribution, Outcome, Status};
use crate::runner::message_diagram::MessageDiagram;
use crate::spec::RunSpec;
use crate::spec::settings::{Fault, Settings};
use crate::supervise::stop::{Stop, StopSignal};

/// The engine that runs nodes in-process, in virtual time.
#[derive(Clone, Copy, Debug)]
pub struct Simulated;

impl Simulated {
    /// Executes one run.
    ///
    /// # Errors
    /// If it was stopped.
    pub(super) async fn run(
        &self,
        request: Request,
        progress: Progress,
        stop: StopSignal,
    ) -> Result<super::Finished, Interrupted> {
        if stop.current() != Stop::No {
            return Err(Interrupted);
        }
        let Some(config) = request.run.config() else {
            let reason = "only this repository's node runs in virtual time";
            return Ok(Outcome::failed(Status::BadArguments, reason).into());
        };
        progress.enter(Progressed::Operations);
        if request.is_alone && is_short(&request.run.settings) {
            // Once the phase is shown, this thread has nothing else to do for some milliseconds. On another
            // one, a run would wait twice for a thread to wake.
            tokio::task::yield_now().await;
            return Ok(record(&request.run, config));
        }
        // Also condensed there: memory is best returned by the thread that asked for it.
        let simulation = tokio::task::spawn_blocking(move || record(&request.run, config));
        Ok(simulation.await.unwrap_or_else(|panic| {
            Outcome::failed(Status::Crashed, format!("the simulation failed: {panic}")).into()
        }))
    }
}

/// Whether a run takes so few milliseconds that signals and the display of progress may wait for it.
fn is_short(settings: &Settings) -> bool {
    /// Nodes times operations: those of five challenge runs.
    const MOST: f64 = 250_000.0;
    settings.node_count as f64 * settings.rate * settings.time_limit.as_secs_f64() <= MOST
}

/// Executes one run, and condenses it to what a sweep records.
fn record(spec: &RunSpec, config: node::Config) -> super::Finished {
    let RunSpec { settings, seed, .. } = spec;
    let finished = match run(settings, config, seed.unwrap_or_default()) {
        Ok(finished) => finished,
        Err(error) => return Outcome::failed(Status::Crashed, error.to_string()).into(),
    };
    let Finished { history, report, .. } = &finished;
    let missed = || Some(checker::missed_by_final_reads(history));
    let outcome = Outcome::of(figures::of(&finished), missed);
    if outcome.status() == Status::Ok {
        let distribution = Distribution::of(&report.workload.sorted_stable_latencies);
        return super::Finished { distribution, ..outcome.into() };
    }
    match checker::missing_values(history, settings.client_count(), settings.node_count) {
        Some(missing) => outcome.explained(&missing).into(),
        None => outcome.into(),
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Every operation of the clients and the nemesis.
    pub history: History,
    /// The messages up to the last final read.
    pub counts: MessageCounts,
    /// The checkers' report.
    pub report: Report,
    /// The first messages, if they were to be drawn.
    pub diagram: Option<MessageDiagram>,
}

/// Executes one run.
///
/// # Errors
/// If a node does not answer during set-up.
pub fn run(settings: &Settings, config: node::Config, seed: u64) -> Result<Finished, SetupError> {
    let mut simulation = Simulation::new(settings, config, seed);
    simulation.run_to_end()?;
    Ok(simulation.finish(settings))
}

/// What a node still has of its values after it was killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// All that it acknowledged: it writes a log first, as with `--data-dir`.
    #[default]
    Log,
    /// In memory only: a killed node forgets everything.
    Memory,
    /// What it acknowledged so much earlier: the mistake that a log must not make.
    #[cfg(test)]
    WriteBehind(Duration),
    /// All that it acknowledged to clients, and what it acknowledged to peers so much earlier.
    #[cfg(test)]
    WritePeersBehind(Duration),
}

/// A run in virtual time.
#[derive(Debug)]
pub struct Simulation {
    run: Run<Body>,
    processes: Processes,
    pipes: Pipes,
    config: node::Config,
    seed: u64,
    now: Time,
    events: u64,
    /// The clients that the awake node has not answered yet, in the order of their requests.
    unanswered: VecDeque<ClientId>,
    /// What each client is called. A constant name will do, because `unanswered` knows them.
    client_name: Arc<str>,
    /// Each node's log, if nodes keep logs.
    disks: Option<Vec<Disk>>,
    /// The first messages, if they are to be drawn.
    diagram: Option<MessageDiagram>,
}

impl Simulation {
    /// A run that has not begun.
    pub fn new(settings: &Settings, config: node::Config, seed: u64) -> Simulation {
        let names: Vec<String> = (0..settings.node_count).map(|i| format!("n{i}")).collect();
        let nodes = names.len();
        let launches = launch::schedule(nodes, seed);
        let launches = launches.into_iter().map(|(after, node)| (Time::ZERO + after, node));
        let delays = HostDelays::of(settings.noise);
        Simulation {
            run: Run::new(settings.clone(), names, seed),
            processes: Processes::new(nodes, launches, delays, seed),
            pipes: Pipes::new(nodes, seed),
            config,
            seed,
            now: Time::ZERO,
            events: 0,
            unanswered: VecDeque::new(),
            client_name: Arc::from("c"),
            disks: settings.nemesis.faults.contains(Fault::Kill).then(|| vec![Disk::default(); nodes]),
            diagram: None,
        }
    }

    /// The same run, of which the first messages are kept to be drawn.
    #[must_use]
    pub fn with_diagram(self) -> Simulation {
        Simulation { diagram: Some(MessageDiagram::default()), ..self }
    }

    /// The same run with nodes that keep their values in this way.
    #[must_use]
    pub fn with_storage(mut self, storage: Storage) -> Simulation {
        match storage {
            Storage::Log => {}
            Storage::Memory => self.disks = None,
            #[cfg(test)]
            Storage::WriteBehind(delay) => {
                self.disks.iter_mut().flatten().for_each(|disk| disk.delay = delay);
            }
            #[cfg(test)]
            Storage::WritePeersBehind(delay) => {
                for disk in self.disks.iter_mut().flatten() {
                    (disk.delay, disk.is_prompt_for_own) = (delay, true);
                }
            }
        }
        self
    }

    /// How many messages have been delivered and how often nodes have woken.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The nodes that have been launched.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.processes.nodes()
    }

    /// Runs until the last final read has been answered.
    ///
    /// # Errors
    /// If a node does not answer during set-up.
    pub fn run_to_end(&mut self) -> Result<(), SetupError> {
        while !self.run.is_over() && self.step(None) {}
        match self.run.phase() {
            Phase::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// After the end: runs the nodes for up to `timeout` longer, until they send nothing more. Returns
    /// whether all became idle.
    pub fn settle(&mut self, timeout: Duration) -> bool {
        let limit = self.now + timeout;
        while self.step(Some(limit)) {}
        self.nodes().all(Node::is_idle)
    }

    /// The values whose broadcasts were acknowledged, or that a read showed.
    pub fn known_to_clients(&self) -> impl Iterator<Item = node::Value> + '_ {
        let history = self.run.history();
        let values = checker::known_to_clients(history).into_iter();
        values.filter_map(|element| history.edn(element).as_int().map(node::Value::Int))
    }

    /// The current virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Checks the history.
    pub fn finish(self, settings: &Settings) -> Finished {
        let counts = self.run.message_counts();
        let history = self.run.into_history();
        let report = checker::check(&history, settings.availability);
        Finished { history, counts, report, diagram: self.diagram }
    }

    /// The messages so far.
    pub fn message_counts(&self) -> MessageCounts {
        self.run.message_counts()
    }

    /// Jumps to the next deadline and handles everything due then. Returns false if there is none up to
    /// `limit`.
    fn step(&mut self, limit: Option<Time>) -> bool {
        let other =
            self.run.next_delivery().min(self.processes.next_deadline()).min(self.pipes.next_deadline());
        let timeout = self.run.next_timeout(other);
        let next = timeout.min(other);
        if next == Time::NEVER || limit.is_some_and(|limit| next > limit) {
            return false;
        }
        self.now = self.now.max(next);
        if timeout <= self.now {
            self.run.handle_timeout(self.now);
        }
        while let Some(Delivery { src, dest, payload, sent, .. }) = self.run.poll_delivery(self.now) {
            self.events += 1;
            self.draw(src, Address::Node(dest), &payload, sent);
            self.processes.deliver(self.now, dest, src, payload);
        }
        self.act_on_processes();
        while let Some(node) = self.processes.waking(self.now) {
            self.events += 1;
            self.wake(node);
        }
        while let Some(node) = self.pipes.readable(self.now) {
            while let Some(Outbound { dest, body, .. }) = self.pipes.read(self.now, node) {
                if let Address::Client(_) = dest {
                    self.draw(Address::Node(node), dest, &body, self.now);
                }
                // A reply can come after its client has timed out and gone. As in real Maelstrom, nothing
                // more is read from the node after such a reply.
                if self.run.handle_message(self.now, Address::Node(node), dest, body).is_err() {
                    self.pipes.close(node);
                }
            }
        }
        self.act_on_processes();
        true
    }

    /// Keeps a message that is delivered now for the diagram.
    #[inline]
    fn draw(&mut self, src: Address, dest: Address, body: &Body, sent: Time) {
        if self.diagram.is_some() {
            self.add_to_diagram(src, dest, body, sent);
        }
    }

    #[cold]
    fn add_to_diagram(&mut self, src: Address, dest: Address, body: &Body, sent: Time) {
        if let Some(diagram) = &mut self.diagram
            && diagram.has_room(self.run.phase())
        {
            diagram.add(src.to_string(), dest.to_string(), body.to_json().into(), sent, self.now);
        }
    }

    /// Does to processes what the nemesis wants. Each step asks twice, and the answer is nearly always no.
    #[inline]
    fn act_on_processes(&mut self) {
        while let Some((node, action)) = self.run.poll_process_action() {
            self.act(node, action);
        }
    }

    #[cold]
    fn act(&mut self, node: NodeId, action: ProcessAction) {
        match action {
            ProcessAction::Kill => {
                self.processes.kill(node);
                self.pipes.reset(node);
                if let Some(disks) = &mut self.disks {
                    disks[node.index()].on_kill(self.now);
                }
            }
            ProcessAction::Start => self.processes.restart(self.now, node),
            ProcessAction::Pause => self.processes.pause(self.now, node),
            ProcessAction::Resume => self.processes.resume(self.now, node),
        }
    }

    /// Launches a node, or lets it read its messages and handle its deadline.
    fn wake(&mut self, id: NodeId) {
        let now = self.now;
        let stages = self.processes.stages(now);
        let Some((node, stdin)) = self.processes.awake(id) else { return self.launch(id) };
        let mut stdout = self.pipes.stdout(now, id, stages);
        while let Some((Inbound { src, body, .. }, is_late)) = stdin.poll(now) {
            match (body, src) {
                (Body::Request { request, .. }, Address::Client(_))
                    if is_late && !matches!(request, ClientRequest::Init { .. }) =>
                {
                    node.on_late_request(now, request.into());
                }
                (Body::Request { request, msg_id }, Address::Client(client)) => {
                    self.unanswered.push_back(client);
                    node.on_request(
                        now,
                        ReplyTo { client: self.client_name.clone(), msg_id },
                        request.into(),
                    );
                }
                (Body::Peer(message), Address::Node(from)) => {
                    node.on_message(now, node::PeerId(from.0), message);
                }
                _ => continue,
            }
            write_stdout(node, id, &mut self.unanswered, &mut self.run, &mut stdout);
        }
        let mut disk = self.disks.as_mut().map(|disks| &mut disks[id.index()]);
        write_log(now, node, disk.as_deref_mut());
        let mut deadline = node.next_deadline();
        if deadline.is_some_and(|at| at <= now) {
            node.on_timeout(now);
            deadline = node.next_deadline();
            write_log(now, node, disk);
        }
        write_stdout(node, id, &mut self.unanswered, &mut self.run, &mut stdout);
        self.processes.sleep(now, id, deadline);
    }

    #[cold]
    fn launch(&mut self, id: NodeId) {
        let seed = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(id.0));
        let mut node = Node::new(self.config, self.now, seed);
        let is_first = matches!(self.run.phase(), Phase::Init(_));
        let log = self.disks.as_ref().map(|disks| disks[id.index()].recover());
        if !is_first || log.is_some() {
            node.recover(Recovery {
                // As by a wall clock, but zero for the first life.
                incarnation: Incarnation(if is_first { 0 } else { 1 + self.now.as_nanos() / 1_000_000 }),
                start: if is_first { Start::First } else { Start::Restarted },
                log,
            });
        }
        self.processes.start(id, node);
        self.run.handle_started(self.now, id);
        self.processes.sleep(self.now, id, None);
    }
}

/// Writes a node's new values to its log, if it has one and anything waits for that.
#[inline]
fn write_log(now: Time, node: &mut Node, disk: Option<&mut Disk>) {
    if let Some(disk) = disk
        && node.awaits_log()
    {
        disk.write(now, node.unlogged(), node.values());
        node.on_logged(now);
    }
}

/// A node writes the messages that it has to send.
#[inline]
fn write_stdout(
    node: &mut Node,
    id: NodeId,
    unanswered: &mut VecDeque<ClientId>,
    run: &mut Run<Body>,
    stdout: &mut Stdout<'_>,
) {
    while let Some(transmit) = node.poll_transmit() {
        match transmit {
            Transmit::ToPeer { to, message } => {
                stdout.write(Address::Node(NodeId(to.0)), Body::Peer(message));
            }
            Transmit::ToClient { to, reply } => {
                // A node answers requests in the order in which it has read them.
                let Some(client) = unanswered.pop_front() else { continue };
                if let Reply::ReadOk { len } = reply {
                    let recorded = run.recorded_values(id);
                    let new = &node.values().as_slice()[recorded.min(len)..len];
                    run.record_values(id, new.iter().map(payload::element));
                }
                let reply = Body::Reply { reply: reply.into(), in_reply_to: to.msg_id };
                stdout.write(Address::Client(client), reply);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::checker::Validity;
    use crate::harness::history::Kind;
    use crate::spec::settings::{Latency, LatencyDistribution};
    use node::StrategyKind;

    fn config(strategy: StrategyKind, batch_timeout_ms: u64) -> node::Config {
        node::Config { strategy, batch_timeout: Duration::from_millis(batch_timeout_ms) }
    }

    #[test]
    fn every_strategy_passes_the_challenge_run_and_becomes_idle() {
        for strategy in StrategyKind::ALL {
            let settings = Settings::default();
            let mut simulation = Simulation::new(&settings, config(strategy, 200), 1);
            simulation.run_to_end().unwrap();
            assert!(simulation.settle(Duration::from_secs(20)), "{strategy:?} never becomes idle");
            let finished = simulation.finish(&settings);
            assert_eq!(finished.report.validity(), Validity::Valid, "{strategy:?}");
        }
    }

    /// Requests wait behind messages of 8 s for longer than the clients' time-out. A reply to a client that
    /// has gone is the last message read from its node.
    #[test]
    fn nothing_more_is_read_from_a_node_that_answers_too_late() {
        let latency = Latency { mean: Duration::from_secs(8), distribution: LatencyDistribution::Constant };
        let time_limit = Duration::from_secs(60);
        let settings = Settings { node_count: 3, rate: 5.0, latency, time_limit, ..Settings::default() };
        let finished = run(&settings, config(StrategyKind::Direct, 100), 1).unwrap();
        let events = finished.history.events();
        let gave_up =
            events.iter().filter(|event| matches!(event.kind, Kind::Info | Kind::Fail) && !event.is_final);
        assert!(gave_up.count() > 0);
        let final_answers = events.iter().filter(|event| event.kind == Kind::Ok && event.is_final);
        assert!(final_answers.count() < 3);
    }

    #[test]
    fn a_seed_gives_the_same_run() {
        let settings = Settings { time_limit: Duration::from_secs(3), ..Settings::default() };
        let events = |seed| {
            let finished = run(&settings, config(StrategyKind::Hub, 100), seed).unwrap();
            (finished.history.events().to_vec(), finished.counts)
        };
        assert_eq!(events(7), events(7));
        assert_ne!(events(7), events(8));
    }
}
