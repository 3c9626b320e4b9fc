//! A node's links to all its peers, with one timer queue, and the values put back into messages.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::link::{Echo, Link, Packet};
use crate::message::{Batch, LinkMessage, PeerId};
use crate::rng::Rng;
use crate::time::Time;
use crate::values::Values;

/// Links are made when first used: a leaf of a large cluster needs only one.
#[derive(Debug)]
pub(crate) struct Links {
    slots: Vec<Slot>,
    /// At least one entry for each link with a deadline, at or before it. An entry that its slot does not name is
    /// stale.
    timers: BinaryHeap<Reverse<(Time, u32)>>,
    patience: Duration,
    last_batch: LastBatch,
}

#[derive(Debug, Default)]
struct Slot {
    link: Option<Box<Link>>,
    /// The link's deadline, here so that the queue can be kept true without a look at links that did not change.
    deadline: Option<Time>,
    timer: Option<Time>,
}

impl Links {
    /// Links to up to `nodes` peers, each of which holds acknowledgements back for at most `patience`.
    pub(crate) fn new(nodes: u32, patience: Duration) -> Links {
        let slots = (0..nodes).map(|_| Slot::default()).collect();
        Links { slots, timers: BinaryHeap::new(), patience, last_batch: LastBatch::default() }
    }

    /// Makes the link to `peer` with a patience of its own.
    pub(crate) fn connect(&mut self, peer: PeerId, patience: Duration) {
        self.slots[peer.index()].link = Some(Box::new(Link::new(patience)));
    }

    /// Changes for how long `peer` holds acknowledgements back.
    pub(crate) fn set_patience(&mut self, peer: PeerId, patience: Duration) {
        self.change(peer, |link| link.set_patience(patience));
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

    /// Queuing alone moves no deadline.
    pub(crate) fn push(&mut self, peer: PeerId, index: u32) {
        self.link_mut(peer).push(index);
    }

    pub(crate) fn receive(&mut self, now: Time, from: PeerId, message: &LinkMessage) -> Option<Echo> {
        self.change(from, |link| link.receive(now, &message.header, message.values.len()))
    }

    /// All that waits for `peer`, or a bare acknowledgement; `None` if the peer is suspect.
    pub(crate) fn flush(&mut self, now: Time, peer: PeerId, values: &Values) -> Option<LinkMessage> {
        let packet = self.change(peer, |link| link.flush(now))?;
        Some(self.message(peer, packet, values))
    }

    /// A bare acknowledgement for `peer`.
    pub(crate) fn acknowledge(&mut self, now: Time, peer: PeerId, values: &Values) -> LinkMessage {
        let packet = self.change(peer, |link| link.acknowledge(now));
        self.message(peer, packet, values)
    }

    /// What the link to `peer` must send now, if anything.
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

    /// What any link whose time has come must send.
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
            // The poll found nothing due, and moved the link's timer on.
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
        let patience = self.patience;
        self.slots[peer.index()].link.get_or_insert_with(|| Box::new(Link::new(patience)))
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

    /// Makes sure that an entry at or before the link's deadline exists. A deadline that moves later keeps its
    /// early entry, so that most changes cost nothing here.
    fn set_timer(&mut self, peer: PeerId) {
        let slot = &mut self.slots[peer.index()];
        if let Some(at) = slot.deadline
            && slot.timer.is_none_or(|timer| at < timer)
        {
            slot.timer = Some(at);
            self.timers.push(Reverse((at, peer.0)));
        }
    }

    /// Keeps the head of the queue true, so that a node at rest has no deadline.
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
        let batch = self.last_batch.get(link.refs(&packet), values);
        LinkMessage { header: packet.header, values: batch, ..LinkMessage::default() }
    }
}

/// The batch made last. `direct` sends the same one to all peers, the hub to those leaves that it has nothing from; each
/// of the others gets one of its own, without its own values.
#[derive(Debug, Default)]
struct LastBatch {
    refs: Vec<u32>,
    batch: Batch,
}

impl LastBatch {
    fn get(&mut self, refs: impl ExactSizeIterator<Item = u32> + Clone, values: &Values) -> Batch {
        if refs.len() == 0 {
            return Batch::default();
        }
        if refs.len() != self.refs.len() || !refs.clone().eq(self.refs.iter().copied()) {
            self.refs.clear();
            self.refs.extend(refs);
            let log = values.as_slice();
            self.batch = self.refs.iter().map(|&i| log[i as usize].clone()).collect();
        }
        self.batch.clone()
    }
}
