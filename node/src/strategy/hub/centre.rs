//! The hub itself.

use std::time::Duration;

use super::HUB;
use super::pace::Pace;
use crate::link::ACK_DELAY;
use crate::links::Links;
use crate::message::{LinkMessage, PeerId, PeerMessage};
use crate::strategy::{Context, Strategy, earliest, others};
use crate::time::Time;

/// A leaf that does not know the phase is told at once if the next flush, which would tell it, is further away than
/// this: until then it would send each of its values by itself.
const SYNC_BEYOND: Duration = Duration::from_millis(400);

#[derive(Debug)]
pub(in crate::strategy) struct Centre {
    nodes: u32,
    links: Links,
    leaves: Vec<LeafState>,
    pace: Pace,
    flush_at: Option<Time>,
    /// New values since the last flush.
    fresh: usize,
    /// As of the last flush.
    unreachable: Vec<PeerId>,
}

/// What the hub owes a leaf. One entry a node; the hub's own stays unused.
#[derive(Clone, Copy, Debug, Default)]
struct LeafState {
    /// It sent values since it was last sent anything.
    awaits_answer: bool,
    /// It was told the phase since the last flush.
    told: bool,
}

impl Centre {
    pub(in crate::strategy) fn new(nodes: u32, period: Duration) -> Centre {
        Centre {
            nodes,
            links: Links::new(nodes, ACK_DELAY),
            leaves: vec![LeafState::default(); nodes as usize],
            pace: Pace::new(period, nodes),
            flush_at: None,
            fresh: 0,
            unreachable: Vec::new(),
        }
    }

    /// Queues a new value for all leaves but the one that it came from.
    fn fan_out(&mut self, index: u32, from: PeerId) {
        self.fresh += 1;
        others(HUB, self.nodes).filter(|leaf| *leaf != from).for_each(|leaf| self.links.push(leaf, index));
    }

    fn open(&mut self, now: Time) {
        if self.flush_at.is_none() {
            self.flush_at = Some(self.pace.open(now));
        }
    }

    fn take_values(&mut self, cx: &mut Context<'_>, from: PeerId, message: &LinkMessage) {
        for value in message.values.iter() {
            if let Some(index) = cx.values.insert(value) {
                self.fan_out(index, from);
            }
        }
        self.leaves[from.index()].awaits_answer = true;
        self.open(cx.now);
    }

    fn tell_phase(&mut self, cx: &mut Context<'_>, leaf: PeerId) {
        let far = self.pace.next_on_grid(cx.now).is_some_and(|next| next > cx.now + SYNC_BEYOND);
        if far && self.leaves[leaf.index()].awaits_answer && !self.leaves[leaf.index()].told {
            let message = self.links.acknowledge(cx.now, leaf, cx.values);
            self.send(cx, leaf, message);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, due: Time) {
        self.pace.flushed(due, std::mem::take(&mut self.fresh));
        self.unreachable.clear();
        let suspects = self.links.peers().filter(|(_, link)| link.is_suspect());
        self.unreachable.extend(suspects.map(|(leaf, _)| leaf));
        for leaf in others(HUB, self.nodes) {
            // What a suspect leaf lacks is sent when it is heard again.
            if (self.leaves[leaf.index()].awaits_answer || self.links.has_unsent(leaf))
                && let Some(message) = self.links.flush(cx.now, leaf, cx.values)
            {
                self.send(cx, leaf, message);
            }
            self.leaves[leaf.index()].told = false;
        }
    }

    /// Sends what a link gave, with the hub's news.
    fn send(&mut self, cx: &mut Context<'_>, leaf: PeerId, mut message: LinkMessage) {
        message.next = self.pace.next_on_grid(cx.now).map(|next| next.saturating_since(cx.now));
        message.unreachable.clone_from(&self.unreachable);
        self.leaves[leaf.index()] = LeafState { awaits_answer: false, told: message.next.is_some() };
        cx.send_link(leaf, message);
    }
}

impl Strategy for Centre {
    fn accepted(&mut self, cx: &mut Context<'_>, index: u32) {
        if self.nodes > 1 {
            self.fan_out(index, HUB);
            self.open(cx.now);
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        let PeerMessage::Link(message) = message else { return };
        self.links.receive(cx.now, from, &message);
        if !message.values.is_empty() {
            self.take_values(cx, from, &message);
        }
        while let Some(message) = self.links.poll_one(cx.now, from, cx.values, cx.rng) {
            self.send(cx, from, message);
        }
        if message.sync {
            self.tell_phase(cx, from);
        }
    }

    fn timeout(&mut self, cx: &mut Context<'_>) {
        if let Some(due) = self.flush_at.take_if(|at| *at <= cx.now) {
            self.flush(cx, due);
        }
        while let Some((leaf, message)) = self.links.poll_due(cx.now, cx.values, cx.rng) {
            self.send(cx, leaf, message);
        }
    }

    fn deadline(&self) -> Option<Time> {
        earliest([self.flush_at, self.links.next_deadline()])
    }

    fn is_idle(&self) -> bool {
        self.flush_at.is_none() && self.links.is_idle()
    }
}
