//! The event loop: moves messages between the nodes' pipes and the harness, at the times that the harness
//! sets.
//!
//! # Cost
//!
//! In a sparse run (25 nodes, 100 op/s, hub, a batch timeout of 498 ms), the loop sleeps 0.46 times per
//! message. It writes each delivered line at once, 0.65 per message. With the timer and the reads, that makes
//! about two system calls per message. A profile of the processor time (perf, on a busy machine):
//!
//! | share | what |
//! |---|---|
//! | 24 % | sleeping: epoll and its timer |
//! | 13 % | writing lines to nodes |
//! | 1 % | reading from nodes |
//! | 21 % | parsing nodes' lines and handling their replies |
//! | 7 % | formatting the log's time stamps, before they were kept for a second |
//! | 4 % | launching nodes |
//! | 29 % | the rest: generating operations, the network, the log's events, formatting messages |
//!
//! No single step of that rest takes more than 7 %. `cargo bench --bench embedded` prints the cost per
//! message next to that of sleeping, writing a line and reading the answer alone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use node::Time;
use rustix::event::Timespec;
use rustix::time::{ClockId, clock_gettime};

use super::Spec;

use super::error::RunError;
use super::json::{self, Body};
use super::lateness::{Lateness, Recorder};
use super::log::Log;
use super::message_diagram::MessageDiagram;
use super::names::Names;
use super::node_log::{LONGEST_LOG, LogWrite};
use super::node_output::NodeOutput;
use super::nodes::Nodes;
use super::output_tail::OutputTail;
use super::poller::Source;
use super::probe::Refusal;
use super::process::Process;
use super::read_ok::LastReads;
use super::signals::CaughtSignals;
use super::store::Store;
use crate::harness::address::{Address, NodeId};
use crate::harness::history::History;
use crate::harness::launch;
use crate::harness::message_counts::MessageCounts;
use crate::harness::network::Delivery;
use crate::harness::run::{Phase, ProcessAction, Run, SetupError};
use crate::harness::services::Served;

/// A node with this many unread bytes in its stdin gets no more messages until it reads.
const CONGESTION: usize = 1 << 20;
/// How often the runner checks whether nodes with unread stdout are alive.
const REAP_INTERVAL: Duration = Duration::from_millis(20);

/// A completed run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) history: History,
    pub(super) counts: MessageCounts,
    pub(super) lateness: Lateness,
    /// From the first node's launch to the last one's.
    pub(super) launch_spread: Duration,
    /// From the first node's launch to the first operation.
    pub(super) set_up: Duration,
    /// The processor time that this process used for the run, without its nodes'.
    pub(super) cpu: Duration,
    /// The last lines of each node, in the nodes' order.
    pub(super) output_tails: Vec<OutputTail>,
    /// The first messages of the run.
    pub(super) diagram: MessageDiagram,
}

impl Ran {
    /// The runner's processor time for each message, clients' messages included.
    pub(super) fn cpu_per_message(&self) -> Duration {
        let messages = self.counts.clients.sent + self.counts.servers.sent;
        self.cpu.checked_div(u32::try_from(messages).unwrap_or(u32::MAX)).unwrap_or_default()
    }
}

/// A run that failed, with its history until then.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: RunError,
    pub(super) history: History,
}

/// Runs the nodes and the harness to the end of the run. No process of the run is left when this returns.
pub(super) fn drive(spec: &Spec, store: &Store, log: &mut Log) -> Result<Ran, Box<Failed>> {
    let signals = match CaughtSignals::catch() {
        Ok(signals) => signals,
        Err(error) => return Err(Box::new(Failed { error: error.into(), history: History::new() })),
    };
    let mut driver = match Driver::new(spec, store, log, Some(&signals)) {
        Ok(driver) => driver,
        Err(error) => return Err(Box::new(Failed { error, history: History::new() })),
    };
    let cpu = cpu_time();
    let outcome = driver.launch_all().and_then(|()| driver.run_to_end());
    let cpu = cpu_time().saturating_sub(cpu);
    let output_tails = driver.names.nodes().map(|node| driver.nodes.output_tail(node)).collect();
    driver.nodes.kill();
    let Driver { run, lateness, launched, diagram, .. } = driver;
    // A signal at the very end must still end this process, and not be lost before the next run.
    let outcome = match signals.release() {
        Some(signal) => outcome.and(Err(RunError::Interrupted(signal))),
        None => outcome,
    };
    let counts = run.message_counts();
    let history = run.into_history();
    match outcome {
        Ok(set_up) => Ok(Ran {
            history,
            counts,
            lateness: lateness.summary(),
            launch_spread: launched.map_or(Duration::ZERO, |(first, last)| last.saturating_since(first)),
            set_up,
            cpu,
            output_tails,
            diagram,
        }),
        Err(error) => Err(Box::new(Failed { error, history })),
    }
}

/// Launches the first node alone and waits until it is initialised. Returns how long that took. No process
/// is left when this returns.
///
/// Signals are not caught: they end this process.
pub(super) fn initialise_first(spec: &Spec, store: &Store, log: &mut Log) -> Result<Duration, Box<Refusal>> {
    let mut driver = Driver::new(spec, store, log, None)?;
    driver.launches = vec![(Duration::ZERO, NodeId(0))];
    let start = driver.now();
    let outcome = driver.launch_all().and_then(|()| driver.run_set_up(spec.names.len()));
    let took = driver.now().saturating_since(start);
    driver.nodes.kill();
    // Messages to nodes that are not there are never received.
    let servers = driver.run.message_counts().servers;
    outcome.map(|()| took).map_err(|error| {
        let warning = driver.log.last_warning().map(str::to_owned);
        Box::new(Refusal { error, warning, may_await_others: servers.sent > servers.received })
    })
}

struct Driver<'a> {
    spec: &'a Spec,
    /// The node's program. The path is absolute, because nodes run in another directory.
    bin: PathBuf,
    node_logs: PathBuf,
    run: Run<Body>,
    clock: Instant,
    names: Names,
    nodes: Nodes,
    /// When to launch which node.
    launches: Vec<(Duration, NodeId)>,
    /// When the first and the last node were launched.
    launched: Option<(Time, Time)>,
    reads: LastReads,
    lateness: Recorder,
    diagram: MessageDiagram,
    log: &'a mut Log,
    /// How many events of the history have been logged.
    logged: usize,
    /// The line being written and the ready sources, kept to reuse their memory.
    line: String,
    ready: Vec<Source>,
}

impl<'a> Driver<'a> {
    fn new(
        spec: &'a Spec,
        store: &Store,
        log: &'a mut Log,
        signals: Option<&CaughtSignals>,
    ) -> Result<Driver<'a>, RunError> {
        let count = spec.names.len();
        let bin = std::fs::canonicalize(&spec.node.bin)
            .map_err(|error| RunError::Launch { bin: spec.node.bin.clone(), error })?;
        let mut nodes = Nodes::new(count)?;
        if let Some(signals) = signals {
            nodes.poller.watch_signals(signals)?;
        }
        Ok(Driver {
            spec,
            bin,
            node_logs: store.file("node-logs"),
            run: Run::new(spec.settings.clone(), spec.names.clone(), spec.seed),
            clock: Instant::now(),
            names: Names::new(&spec.names),
            nodes,
            launches: launch::schedule(count, spec.seed),
            launched: None,
            reads: LastReads::new(count),
            lateness: Recorder::default(),
            diagram: MessageDiagram::default(),
            log,
            logged: 0,
            line: String::new(),
            ready: Vec::new(),
        })
    }

    fn now(&self) -> Time {
        Time::ZERO + self.clock.elapsed()
    }

    fn launch_all(&mut self) -> Result<(), RunError> {
        let start = self.now();
        for (after, node) in std::mem::take(&mut self.launches) {
            while self.now() < start + after {
                let now = self.now();
                self.run.handle_timeout(now);
                self.deliver(now)?;
                self.wait(Some(start + after))?;
            }
            self.launch(node)?;
            let now = self.now();
            self.launched = Some((self.launched.map_or(now, |(first, _)| first), now));
            self.deliver(now)?;
        }
        Ok(())
    }

    fn launch(&mut self, node: NodeId) -> Result<(), RunError> {
        let log_path = self.node_logs.join(format!("{}.log", self.names.of(node)));
        let process = Process::start(&self.spec.node, &self.bin, log_path)
            .map_err(|error| RunError::Launch { bin: self.bin.clone(), error })?;
        self.nodes.add(node, process)?;
        self.run.handle_started(self.now(), node);
        Ok(())
    }

    /// Does to processes what the nemesis wants.
    fn act(&mut self) -> Result<(), RunError> {
        let mut killed = Vec::new();
        while let Some((node, action)) = self.run.poll_process_action() {
            match action {
                ProcessAction::Kill => killed.push(node),
                ProcessAction::Start => {
                    self.nodes.kill_some(&std::mem::take(&mut killed))?;
                    self.launch(node)?;
                }
                ProcessAction::Pause => self.nodes.pause(node)?,
                ProcessAction::Resume => self.nodes.resume(node)?,
            }
        }
        // All at once, as the nemesis kills them. Of what it does to a dead node, only a start needs its end.
        Ok(self.nodes.kill_some(&killed)?)
    }

    /// Runs until one of `nodes` nodes has answered `init`.
    fn run_set_up(&mut self, nodes: usize) -> Result<(), RunError> {
        loop {
            let now = self.now();
            self.run.handle_timeout(now);
            self.deliver(now)?;
            match self.run.phase() {
                Phase::Failed(error) => return Err(self.set_up_error(error.clone())),
                Phase::Init(left) if *left == nodes => self.wait(None)?,
                _ => return Ok(()),
            }
        }
    }

    /// Runs from the launch to the end. Returns how long the set-up took.
    fn run_to_end(&mut self) -> Result<Duration, RunError> {
        let mut set_up = None;
        let mut announced = false;
        loop {
            let now = self.now();
            self.run.handle_timeout(now);
            self.act()?;
            self.deliver(now)?;
            self.log_events()?;
            match self.run.phase() {
                Phase::Done => break,
                Phase::Failed(error) => return Err(self.set_up_error(error.clone())),
                Phase::Main if set_up.is_none() => {
                    let first = self.launched.map_or(now, |(first, _)| first);
                    set_up = Some(now.saturating_since(first));
                    self.log.line("All nodes are set up; operations begin")?;
                }
                Phase::Recovery(_) if !announced => {
                    announced = true;
                    self.log.line("Waiting for recovery...")?;
                }
                _ => {}
            }
            self.wait(None)?;
        }
        // A node that died unnoticed in the last moments counts as crashed, too.
        self.check_alive(self.names.nodes())?;
        Ok(set_up.unwrap_or_default())
    }

    /// Lets services answer the requests that are due.
    fn serve(&mut self, now: Time) -> Result<(), RunError> {
        while let Some(Served { service, src, payload, sent, answer }) = self.run.poll_service(now) {
            let (service, src) = (service.name(), self.names.name(src));
            if answer.is_none() {
                let body = &payload.text;
                self.log.warn(&format!("{service} does not answer this request of {src}: {body}"))?;
            }
            if self.diagram.has_room(self.run.phase()) {
                self.diagram.add(src, service.to_owned(), payload.text, sent, now);
            }
        }
        Ok(())
    }

    /// Delivers the messages that are due.
    fn deliver(&mut self, now: Time) -> Result<(), RunError> {
        self.serve(now)?;
        while let Some(delivery) = self.run.poll_delivery(now) {
            let Delivery { id, src, dest, payload, sent, due } = delivery;
            if due > sent {
                self.lateness.record(self.now().saturating_since(due));
            }
            self.line.clear();
            json::write_line(
                &mut self.line,
                id,
                self.names.json(src),
                self.names.json(Address::Node(dest)),
                &payload,
            );
            if self.log.verbosity.receives {
                self.log.line(&format!(":recv {}", self.line.trim_end()))?;
            }
            // Each message is written at once, so that no node waits for another node's pipe.
            if self.nodes.send(dest, &self.line)? > CONGESTION {
                self.run.pause(dest);
            }
            if self.diagram.has_room(self.run.phase()) {
                let dest = self.names.of(dest).to_owned();
                self.diagram.add(self.names.name(src), dest, payload.text, sent, now);
            }
        }
        self.line.shrink_to(1 << 16);
        Ok(())
    }

    /// Waits until the next deadline, `limit` or a ready source, and handles the ready sources.
    fn wait(&mut self, limit: Option<Time>) -> Result<(), RunError> {
        let now = self.now();
        let reap = if self.nodes.unread().is_empty() { None } else { Some(now + REAP_INTERVAL) };
        let deadline = [self.run.next_deadline(), limit, reap].into_iter().flatten().min();
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        self.nodes.poller.wait(deadline.map(|at| at.saturating_since(now)), &mut ready)?;
        for source in &ready {
            match *source {
                Source::Signal(signal) => return Err(RunError::Interrupted(signal)),
                Source::Stdin(node) => {
                    if self.nodes.flush(node)? == 0 {
                        self.run.resume(self.now(), node);
                    }
                }
                Source::Stdout(node) => self.read_stdout(node)?,
                Source::Stderr(node) => self.read_stderr(node)?,
            }
        }
        self.ready = ready;
        self.check_alive(self.nodes.unread().to_vec())
    }

    fn read_stdout(&mut self, node: NodeId) -> Result<(), RunError> {
        let now = self.now();
        let Driver { run, names, log, diagram, reads, nodes, .. } = self;
        let mut output = NodeOutput { run, names, log, diagram, reads, node, now };
        nodes.read_stdout(names, node, |line| output.on_line(line))
    }

    fn read_stderr(&mut self, node: NodeId) -> Result<(), RunError> {
        let Driver { names, log, nodes, .. } = self;
        let write = nodes.read_stderr(node, |line| {
            if log.verbosity.stderr {
                // The node's own log has the line, too.
                let _ = log.line(&format!("{} stderr: {line}", names.of(node)));
            }
        })?;
        if write == LogWrite::Truncated {
            let (node, limit) = (names.of(node), LONGEST_LOG >> 20);
            log.warn(&format!(
                "Node {node} has written more than {limit} MiB to STDERR; its log holds the first of it"
            ))?;
        }
        Ok(())
    }

    /// Ends the run if one of these nodes has ended.
    fn check_alive(&mut self, nodes: impl IntoIterator<Item = NodeId>) -> Result<(), RunError> {
        for node in nodes {
            if let Some(end) = self.nodes.end(node) {
                // Its last lines may still be in the pipes.
                self.read_stdout(node)?;
                self.read_stderr(node)?;
                return Err(self.nodes.error(&self.names, node, end));
            }
        }
        Ok(())
    }

    /// The error with the last lines of its node.
    fn set_up_error(&self, error: SetupError) -> RunError {
        let (SetupError::Silent { node, .. } | SetupError::Refused { node, .. }) = &error;
        let node = self.names.nodes().find(|&candidate| self.names.of(candidate) == node);
        RunError::SetUp { error, tail: node.map(|node| self.nodes.output_tail(node)).unwrap_or_default() }
    }

    fn log_events(&mut self) -> Result<(), RunError> {
        let history = self.run.history();
        for event in &history.events()[self.logged..] {
            self.log.event(history, event)?;
        }
        self.logged = history.events().len();
        Ok(())
    }
}

/// The processor time that this process has used.
fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(tv_sec.unsigned_abs(), tv_nsec.unsigned_abs() as u32)
}
