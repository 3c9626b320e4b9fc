//! A node's links to all its peers: one timer queue for all, and messages made from the links' packets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::link::{Heard, Link, Packet};
use crate::message::{Batch, Incarnation, LinkMessage, PeerId};
use crate::rng::Rng;
use crate::time::Time;
use crate::values::Values;

/// The links of one node. Each is made when it is first used, because a leaf of a large cluster needs only
/// one.
#[derive(Debug)]
pub(crate) struct Links {
    slots: Vec<Slot>,
    /// At least one entry for each link with a deadline, at or before that deadline. An entry other than the
    /// slot's [`Slot::timer`] is stale.
    timers: BinaryHeap<Reverse<(Time, u32)>>,
    max_ack_delay: Duration,
    /// This node's incarnation.
    local: Incarnation,
    /// When the process last ran again after it had not for a while. Links that are made then know it, too.
    stalled_until: Option<Time>,
    last_batch: LastBatch,
}

#[derive(Debug, Default)]
struct Slot {
    link: Option<Box<Link>>,
    /// A copy of the link's deadline, so that a change to one link needs no look at the others.
    deadline: Option<Time>,
    timer: Option<Time>,
}

impl Links {
    /// Links to up to `nodes` peers, each of which delays acknowledgements by at most `max_ack_delay`.
    pub(crate) fn new(local: Incarnation, nodes: u32, max_ack_delay: Duration) -> Links {
        let slots = (0..nodes).map(|_| Slot::default()).collect();
        Links {
            slots,
            timers: BinaryHeap::new(),
            max_ack_delay,
            local,
            stalled_until: None,
            last_batch: LastBatch::default(),
        }
    }

    /// Makes the link to `peer` with a maximum acknowledgement delay of its own.
    pub(crate) fn connect(&mut self, peer: PeerId, max_ack_delay: Duration) {
        self.slots[peer.index()].link = Some(Box::new(Link::new(self.local, max_ack_delay)));
    }

    /// Changes by how much `peer` may delay acknowledgements.
    pub(crate) fn set_max_ack_delay(&mut self, peer: PeerId, max_ack_delay: Duration) {
        self.change(peer, |link| link.set_max_ack_delay(max_ack_delay));
    }

    pub(crate) fn get(&self, peer: PeerId) -> Option<&Link> {
        self.slots[peer.index()].link.as_deref()
    }

    pub(crate) fn is_suspect(&self, peer: PeerId) -> bool {
        self.get(peer).is_some_and(Link::is_suspect)
    }

    pub(crate) fn has_unsent(&self, peer: PeerId) -> bool {
        self.get(peer).is_some_and(Link::has_unsent)
    }

    /// All peers with a link.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (PeerId, &Link)> {
        (0..).map(PeerId).zip(&self.slots).filter_map(|(peer, slot)| Some((peer, slot.link.as_deref()?)))
    }

    /// Queues the value at `index` of the log for `peer`. No deadline changes.
    pub(crate) fn push(&mut self, peer: PeerId, index: u32) {
        self.link_mut(peer).push(index);
    }

    /// Takes in a message's header. The caller hands the values on.
    pub(crate) fn on_message(&mut self, now: Time, from: PeerId, message: &LinkMessage) -> Heard {
        self.change(from, |link| link.on_packet(now, &message.header, message.values.len()))
    }

    /// After this node's restart: announces it to `peer`, and sends the first `known` values of the log when
    /// the peer answers.
    pub(crate) fn reopen(&mut self, now: Time, peer: PeerId, known: usize) {
        self.change(peer, |link| {
            link.resync(known as u32);
            link.reopen(now);
        });
    }

    /// After the peer's restart: sends it the first `known` values of the log.
    pub(crate) fn resync(&mut self, peer: PeerId, known: usize) {
        self.change(peer, |link| link.resync(known as u32));
    }

    /// This node's process did not run for a while.
    pub(crate) fn on_stall(&mut self, now: Time) {
        self.stalled_until = Some(now);
        for peer in (0..self.slots.len() as u32).map(PeerId) {
            if self.get(peer).is_some() {
                self.change(peer, |link| link.on_stall(now));
            }
        }
    }

    /// Everything that is queued for `peer`, or an acknowledgement if nothing is. `None` if the peer is
    /// suspect.
    pub(crate) fn flush(&mut self, now: Time, peer: PeerId, values: &Values) -> Option<LinkMessage> {
        let packet = self.change(peer, |link| link.flush(now))?;
        Some(self.message(peer, packet, values))
    }

    /// A message to `peer` that only acknowledges.
    pub(crate) fn acknowledge(&mut self, now: Time, peer: PeerId, values: &Values) -> LinkMessage {
        let packet = self.change(peer, |link| link.acknowledge(now));
        self.message(peer, packet, values)
    }

    /// The next message that the link to `peer` must send now, if any.
    pub(crate) fn poll_one(
        &mut self,
        now: Time,
        peer: PeerId,
        values: &Values,
        rng: &mut Rng,
    ) -> Option<LinkMessage> {
        let packet = self.change(peer, |link| link.poll(now, rng))?;
        Some(self.message(peer, packet, values))
    }

    /// The next message of any link whose deadline has come.
    pub(crate) fn poll_due(
        &mut self,
        now: Time,
        values: &Values,
        rng: &mut Rng,
    ) -> Option<(PeerId, LinkMessage)> {
        while let Some(&Reverse((at, peer))) = self.timers.peek() {
            if at > now {
                return None;
            }
            let peer = PeerId(peer);
            if let Some(message) = self.poll_one(now, peer, values, rng) {
                return Some((peer, message));
            }
            // The entry was early: the poll replaced it by one at the link's deadline.
        }
        None
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.peers().all(|(_, link)| link.is_idle())
    }

    fn link_mut(&mut self, peer: PeerId) -> &mut Link {
        let (local, max_ack_delay, stalled_until) = (self.local, self.max_ack_delay, self.stalled_until);
        self.slots[peer.index()].link.get_or_insert_with(|| {
            let mut link = Box::new(Link::new(local, max_ack_delay));
            if let Some(now) = stalled_until {
                link.on_stall(now);
            }
            link
        })
    }

    fn change<T>(&mut self, peer: PeerId, change: impl FnOnce(&mut Link) -> T) -> T {
        let link = self.link_mut(peer);
        let result = change(link);
        let deadline = link.deadline();
        self.slots[peer.index()].deadline = deadline;
        self.set_timer(peer);
        self.trim_timers();
        result
    }

    /// Ensures that the queue has an entry at or before the link's deadline. A deadline that moves later
    /// keeps its early entry, so that most changes cost nothing here.
    fn set_timer(&mut self, peer: PeerId) {
        let slot = &mut self.slots[peer.index()];
        if let Some(at) = slot.deadline
            && slot.timer.is_none_or(|timer| at < timer)
        {
            slot.timer = Some(at);
            self.timers.push(Reverse((at, peer.0)));
        }
    }

    /// Removes stale and early entries from the queue's head, so that a node at rest has no deadline.
    fn trim_timers(&mut self) {
        while let Some(&Reverse((at, peer))) = self.timers.peek() {
            let slot = &mut self.slots[peer as usize];
            if slot.timer == Some(at) {
                if slot.deadline.is_some_and(|deadline| deadline <= at) {
                    return;
                }
                slot.timer = None;
            }
            self.timers.pop();
            self.set_timer(PeerId(peer));
        }
    }

    fn message(&mut self, peer: PeerId, packet: Packet, values: &Values) -> LinkMessage {
        let link = self.slots[peer.index()].link.as_deref().expect("the packet's own link");
        let batch = self.last_batch.get(link.log_indices(&packet), values);
        LinkMessage { header: packet.header, values: batch, ..LinkMessage::default() }
    }
}

/// The most recent batch, shared by all messages with the same values. `direct` sends one batch to all peers.
/// The hub sends one batch to all leaves that it has no values from; each other leaf gets its own, without
/// its own values.
#[derive(Debug, Default)]
struct LastBatch {
    log_indices: Vec<u32>,
    batch: Batch,
}

impl LastBatch {
    fn get(&mut self, log_indices: impl ExactSizeIterator<Item = u32> + Clone, values: &Values) -> Batch {
        if log_indices.len() == 0 {
            return Batch::default();
        }
        let is_same = log_indices.len() == self.log_indices.len()
            && log_indices.clone().eq(self.log_indices.iter().copied());
        if !is_same {
            self.log_indices.clear();
            self.log_indices.extend(log_indices);
            let log = values.as_slice();
            self.batch = self.log_indices.iter().map(|&i| log[i as usize].clone()).collect();
        }
        self.batch.clone()
    }
}
