//! The network: latency, head-of-line blocking, partitions, lost and duplicated messages.
//!
//! Each node has one inbound queue, ordered by deadline: the time sent plus the latency. A delivery thread
//! serves the queue as Maelstrom's does. As soon as it is free, it takes the head of the queue. It drops the
//! message if a partition cuts the node off from the sender. Otherwise it sleeps until the message is due.
//! Messages that arrive meanwhile wait, even if they are due earlier. So a client's request, which has no
//! latency of its own, can wait up to one whole latency behind a message from another node.

mod queue;
#[cfg(test)]
mod tests;

use node::{Deadline, Time, TimerQueue};

use self::queue::{Queue, Queued};
use super::address::{Address, ClientId, NodeId};
use super::latency::LatencySampler;
use super::maelstrom_timing::DeliveryTiming;
use super::message_counts::MessageCounts;
use super::partition::Partitions;
use super::rng_streams::{Purpose, RngStream};
use crate::spec::settings::{Latency, MessageFaults};

/// A message that is due at a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<M> {
    /// The message's number, counted over the whole run.
    pub id: u64,
    /// The sender.
    pub src: Address,
    /// The receiver.
    pub dest: NodeId,
    /// The content.
    pub payload: M,
    /// When it was sent.
    pub sent: Time,
    /// When it would have been delivered if the driver had never been late. The difference to the present
    /// time is its lateness.
    pub due: Time,
}

/// The network between nodes, and from clients to nodes.
#[derive(Debug)]
pub struct Network<M> {
    inboxes: Vec<Inbox<M>>,
    /// When each node's delivery thread wakes, and for which message.
    wake_ups: TimerQueue<WakeUp>,
    partitions: Partitions,
    latencies: LatencySampler,
    faults: MessageFaults,
    timing: DeliveryTiming,
    rng: RngStream,
    overshoot_rng: RngStream,
    next_id: u64,
    counts: MessageCounts,
}

/// A node's inbound queue and its delivery thread.
#[derive(Debug)]
struct Inbox<M> {
    waiting: Queue<Message<M>>,
    /// The message that the delivery thread has taken, and its [`Delivery::due`].
    taken: Option<(Time, Queued<Message<M>>)>,
    is_paused: bool,
}

#[derive(Debug)]
struct Message<M> {
    src: Address,
    sent: Time,
    payload: M,
}

/// When a node's delivery thread wakes, and the number of the message that it delivers then, which puts equal
/// times in order.
///
/// All in one integer, because it compares in fewer instructions than a pair. Every message changes two of
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct WakeUp(u128);

impl WakeUp {
    /// [`Network::new`] checks that the number of each node fits.
    const NODE_BITS: u32 = 24;
    /// [`Network::send`] checks that there are no more. They take weeks to simulate.
    const MAX_MESSAGES: u64 = 1 << (u64::BITS - Self::NODE_BITS);

    fn new(at: Time, id: u64, node: NodeId) -> WakeUp {
        WakeUp(u128::from(at.as_nanos()) << 64 | u128::from(id << Self::NODE_BITS | u64::from(node.0)))
    }

    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 64) as u64)
    }

    fn node(self) -> NodeId {
        NodeId(self.0 as u32 & ((1 << Self::NODE_BITS) - 1))
    }
}

impl Deadline for WakeUp {
    const NEVER: WakeUp = WakeUp(u128::MAX);
}

impl<M: Clone> Network<M> {
    /// A network of `nodes` nodes without partitions.
    ///
    /// # Panics
    /// If there are more than 2^24 nodes, which no machine's memory holds.
    pub fn new(nodes: usize, latency: Latency, timing: DeliveryTiming, seed: u64) -> Network<M> {
        assert!(nodes <= 1 << WakeUp::NODE_BITS, "a network of {nodes} nodes is too large");
        let inbox = || Inbox { waiting: Queue::new(), taken: None, is_paused: false };
        Network {
            inboxes: (0..nodes).map(|_| inbox()).collect(),
            wake_ups: TimerQueue::new(nodes),
            partitions: Partitions::new(nodes),
            latencies: LatencySampler::new(latency),
            faults: MessageFaults::default(),
            timing,
            rng: RngStream::new(seed, Purpose::Network),
            overshoot_rng: RngStream::new(seed, Purpose::Overshoot),
            next_id: 0,
            counts: MessageCounts::default(),
        }
    }

    /// From now on, loses or duplicates messages between nodes at random.
    pub fn set_message_faults(&mut self, faults: MessageFaults) {
        self.faults = faults;
    }

    /// The messages counted so far.
    pub fn counts(&self) -> MessageCounts {
        self.counts
    }

    /// The links that are cut.
    pub fn partitions_mut(&mut self) -> &mut Partitions {
        &mut self.partitions
    }

    /// Sends a message to a node. Returns the message's number.
    ///
    /// # Panics
    /// If it is message number 2^40.
    pub fn send(&mut self, now: Time, src: Address, dest: NodeId, payload: M) -> u64 {
        let id = self.count_sent(src, Address::Node(dest));
        if matches!(src, Address::Node(_)) && self.faults.any() {
            if self.rng.chance(self.faults.loss) {
                return id;
            }
            if self.rng.chance(self.faults.duplication) {
                self.enqueue(now, id, src, dest, payload.clone());
            }
        }
        self.enqueue(now, id, src, dest, payload);
        id
    }

    #[inline]
    fn enqueue(&mut self, now: Time, id: u64, src: Address, dest: NodeId, payload: M) {
        let at = match src {
            Address::Client(_) => now,
            Address::Node(_) | Address::Service(_) => self.latencies.after(now, &mut self.rng),
        };
        let message = Queued { at, id, item: Message { src, sent: now, payload } };
        let inbox = &mut self.inboxes[dest.index()];
        if inbox.taken.is_some() || inbox.is_paused {
            inbox.waiting.push(message);
        } else {
            // The delivery thread waits for a message, so none is in the queue.
            if self.is_cut_off(dest, &message) {
                return;
            }
            let taken_at = if at == now { now } else { now + self.timing.take_delay };
            self.take(taken_at, taken_at, dest, message);
        }
    }

    /// Counts a message that a node sends to a client. Such messages take no time and are not queued here.
    /// Returns the message's number.
    pub fn count_sent_to_client(&mut self, src: Address, dest: ClientId) -> u64 {
        self.count_sent(src, Address::Client(dest))
    }

    /// Counts messages that a client has taken from its queue.
    pub fn count_received_by_client(&mut self, messages: u64) {
        self.counts.clients.received += messages;
    }

    /// When the next message is due, or [`Time::NEVER`].
    pub fn next_deadline(&self) -> Time {
        self.wake_ups.earliest().at()
    }

    /// The next message that is due by `now`, if there is one.
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivery<M>> {
        let wake_up = self.wake_ups.earliest();
        if wake_up.at() > now {
            return None;
        }
        let dest = wake_up.node();
        let taken = self.inboxes[dest.index()].taken.take();
        let (due, message) = taken.expect("a delivery thread sleeps only when it has taken a message");
        let Queued { id, item: Message { src, sent, payload }, .. } = message;
        match src {
            Address::Client(_) => {
                self.counts.clients.received += 1;
                self.counts.request_delays.add(sent, due);
            }
            Address::Node(_) | Address::Service(_) => self.counts.servers.received += 1,
        }
        if self.inboxes[dest.index()].is_paused {
            self.wake_ups.set(dest.index(), WakeUp::NEVER);
        } else {
            self.take_next(now, due, dest);
        }
        Some(Delivery { id, src, dest, payload, sent, due })
    }

    /// Delivers nothing more to this node until [`Network::resume`], except for a message that is already
    /// taken. For nodes that do not read their input.
    pub fn pause(&mut self, node: NodeId) {
        self.inboxes[node.index()].is_paused = true;
    }

    /// A node's process was killed. What was on its way into it is lost. Its queue stays.
    pub fn kill(&mut self, node: NodeId) {
        let inbox = &mut self.inboxes[node.index()];
        inbox.is_paused = true;
        inbox.taken = None;
        self.wake_ups.set(node.index(), WakeUp::NEVER);
    }

    /// A killed node's process was started again, and has a fresh queue. What waited in the old one is lost.
    pub fn restart(&mut self, now: Time, node: NodeId) {
        let inbox = &mut self.inboxes[node.index()];
        inbox.waiting.clear();
        inbox.taken = None;
        self.resume(now, node);
    }

    /// Ends a pause.
    pub fn resume(&mut self, now: Time, node: NodeId) {
        let inbox = &mut self.inboxes[node.index()];
        inbox.is_paused = false;
        if inbox.taken.is_none() {
            self.take_next(now, now, node);
        }
    }

    /// Takes the head of the node's queue. Drops messages from nodes that the node is cut off from. `free` is
    /// when the delivery thread would have been free if the driver had never been late; it is at most `now`.
    fn take_next(&mut self, now: Time, free: Time, node: NodeId) {
        while let Some(message) = self.inboxes[node.index()].waiting.pop() {
            if !self.is_cut_off(node, &message) {
                return self.take(now, free, node, message);
            }
        }
        self.wake_ups.set(node.index(), WakeUp::NEVER);
    }

    fn is_cut_off(&self, node: NodeId, message: &Queued<Message<M>>) -> bool {
        matches!(message.item.src, Address::Node(src) if self.partitions.drops(src, node))
    }

    /// The delivery thread takes this message, and sleeps until it is due. In line, because a call would copy
    /// the message once more.
    #[inline(always)]
    fn take(&mut self, now: Time, free: Time, node: NodeId, message: Queued<Message<M>>) {
        let deadline = message.at;
        let wakes_from = after_whole_millis(now, deadline);
        let sleeps = wakes_from > now;
        let at = match self.timing.overshoot {
            Some(overshoot) if sleeps => overshoot.after(wakes_from, &mut self.overshoot_rng),
            _ => wakes_from,
        };
        self.wake_ups.set(node.index(), WakeUp::new(at, message.id, node));
        let due = if sleeps { at } else { now.min(free.max(deadline)) };
        self.inboxes[node.index()].taken = Some((due, message));
    }

    fn count_sent(&mut self, src: Address, dest: Address) -> u64 {
        match (src, dest) {
            (Address::Client(_), _) | (_, Address::Client(_)) => self.counts.clients.sent += 1,
            _ => self.counts.servers.sent += 1,
        }
        let id = self.next_id;
        assert!(id < WakeUp::MAX_MESSAGES, "a run has at most 2^40 messages");
        self.next_id += 1;
        id
    }
}

/// The end of a sleep from `now` until `deadline`, rounded down to whole milliseconds, which is what Java's
/// `Thread.sleep` takes.
fn after_whole_millis(now: Time, deadline: Time) -> Time {
    const MILLISECOND: u64 = 1_000_000;
    let sleep = deadline.as_nanos().saturating_sub(now.as_nanos()) / MILLISECOND * MILLISECOND;
    Time::from_nanos(now.as_nanos() + sleep)
}
