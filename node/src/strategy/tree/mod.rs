//! The tutorial's protocol, kept faithful, its costs included.
//!
//! A leader sits in the middle of a [grid](TreeGrid). Every node sends its clients' values to the leader and
//! to its own children, and passes received values on to its children. A ticker that runs freely from the
//! process start flushes one batch per peer. The receiver acknowledges every batch at once. After a second
//! without an acknowledgement the sender backs off and sends the batch again under a new id, for ever.
//!
//! The original's ticker cannot have a period of zero. Here zero flushes at once.

mod grid;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use rustc_hash::FxHashMap;

pub use self::grid::TreeGrid;
use super::{Context, Strategy};
use crate::message::{Batch, Incarnation, MAX_BATCH, PeerId, PeerMessage};
use crate::time::Time;
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
    /// The time for an acknowledgement has passed and the backoff runs. An acknowledgement no longer counts.
    expired: bool,
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
    unacknowledged: FxHashMap<u64, Unacknowledged>,
    /// When each unacknowledged batch expires or is sent again. Entries of acknowledged batches are stale.
    timers: BinaryHeap<Reverse<(Time, u64)>>,
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
            unacknowledged: FxHashMap::default(),
            timers: BinaryHeap::new(),
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
        let Some(ticks) = now.saturating_since(self.started).as_nanos().checked_div(self.period.as_nanos())
        else {
            return now;
        };
        let nanos = (ticks + 1).saturating_mul(self.period.as_nanos());
        self.started + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
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
            let mut post = |values| self.post(cx, Unacknowledged { to, values, backoff, expired: false });
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
        self.timers.push(Reverse((cx.now + ACK_TIMEOUT, msg_id)));
        self.unacknowledged.insert(msg_id, batch);
    }

    fn on_timer(&mut self, cx: &mut Context<'_>, msg_id: u64) {
        let Some(mut batch) = self.unacknowledged.remove(&msg_id) else { return };
        if batch.expired {
            batch.expired = false;
            if batch.backoff < BACKOFF_CEILING {
                batch.backoff *= 2;
            }
            self.post(cx, batch);
        } else {
            batch.expired = true;
            self.timers.push(Reverse((cx.now + batch.backoff + cx.rng.below(JITTER), msg_id)));
            self.unacknowledged.insert(msg_id, batch);
        }
    }

    fn insert_and_forward(&mut self, cx: &mut Context<'_>, values: &[Value]) {
        let new = cx.values.insert_all(values);
        self.add(cx.now, new, self.children);
    }

    /// Removes stale entries from the timer queue's head.
    fn trim_timers(&mut self) {
        while let Some(Reverse((_, msg_id))) = self.timers.peek()
            && !self.unacknowledged.contains_key(msg_id)
        {
            self.timers.pop();
        }
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
            PeerMessage::TreeAck { in_reply_to } => {
                if self.unacknowledged.get(&in_reply_to).is_some_and(|batch| !batch.expired) {
                    self.unacknowledged.remove(&in_reply_to);
                    self.trim_timers();
                }
            }
            PeerMessage::Link(_) => {}
        }
    }

    fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if self.tick_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush(cx);
        }
        while let Some(&Reverse((at, msg_id))) = self.timers.peek()
            && at <= cx.now
        {
            self.timers.pop();
            self.on_timer(cx, msg_id);
        }
        self.trim_timers();
    }

    fn deadline(&mut self) -> Option<Time> {
        Time::earliest([self.tick_at, self.timers.peek().map(|Reverse((at, _))| *at)])
    }

    fn is_idle(&self) -> bool {
        self.tick_at.is_none() && self.unacknowledged.is_empty()
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
