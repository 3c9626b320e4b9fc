//! The simulated engine: the harness and the `node` crate's state machines in one process, in virtual time.
//!
//! Network, workload, faults, history and checks are the harness's, the very code that the embedded engine drives;
//! only the clock and the way to reach a node are this module's own. Nothing waits: time jumps from one deadline to
//! the next, so a run of 30 s takes milliseconds. A seed gives the same history on every platform.

mod figures;
mod payload;
mod pipes;
mod processes;
mod timer_queue;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use node::{Node, Time};

use self::payload::Body;
use self::pipes::{Pipes, Said};
use self::processes::{Given, Processes};
use super::{Engine, Interrupted, Phase as Progressed, Progress, Request};
use crate::harness::checker::{self, Report};
use crate::harness::history::History;
use crate::harness::launch;
use crate::harness::network::{Address, Delivery, MessageCounts, NodeId};
use crate::harness::run::{Phase, Run, SetupError};
use crate::record::{Outcome, Status};
use crate::spec::settings::{NodeCommand, Settings};
use crate::supervise::stop::{Stop, StopSignal};

/// The engine that needs no process.
#[derive(Clone, Copy, Debug)]
pub struct Simulated;

impl Engine for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn takes_seed(&self) -> bool {
        true
    }

    fn leaves_files(&self) -> bool {
        false
    }

    fn node_program(&self, _: &NodeCommand) -> io::Result<PathBuf> {
        // The node is a part of this program.
        std::env::current_exe()
    }

    fn expected_duration(&self, settings: &Settings) -> Duration {
        // Some 20 messages for each operation of the costliest strategy, and 0.3 µs for each message.
        let operations = settings.rate * settings.time_limit.as_secs_f64();
        Duration::from_secs_f64(operations * settings.node_count as f64 * 0.2e-6)
            .max(Duration::from_millis(1))
    }

    fn default_deadline(&self, _: &Settings) -> Duration {
        // In virtual time nothing hangs, so no run is given up.
        Duration::MAX
    }

    async fn run(
        &self,
        request: Request,
        progress: Progress,
        stop: StopSignal,
    ) -> Result<super::Finished, Interrupted> {
        if stop.current() != Stop::No {
            return Err(Interrupted);
        }
        let Some(config) = request.config else {
            let reason = "only this repository's node runs in virtual time";
            return Ok(Outcome::failed(Status::BadArguments, reason).into());
        };
        progress.enter(Progressed::Operations);
        let seed = request.seed.unwrap_or_default();
        let simulation = tokio::task::spawn_blocking(move || run(&request.settings, config, seed));
        let outcome = match simulation.await {
            Ok(Ok(finished)) => {
                let missed = || Some(checker::missed_by_final_reads(&finished.history));
                Outcome::judge(figures::of(&finished), missed)
            }
            Ok(Err(error)) => Outcome::failed(Status::Crashed, error.to_string()),
            Err(panic) => Outcome::failed(Status::Crashed, format!("the simulation failed: {panic}")),
        };
        Ok(outcome.into())
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Finished {
    /// What clients and the nemesis did.
    pub history: History,
    /// The messages up to the last final read.
    pub counts: MessageCounts,
    /// What the checkers found.
    pub report: Report,
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
    /// What a node says while it is awake; kept for its memory.
    words: Vec<(Address, Body)>,
}

impl Simulation {
    /// A run that has not begun.
    pub fn new(settings: &Settings, config: node::Config, seed: u64) -> Simulation {
        let names: Vec<String> = (0..settings.node_count).map(|i| format!("n{i}")).collect();
        let nodes = names.len();
        let launches = launch::schedule(nodes, seed);
        let launches = launches.into_iter().map(|(after, node)| (Time::ZERO + after, node));
        Simulation {
            run: Run::new(settings.clone(), names, seed),
            processes: Processes::new(nodes, launches, seed),
            pipes: Pipes::new(nodes, seed),
            config,
            seed,
            now: Time::ZERO,
            events: 0,
            words: Vec::new(),
        }
    }

    /// How many messages have been delivered and how often nodes have woken.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The nodes that have been launched.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.processes.nodes()
    }

    /// Goes on until the last final read has been answered.
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

    /// After the end: lets the nodes go on, for `patience` at most, until they have nothing more to say. Returns
    /// whether they fell silent.
    pub fn settle(&mut self, patience: Duration) -> bool {
        let limit = self.now + patience;
        while self.step(Some(limit)) {}
        self.nodes().all(Node::is_idle)
    }

    /// Where virtual time stands.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Judges the history.
    pub fn finish(self, settings: &Settings) -> Finished {
        let counts = self.run.message_counts();
        let history = self.run.into_history();
        let report = checker::check(&history, settings.availability);
        Finished { history, counts, report }
    }

    /// The messages so far.
    pub fn message_counts(&self) -> MessageCounts {
        self.run.message_counts()
    }

    /// Jumps to the next deadline and handles all that is due; whether there was one before `limit`.
    fn step(&mut self, limit: Option<Time>) -> bool {
        let next_of_run = self.run.next_deadline();
        let others = [self.processes.next_deadline(), self.pipes.next_deadline()];
        let Some(next) = others.into_iter().chain([next_of_run]).flatten().min() else { return false };
        if limit.is_some_and(|limit| next > limit) {
            return false;
        }
        self.now = self.now.max(next);
        if next_of_run.is_some_and(|at| at <= self.now) {
            self.run.handle_timeout(self.now);
            while let Some(Delivery { src, dest, payload, .. }) = self.run.poll_delivery(self.now) {
                self.events += 1;
                self.processes.give(self.now, dest, src, payload);
            }
        }
        while let Some(node) = self.processes.waking(self.now) {
            self.events += 1;
            self.wake(node);
            self.processes.sleep(self.now, node);
        }
        while let Some((node, Said { dest, body, .. })) = self.pipes.read(self.now) {
            // A reply can come too late for a client that has given up. After such a one nothing more is read from
            // the node, as in real Maelstrom.
            if self.run.handle_message(self.now, Address::Node(node), dest, body).is_err() {
                self.pipes.close(node);
            }
        }
        true
    }

    /// Launches a node, or lets it do all that there is to do.
    fn wake(&mut self, id: NodeId) {
        if self.processes.node_mut(id).is_none() {
            let seed = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(id.0));
            self.processes.start(id, Node::new(self.config, self.now, seed));
            self.run.handle_started(self.now, id);
            return;
        }
        while let Some(given) = self.processes.hear(self.now, id) {
            self.handle(id, given);
        }
        if let Some(node) = self.processes.node_mut(id)
            && node.next_deadline().is_some_and(|at| at <= self.now)
        {
            node.on_timeout(self.now);
            self.gather(id, None);
        }
        self.pipes.write(self.now, id, self.words.drain(..));
    }

    /// A node hears a message.
    fn handle(&mut self, id: NodeId, given: Given) {
        let Some(node) = self.processes.node_mut(id) else { return };
        match (given.body, given.src) {
            (Body::Request { request, msg_id }, Address::Client(_)) => {
                node.on_request(self.now, payload::reply_to(msg_id), request);
            }
            (Body::Peer(message), Address::Node(from)) => {
                node.on_message(self.now, node::PeerId(from.0), *message);
            }
            _ => return,
        }
        self.gather(id, Some(given.src));
    }

    /// Gathers what a node says. Replies go to the client that has just asked.
    fn gather(&mut self, id: NodeId, asked: Option<Address>) {
        let Some(node) = self.processes.node_mut(id) else { return };
        while let Some(transmit) = node.poll_transmit() {
            match (transmit, asked) {
                (node::Transmit::ToPeer { to, message }, _) => {
                    self.words.push((Address::Node(NodeId(to.0)), Body::Peer(Box::new(message))));
                }
                (node::Transmit::ToClient { to, reply }, Some(client)) => {
                    if let node::Reply::ReadOk { len } = reply {
                        let known = self.run.recorded_values(id);
                        let news = &node.values().as_slice()[known.min(len)..len];
                        self.run.record_values(id, news.iter().map(payload::element));
                    }
                    self.words.push((client, Body::Reply { reply, in_reply_to: to.msg_id }));
                }
                (node::Transmit::ToClient { .. }, None) => {}
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
    fn every_strategy_passes_the_challenge_run_and_falls_silent() {
        for strategy in StrategyKind::ALL {
            let settings = Settings::default();
            let mut simulation = Simulation::new(&settings, config(strategy, 200), 1);
            simulation.run_to_end().unwrap();
            assert!(simulation.settle(Duration::from_secs(20)), "{strategy:?} goes on for ever");
            let finished = simulation.finish(&settings);
            assert_eq!(finished.report.validity(), Validity::Valid, "{strategy:?}");
        }
    }

    /// Requests wait behind messages of 8 s for longer than clients do. A reply to a client that has gone is the last
    /// that is read from its node.
    #[test]
    fn a_node_that_answers_too_late_is_not_heard_again() {
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
