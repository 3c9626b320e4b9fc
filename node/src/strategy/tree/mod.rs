//! The tutorial's protocol, kept faithful, its costs included.
//!
//! A leader sits in the middle of a [grid](TreeGrid). Every node sends its clients' values to the leader and
//! to its own children, and passes received values on to its children. A ticker that runs freely from the
//! process start flushes one batch per peer. The receiver acknowledges every batch at once. After a second
//! without an acknowledgement the sender backs off and sends the batch again under a new id, for ever.
//!
//! The original's ticker cannot have a period of zero. Here zero flushes at once.

mod grid;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

pub use self::grid::TreeGrid;
use super::{Context, Strategy};
use crate::message::{Batch, Incarnation, MAX_BATCH, PeerId, PeerMessage};
use crate::time::{Time, nanos};
use crate::values::{Value, fitting};

/// How long an acknowledgement may take.
const ACK_TIMEOUT: Duration = Duration::from_secs(1);
/// Backoff doubles while it is below this.
const BACKOFF_CEILING: Duration = Duration::from_millis(500);
/// Added to each backoff, uniformly.
const JITTER: Duration = Duration::from_millis(50);
/// Each incarnation has this many bits' worth of message ids for itself. Incarnations are milliseconds, and
/// no node sends more batches than this in one.
const MSG_ID_BITS: u32 = 10;

#[derive(Debug)]
struct Unacknowledged {
    to: PeerId,
    values: Batch,
    backoff: Duration,
}

/// A batch whose acknowledgement may still come.
#[derive(Debug)]
struct InFlight {
    expires_at: Time,
    batch: Unacknowledged,
}

#[derive(Debug)]
pub(super) struct Tree {
    children: Vec<PeerId>,
    /// `None` if this is it.
    leader: Option<PeerId>,
    /// The part of the log that waits for the next tick. Children get all values.
    for_children: Range<u32>,
    /// The log indices that wait for it. The leader gets those of clients.
    for_leader: Vec<u32>,
    started: Time,
    period: Duration,
    tick_at: Option<Time>,
    last_msg_id: u64,
    /// The newest batches, oldest first, up to the last message id. `None` for those that were acknowledged.
    /// The oldest is never one of these.
    in_flight: VecDeque<Option<InFlight>>,
    /// The batches that expired, by when each is sent again, and by their ids. An acknowledgement no longer
    /// counts.
    backing_off: BTreeMap<(Time, u64), Unacknowledged>,
}

impl Tree {
    pub(super) fn new(
        me: PeerId,
        nodes: u32,
        period: Duration,
        started: Time,
        incarnation: Incarnation,
    ) -> Tree {
        let grid = TreeGrid::new(nodes);
        Tree {
            children: grid.children(me),
            leader: Some(grid.leader()).filter(|leader| *leader != me),
            for_children: 0..0,
            for_leader: Vec::new(),
            started,
            period,
            tick_at: None,
            // An acknowledgement of an earlier life's batch must not be taken for one of this life's.
            last_msg_id: incarnation.0 << MSG_ID_BITS,
            in_flight: VecDeque::new(),
            backing_off: BTreeMap::new(),
        }
    }

    /// Queues values for the children.
    fn add_for_children(&mut self, now: Time, new: Range<u32>) {
        if !self.children.is_empty() {
            let start = if self.for_children.is_empty() { new.start } else { self.for_children.start };
            self.for_children = start.min(new.start)..new.end;
        }
        self.start_ticker(now);
    }

    /// Queues values that the leader may lack for it and the children.
    fn add_for_all(&mut self, now: Time, new: Range<u32>) {
        if self.leader.is_some() {
            self.for_leader.extend(new.clone());
        }
        self.add_for_children(now, new);
    }

    fn start_ticker(&mut self, now: Time) {
        if self.tick_at.is_none() && !(self.for_children.is_empty() && self.for_leader.is_empty()) {
            self.tick_at = Some(self.next_tick(now));
        }
    }

    /// The ticker's first tick after `now`.
    fn next_tick(&self, now: Time) -> Time {
        let period = nanos(self.period);
        let Some(ticks) = nanos(now.saturating_since(self.started)).checked_div(period) else { return now };
        self.started + Duration::from_nanos((ticks + 1).saturating_mul(period))
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        let for_children = std::mem::take(&mut self.for_children);
        if !for_children.is_empty() {
            let range = for_children.start as usize..for_children.end as usize;
            let values: Batch = cx.values.as_slice()[range].into();
            for i in 0..self.children.len() {
                self.post_in_parts(cx, self.children[i], values.clone());
            }
        }
        if let Some(leader) = self.leader.filter(|_| !self.for_leader.is_empty()) {
            let log = cx.values.as_slice();
            let values = self.for_leader.drain(..).map(|index| log[index as usize]).collect();
            self.post_in_parts(cx, leader, values);
        }
    }

    /// Sends values for the first time, in parts if they are longer than a receiver reads.
    fn post_in_parts(&mut self, cx: &mut Context<'_>, to: PeerId, mut values: Batch) {
        let backoff = Duration::from_millis(1);
        loop {
            let (part, rest) = values.split_at(fitting(&values, MAX_BATCH));
            if rest.is_empty() {
                return self.post(cx, Unacknowledged { to, values, backoff });
            }
            self.post(cx, Unacknowledged { to, values: part.into(), backoff });
            values = rest.into();
        }
    }

    fn post(&mut self, cx: &mut Context<'_>, batch: Unacknowledged) {
        self.last_msg_id += 1;
        let msg_id = self.last_msg_id;
        cx.send(batch.to, PeerMessage::TreeBatch { msg_id, values: batch.values.clone() });
        self.in_flight.push_back(Some(InFlight { expires_at: cx.now + ACK_TIMEOUT, batch }));
    }

    fn on_ack(&mut self, msg_id: u64) {
        let index = msg_id.checked_sub(self.oldest_msg_id()).and_then(|index| usize::try_from(index).ok());
        if let Some(in_flight) = index.and_then(|index| self.in_flight.get_mut(index)) {
            *in_flight = None;
            self.drop_acknowledged();
        }
    }

    /// The id of the oldest batch in flight.
    fn oldest_msg_id(&self) -> u64 {
        self.last_msg_id + 1 - self.in_flight.len() as u64
    }

    fn drop_acknowledged(&mut self) {
        while let Some(None) = self.in_flight.front() {
            self.in_flight.pop_front();
        }
    }

    /// The oldest batch in flight, if its time for an acknowledgement has passed.
    fn take_expired(&mut self, now: Time) -> Option<(u64, Unacknowledged)> {
        let msg_id = self.oldest_msg_id();
        let expired = self.in_flight.front_mut()?.take_if(|oldest| oldest.expires_at <= now)?;
        self.drop_acknowledged();
        Some((msg_id, expired.batch))
    }

    /// An expired batch that is to be sent again.
    fn take_backed_off(&mut self, now: Time) -> Option<Unacknowledged> {
        self.backing_off.first_entry().filter(|first| first.key().0 <= now).map(|first| first.remove())
    }

    fn insert_and_forward(&mut self, cx: &mut Context<'_>, values: &[Value]) {
        let new = cx.values.insert_all(values);
        self.add_for_children(cx.now, new);
    }
}

impl Strategy for Tree {
    /// The original forgets everything when it is killed. With a log, a node passes on all that the log held.
    fn on_restart(&mut self, cx: &mut Context<'_>) {
        self.add_for_all(cx.now, 0..cx.values.len() as u32);
    }

    fn on_value(&mut self, cx: &mut Context<'_>, index: u32) {
        self.add_for_all(cx.now, index..index + 1);
    }

    fn on_message(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        match message {
            PeerMessage::TreeBatch { msg_id, values } => {
                self.insert_and_forward(cx, &values);
                cx.send(from, PeerMessage::TreeAck { in_reply_to: msg_id });
            }
            PeerMessage::TreeAck { in_reply_to } => self.on_ack(in_reply_to),
            PeerMessage::Link(_) => {}
        }
    }

    fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if self.tick_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush(cx);
        }
        while let Some((msg_id, batch)) = self.take_expired(cx.now) {
            let at = cx.now + batch.backoff + cx.rng.below(JITTER);
            self.backing_off.insert((at, msg_id), batch);
        }
        while let Some(mut batch) = self.take_backed_off(cx.now) {
            if batch.backoff < BACKOFF_CEILING {
                batch.backoff *= 2;
            }
            self.post(cx, batch);
        }
    }

    fn deadline(&mut self) -> Option<Time> {
        let expires_at = self.in_flight.front().and_then(Option::as_ref).map(|oldest| oldest.expires_at);
        let backed_off_at = self.backing_off.first_key_value().map(|((at, _), _)| *at);
        Time::earliest([self.tick_at, expires_at, backed_off_at])
    }

    fn is_idle(&self) -> bool {
        self.tick_at.is_none() && self.in_flight.is_empty() && self.backing_off.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticker_keeps_its_phase() {
        let ms = Duration::from_millis;
        let tree = Tree::new(PeerId(0), 2, ms(200), Time::ZERO + ms(7), Incarnation::default());
        let tick = |at: u64| tree.next_tick(Time::ZERO + ms(at)).saturating_since(Time::ZERO);
        assert_eq!(tick(7), ms(207));
        assert_eq!(tick(206), ms(207));
        assert_eq!(tick(207), ms(407));
        assert_eq!(tick(10_000), ms(10_007));
    }
}
