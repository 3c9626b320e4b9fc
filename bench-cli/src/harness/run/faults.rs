//! What the nemesis does: it cuts links, kills and stops processes, and undoes all of that in the end.

use std::collections::VecDeque;

use node::Time;

use super::Run;
use super::clients::Owner;
use crate::edn::Value;
use crate::harness::address::{ClientId, NodeId};
use crate::harness::generator::Step;
use crate::harness::history::{Event, Function, Kind, OpValue, Process};
use crate::harness::partition::{Grudge, Kind as PartitionKind};
use crate::harness::payload::{Payload, Request};
use crate::harness::targets::Targets;
use crate::spec::settings::Fault;

/// What the driver must do to a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessAction {
    /// End it, so that it has no time to react (SIGKILL).
    Kill,
    /// Start it again, and then call [`Run::handle_started`].
    Start,
    /// Stop it where it is (SIGSTOP).
    Pause,
    /// Resume it (SIGCONT).
    Resume,
}

/// The state of a node's process, as the nemesis knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProcessState {
    Running,
    Paused,
    Dead,
}

/// The nemesis: one operation at a time.
#[derive(Debug)]
pub(super) struct Nemesis {
    processes: Vec<ProcessState>,
    /// What the driver has not done yet.
    actions: VecDeque<(NodeId, ProcessAction)>,
    /// The start that has not completed.
    starting: Option<Starting>,
    /// What ends all faults after the time limit. Filled when that begins.
    last: Option<VecDeque<Step>>,
}

/// A start of killed nodes.
#[derive(Debug)]
struct Starting {
    invocation: u32,
    /// How many nodes have not answered `init`.
    left: usize,
    /// What became of each node, in their order.
    results: Vec<&'static str>,
}

impl Nemesis {
    pub(super) fn new(nodes: usize) -> Nemesis {
        Nemesis {
            processes: vec![ProcessState::Running; nodes],
            actions: VecDeque::new(),
            starting: None,
            last: None,
        }
    }

    /// Whether it can begin an operation.
    pub(super) fn is_free(&self) -> bool {
        self.starting.is_none()
    }

    fn state(&mut self, node: NodeId) -> &mut ProcessState {
        &mut self.processes[node.index()]
    }
}

impl<P: Payload> Run<P> {
    /// The next thing to do to a process. Ask after everything that may advance the run.
    pub fn poll_process_action(&mut self) -> Option<(NodeId, ProcessAction)> {
        self.nemesis.actions.pop_front()
    }

    /// Whether the node's process was killed, and not started again.
    pub fn is_dead(&self, node: NodeId) -> bool {
        self.nemesis.processes[node.index()] == ProcessState::Dead
    }

    /// Performs one step of the nemesis.
    pub(super) fn inject(&mut self, now: Time, step: Step) {
        match step {
            Step::StartPartition(kind) => self.start_partition(now, kind),
            Step::StopPartition => self.stop_partition(now),
            Step::Kill(targets) => {
                let nodes = targets.choose(self.names.len(), self.generator.process_rng());
                let results = nodes.iter().map(|&node| (node, self.kill(node))).collect();
                self.record_processes(now, Function::Kill, targets, results);
            }
            Step::Pause(targets) => {
                let nodes = targets.choose(self.names.len(), self.generator.process_rng());
                let results = nodes.iter().map(|&node| (node, self.pause_process(node))).collect();
                self.record_processes(now, Function::Pause, targets, results);
            }
            Step::Resume => {
                let results = self.nodes().map(|node| (node, self.resume_process(node))).collect();
                self.record_processes(now, Function::Resume, Targets::All, results);
            }
            Step::Start => self.start_all(now),
            Step::Broadcast(_) | Step::Read | Step::Wait(_) | Step::Blocked | Step::Exhausted => {}
        }
    }

    /// Ends all faults, one after the other as jepsen does. Returns whether all have ended.
    pub(super) fn end_faults(&mut self, now: Time) -> bool {
        let faults = self.settings.nemesis.faults;
        self.nemesis.last.get_or_insert_with(|| {
            let ends = [
                (Fault::Partition, Step::StopPartition),
                (Fault::Pause, Step::Resume),
                (Fault::Kill, Step::Start),
            ];
            ends.into_iter().filter(|(fault, _)| faults.contains(*fault)).map(|(_, end)| end).collect()
        });
        while self.nemesis.is_free() {
            let Some(step) = self.nemesis.last.as_mut().and_then(VecDeque::pop_front) else { return true };
            self.inject(now, step);
        }
        false
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> + use<P> {
        (0..self.names.len() as u32).map(NodeId)
    }

    fn kill(&mut self, node: NodeId) -> &'static str {
        if std::mem::replace(self.nemesis.state(node), ProcessState::Dead) == ProcessState::Dead {
            return "not-running";
        }
        // What others send it waits in its queue, until a restart throws the queue away.
        self.network.kill(node);
        self.nemesis.actions.push_back((node, ProcessAction::Kill));
        "killed"
    }

    fn pause_process(&mut self, node: NodeId) -> &'static str {
        match self.nemesis.state(node) {
            ProcessState::Dead => return "not-running",
            ProcessState::Paused => {}
            state @ ProcessState::Running => {
                *state = ProcessState::Paused;
                self.nemesis.actions.push_back((node, ProcessAction::Pause));
            }
        }
        "paused"
    }

    fn resume_process(&mut self, node: NodeId) -> &'static str {
        match self.nemesis.state(node) {
            ProcessState::Dead => return "not-running",
            ProcessState::Running => {}
            state @ ProcessState::Paused => {
                *state = ProcessState::Running;
                self.nemesis.actions.push_back((node, ProcessAction::Resume));
            }
        }
        "resumed"
    }

    /// Starts the dead nodes. The operation completes when they have answered `init`.
    fn start_all(&mut self, now: Time) {
        let invocation = self.history.next_index();
        self.push_fault(now, Function::Start, Targets::All.edn(), invocation);
        self.count_turn();
        let mut results = vec!["already-running"; self.names.len()];
        let mut left = 0;
        for node in self.nodes() {
            if *self.nemesis.state(node) == ProcessState::Dead {
                *self.nemesis.state(node) = ProcessState::Running;
                self.nemesis.actions.push_back((node, ProcessAction::Start));
                results[node.index()] = "started";
                left += 1;
            }
        }
        self.nemesis.starting = Some(Starting { invocation, left, results });
        self.complete_start(now);
    }

    /// The driver has started a node again: it gets a fresh queue, and `init`.
    pub(super) fn handle_restarted(&mut self, now: Time, node: NodeId) {
        self.network.restart(now, node);
        // It may list values in another order than before.
        self.node_logs[node.index()] = None;
        let client = self.open_client(Owner::Restart(node));
        let names = std::mem::take(&mut self.names);
        let request = Request::Init { node: &names[node.index()], all: &names };
        self.call(now, client, node, &request);
        self.names = names;
    }

    /// A restarted node has answered `init`, or has not in time.
    pub(super) fn handle_restart_answer(&mut self, now: Time, node: NodeId, client: ClientId, is_ok: bool) {
        self.close_client(client);
        if let Some(starting) = &mut self.nemesis.starting {
            starting.left -= 1;
            if !is_ok {
                starting.results[node.index()] = "init-failed";
            }
        }
        self.complete_start(now);
    }

    fn complete_start(&mut self, now: Time) {
        if let Some(Starting { invocation, results, .. }) =
            self.nemesis.starting.take_if(|starting| starting.left == 0)
        {
            let results = self.nodes().zip(results).collect();
            let results = self.results_value(results);
            self.push_fault(now, Function::Start, results, invocation);
        }
    }

    fn start_partition(&mut self, now: Time, kind: PartitionKind) {
        let grudge = kind.grudge(self.names.len(), self.generator.nemesis_rng());
        self.network.partitions_mut().apply(&grudge);
        let isolated = Value::Vector(vec![Value::keyword("isolated"), self.grudge_value(&grudge)]);
        self.record_fault(now, Function::StartPartition, Value::keyword(kind.name()), isolated);
    }

    fn stop_partition(&mut self, now: Time) {
        self.network.partitions_mut().heal();
        self.record_fault(now, Function::StopPartition, Value::Nil, Value::keyword("network-healed"));
    }

    fn record_processes(
        &mut self,
        now: Time,
        function: Function,
        targets: Targets,
        results: Vec<(NodeId, &'static str)>,
    ) {
        let results = self.results_value(results);
        self.record_fault(now, function, targets.edn(), results);
    }

    fn record_fault(&mut self, now: Time, function: Function, before: Value, after: Value) {
        let invocation = self.history.next_index();
        self.push_fault(now, function, before, invocation);
        self.push_fault(now, function, after, invocation);
        self.count_turn();
    }

    fn push_fault(&mut self, now: Time, function: Function, value: Value, invocation: u32) {
        self.history.push(Event {
            time: self.relative(now),
            process: Process::Nemesis,
            kind: Kind::Info,
            function,
            value: OpValue::Fault(Box::new(value)),
            is_final: false,
            failure: None,
            invocation,
        });
    }

    fn grudge_value(&self, grudge: &Grudge) -> Value {
        let name = |node: &NodeId| Value::Str(self.names[node.index()].clone());
        let entry = |(node, dropped): &(NodeId, Vec<NodeId>)| {
            (name(node), Value::Set(dropped.iter().map(name).collect()))
        };
        Value::Map(grudge.0.iter().map(entry).collect())
    }

    /// What was done to each node. Jepsen's nemesis records a map from node to what the database's function
    /// returned. In Maelstrom (jepsen-io/maelstrom#102) that is a keyword.
    fn results_value(&self, results: Vec<(NodeId, &'static str)>) -> Value {
        let entry = |(node, result): (NodeId, &'static str)| {
            (Value::Str(self.names[node.index()].clone()), Value::keyword(result))
        };
        Value::Map(results.into_iter().map(entry).collect())
    }
}
