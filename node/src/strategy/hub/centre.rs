//! The hub itself.

use std::time::Duration;

use super::HUB;
use super::chooser::Chooser;
use super::pace::Pace;
use super::stragglers::Stragglers;
use crate::config::Target;
use crate::link::{ACK_DELAY, Link};
use crate::links::Links;
use crate::message::{LinkMessage, PeerId, PeerMessage, Plan};
use crate::strategy::{Context, Strategy, earliest, others};
use crate::time::Time;

/// A leaf that does not know the phase is told at once if the next flush, which would tell it, is further away than
/// this: until then it would send each of its values by itself.
const SYNC_BEYOND: Duration = Duration::from_millis(900);

#[derive(Debug)]
pub(in crate::strategy) struct Centre {
    nodes: u32,
    links: Links,
    leaves: Vec<LeafState>,
    pace: Pace,
    stragglers: Stragglers,
    flush: Option<Flush>,
    /// When what came late goes out between two flushes.
    extra_at: Option<Time>,
    /// New values since the last flush.
    fresh: usize,
    /// As of the last flush.
    unreachable: Vec<PeerId>,
    chooser: Option<Chooser>,
    /// What the chooser chose.
    plan: Option<Plan>,
}

/// The flush that comes next.
#[derive(Clone, Copy, Debug)]
struct Flush {
    due: Time,
    /// Later than `due` while it waits for stragglers.
    at: Time,
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
            stragglers: Stragglers::new(period, nodes),
            flush: None,
            extra_at: None,
            fresh: 0,
            unreachable: Vec::new(),
            chooser: None,
            plan: None,
        }
    }

    /// A hub that makes plans, and follows `period` until it has seen enough.
    pub(in crate::strategy) fn auto(nodes: u32, period: Duration, target: Target) -> Centre {
        Centre { chooser: Some(Chooser::new(target, nodes)), ..Centre::new(nodes, period) }
    }

    /// Queues a new value for all leaves but the one that it came from.
    fn fan_out(&mut self, index: u32, from: PeerId) {
        self.fresh += 1;
        others(HUB, self.nodes).filter(|leaf| *leaf != from).for_each(|leaf| self.links.push(leaf, index));
    }

    fn open(&mut self, now: Time) {
        if self.flush.is_none() {
            let due = self.pace.open(now);
            self.flush = Some(Flush { due, at: due });
        }
    }

    fn take_values(&mut self, cx: &mut Context<'_>, from: PeerId, message: &LinkMessage) {
        if message.direct {
            for value in message.values.iter() {
                cx.values.insert(value);
            }
            return;
        }
        let known = cx.values.len();
        for value in message.values.iter() {
            if let Some(index) = cx.values.insert(value) {
                self.fan_out(index, from);
            }
        }
        self.leaves[from.index()].awaits_answer = true;
        if let Some(due) = self.pace.first_burst(cx.now) {
            let due = self.flush.map_or(due, |flush| flush.due.min(due));
            self.flush = Some(Flush { due, at: due });
        }
        // A leaf that has not heard the first flush belongs to the first burst, and began too late for it.
        let aimed = !message.sync || (message.header.ack == 0 && self.pace.last_was_burst());
        let in_phase = aimed && self.pace.next_on_grid(cx.now).is_some();
        if in_phase
            && self.flush.is_none()
            && let Some(due) = self.pace.passed(cx.now, self.stragglers.lateness())
        {
            // It was for that flush, which had to wait for the first batch to come.
            self.flush = Some(Flush { due, at: due });
        }
        self.open(cx.now);
        if in_phase && cx.values.len() > known {
            self.note_punctuality(cx.now);
        }
    }

    /// A batch of a leaf in phase came.
    fn note_punctuality(&mut self, now: Time) {
        if let Some(extra_at) = self.stragglers.batch(now, self.pace.last()) {
            self.extra_at = Some(extra_at);
        }
        if let Some(flush) = &mut self.flush
            && flush.due <= now
        {
            flush.at = self.stragglers.wait(flush.due);
        }
    }

    fn tell_phase(&mut self, cx: &mut Context<'_>, leaf: PeerId) {
        let far = self.flush.is_some_and(|flush| flush.at > cx.now + SYNC_BEYOND);
        if far && self.leaves[leaf.index()].awaits_answer && !self.leaves[leaf.index()].told {
            let message = self.links.acknowledge(cx.now, leaf, cx.values);
            self.send(cx, leaf, message);
        }
    }

    /// Makes the flush that is due unless stragglers are worth the wait.
    fn flush_or_wait(&mut self, cx: &mut Context<'_>, flush: Flush) {
        if flush.at == flush.due && self.pace.next_on_grid(flush.due).is_some() {
            let at = self.stragglers.wait(flush.due);
            if at > cx.now {
                self.flush = Some(Flush { at, ..flush });
                return;
            }
        }
        self.flush = None;
        self.extra_at = None;
        self.pace.flushed(flush.due, std::mem::take(&mut self.fresh));
        self.stragglers.flushed();
        self.reconsider(cx, flush.due);
        self.flush_leaves(cx);
    }

    /// Changes the plan if the chooser says so. The messages of the flush that was due at `due` tell the leaves.
    fn reconsider(&mut self, cx: &mut Context<'_>, due: Time) {
        let Some(chooser) = &mut self.chooser else { return };
        let links = &self.links;
        let latency = || median(links.peers().filter_map(|(_, link)| Link::round_trip(link)).collect());
        let latency = || latency().map(|round_trip| round_trip / 2);
        let Some((choice, why)) = chooser.choose(cx.now, cx.values.len(), cx.operations, latency) else {
            return;
        };
        cx.notices.push(why);
        self.plan = Some(choice.plan);
        (self.pace, self.stragglers) = match choice.plan {
            Plan::Hub(period) => {
                (Pace::changed(period, self.nodes, due), Stragglers::new(period, self.nodes))
            }
            Plan::Direct(window) => {
                (Pace::windows(window, self.nodes, due), Stragglers::new(window, self.nodes))
            }
        };
    }

    fn flush_leaves(&mut self, cx: &mut Context<'_>) {
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
        message.plan = self.plan;
        message.unreachable.clone_from(&self.unreachable);
        self.leaves[leaf.index()] = LeafState { awaits_answer: false, told: message.next.is_some() };
        cx.send_link(leaf, message);
    }
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

impl Strategy for Centre {
    fn begins(&mut self, _now: Time) {
        self.pace.begins();
    }

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
        if message.direct {
            self.reconsider(cx, cx.now);
        }
        if message.sync {
            self.tell_phase(cx, from);
        }
    }

    fn timeout(&mut self, cx: &mut Context<'_>) {
        if let Some(flush) = self.flush.filter(|flush| flush.at <= cx.now) {
            self.flush_or_wait(cx, flush);
        }
        if self.extra_at.take_if(|at| *at <= cx.now).is_some() {
            self.stragglers.flushed_extra();
            self.flush_leaves(cx);
        }
        while let Some((leaf, message)) = self.links.poll_due(cx.now, cx.values, cx.rng) {
            self.send(cx, leaf, message);
        }
    }

    fn deadline(&self) -> Option<Time> {
        earliest([self.flush.map(|flush| flush.at), self.extra_at, self.links.next_deadline()])
    }

    fn is_idle(&self) -> bool {
        self.flush.is_none() && self.extra_at.is_none() && self.links.is_idle()
    }
}
