//! The nodes' standard output: what nodes have said and the network has not read yet.

use std::collections::VecDeque;

use node::Time;

use super::payload::Body;
use super::timer_queue::Agenda;
use crate::harness::maelstrom_timing::SPEAKING_DELAY;
use crate::harness::network::{Address, NodeId};
use crate::harness::rng_streams::{Draws, Purpose};

/// One pipe for each node. What a node says at one time is read at one time, a little later
/// ([`SPEAKING_DELAY`]), and after all that it said before.
#[derive(Debug)]
pub(super) struct Pipes {
    pipes: Vec<Pipe>,
    /// When the first message in each pipe is read.
    agenda: Agenda,
    draws: Draws,
}

#[derive(Debug)]
struct Pipe {
    messages: VecDeque<Said>,
    /// When what was said last is read.
    busy_until: Time,
    /// Nothing more is read.
    is_closed: bool,
}

/// A message in a pipe.
#[derive(Debug)]
pub(super) struct Said {
    /// When it is read.
    pub(super) at: Time,
    pub(super) dest: Address,
    pub(super) body: Body,
}

impl Pipes {
    /// Empty pipes.
    pub(super) fn new(nodes: usize, seed: u64) -> Pipes {
        let pipe = || Pipe { messages: VecDeque::new(), busy_until: Time::ZERO, is_closed: false };
        Pipes {
            pipes: (0..nodes).map(|_| pipe()).collect(),
            agenda: Agenda::new(nodes),
            draws: Draws::new(seed, Purpose::Speaking),
        }
    }

    /// A node says all of `messages` now.
    pub(super) fn write(
        &mut self,
        now: Time,
        node: NodeId,
        messages: impl IntoIterator<Item = (Address, Body)>,
    ) {
        let mut messages = messages.into_iter().peekable();
        if messages.peek().is_none() {
            return;
        }
        let pipe = &mut self.pipes[node.index()];
        if pipe.is_closed {
            return;
        }
        let at = pipe.busy_until.max(now + SPEAKING_DELAY.draw(&mut self.draws));
        pipe.busy_until = at;
        pipe.messages.extend(messages.map(|(dest, body)| Said { at, dest, body }));
        self.announce(node);
    }

    /// When the next message is read.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.agenda.first().map(|(at, _)| at)
    }

    /// The next message that is read by now, and who said it.
    pub(super) fn read(&mut self, now: Time) -> Option<(NodeId, Said)> {
        let (_, index) = self.agenda.first().filter(|&(at, _)| at <= now)?;
        let node = NodeId(index as u32);
        let said = self.pipes[index].messages.pop_front()?;
        self.announce(node);
        Some((node, said))
    }

    /// Reads nothing more from a node, not even what it has said already.
    pub(super) fn close(&mut self, node: NodeId) {
        let pipe = &mut self.pipes[node.index()];
        pipe.is_closed = true;
        pipe.messages.clear();
        self.announce(node);
    }

    fn announce(&mut self, node: NodeId) {
        let first = self.pipes[node.index()].messages.front().map(|said| said.at);
        self.agenda.set(node.index(), first);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::harness::network::ClientId;
    use crate::harness::payload::{Payload as _, Request};

    #[test]
    fn a_pipe_keeps_its_order_and_what_was_said_together_is_read_together() {
        let mut pipes = Pipes::new(3, 1);
        let say = |client: u32| (Address::Client(ClientId(client)), Body::request(&Request::Read, 1));
        let spoken = (0..1_000_u32).map(|k| (Time::ZERO + Duration::from_micros(20 * u64::from(k)), k));
        for (now, k) in spoken {
            pipes.write(now, NodeId(k % 3), [say(2 * k), say(2 * k + 1)]);
        }
        assert_eq!(pipes.next_deadline().map(|at| at > Time::ZERO), Some(true));
        let mut read: Vec<(NodeId, Time, u32)> = Vec::new();
        while let Some((node, Said { at, dest: Address::Client(client), .. })) =
            pipes.read(Time::ZERO + Duration::from_secs(1))
        {
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
        let mut pipes = Pipes::new(2, 1);
        let read = || [(Address::Client(ClientId(0)), Body::request(&Request::Read, 1))];
        for node in [0, 1, 0] {
            pipes.write(Time::ZERO, NodeId(node), read());
        }
        pipes.close(NodeId(0));
        pipes.write(Time::ZERO, NodeId(0), read());
        let later = Time::ZERO + Duration::from_secs(1);
        assert_eq!(pipes.read(later).map(|(node, _)| node), Some(NodeId(1)));
        assert!(pipes.read(later).is_none() && pipes.next_deadline().is_none());
    }

    #[test]
    fn nothing_is_read_before_its_time() {
        let mut pipes = Pipes::new(1, 1);
        pipes.write(Time::ZERO, NodeId(0), []);
        assert_eq!(pipes.next_deadline(), None);
        pipes.write(
            Time::ZERO,
            NodeId(0),
            [(Address::Client(ClientId(0)), Body::request(&Request::Read, 1))],
        );
        assert!(pipes.read(Time::ZERO).is_none());
        let at = pipes.next_deadline().unwrap();
        assert!(pipes.read(at).is_some() && pipes.next_deadline().is_none());
    }
}
