//! The tutorial's protocol, kept faithful, its costs included.
//!
//! A leader in the middle of a grid; every node sends its clients' values to the leader and to its own children,
//! and passes on to its children what it receives. A ticker that runs freely from the process start flushes one
//! batch for each peer. Every batch is acknowledged at once; one that is not within a second is sent again, under
//! a new id, after a backoff, for ever.
//!
//! The original's ticker cannot have a period of zero; here zero flushes at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Context, Strategy, earliest};
use crate::message::{Batch, MAX_BATCH, PeerId, PeerMessage};
use crate::time::Time;
use crate::values::{Value, fitting};

/// How long an acknowledgement may take.
const ACK_TIMEOUT: Duration = Duration::from_secs(1);
/// Backoff doubles while it is below this.
const BACKOFF_CEILING: Duration = Duration::from_millis(500);
/// Added to each backoff, uniformly.
const JITTER: Duration = Duration::from_millis(50);

/// Who passes values on to whom.
///
/// The nodes fill a grid of side ⌈√N⌉ row by row. The leader is the middle cell of the middle row, and its column
/// is the spine: values run up and down the spine, and from each of its cells outwards along the row.
#[derive(Clone, Copy, Debug)]
struct Grid {
    nodes: u32,
    side: u32,
    leader: PeerId,
}

impl Grid {
    fn new(nodes: u32) -> Grid {
        let mut side = 1;
        while side * side < nodes {
            side += 1;
        }
        // The middle row is never the incomplete one, except in grids of one or two rows.
        let rows = nodes.div_ceil(side).max(1);
        let row = (rows - 1) / 2;
        let width = |row: u32| (nodes - row * side).min(side);
        // The spine must meet every row: its column may not lie beyond the end of a short last row.
        let column = ((side - 1) / 2).min(width(rows - 1).max(1) - 1);
        Grid { nodes, side, leader: PeerId(row * side + column) }
    }

    fn children(&self, node: PeerId) -> Vec<PeerId> {
        let (row, column) = (node.0 / self.side, node.0 % self.side);
        let (middle_row, spine) = (self.leader.0 / self.side, self.leader.0 % self.side);
        let left = (column <= spine && column > 0).then(|| node.0 - 1);
        let right = (column >= spine && column + 1 < self.side).then(|| node.0 + 1);
        let on_spine = column == spine;
        let up = (on_spine && row <= middle_row && row > 0).then(|| node.0 - self.side);
        let down = (on_spine && row >= middle_row).then(|| node.0 + self.side);
        let children = [up, left, right, down].into_iter().flatten();
        children.filter(|child| *child < self.nodes).map(PeerId).collect()
    }
}

#[derive(Debug)]
struct Unacknowledged {
    to: PeerId,
    values: Batch,
    backoff: Duration,
    /// The time for an acknowledgement has passed, and the backoff runs; one that comes now changes nothing.
    expired: bool,
}

#[derive(Debug)]
pub(super) struct Tree {
    /// The children, and the leader at the end unless this is it.
    targets: Vec<PeerId>,
    /// How many of them are children.
    children: usize,
    /// Log positions that wait for the next tick, for each target.
    batches: Vec<Vec<u32>>,
    started: Time,
    period: Duration,
    tick_at: Option<Time>,
    last_msg_id: u64,
    unacknowledged: FxHashMap<u64, Unacknowledged>,
    /// When each of them expires or is to be sent again; entries of acknowledged ones are stale.
    timers: BinaryHeap<Reverse<(Time, u64)>>,
}

impl Tree {
    pub(super) fn new(me: PeerId, nodes: u32, period: Duration, started: Time) -> Tree {
        let grid = Grid::new(nodes);
        let mut targets = grid.children(me);
        let children = targets.len();
        if me != grid.leader {
            targets.push(grid.leader);
        }
        Tree {
            children,
            batches: vec![Vec::new(); targets.len()],
            targets,
            started,
            period,
            tick_at: None,
            last_msg_id: 0,
            unacknowledged: FxHashMap::default(),
            timers: BinaryHeap::new(),
        }
    }

    fn add(&mut self, now: Time, index: u32, targets: usize) {
        for batch in &mut self.batches[..targets] {
            batch.push(index);
        }
        if targets > 0 && self.tick_at.is_none() {
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
            let values: Vec<_> = self.batches[i].drain(..).map(|index| log[index as usize].clone()).collect();
            let mut rest = &values[..];
            while !rest.is_empty() {
                let (part, others) = rest.split_at(fitting(rest, MAX_BATCH));
                let backoff = Duration::from_millis(1);
                let to = self.targets[i];
                self.post(cx, Unacknowledged { to, values: part.into(), backoff, expired: false });
                rest = others;
            }
        }
    }

    fn post(&mut self, cx: &mut Context<'_>, batch: Unacknowledged) {
        self.last_msg_id += 1;
        let msg_id = self.last_msg_id;
        cx.send(batch.to, PeerMessage::Internal { msg_id, values: batch.values.clone() });
        self.timers.push(Reverse((cx.now + ACK_TIMEOUT, msg_id)));
        self.unacknowledged.insert(msg_id, batch);
    }

    fn expire(&mut self, cx: &mut Context<'_>, msg_id: u64) {
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
        for value in values {
            if let Some(index) = cx.values.insert(value) {
                self.add(cx.now, index, self.children);
            }
        }
    }

    /// Keeps the head of the timer queue true.
    fn trim_timers(&mut self) {
        while let Some(Reverse((_, msg_id))) = self.timers.peek()
            && !self.unacknowledged.contains_key(msg_id)
        {
            self.timers.pop();
        }
    }
}

impl Strategy for Tree {
    fn accepted(&mut self, cx: &mut Context<'_>, index: u32) {
        self.add(cx.now, index, self.targets.len());
    }

    fn receive(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        match message {
            PeerMessage::Internal { msg_id, values } => {
                self.insert_and_forward(cx, &values);
                cx.send(from, PeerMessage::InternalOk { in_reply_to: msg_id });
            }
            PeerMessage::InternalOk { in_reply_to } => {
                if self.unacknowledged.get(&in_reply_to).is_some_and(|batch| !batch.expired) {
                    self.unacknowledged.remove(&in_reply_to);
                    self.trim_timers();
                }
            }
            PeerMessage::Link(_) => {}
        }
    }

    fn timeout(&mut self, cx: &mut Context<'_>) {
        if self.tick_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush(cx);
        }
        while let Some(&Reverse((at, msg_id))) = self.timers.peek()
            && at <= cx.now
        {
            self.timers.pop();
            self.expire(cx, msg_id);
        }
        self.trim_timers();
    }

    fn deadline(&self) -> Option<Time> {
        earliest([self.tick_at, self.timers.peek().map(|Reverse((at, _))| *at)])
    }

    fn is_idle(&self) -> bool {
        self.tick_at.is_none() && self.unacknowledged.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_five_nodes_form_the_published_tree() {
        let grid = Grid::new(25);
        assert_eq!(grid.leader, PeerId(12));
        let expected: [&[u32]; 25] = [
            &[],
            &[0],
            &[1, 3],
            &[4],
            &[],
            &[],
            &[5],
            &[2, 6, 8],
            &[9],
            &[],
            &[],
            &[10],
            &[7, 11, 13, 17],
            &[14],
            &[],
            &[],
            &[15],
            &[16, 18, 22],
            &[19],
            &[],
            &[],
            &[20],
            &[21, 23],
            &[24],
            &[],
        ];
        for (node, children) in (0..).zip(expected) {
            let children: Vec<_> = children.iter().copied().map(PeerId).collect();
            assert_eq!(grid.children(PeerId(node)), children, "n{node}");
        }
    }

    #[test]
    fn every_node_is_reached_exactly_once() {
        for nodes in 1..=400 {
            let grid = Grid::new(nodes);
            let mut reached = vec![0; nodes as usize];
            let mut front = vec![grid.leader];
            while let Some(node) = front.pop() {
                reached[node.index()] += 1;
                front.extend(grid.children(node));
            }
            assert!(reached.iter().all(|times| *times == 1), "{nodes} nodes: {reached:?}");
        }
    }

    #[test]
    fn the_ticker_keeps_its_phase() {
        let ms = Duration::from_millis;
        let tree = Tree::new(PeerId(0), 2, ms(200), Time::ZERO + ms(7));
        let tick = |at: u64| tree.next_tick(Time::ZERO + ms(at)).saturating_since(Time::ZERO);
        assert_eq!(tick(7), ms(207));
        assert_eq!(tick(206), ms(207));
        assert_eq!(tick(207), ms(407));
        assert_eq!(tick(10_000), ms(10_007));
    }
}
