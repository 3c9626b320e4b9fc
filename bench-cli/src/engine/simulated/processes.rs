//! The nodes' processes: the messages in each one's standard input, and when each wakes.
//!
//! A node sleeps until a message arrives or its deadline comes. When it wakes, it reads every message that
//! has reached it by then. So it answers, and forwards, messages that arrive close together in one batch.

use std::collections::VecDeque;

use node::{Node, STALL, Time, TimerQueue};

use super::payload::Body;
use crate::harness::address::{Address, NodeId};
use crate::harness::host_delays::{HostDelays, RecentDeliveries, StageDelays};
use crate::harness::rng_streams::{Purpose, RngStream};

/// All processes.
#[derive(Debug)]
pub(super) struct Processes {
    processes: Vec<Process>,
    /// When each is launched, or wakes next.
    timers: TimerQueue<Time>,
    delays: &'static HostDelays,
    recent: RecentDeliveries,
    rng: RngStream,
}

#[derive(Debug)]
struct Process {
    /// `None` until the launch, and after a kill.
    node: Option<Node>,
    stdin: Stdin,
    /// The deadline that it sleeps for, and when it wakes for that.
    timer: Option<(Time, Time)>,
    /// Since when it has been stopped.
    paused_at: Option<Time>,
}

/// The standard input of a process.
#[derive(Debug, Default)]
pub(super) struct Stdin {
    /// Delivered messages that the node has not read, in order.
    messages: VecDeque<Inbound>,
    /// What could be read by then waited for a process that was stopped for long, and its clients have given
    /// up.
    late_until: Time,
}

impl Stdin {
    /// The next message that the node can read by `now`, and whether it waited while the process was stopped
    /// for long.
    #[inline]
    pub(super) fn poll(&mut self, now: Time) -> Option<(Inbound, bool)> {
        let readable_at = self.messages.front()?.readable_at;
        if readable_at > now {
            return None;
        }
        self.messages.pop_front().map(|inbound| (inbound, readable_at <= self.late_until))
    }
}

/// A message on its way into a node.
#[derive(Debug)]
pub(super) struct Inbound {
    /// When the node can read it, if it is awake then.
    readable_at: Time,
    pub(super) src: Address,
    pub(super) body: Body,
}

impl Processes {
    /// Processes that are launched at these times.
    pub(super) fn new(
        nodes: usize,
        launches: impl IntoIterator<Item = (Time, NodeId)>,
        delays: &'static HostDelays,
        seed: u64,
    ) -> Processes {
        let mut timers = TimerQueue::new(nodes);
        for (at, node) in launches {
            timers.set(node.index(), at);
        }
        let process = || Process { node: None, stdin: Stdin::default(), timer: None, paused_at: None };
        let processes = (0..nodes).map(|_| process()).collect();
        Processes {
            processes,
            timers,
            delays,
            recent: RecentDeliveries::default(),
            rng: RngStream::new(seed, Purpose::Stdin),
        }
    }

    /// The nodes that have been launched.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.processes.iter().filter_map(|process| process.node.as_ref())
    }

    /// This node and its standard input, once it is launched.
    pub(super) fn awake(&mut self, id: NodeId) -> Option<(&mut Node, &mut Stdin)> {
        let Process { node, stdin, .. } = &mut self.processes[id.index()];
        node.as_mut().map(|node| (node, stdin))
    }

    /// Launches a node.
    pub(super) fn start(&mut self, id: NodeId, node: Node) {
        self.processes[id.index()].node = Some(node);
    }

    /// Ends a process. Its memory and what it has not read are gone.
    pub(super) fn kill(&mut self, id: NodeId) {
        let process = &mut self.processes[id.index()];
        process.node = None;
        process.stdin.messages.clear();
        process.timer = None;
        process.paused_at = None;
        self.timers.set(id.index(), Time::NEVER);
    }

    /// Launches a process again.
    pub(super) fn restart(&mut self, now: Time, id: NodeId) {
        self.timers.set(id.index(), now);
    }

    /// Stops a process.
    pub(super) fn pause(&mut self, now: Time, id: NodeId) {
        self.processes[id.index()].paused_at = Some(now);
        self.timers.set(id.index(), Time::NEVER);
    }

    /// Resumes a stopped process: it wakes, and all its timers that have expired fire at once.
    pub(super) fn resume(&mut self, now: Time, id: NodeId) {
        let process = &mut self.processes[id.index()];
        let Some(paused_at) = process.paused_at.take() else { return };
        if now.saturating_since(paused_at) >= STALL
            && let Some(node) = &mut process.node
        {
            node.on_stall(now);
            process.stdin.late_until = now;
        }
        let deadline = process.node.as_mut().and_then(Node::next_deadline);
        self.sleep(now, id, deadline);
    }

    /// When the next process is launched or wakes, or [`Time::NEVER`].
    pub(super) fn next_deadline(&self) -> Time {
        self.timers.earliest()
    }

    /// The process that is launched or wakes by `now`, earliest first.
    pub(super) fn waking(&self, now: Time) -> Option<NodeId> {
        self.timers.due(now).map(|index| NodeId(index as u32))
    }

    /// Writes a message to a launched node's standard input.
    pub(super) fn deliver(&mut self, now: Time, id: NodeId, src: Address, body: Body) {
        self.recent.on_delivery(now, id);
        let stages = self.stages(now);
        let process = &mut self.processes[id.index()];
        debug_assert!(process.node.is_some(), "the network keeps a node's messages until its launch");
        // A reader that is about to wake for an earlier message reads this one along with it.
        let waiting = &mut process.stdin.messages;
        let readable_at = match waiting.back() {
            Some(before) if before.readable_at > now => before.readable_at,
            _ => stages.stdin.after(now, &mut self.rng),
        };
        waiting.push_back(Inbound { readable_at, src, body });
        if waiting.len() == 1 && process.paused_at.is_none() {
            let wake = stages.wakeup.after(readable_at, &mut self.rng);
            self.timers.set(id.index(), wake.min(self.timers.get(id.index())));
        }
    }

    /// How long nodes take now.
    pub(super) fn stages(&self, now: Time) -> &'static StageDelays {
        self.delays.stages(now, &self.recent)
    }

    /// Puts the node to sleep until the next message or its deadline.
    pub(super) fn sleep(&mut self, now: Time, id: NodeId, deadline: Option<Time>) {
        let stages = self.stages(now);
        let Process { stdin, timer, .. } = &mut self.processes[id.index()];
        let message = match stdin.messages.front() {
            Some(inbound) => stages.wakeup.after(inbound.readable_at, &mut self.rng),
            None => Time::NEVER,
        };
        let wake = deadline.map_or(Time::NEVER, |deadline| match *timer {
            _ if deadline <= now => now,
            Some((before, wake)) if before == deadline => wake,
            _ => {
                let wake = self.delays.timer.after(deadline, &mut self.rng);
                *timer = Some((deadline, wake));
                wake
            }
        });
        self.timers.set(id.index(), message.min(wake));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::harness::address::ClientId;
    use crate::harness::payload::{Payload as _, Request};
    use crate::spec::settings::Noise;

    const ID: NodeId = NodeId(0);

    fn ms(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// One node, which does nothing by itself.
    fn one(seed: u64) -> Processes {
        let mut processes = Processes::new(1, [(ms(1), ID)], HostDelays::of(Noise::Idle), seed);
        assert_eq!(processes.waking(ms(1)), Some(ID));
        let config = node::Config { strategy: node::StrategyKind::Tree, batch_timeout: Duration::ZERO };
        processes.start(ID, Node::new(config, ms(1), 1));
        processes.sleep(ms(1), ID, None);
        assert_eq!(processes.next_deadline(), Time::NEVER);
        processes
    }

    fn deliver_read(processes: &mut Processes, now: Time) {
        processes.deliver(now, ID, Address::Client(ClientId(0)), Body::request(&Request::Read, 1));
    }

    fn read(processes: &mut Processes, now: Time) -> Option<(Inbound, bool)> {
        processes.awake(ID).and_then(|(_, stdin)| stdin.poll(now))
    }

    #[test]
    fn a_node_wakes_after_a_delivery_and_reads_it_then() {
        for seed in 0..100 {
            let mut processes = one(seed);
            deliver_read(&mut processes, ms(2));
            let wake = processes.next_deadline();
            assert!(wake > ms(2));
            assert!(read(&mut processes, ms(2)).is_none());
            assert!(read(&mut processes, wake).is_some());
            processes.sleep(wake, ID, None);
            assert_eq!(processes.next_deadline(), Time::NEVER);
        }
    }

    /// A node reads messages written one right after the other together, but not one that comes later.
    #[test]
    fn messages_that_arrive_together_are_read_together() {
        for seed in 0..100 {
            let mut processes = one(seed);
            deliver_read(&mut processes, ms(2));
            deliver_read(&mut processes, ms(2));
            let wake = processes.next_deadline();
            deliver_read(&mut processes, wake);
            assert!(read(&mut processes, wake).is_some() && read(&mut processes, wake).is_some());
            assert!(read(&mut processes, wake).is_none());
            processes.sleep(wake, ID, None);
            let again = processes.next_deadline();
            assert!(again > wake && read(&mut processes, again).is_some());
        }
    }
}
