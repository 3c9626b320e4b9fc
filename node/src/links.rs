//! A node's links to all its peers: one timer queue for all, and messages made from the links' packets.

use std::time::Duration;

use crate::link::{Heard, Link, Packet};
use crate::message::{Batch, Incarnation, LinkMessage, PeerId};
use crate::rng::Rng;
use crate::time::Time;
use crate::timer_queue::Tournament;
use crate::values::Values;

/// The links of one node. Each is made when it is first used, because a leaf of a large cluster needs only
/// one.
#[derive(Debug)]
pub(crate) struct Links {
    /// By peer, up to the last one with a link.
    links: Vec<Option<Box<Link>>>,
    /// An entry for each link with a deadline, at or before that deadline.
    ///
    /// Most messages move a link's deadline later. Leaving the entry as it is until it is the earliest of all
    /// saves most changes of the queue.
    ///
    /// No deadline is kept apart, because that of a link that has just sent is hardly ever the next.
    timers: Tournament<Time>,
    /// The earliest entry may be before its link's deadline. It is corrected when somebody asks for it.
    is_early: bool,
    max_ack_delay: Duration,
    /// This node's incarnation.
    local: Incarnation,
    /// When the process last ran again after it had not for a while. Links that are made then know it, too.
    stalled_until: Option<Time>,
    shared_batch: SharedBatch,
}

impl Links {
    /// No links yet. Each peer delays acknowledgements by at most `max_ack_delay`.
    pub(crate) fn new(local: Incarnation, max_ack_delay: Duration) -> Links {
        Links {
            links: Vec::new(),
            timers: Tournament::default(),
            is_early: false,
            max_ack_delay,
            local,
            stalled_until: None,
            shared_batch: SharedBatch::default(),
        }
    }

    /// Makes the link to `peer` with a maximum acknowledgement delay of its own.
    #[cold]
    pub(crate) fn connect(&mut self, peer: PeerId, max_ack_delay: Duration) {
        if peer.index() >= self.links.len() {
            self.links.resize_with(peer.index() + 1, || None);
        }
        let mut link = Box::new(Link::new(self.local, max_ack_delay));
        if let Some(now) = self.stalled_until {
            link.on_stall(now);
        }
        self.links[peer.index()] = Some(link);
    }

    /// Changes by how much `peer` may delay acknowledgements.
    pub(crate) fn set_max_ack_delay(&mut self, peer: PeerId, max_ack_delay: Duration) {
        self.change(peer, |link| link.set_max_ack_delay(max_ack_delay));
    }

    pub(crate) fn get(&self, peer: PeerId) -> Option<&Link> {
        self.links.get(peer.index())?.as_deref()
    }

    pub(crate) fn is_suspect(&self, peer: PeerId) -> bool {
        self.get(peer).is_some_and(Link::is_suspect)
    }

    pub(crate) fn has_unsent(&self, peer: PeerId) -> bool {
        self.get(peer).is_some_and(Link::has_unsent)
    }

    /// All peers with a link.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (PeerId, &Link)> {
        (0..).map(PeerId).zip(&self.links).filter_map(|(peer, link)| Some((peer, link.as_deref()?)))
    }

    /// Queues the values at these log indices for `peer`. No deadline changes.
    pub(crate) fn push(&mut self, peer: PeerId, log_indices: impl IntoIterator<Item = u32>) {
        self.link_mut(peer).push(log_indices);
    }

    /// Takes in a message's header. The caller hands the values on, and then calls [`Links::poll_one`] until
    /// it returns `None`, which also sets the link's timer.
    pub(crate) fn on_message(&mut self, now: Time, from: PeerId, message: &LinkMessage) -> Heard {
        self.link_mut(from).on_packet(now, &message.header, message.values.len())
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
        for peer in (0..self.links.len() as u32).map(PeerId) {
            if self.get(peer).is_some() {
                self.change(peer, |link| link.on_stall(now));
            }
        }
    }

    /// Everything that is queued for `peer`, or an acknowledgement if nothing is. `None` if the peer is
    /// suspect.
    pub(crate) fn flush(&mut self, now: Time, peer: PeerId, values: &Values) -> Option<Box<LinkMessage>> {
        let packet = self.change(peer, |link| link.flush(now))?;
        Some(self.message(peer, packet, values))
    }

    /// Everything that is queued for `peer`. `None` if nothing is, or if the peer is suspect.
    pub(crate) fn flush_unsent(
        &mut self,
        now: Time,
        peer: PeerId,
        values: &Values,
    ) -> Option<Box<LinkMessage>> {
        if self.has_unsent(peer) { self.flush(now, peer, values) } else { None }
    }

    /// A message to `peer` that only acknowledges.
    pub(crate) fn acknowledge(&mut self, now: Time, peer: PeerId, values: &Values) -> Box<LinkMessage> {
        let packet = self.change(peer, |link| link.acknowledge(now));
        self.message(peer, packet, values)
    }

    /// The next message that the link to `peer` must send now, if any.
    #[inline(always)]
    pub(crate) fn poll_one(
        &mut self,
        now: Time,
        peer: PeerId,
        values: &Values,
        rng: &mut Rng,
    ) -> Option<Box<LinkMessage>> {
        // Mostly nothing is due.
        let link = self.link_mut(peer);
        let deadline = link.deadline();
        if deadline <= now || link.is_urgent() {
            return self.poll_link(now, peer, values, rng);
        }
        self.set_timer(peer, deadline);
        None
    }

    #[cold]
    fn poll_link(
        &mut self,
        now: Time,
        peer: PeerId,
        values: &Values,
        rng: &mut Rng,
    ) -> Option<Box<LinkMessage>> {
        let packet = self.change(peer, |link| link.poll(now, rng))?;
        Some(self.message(peer, packet, values))
    }

    /// The next message of any link whose deadline has come.
    pub(crate) fn poll_due(
        &mut self,
        now: Time,
        values: &Values,
        rng: &mut Rng,
    ) -> Option<(PeerId, Box<LinkMessage>)> {
        self.correct_earliest(now);
        let peer = PeerId(self.timers.due(now)? as u32);
        let message = self.poll_one(now, peer, values, rng)?;
        Some((peer, message))
    }

    /// The earliest of `other` and all links' deadlines.
    #[inline]
    pub(crate) fn next_deadline(&mut self, other: Option<Time>) -> Option<Time> {
        let other = other.unwrap_or(Time::NEVER);
        self.correct_earliest(other);
        Some(self.timers.earliest().min(other)).filter(|earliest| *earliest < Time::NEVER)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.peers().all(|(_, link)| link.is_idle())
    }

    fn link_mut(&mut self, peer: PeerId) -> &mut Link {
        if self.get(peer).is_none() {
            self.connect(peer, self.max_ack_delay);
        }
        self.links[peer.index()].as_deref_mut().expect("a connected peer has a link")
    }

    fn change<T>(&mut self, peer: PeerId, change: impl FnOnce(&mut Link) -> T) -> T {
        let link = self.link_mut(peer);
        let result = change(link);
        let deadline = link.deadline();
        self.set_timer(peer, deadline);
        result
    }

    /// Leaves an entry that is too early, unless it is the earliest. If it ever becomes that,
    /// [`Links::correct_earliest`] sets it.
    #[inline]
    fn set_timer(&mut self, peer: PeerId, deadline: Time) {
        let entry = self.timers.get(peer.index());
        let moves_later = entry < deadline;
        if !moves_later || entry == self.timers.earliest() {
            self.timers.set(peer.index(), deadline);
            self.is_early |= moves_later;
        }
    }

    /// Sets entries that were too early, until the earliest is exact or after `limit`.
    #[inline]
    fn correct_earliest(&mut self, limit: Time) {
        while self.is_early && self.timers.earliest() <= limit {
            self.correct_one();
        }
    }

    /// Sets the earliest entry to its link's deadline. If it was too early, so may be the next.
    fn correct_one(&mut self) {
        self.is_early = false;
        let Some(number) = self.timers.first() else { return };
        let deadline = self.links[number].as_deref().map_or(Time::NEVER, Link::deadline);
        if deadline > self.timers.earliest() {
            self.timers.set(number, deadline);
            self.is_early = true;
        }
    }

    #[inline(always)]
    fn message(&mut self, peer: PeerId, packet: Packet, values: &Values) -> Box<LinkMessage> {
        let link = self.links[peer.index()].as_deref().expect("the packet's own link");
        let log_indices = link.log_indices(&packet);
        let batch = match (log_indices, self.links.len()) {
            ([], _) => Batch::default(),
            // A leaf's: no other link needs the same values.
            (_, 1) => batch(log_indices, values),
            _ => self.shared_batch.get(log_indices, values),
        };
        // Allocated first, so that the message is written to where it stays.
        let message = Box::new_uninit();
        Box::write(message, LinkMessage::new(packet.header, batch))
    }
}

/// A batch, shared by all messages with the same values. `direct` sends one batch to all peers. The hub sends
/// one batch to all leaves that it has no values from; each other leaf gets its own, without its own values.
#[derive(Debug, Default)]
struct SharedBatch {
    log_indices: Vec<u32>,
    batch: Batch,
}

impl SharedBatch {
    fn get(&mut self, log_indices: &[u32], values: &Values) -> Batch {
        // Mostly few: a call to compare memory would take longer.
        if log_indices.len() == self.log_indices.len() && log_indices.iter().eq(&self.log_indices) {
            return self.batch.clone();
        }
        self.make(log_indices, values)
    }

    #[inline(never)]
    fn make(&mut self, log_indices: &[u32], values: &Values) -> Batch {
        let batch = batch(log_indices, values);
        // A shorter one that is no newer lacks some peer's own values. Others will need this one again.
        if log_indices.len() > self.log_indices.len() || log_indices.last() > self.log_indices.last() {
            self.log_indices.clear();
            self.log_indices.extend_from_slice(log_indices);
            self.batch = batch.clone();
        }
        batch
    }
}

/// A batch of the values at these log indices.
fn batch(log_indices: &[u32], values: &Values) -> Batch {
    let log = values.as_slice();
    log_indices.iter().map(|&index| log[index as usize]).collect()
}
