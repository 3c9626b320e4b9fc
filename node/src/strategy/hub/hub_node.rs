//! The first node, which collects values from its leaves and flushes them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::HUB;
use super::flush_schedule::FlushSchedule;
use super::late_batches::LateBatches;
use crate::config::Target;
use crate::link::{ACK_DELAY, Link};
use crate::links::Links;
use crate::message::{Announcement, Incarnation, LinkMessage, PeerId, PeerMessage, Plan};
use crate::strategy::auto::Controller;
use crate::strategy::unqueued::Unqueued;
use crate::strategy::{Context, Strategy, others};
use crate::time::Time;

/// If the next flush is further away than this, the hub tells a leaf the phase at once. Until it knows the
/// phase, a leaf sends each of its values by itself.
const TELL_PHASE_BEYOND: Duration = Duration::from_millis(900);

#[derive(Debug)]
pub(in crate::strategy) struct Hub {
    nodes: u32,
    links: Links,
    leaves: Vec<LeafState>,
    schedule: FlushSchedule,
    late_batches: LateBatches,
    flush: Option<Flush>,
    /// When late batches get an extra flush between two flushes.
    extra_at: Option<Time>,
    /// How many new values there were since the last flush.
    fresh: usize,
    /// Those that wait for the next flush or extra flush.
    unqueued: Unqueued,
    /// The leaves that were suspect at the last flush.
    unreachable: Vec<PeerId>,
    controller: Option<Controller>,
    /// The plan that the controller made last.
    plan: Option<Plan>,
}

/// The next flush.
#[derive(Clone, Copy, Debug)]
struct Flush {
    due: Time,
    /// Later than `due` while it waits for late batches.
    at: Time,
}

/// What the hub owes a leaf. There is one entry per node; the hub's own is unused.
#[derive(Clone, Copy, Debug, Default)]
struct LeafState {
    /// It sent values since the hub last sent it anything.
    awaits_answer: bool,
    /// Whether the hub sent it the phase since the last flush.
    knows_phase: bool,
}

impl Hub {
    pub(in crate::strategy) fn new(nodes: u32, period: Duration, incarnation: Incarnation) -> Hub {
        Hub {
            nodes,
            links: Links::new(incarnation, ACK_DELAY),
            leaves: vec![LeafState::default(); nodes as usize],
            schedule: FlushSchedule::new(period, nodes),
            late_batches: LateBatches::new(period, nodes),
            flush: None,
            extra_at: None,
            fresh: 0,
            unqueued: Unqueued::new(nodes),
            unreachable: Vec::new(),
            controller: None,
            plan: None,
        }
    }

    /// A hub that makes plans, and flushes on `period` until it has measured enough.
    pub(in crate::strategy) fn auto(
        nodes: u32,
        period: Duration,
        incarnation: Incarnation,
        target: Target,
    ) -> Hub {
        Hub { controller: Some(Controller::new(target, nodes)), ..Hub::new(nodes, period, incarnation) }
    }

    /// Keeps new values for all leaves except the one that sent them.
    fn fan_out(&mut self, new: Range<u32>, from: PeerId) {
        self.fresh += new.len();
        self.unqueued.add(new, from);
    }

    fn schedule_flush(&mut self, now: Time) {
        if self.flush.is_none() {
            let due = self.schedule.next_flush(now);
            self.flush = Some(Flush { due, at: due });
        }
    }

    fn on_values(&mut self, cx: &mut Context<'_>, from: PeerId, message: &LinkMessage) {
        if message.direct {
            cx.values.insert_all(&message.values);
            return;
        }
        let new = cx.values.insert_all(&message.values);
        self.fan_out(new.clone(), from);
        self.leaves[from.index()].awaits_answer = true;
        if let Some(due) = self.schedule.on_first_burst(cx.now) {
            let due = self.flush.map_or(due, |flush| flush.due.min(due));
            self.flush = Some(Flush { due, at: due });
        }
        // A leaf that has not received the first flush started too late for the first burst.
        let aimed = !message.wants_phase || (message.header.ack == 0 && self.schedule.last_was_burst());
        let in_phase = aimed && self.schedule.next_on_grid(cx.now).is_some();
        if in_phase
            && self.flush.is_none()
            && let Some(due) = self.schedule.unused_point(cx.now, self.late_batches.lateness())
        {
            // The batch was meant for that flush, which had nothing to send before.
            self.flush = Some(Flush { due, at: due });
        }
        self.schedule_flush(cx.now);
        if !message.wants_phase {
            self.on_aimed_batch(cx.now);
        }
        if in_phase && !new.is_empty() {
            self.on_batch_in_phase(cx.now);
        }
    }

    /// A batch arrived that was aimed at a flush. If windows have replaced the grid meanwhile, that flush
    /// takes place all the same, or the batch would wait for a whole window.
    fn on_aimed_batch(&mut self, now: Time) {
        if let Some(next) = self.schedule.next_on_grid(now) {
            self.late_batches.on_aimed_batch(now, next);
        } else if let Some(due) = self.schedule.next_on_former_grid(now)
            && let Some(flush) = &mut self.flush
            && due < flush.due
        {
            *flush = Flush { due, at: due };
        }
    }

    /// A leaf in phase sent a batch.
    fn on_batch_in_phase(&mut self, now: Time) {
        if let Some(extra_at) = self.late_batches.on_batch(now, self.schedule.last()) {
            self.extra_at = Some(extra_at);
        }
        if let Some(flush) = &mut self.flush
            && flush.due <= now
        {
            flush.at = self.late_batches.wait_until(flush.due);
        }
    }

    fn tell_phase(&mut self, cx: &mut Context<'_>, leaf: PeerId) {
        let far = self.flush.is_some_and(|flush| flush.at > cx.now + TELL_PHASE_BEYOND);
        if far && self.leaves[leaf.index()].awaits_answer && !self.leaves[leaf.index()].knows_phase {
            let message = self.links.acknowledge(cx.now, leaf, cx.values);
            self.send(cx, leaf, message, self.announcement(cx.now));
        }
    }

    /// Makes the flush that is due, unless late batches are worth the wait.
    fn flush_or_wait(&mut self, cx: &mut Context<'_>, flush: Flush) {
        if flush.at == flush.due && self.schedule.next_on_grid(flush.due).is_some() {
            let at = self.late_batches.wait_until(flush.due);
            if at > cx.now {
                self.flush = Some(Flush { at, ..flush });
                return;
            }
        }
        self.flush = None;
        self.extra_at = None;
        self.schedule.on_flush(flush.due, std::mem::take(&mut self.fresh));
        self.late_batches.on_flush();
        self.update_plan(cx, flush.due);
        self.flush_leaves(cx);
    }

    /// Changes the plan if the controller makes a new one. The messages of the flush that was due at `due`
    /// carry it to the leaves.
    fn update_plan(&mut self, cx: &mut Context<'_>, due: Time) {
        let Some(controller) = &mut self.controller else { return };
        let links = &self.links;
        let latency = || median(links.peers().filter_map(|(_, link)| Link::round_trip(link)).collect());
        let latency = || latency().map(|round_trip| round_trip / 2);
        let Some((prediction, why)) = controller.update(cx.now, cx.values.len(), cx.operations, latency)
        else {
            return;
        };
        cx.notices.push(why);
        self.plan = Some(prediction.plan);
        (self.schedule, self.late_batches) = match prediction.plan {
            Plan::Hub(period) => {
                (FlushSchedule::periodic_from(period, self.nodes, due), LateBatches::new(period, self.nodes))
            }
            Plan::Direct(window) => {
                (FlushSchedule::windows_from(window, self.nodes, due), LateBatches::new(window, self.nodes))
            }
        };
    }

    fn flush_leaves(&mut self, cx: &mut Context<'_>) {
        self.unreachable.clear();
        let suspects = self.links.peers().filter(|(_, link)| link.is_silent(cx.now));
        self.unreachable.extend(suspects.map(|(leaf, _)| leaf));
        let announcement = self.announcement(cx.now);
        for leaf in others(HUB, self.nodes) {
            self.unqueued.queue(&mut self.links, leaf);
            // A suspect leaf gets what it lacks when it is heard again.
            if (self.leaves[leaf.index()].awaits_answer || self.links.has_unsent(leaf))
                && let Some(message) = self.links.flush(cx.now, leaf, cx.values)
            {
                self.send(cx, leaf, message, announcement.clone());
            }
            self.leaves[leaf.index()].knows_phase = false;
        }
        self.unqueued.clear();
    }

    /// The hub's phase, plan and unreachable leaves, for messages that leave now.
    fn announcement(&self, now: Time) -> Option<Arc<Announcement>> {
        let next = self.schedule.next_on_grid(now).map(|next| next.saturating_since(now));
        let jitter = next.and_then(|_| self.late_batches.jitter());
        Announcement { next, jitter, plan: self.plan, unreachable: self.unreachable.clone() }.shared()
    }

    /// Sends a link's message, with what the hub announces.
    fn send(
        &mut self,
        cx: &mut Context<'_>,
        leaf: PeerId,
        mut message: Box<LinkMessage>,
        announcement: Option<Arc<Announcement>>,
    ) {
        message.announcement = announcement;
        let knows_phase = message.announcement().next.is_some();
        self.leaves[leaf.index()] = LeafState { awaits_answer: false, knows_phase };
        cx.send_link(leaf, message);
    }
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

impl Strategy for Hub {
    fn on_topology(&mut self, _now: Time) {
        self.schedule.on_topology();
    }

    fn on_restart(&mut self, cx: &mut Context<'_>) {
        for leaf in others(HUB, self.nodes) {
            self.unqueued.queue(&mut self.links, leaf);
            self.links.reopen(cx.now, leaf, cx.values.len());
        }
    }

    fn on_stall(&mut self, now: Time) {
        self.links.on_stall(now);
    }

    fn on_value(&mut self, cx: &mut Context<'_>, index: u32) {
        if self.nodes > 1 {
            self.fan_out(index..index + 1, HUB);
            self.schedule_flush(cx.now);
        }
    }

    fn on_message(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        let PeerMessage::Link(message) = message else { return };
        // A leaf that is heard again gets everything at once.
        self.unqueued.queue(&mut self.links, from);
        if self.links.on_message(cx.now, from, &message).restarted {
            self.links.resync(from, cx.values.len());
            self.leaves[from.index()] = LeafState::default();
        }
        if !message.values.is_empty() {
            self.on_values(cx, from, &message);
        }
        while let Some(message) = self.links.poll_one(cx.now, from, cx.values, cx.rng) {
            self.send(cx, from, message, self.announcement(cx.now));
        }
        if message.direct {
            self.update_plan(cx, cx.now);
        }
        if message.wants_phase {
            self.tell_phase(cx, from);
        }
    }

    fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if let Some(flush) = self.flush.filter(|flush| flush.at <= cx.now) {
            self.flush_or_wait(cx, flush);
        }
        if self.extra_at.take_if(|at| *at <= cx.now).is_some() {
            self.late_batches.on_extra_flush();
            self.flush_leaves(cx);
        }
        while let Some((leaf, message)) = self.links.poll_due(cx.now, cx.values, cx.rng) {
            self.send(cx, leaf, message, self.announcement(cx.now));
        }
    }

    fn deadline(&mut self) -> Option<Time> {
        self.links.next_deadline(Time::earliest([self.flush.map(|flush| flush.at), self.extra_at]))
    }

    fn is_idle(&self) -> bool {
        self.flush.is_none() && self.extra_at.is_none() && self.links.is_idle()
    }
}
