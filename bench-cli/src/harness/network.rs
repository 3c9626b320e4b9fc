//! The network between nodes: latency, head-of-line blocking, partitions, and the counts of messages.
//!
//! Each node has one inbound queue, ordered by deadline (the time sent plus the latency). Whoever delivers to the
//! node takes the head of that queue as soon as it is free, drops it if the node is cut off from the sender, and
//! else holds it until it is due. What arrives meanwhile waits, even if it would be due earlier: a request of a
//! client, which has no latency of its own, waits up to one whole latency behind a message from another node.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use node::Time;

use super::latency;
use super::maelstrom_timing::{self as measured, Distribution};
use super::partition::Partitions;
use super::rng_streams::{Draws, Purpose};
use crate::spec::settings::{Latency, MessageFaults};

/// A node, by its place in the list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The place in the list of nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A client, by the number in its name: `c7` is 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// Who sends or receives a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A node.
    Node(NodeId),
    /// A client.
    Client(ClientId),
}

/// How the delivering thread of real Maelstrom keeps time. Both engines imitate it: the operating system's timers are
/// better than those of a thread of the JVM, and where the two ends of a hop tick alike, a tenth of a millisecond decides
/// whether two messages become one.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// From sending to an idle node until its delivering thread looks at the message. The thread then sleeps for
    /// what is left of the latency in whole milliseconds, rounded down: with any delay at all, a message of 100 ms
    /// sleeps 99 ms.
    pub take_delay: Duration,
    /// How much longer than asked for a sleep takes.
    pub overshoot: Option<Distribution>,
}

impl Timing {
    /// As in real Maelstrom.
    pub const MAELSTROM: Timing =
        Timing { take_delay: Self::TAKE_DELAY, overshoot: Some(measured::SLEEP_OVERSHOOT) };
    /// A round figure for a thread being woken: its size does not matter, as any delay costs the same millisecond.
    const TAKE_DELAY: Duration = Duration::from_micros(50);
}

/// Messages sent and received, clients' and nodes' apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// Messages from or to a client.
    pub clients: Count,
    /// Messages between nodes.
    pub servers: Count,
    /// How long clients' requests waited behind messages between nodes.
    pub request_delays: Delays,
}

/// How long messages waited before they were delivered, the driver's own lateness not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// How many messages.
    pub count: u64,
    /// The sum of their delays.
    pub total: Duration,
    /// The longest.
    pub max: Duration,
}

impl Delays {
    /// The mean; 0 without messages.
    pub fn mean(&self) -> Duration {
        self.total.div_f64(self.count.max(1) as f64)
    }

    fn add(&mut self, delay: Duration) {
        self.count += 1;
        self.total += delay;
        self.max = self.max.max(delay);
    }
}

/// How many messages of one kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages sent.
    pub sent: u64,
    /// Messages received; the rest was dropped or still on its way at the end.
    pub received: u64,
}

/// A message that is due at a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<M> {
    /// The message's number, counted over the whole run.
    pub id: u64,
    /// Who sent it.
    pub src: Address,
    /// The node that it goes to.
    pub dest: NodeId,
    /// What it says.
    pub payload: M,
    /// When it was sent.
    pub sent: Time,
    /// When it would have been delivered if the driver had never been late: it is late by what has passed since.
    pub due: Time,
}

/// The network: one inbound queue for each node.
#[derive(Debug)]
pub struct Network<M> {
    inboxes: Vec<Inbox<M>>,
    /// The nodes whose held message is due at a known time, soonest first.
    due: BinaryHeap<Due>,
    partitions: Partitions,
    latency: Latency,
    faults: MessageFaults,
    timing: Timing,
    draws: Draws,
    overshoot_draws: Draws,
    next_id: u64,
    counts: MessageCounts,
}

#[derive(Debug)]
struct Inbox<M> {
    waiting: BinaryHeap<Envelope<M>>,
    held: Option<Held<M>>,
    paused: bool,
}

#[derive(Debug)]
struct Held<M> {
    envelope: Envelope<M>,
    /// [`Delivery::due`]
    due: Time,
}

#[derive(Debug)]
struct Envelope<M> {
    deadline: Time,
    id: u64,
    src: Address,
    sent: Time,
    payload: M,
}

/// Reversed, because the standard heap gives the greatest first. Equal deadlines are served in the order sent.
impl<M> Ord for Envelope<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.deadline, other.id).cmp(&(self.deadline, self.id))
    }
}

impl<M> PartialOrd for Envelope<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> PartialEq for Envelope<M> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<M> Eq for Envelope<M> {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    at: Time,
    /// The held message's number, so that what is due at the same time goes out in the order sent.
    id: u64,
    node: NodeId,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.id).cmp(&(self.at, self.id))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M: Clone> Network<M> {
    /// A network of so many nodes, without partitions.
    pub fn new(nodes: usize, latency: Latency, timing: Timing, seed: u64) -> Network<M> {
        let inbox = || Inbox { waiting: BinaryHeap::new(), held: None, paused: false };
        Network {
            inboxes: (0..nodes).map(|_| inbox()).collect(),
            due: BinaryHeap::with_capacity(nodes),
            partitions: Partitions::new(nodes),
            latency,
            faults: MessageFaults::default(),
            timing,
            draws: Draws::new(seed, Purpose::Network),
            overshoot_draws: Draws::new(seed, Purpose::Overshoot),
            next_id: 0,
            counts: MessageCounts::default(),
        }
    }

    /// From now on, messages between nodes get lost or doubled at random.
    pub fn set_message_faults(&mut self, faults: MessageFaults) {
        self.faults = faults;
    }

    /// The messages counted so far.
    pub fn counts(&self) -> MessageCounts {
        self.counts
    }

    /// Which nodes are cut off from which.
    pub fn partitions_mut(&mut self) -> &mut Partitions {
        &mut self.partitions
    }

    /// A message sets out for a node. Returns its number.
    pub fn send(&mut self, now: Time, src: Address, dest: NodeId, payload: M) -> u64 {
        let id = self.count_sent(src, Address::Node(dest));
        if matches!(src, Address::Node(_)) && self.faults.any() {
            if self.draws.chance(self.faults.loss) {
                return id;
            }
            if self.draws.chance(self.faults.duplication) {
                self.enqueue(now, id, src, dest, payload.clone());
            }
        }
        self.enqueue(now, id, src, dest, payload);
        id
    }

    fn enqueue(&mut self, now: Time, id: u64, src: Address, dest: NodeId, payload: M) {
        let latency = match src {
            Address::Client(_) => Duration::ZERO,
            Address::Node(_) => latency::draw(self.latency, &mut self.draws),
        };
        let envelope = Envelope { deadline: now + latency, id, src, sent: now, payload };
        let inbox = &mut self.inboxes[dest.index()];
        inbox.waiting.push(envelope);
        if inbox.held.is_none() && !inbox.paused {
            let delay = if latency.is_zero() { Duration::ZERO } else { self.timing.take_delay };
            self.take(now + delay, now + delay, dest);
        }
    }

    /// Counts a message that a node sends to a client; such messages take no time and are not queued here.
    /// Returns its number.
    pub fn count_sent_to_client(&mut self, src: Address, dest: ClientId) -> u64 {
        self.count_sent(src, Address::Client(dest))
    }

    /// Counts messages that a client has taken from its queue.
    pub fn count_received_by_client(&mut self, messages: u64) {
        self.counts.clients.received += messages;
    }

    /// When the next message is due.
    pub fn next_deadline(&self) -> Option<Time> {
        self.due.peek().map(|due| due.at)
    }

    /// The next message that is due by now, if there is one.
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivery<M>> {
        let due = *self.due.peek().filter(|due| due.at <= now)?;
        self.due.pop();
        let held = self.inboxes[due.node.index()].held.take();
        let Held { envelope, due: should_be } =
            held.expect("a node in the queue of due times holds a message");
        let Envelope { id, src, sent, payload, .. } = envelope;
        match src {
            Address::Client(_) => {
                self.counts.clients.received += 1;
                self.counts.request_delays.add(should_be.saturating_since(sent));
            }
            Address::Node(_) => self.counts.servers.received += 1,
        }
        if !self.inboxes[due.node.index()].paused {
            self.take(now, should_be, due.node);
        }
        Some(Delivery { id, src, dest: due.node, payload, sent, due: should_be })
    }

    /// Delivers nothing more to this node (after what is held already) until [`Network::resume`]: the node does
    /// not read what it was given.
    pub fn pause(&mut self, node: NodeId) {
        self.inboxes[node.index()].paused = true;
    }

    /// Ends a pause.
    pub fn resume(&mut self, now: Time, node: NodeId) {
        let inbox = &mut self.inboxes[node.index()];
        inbox.paused = false;
        if inbox.held.is_none() {
            self.take(now, now, node);
        }
    }

    /// Takes the head of the node's queue, dropping messages from nodes that it is cut off from. The node would have
    /// been `free` for it at that time, now or before, if the driver had never been late.
    fn take(&mut self, now: Time, free: Time, node: NodeId) {
        let inbox = &mut self.inboxes[node.index()];
        while let Some(envelope) = inbox.waiting.pop() {
            if let Address::Node(src) = envelope.src
                && self.partitions.drops(src, node)
            {
                continue;
            }
            let sleep = whole_millis(envelope.deadline.saturating_since(now));
            let at = match self.timing.overshoot {
                _ if sleep.is_zero() => now,
                None => now + sleep,
                Some(overshoot) => now + sleep + overshoot.draw(&mut self.overshoot_draws),
            };
            self.due.push(Due { at, id: envelope.id, node });
            let due = if sleep.is_zero() { now.min(free.max(envelope.deadline)) } else { at };
            inbox.held = Some(Held { envelope, due });
            return;
        }
    }

    fn count_sent(&mut self, src: Address, dest: Address) -> u64 {
        match (src, dest) {
            (Address::Node(_), Address::Node(_)) => self.counts.servers.sent += 1,
            _ => self.counts.clients.sent += 1,
        }
        let id = self.next_id;
        self.next_id += 1;
        id
    }
}

/// The duration less what is not a whole millisecond: Java's `Thread.sleep` is given whole milliseconds.
fn whole_millis(duration: Duration) -> Duration {
    duration - Duration::from_nanos(u64::from(duration.subsec_nanos() % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::settings::LatencyDistribution;

    /// Timers as a mathematician has them: nothing is early or late but for the rounding.
    const EXACT: Timing = Timing { take_delay: Duration::ZERO, overshoot: None };
    const CLIENT: Address = Address::Client(ClientId(0));

    fn network(timing: Timing) -> Network<&'static str> {
        let latency =
            Latency { mean: Duration::from_millis(100), distribution: LatencyDistribution::Constant };
        Network::new(3, latency, timing, 1)
    }

    fn micros(us: u64) -> Time {
        Time::from_nanos(us * 1000)
    }

    fn node(i: u32) -> Address {
        Address::Node(NodeId(i))
    }

    /// Runs the network empty and lists when each message was delivered (µs) and what it said.
    fn drain(network: &mut Network<&'static str>) -> Vec<(u64, &'static str)> {
        let mut delivered = Vec::new();
        while let Some(at) = network.next_deadline() {
            while let Some(delivery) = network.poll_delivery(at) {
                assert_eq!(delivery.due, at);
                delivered.push((at.as_nanos() / 1000, delivery.payload));
            }
        }
        delivered
    }

    #[test]
    fn a_message_between_nodes_takes_the_latency() {
        let mut network = network(EXACT);
        network.send(micros(5), node(0), NodeId(1), "hello");
        assert_eq!(drain(&mut network), [(100_005, "hello")]);
        assert_eq!(network.counts().servers, Count { sent: 1, received: 1 });
        assert_eq!(network.counts().clients, Count::default());
    }

    #[test]
    fn sleeping_whole_milliseconds_delivers_early() {
        let mut network = network(Timing::MAELSTROM);
        network.send(micros(0), node(0), NodeId(1), "hello");
        let delivered = drain(&mut network)[0].0;
        assert!((99_090..99_600).contains(&delivered), "{delivered} µs");
    }

    #[test]
    fn a_clients_request_waits_behind_the_held_message() {
        let mut network = network(EXACT);
        network.send(micros(0), node(0), NodeId(1), "gossip");
        network.send(micros(30_000), CLIENT, NodeId(1), "read");
        network.send(micros(30_000), CLIENT, NodeId(2), "read elsewhere");
        assert_eq!(drain(&mut network), [(30_000, "read elsewhere"), (100_000, "gossip"), (100_000, "read")]);
    }

    #[test]
    fn a_waiting_request_overtakes_waiting_gossip() {
        let mut network = network(EXACT);
        network.send(micros(0), node(0), NodeId(1), "first");
        network.send(micros(10_000), node(2), NodeId(1), "second");
        network.send(micros(20_000), CLIENT, NodeId(1), "read");
        assert_eq!(drain(&mut network), [(100_000, "first"), (100_000, "read"), (110_000, "second")]);
    }

    #[test]
    fn what_is_left_of_a_latency_is_rounded_down_when_the_node_is_free() {
        let mut network = network(EXACT);
        network.send(micros(0), node(0), NodeId(1), "first");
        network.send(micros(10_700), node(2), NodeId(1), "second");
        assert_eq!(drain(&mut network), [(100_000, "first"), (110_000, "second")]);
    }

    #[test]
    fn what_waits_behind_a_late_delivery_is_late_as_well() {
        let mut network = network(EXACT);
        network.send(micros(0), node(0), NodeId(1), "first");
        network.send(micros(10_000), node(2), NodeId(1), "second");
        network.send(micros(20_000), CLIENT, NodeId(1), "read");
        network.send(micros(120_000), CLIENT, NodeId(1), "read of one that was late itself");
        let late = micros(150_000);
        let due: Vec<(u64, &str)> = std::iter::from_fn(|| network.poll_delivery(late))
            .map(|delivery| (delivery.due.as_nanos() / 1000, delivery.payload))
            .collect();
        let expected = [
            (100_000, "first"),
            (100_000, "read"),
            (110_000, "second"),
            (120_000, "read of one that was late itself"),
        ];
        assert_eq!(due, expected);
    }

    #[test]
    fn what_waits_for_a_node_that_does_not_read_is_not_late() {
        let mut network = network(EXACT);
        network.pause(NodeId(1));
        network.send(micros(0), node(0), NodeId(1), "gossip");
        network.resume(micros(150_000), NodeId(1));
        let delivery = network.poll_delivery(micros(150_000)).expect("a message that is due");
        assert_eq!(delivery.due, micros(150_000));
    }

    #[test]
    fn a_partition_drops_when_the_message_is_taken() {
        let mut network = network(EXACT);
        network.send(micros(0), node(0), NodeId(1), "held before the partition");
        network.send(micros(1_000), node(0), NodeId(1), "taken during the partition");
        network.partitions_mut().cut(NodeId(0), NodeId(1));
        network.send(micros(2_000), node(2), NodeId(1), "from the other side");
        network.send(micros(3_000), node(1), NodeId(0), "the way back is open");
        assert_eq!(
            drain(&mut network),
            [
                (100_000, "held before the partition"),
                (102_000, "from the other side"),
                (103_000, "the way back is open")
            ]
        );
        assert_eq!(network.counts().servers, Count { sent: 4, received: 3 });
    }

    #[test]
    fn a_paused_node_gets_the_rest_when_it_reads_again() {
        let mut network = network(EXACT);
        network.pause(NodeId(1));
        network.send(micros(0), CLIENT, NodeId(1), "read");
        assert_eq!(network.next_deadline(), None);
        network.resume(micros(500), NodeId(1));
        assert_eq!(drain(&mut network), [(500, "read")]);
    }

    #[test]
    fn messages_between_nodes_get_lost_and_doubled_as_often_as_asked() {
        let latency = Latency { mean: Duration::ZERO, distribution: LatencyDistribution::Constant };
        let mut network = Network::new(2, latency, EXACT, 3);
        network.set_message_faults(MessageFaults { loss: 0.2, duplication: 0.1 });
        let (from_node, from_client) = (Address::Node(NodeId(0)), Address::Client(ClientId(0)));
        for _ in 0..10_000 {
            network.send(Time::ZERO, from_node, NodeId(1), ());
            network.send(Time::ZERO, from_client, NodeId(1), ());
        }
        while network.poll_delivery(Time::ZERO).is_some() {}
        let MessageCounts { clients, servers, .. } = network.counts();
        assert_eq!((clients.sent, clients.received, servers.sent), (10_000, 10_000, 10_000));
        // 80 % arrive, of these a tenth twice.
        assert!((8_600..9_000).contains(&servers.received), "{}", servers.received);
    }
}
