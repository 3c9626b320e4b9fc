//! The nodes' processes: what each was given and has not heard yet, and when it wakes.
//!
//! A node sleeps until it is given a message or its deadline comes. Then it takes everything that has reached it by
//! that time, so that messages which come close together are answered, and passed on, together.

use std::collections::VecDeque;

use node::{Node, Time};

use super::payload::Body;
use super::timer_queue::Agenda;
use crate::harness::maelstrom_timing::{HEARING_DELAY, TIMER_DELAY, WAKING_DELAY};
use crate::harness::network::{Address, NodeId};
use crate::harness::rng_streams::{Draws, Purpose};

/// All processes.
#[derive(Debug)]
pub(super) struct Processes {
    processes: Vec<Process>,
    /// When each is launched, or wakes next.
    agenda: Agenda,
    draws: Draws,
}

#[derive(Debug)]
struct Process {
    /// None until it is launched.
    node: Option<Node>,
    /// What it was given, in the order in which it hears it.
    stdin: VecDeque<Given>,
    /// The deadline that it sleeps for, and when it wakes for that.
    timer: Option<(Time, Time)>,
}

/// A message on its way into a node.
#[derive(Debug)]
pub(super) struct Given {
    /// When the node has it, if it is awake then.
    heard: Time,
    pub(super) src: Address,
    pub(super) body: Body,
}

impl Processes {
    /// Processes that are launched at these times.
    pub(super) fn new(
        nodes: usize,
        launches: impl IntoIterator<Item = (Time, NodeId)>,
        seed: u64,
    ) -> Processes {
        let mut agenda = Agenda::new(nodes);
        for (at, node) in launches {
            agenda.set(node.index(), Some(at));
        }
        let process = || Process { node: None, stdin: VecDeque::new(), timer: None };
        let processes = (0..nodes).map(|_| process()).collect();
        Processes { processes, agenda, draws: Draws::new(seed, Purpose::Hearing) }
    }

    /// The nodes that have been launched.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.processes.iter().filter_map(|process| process.node.as_ref())
    }

    /// This node, once it is launched.
    pub(super) fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.processes[id.index()].node.as_mut()
    }

    /// A launch.
    pub(super) fn start(&mut self, id: NodeId, node: Node) {
        self.processes[id.index()].node = Some(node);
    }

    /// When the next process is launched or wakes.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.agenda.first().map(|(at, _)| at)
    }

    /// The process that is launched or wakes by `now`, the earliest first.
    pub(super) fn waking(&self, now: Time) -> Option<NodeId> {
        self.agenda.first().filter(|&(at, _)| at <= now).map(|(_, index)| NodeId(index as u32))
    }

    /// Gives a launched node a message.
    pub(super) fn give(&mut self, now: Time, id: NodeId, src: Address, body: Body) {
        let process = &mut self.processes[id.index()];
        debug_assert!(process.node.is_some(), "the network keeps a node's messages until its launch");
        // A reader that is about to wake for what came before reads this along with it.
        let heard = match process.stdin.back() {
            Some(before) if before.heard > now => before.heard,
            _ => now + HEARING_DELAY.draw(&mut self.draws),
        };
        process.stdin.push_back(Given { heard, src, body });
        if process.stdin.len() == 1 {
            let wake = heard + WAKING_DELAY.draw(&mut self.draws);
            if self.agenda.of(id.index()).is_none_or(|at| wake < at) {
                self.agenda.set(id.index(), Some(wake));
            }
        }
    }

    /// The next message that the node has heard by `now`.
    pub(super) fn hear(&mut self, now: Time, id: NodeId) -> Option<Given> {
        let stdin = &mut self.processes[id.index()].stdin;
        stdin.front().filter(|given| given.heard <= now)?;
        stdin.pop_front()
    }

    /// The node has done all that it could, and sleeps until the next message or its deadline.
    pub(super) fn sleep(&mut self, now: Time, id: NodeId) {
        let Process { node, stdin, timer } = &mut self.processes[id.index()];
        let message = stdin.front().map(|given| given.heard + WAKING_DELAY.draw(&mut self.draws));
        let deadline = node.as_ref().and_then(Node::next_deadline).map(|deadline| match *timer {
            _ if deadline <= now => now,
            Some((before, wake)) if before == deadline => wake,
            _ => {
                let wake = deadline + TIMER_DELAY.draw(&mut self.draws);
                *timer = Some((deadline, wake));
                wake
            }
        });
        self.agenda.set(id.index(), [message, deadline].into_iter().flatten().min());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::harness::network::ClientId;
    use crate::harness::payload::{Payload as _, Request};

    const ID: NodeId = NodeId(0);

    fn ms(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// One node, which does nothing by itself.
    fn one(seed: u64) -> Processes {
        let mut processes = Processes::new(1, [(ms(1), ID)], seed);
        assert_eq!(processes.waking(ms(1)), Some(ID));
        let config = node::Config { strategy: node::StrategyKind::Tree, batch_timeout: Duration::ZERO };
        processes.start(ID, Node::new(config, ms(1), 1));
        processes.sleep(ms(1), ID);
        assert_eq!(processes.next_deadline(), None);
        processes
    }

    fn ask(processes: &mut Processes, now: Time) {
        processes.give(now, ID, Address::Client(ClientId(0)), Body::request(&Request::Read, 1));
    }

    #[test]
    fn a_node_wakes_after_it_was_given_something_and_hears_it_then() {
        for seed in 0..100 {
            let mut processes = one(seed);
            ask(&mut processes, ms(2));
            let wake = processes.next_deadline().unwrap();
            assert!(wake > ms(2));
            assert!(processes.hear(ms(2), ID).is_none());
            assert!(processes.hear(wake, ID).is_some());
            processes.sleep(wake, ID);
            assert_eq!(processes.next_deadline(), None);
        }
    }

    /// Messages that are written one right after the other are read together; one that comes later is not.
    #[test]
    fn what_comes_together_is_heard_together() {
        for seed in 0..100 {
            let mut processes = one(seed);
            ask(&mut processes, ms(2));
            ask(&mut processes, ms(2));
            let wake = processes.next_deadline().unwrap();
            ask(&mut processes, wake);
            assert!(processes.hear(wake, ID).is_some() && processes.hear(wake, ID).is_some());
            assert!(processes.hear(wake, ID).is_none());
            processes.sleep(wake, ID);
            let again = processes.next_deadline().unwrap();
            assert!(again > wake && processes.hear(again, ID).is_some());
        }
    }
}
