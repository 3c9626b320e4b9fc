//! The nodes' standard output: messages that nodes have written and the network has not read yet.

use std::collections::VecDeque;

use node::{Time, TimerQueue};

use super::payload::Body;
use crate::harness::address::{Address, NodeId};
use crate::harness::host_delays::StageDelays;
use crate::harness::rng_streams::{Purpose, RngStream};

/// One pipe for each node. The network reads all messages that a node writes at one time together. That
/// happens [a delay](StageDelays::stdout) later, and never before it has read the node's earlier messages.
#[derive(Debug)]
pub(super) struct Pipes {
    pipes: Vec<Pipe>,
    /// When the network reads the first message in each pipe.
    timers: TimerQueue<Time>,
    rng: RngStream,
}

#[derive(Debug)]
struct Pipe {
    messages: VecDeque<Outbound>,
    /// When the network reads the last message written so far.
    busy_until: Time,
    /// The network has stopped reading.
    is_closed: bool,
}

/// A message on its way from a node to the network.
#[derive(Debug)]
pub(super) struct Outbound {
    /// When the network reads it.
    pub(super) at: Time,
    pub(super) dest: Address,
    pub(super) body: Body,
}

/// The standard output of a node that writes now.
pub(super) struct Stdout<'a> {
    pipes: &'a mut Pipes,
    node: NodeId,
    now: Time,
    stages: &'a StageDelays,
    /// When the network reads what is written now, since the first message.
    at: Option<Time>,
}

impl Stdout<'_> {
    /// Writes a message. It is lost if the network has stopped reading.
    #[inline]
    pub(super) fn write(&mut self, dest: Address, body: Body) {
        let pipe = &mut self.pipes.pipes[self.node.index()];
        if pipe.is_closed {
            return;
        }
        let at = *self.at.get_or_insert_with(|| {
            let at = pipe.busy_until.max(self.stages.stdout.after(self.now, &mut self.pipes.rng));
            pipe.busy_until = at;
            if pipe.messages.is_empty() {
                self.pipes.timers.set(self.node.index(), at);
            }
            at
        });
        pipe.messages.push_back(Outbound { at, dest, body });
    }
}

impl Pipes {
    /// Empty pipes.
    pub(super) fn new(nodes: usize, seed: u64) -> Pipes {
        let pipe = || Pipe { messages: VecDeque::new(), busy_until: Time::ZERO, is_closed: false };
        Pipes {
            pipes: (0..nodes).map(|_| pipe()).collect(),
            timers: TimerQueue::new(nodes),
            rng: RngStream::new(seed, Purpose::Stdout),
        }
    }

    /// The pipe of a node that writes now.
    pub(super) fn stdout<'a>(&'a mut self, now: Time, node: NodeId, stages: &'a StageDelays) -> Stdout<'a> {
        Stdout { pipes: self, node, now, stages, at: None }
    }

    /// When the network reads the next message, or [`Time::NEVER`].
    pub(super) fn next_deadline(&self) -> Time {
        self.timers.earliest()
    }

    /// The first node from which the network reads a message now.
    pub(super) fn readable(&self, now: Time) -> Option<NodeId> {
        self.timers.due(now).map(|index| NodeId(index as u32))
    }

    /// The next message that the network reads from this node now. Call it until it returns `None`.
    pub(super) fn read(&mut self, now: Time, node: NodeId) -> Option<Outbound> {
        let messages = &mut self.pipes[node.index()].messages;
        if messages.front().is_some_and(|outbound| outbound.at <= now) {
            return messages.pop_front();
        }
        self.update_timer(node);
        None
    }

    /// Stops reading from a node. Messages that it has already written are lost.
    pub(super) fn close(&mut self, node: NodeId) {
        let pipe = &mut self.pipes[node.index()];
        pipe.is_closed = true;
        pipe.messages.clear();
        self.update_timer(node);
    }

    /// The node was killed: its unread output is lost. Its next process has a new pipe.
    pub(super) fn reset(&mut self, node: NodeId) {
        self.close(node);
        self.pipes[node.index()].is_closed = false;
    }

    fn update_timer(&mut self, node: NodeId) {
        let first = self.pipes[node.index()].messages.front().map(|outbound| outbound.at);
        self.timers.set(node.index(), first.unwrap_or(Time::NEVER));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::harness::address::ClientId;
    use crate::harness::host_delays::{HostDelays, RecentDeliveries};
    use crate::harness::payload::{Payload as _, Request};
    use crate::spec::settings::Noise;

    fn stages() -> &'static StageDelays {
        HostDelays::of(Noise::Idle).stages(Time::ZERO, &RecentDeliveries::default())
    }

    fn pipes(nodes: usize) -> Pipes {
        Pipes::new(nodes, 1)
    }

    fn write(pipes: &mut Pipes, now: Time, node: u32, clients: impl IntoIterator<Item = u32>) {
        let mut stdout = pipes.stdout(now, NodeId(node), stages());
        for client in clients {
            stdout.write(Address::Client(ClientId(client)), Body::request(&Request::Read, 1));
        }
    }

    /// The next message of all, when its time has come.
    fn next(pipes: &mut Pipes) -> Option<(NodeId, Outbound)> {
        loop {
            let now = pipes.next_deadline();
            let node = pipes.readable(now)?;
            if let Some(outbound) = pipes.read(now, node) {
                return Some((node, outbound));
            }
        }
    }

    #[test]
    fn a_pipe_keeps_its_order_and_messages_written_together_are_read_together() {
        let mut pipes = pipes(3);
        let times = (0..1_000_u32).map(|k| (Time::ZERO + Duration::from_micros(20 * u64::from(k)), k));
        for (now, k) in times {
            write(&mut pipes, now, k % 3, [2 * k, 2 * k + 1]);
        }
        assert!(pipes.next_deadline() > Time::ZERO && pipes.next_deadline() < Time::NEVER);
        let mut read: Vec<(NodeId, Time, u32)> = Vec::new();
        while let Some((node, Outbound { at, dest: Address::Client(client), .. })) = next(&mut pipes) {
            read.push((node, at, client.0));
        }
        assert_eq!(read.len(), 2_000);
        assert!(read.is_sorted_by_key(|&(_, at, _)| at));
        for node in (0..3).map(NodeId) {
            let of_node: Vec<(Time, u32)> =
                read.iter().filter(|(n, ..)| *n == node).map(|&(_, at, client)| (at, client)).collect();
            assert!(of_node.is_sorted(), "{node:?}");
            assert!(of_node.chunks(2).all(|pair| pair[0].0 == pair[1].0), "{node:?}");
        }
    }

    #[test]
    fn nothing_is_read_from_a_closed_pipe() {
        let mut pipes = pipes(2);
        for node in [0, 1, 0] {
            write(&mut pipes, Time::ZERO, node, [0]);
        }
        pipes.close(NodeId(0));
        write(&mut pipes, Time::ZERO, 0, [0]);
        assert_eq!(next(&mut pipes).map(|(node, _)| node), Some(NodeId(1)));
        assert!(next(&mut pipes).is_none() && pipes.next_deadline() == Time::NEVER);
    }

    #[test]
    fn nothing_is_read_before_its_time() {
        let mut pipes = pipes(1);
        write(&mut pipes, Time::ZERO, 0, []);
        assert_eq!(pipes.next_deadline(), Time::NEVER);
        write(&mut pipes, Time::ZERO, 0, [0]);
        assert!(pipes.readable(Time::ZERO).is_none() && pipes.read(Time::ZERO, NodeId(0)).is_none());
        assert!(next(&mut pipes).is_some() && next(&mut pipes).is_none());
    }
}
