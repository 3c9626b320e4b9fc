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
    /// The children, and the leader at the end unless this is it.
    targets: Vec<PeerId>,
    /// How many of them are children.
    children: usize,
    /// Log indices that wait for the next tick, for each target.
    batches: Vec<Vec<u32>>,
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
        let mut targets = grid.children(me);
        let children = targets.len();
        if me != grid.leader() {
            targets.push(grid.leader());
        }
        Tree {
            children,
            batches: vec![Vec::new(); targets.len()],
            targets,
            started,
            period,
            tick_at: None,
            // An acknowledgement of an earlier life's batch must not be taken for one of this life's.
            last_msg_id: incarnation.0 << MSG_ID_BITS,
            in_flight: VecDeque::new(),
            backing_off: BTreeMap::new(),
        }
    }

    fn add(&mut self, now: Time, new: Range<u32>, targets: usize) {
        if new.is_empty() || targets == 0 {
            return;
        }
        for batch in &mut self.batches[..targets] {
            batch.extend(new.clone());
        }
        if self.tick_at.is_none() {
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
        for i in 0..self.targets.len() {
            if self.batches[i].is_empty() {
                continue;
            }
            let log = cx.values.as_slice();
            let mut values: Batch =
                self.batches[i].drain(..).map(|index| log[index as usize].clone()).collect();
            let (to, backoff) = (self.targets[i], Duration::from_millis(1));
            let mut post = |values| self.post(cx, Unacknowledged { to, values, backoff });
            loop {
                let (part, rest) = values.split_at(fitting(&values, MAX_BATCH));
                if rest.is_empty() {
                    break post(values);
                }
                post(part.into());
                values = rest.into();
            }
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
        self.add(cx.now, new, self.children);
    }
}

impl Strategy for Tree {
    /// The original forgets everything when it is killed. With a log, a node passes on all that the log held.
    fn on_restart(&mut self, cx: &mut Context<'_>) {
        for index in 0..cx.values.len() as u32 {
            self.add(cx.now, index..index + 1, self.targets.len());
        }
    }

    fn on_value(&mut self, cx: &mut Context<'_>, index: u32) {
        self.add(cx.now, index..index + 1, self.targets.len());
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
