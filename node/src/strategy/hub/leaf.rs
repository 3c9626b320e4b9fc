//! Every node but the hub.

use std::time::Duration;

use super::HUB;
use super::phase::PhaseLock;
use crate::link::{ACK_DELAY, Link};
use crate::links::Links;
use crate::message::{LinkMessage, PeerId, PeerMessage, Plan};
use crate::strategy::{Context, Strategy, earliest, others};
use crate::time::Time;

/// How long a leaf counts as cut off from the hub after it last said so. It says so with every batch.
const CUT_OFF_FOR: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(in crate::strategy) struct Leaf {
    me: PeerId,
    nodes: u32,
    plan: Plan,
    /// The plan's period or window.
    period: Duration,
    /// In the direct plan: values from this log position on are sent to everyone directly.
    direct_from: u32,
    links: Links,
    phase: PhaseLock,
    /// When the batch that waits goes to the hub.
    flush_at: Option<Time>,
    /// When the hub, which is suspect, will count as out of reach.
    silent_at: Option<Time>,
    /// When what waits for other leaves goes to them.
    flush_to_leaves_at: Option<Time>,
    /// All own values before this log position that the hub has not acknowledged were sent on the detour.
    sent_to_leaves_before: u32,
    /// Leaves that the hub says it cannot reach.
    unreachable: Vec<PeerId>,
    /// Leaves that said they cannot reach the hub, and until when that counts.
    cut_off: Vec<(PeerId, Time)>,
}

impl Leaf {
    pub(in crate::strategy) fn new(me: PeerId, nodes: u32, period: Duration) -> Leaf {
        let mut links = Links::new(nodes, ACK_DELAY);
        links.connect(HUB, hub_patience(period));
        Leaf {
            me,
            nodes,
            plan: Plan::Hub(period),
            period,
            direct_from: 0,
            links,
            phase: PhaseLock::new(period),
            flush_at: None,
            silent_at: None,
            flush_to_leaves_at: None,
            sent_to_leaves_before: 0,
            unreachable: Vec::new(),
            cut_off: Vec::new(),
        }
    }

    fn other_leaves(&self) -> impl Iterator<Item = PeerId> + use<> {
        others(self.me, self.nodes).filter(|peer| *peer != HUB)
    }

    fn is_direct(&self) -> bool {
        matches!(self.plan, Plan::Direct(_))
    }

    /// Follows another plan. What waits goes out as the old one said.
    fn follow(&mut self, plan: Plan, known: usize) {
        let was_direct = self.is_direct();
        self.plan = plan;
        match plan {
            Plan::Hub(period) => {
                if was_direct {
                    self.flush_to_leaves_at = earliest([self.flush_to_leaves_at, self.flush_at]);
                }
                self.period = period;
                self.phase = PhaseLock::new(period);
                self.links.set_patience(HUB, hub_patience(period));
            }
            Plan::Direct(window) => {
                self.period = window;
                self.phase = PhaseLock::new(Duration::ZERO);
                self.links.set_patience(HUB, ACK_DELAY);
                if !was_direct {
                    self.direct_from = known as u32;
                }
            }
        }
    }

    fn hear_hub(&mut self, cx: &Context<'_>, message: &LinkMessage) {
        if let Some(plan) = message.plan.filter(|plan| *plan != self.plan) {
            self.follow(plan, cx.values.len());
        }
        if self.hub_is_silent(cx.now) {
            // What healed for this leaf healed for others too, most likely. Those still cut off will say so.
            self.cut_off.clear();
        }
        let echo = self.links.receive(cx.now, HUB, message);
        let round_trip = self.links.get(HUB).and_then(Link::round_trip);
        self.phase.observe(cx.now, message.next, echo, round_trip);
        let mut unreachable = message.unreachable.clone();
        unreachable.retain(|peer| peer.0 < self.nodes && *peer != self.me);
        let before = std::mem::replace(&mut self.unreachable, unreachable);
        // The hub heard these again, and so they will hear it.
        let heard = |peer: &PeerId| before.contains(peer) && !self.unreachable.contains(peer);
        self.cut_off.retain(|(peer, _)| !heard(peer));
        if let Some(at) = self.flush_at.filter(|_| !self.is_direct()) {
            // A slightly corrected phase must not make a batch miss the flush that it waits for.
            let corrected = self.phase.send_at(cx.now);
            self.flush_at = Some(if corrected > at + self.period / 2 { at } else { corrected });
        }
    }

    fn hear_leaf(&mut self, cx: &Context<'_>, from: PeerId, message: &LinkMessage) {
        self.links.receive(cx.now, from, message);
        self.cut_off.retain(|(peer, until)| *peer != from && *until > cx.now);
        if message.sync {
            self.cut_off.push((from, cx.now + CUT_OFF_FOR));
        }
    }

    /// Sends the new value to leaves that the hub would not reach.
    fn detour_to_lost_leaves(&mut self, now: Time, index: u32) {
        let cut_off = self.cut_off.iter().filter(|(_, until)| *until > now).map(|(peer, _)| *peer);
        let mut lost: Vec<PeerId> = self.unreachable.iter().copied().chain(cut_off).collect();
        lost.sort_unstable();
        lost.dedup();
        for &peer in &lost {
            self.links.push(peer, index);
        }
        if !lost.is_empty() {
            self.flush_to_leaves_at.get_or_insert(now + self.period);
        }
    }

    fn hub_is_silent(&self, now: Time) -> bool {
        self.links.get(HUB).and_then(Link::out_of_reach_from).is_some_and(|from| from <= now)
    }

    /// While the hub is silent: what it did not acknowledge goes to all other leaves, at `at`.
    fn detour_if_hub_is_silent(&mut self, now: Time, at: Time) {
        let hub = self.links.get(HUB);
        self.silent_at = hub.and_then(Link::out_of_reach_from).filter(|from| *from > now);
        let Some(hub) = hub.filter(|_| self.hub_is_silent(now)) else { return };
        // In the direct plan the newest are with the other leaves anyway.
        let direct_from = if self.is_direct() { self.direct_from } else { u32::MAX };
        let newest_first = hub.unacknowledged().rev().skip_while(|i| *i >= direct_from);
        let mut values: Vec<u32> = newest_first.take_while(|i| *i >= self.sent_to_leaves_before).collect();
        let Some(newest) = values.first() else { return };
        self.sent_to_leaves_before = newest + 1;
        values.reverse();
        for peer in self.other_leaves() {
            values.iter().for_each(|index| self.links.push(peer, *index));
        }
        self.flush_to_leaves_at = Some(self.flush_to_leaves_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn flush_to_hub(&mut self, cx: &mut Context<'_>) {
        if self.links.has_unsent(HUB)
            && let Some(message) = self.links.flush(cx.now, HUB, cx.values)
        {
            self.send(cx, HUB, message);
            self.phase.sent(cx.now);
        }
    }

    fn flush_to_leaves(&mut self, cx: &mut Context<'_>) {
        for peer in self.other_leaves() {
            if self.links.has_unsent(peer)
                && let Some(message) = self.links.flush(cx.now, peer, cx.values)
            {
                self.send(cx, peer, message);
            }
        }
    }

    /// Whether all that the hub has not acknowledged was sent to everyone.
    fn hub_lacks_only_direct_values(&self) -> bool {
        let oldest = self.links.get(HUB).and_then(|hub| hub.unacknowledged().next());
        oldest.is_some_and(|index| index >= self.direct_from)
    }

    /// Sends what a link gave. `sync` says to the hub that this leaf does not know its phase, to other leaves
    /// that it cannot reach the hub.
    fn send(&self, cx: &mut Context<'_>, to: PeerId, mut message: LinkMessage) {
        message.sync = if to == HUB { !self.phase.is_locked() } else { self.hub_is_silent(cx.now) };
        message.direct = to == HUB && self.is_direct() && self.hub_lacks_only_direct_values();
        cx.send_link(to, message);
    }
}

/// How long the hub may hold an acknowledgement back: its next flush acknowledges, and its link does if that is far.
fn hub_patience(period: Duration) -> Duration {
    period.min(ACK_DELAY)
}

impl Strategy for Leaf {
    fn begins(&mut self, now: Time) {
        self.phase.begins(now);
    }

    fn accepted(&mut self, cx: &mut Context<'_>, index: u32) {
        self.links.push(HUB, index);
        if self.is_direct() {
            self.other_leaves().for_each(|peer| self.links.push(peer, index));
            self.flush_at.get_or_insert(cx.now + self.period);
        } else if self.hub_is_silent(cx.now) {
            self.detour_if_hub_is_silent(cx.now, cx.now + self.period);
        } else {
            // To a hub that is suspect it goes when that is heard again, or around it when that is out of reach.
            if !self.links.is_suspect(HUB) {
                self.flush_at.get_or_insert(self.phase.send_at(cx.now));
            }
            self.detour_to_lost_leaves(cx.now, index);
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        let PeerMessage::Link(message) = message else { return };
        if from == HUB {
            self.hear_hub(cx, &message);
        } else {
            self.hear_leaf(cx, from, &message);
        }
        for value in message.values.iter() {
            cx.values.insert(value);
        }
        while let Some(message) = self.links.poll_one(cx.now, from, cx.values, cx.rng) {
            self.send(cx, from, message);
        }
        self.detour_if_hub_is_silent(cx.now, cx.now);
    }

    fn timeout(&mut self, cx: &mut Context<'_>) {
        if self.flush_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush_to_hub(cx);
            if self.is_direct() {
                self.flush_to_leaves(cx);
            }
        }
        while let Some((peer, message)) = self.links.poll_due(cx.now, cx.values, cx.rng) {
            self.send(cx, peer, message);
        }
        self.detour_if_hub_is_silent(cx.now, cx.now);
        if self.flush_to_leaves_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush_to_leaves(cx);
        }
    }

    fn deadline(&self) -> Option<Time> {
        earliest([self.flush_at, self.silent_at, self.flush_to_leaves_at, self.links.next_deadline()])
    }

    fn is_idle(&self) -> bool {
        self.flush_at.is_none() && self.flush_to_leaves_at.is_none() && self.links.is_idle()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::link::Header;
    use crate::message::Transmit;
    use crate::rng::Rng;
    use crate::strategy::Operations;
    use crate::values::Values;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Time {
        Time::ZERO + MS * ms
    }

    /// A leaf with all that its context needs.
    struct Driven {
        leaf: Leaf,
        values: Values,
        out: VecDeque<Transmit>,
        rng: Rng,
    }

    impl Driven {
        fn at(&mut self, now: Time, event: impl FnOnce(&mut Leaf, &mut Context<'_>)) {
            let mut cx = Context {
                now,
                values: &mut self.values,
                out: &mut self.out,
                rng: &mut self.rng,
                operations: Operations::default(),
                notices: &mut Vec::new(),
            };
            event(&mut self.leaf, &mut cx);
        }

        fn accept(&mut self, now: Time, value: i64) {
            let index = self.values.insert(&value.into()).expect("a new value");
            self.at(now, |leaf, cx| leaf.accepted(cx, index));
        }

        fn run(&mut self, until: Time) {
            while let Some(at) = self.leaf.deadline().filter(|at| *at <= until) {
                self.at(at, |leaf, cx| leaf.timeout(cx));
            }
        }
    }

    #[test]
    fn what_a_silent_hub_lacks_from_before_a_plan_goes_around_it() {
        let leaf = Leaf::new(PeerId(1), 3, MS * 200);
        let mut driven = Driven { leaf, values: Values::default(), out: VecDeque::new(), rng: Rng::new(1) };
        // The first value's batch is lost. Then everyone is to send directly, and the hub is heard no more.
        driven.accept(at(0), 1);
        driven.run(at(0));
        let plan = LinkMessage { plan: Some(Plan::Direct(MS * 50)), ..LinkMessage::default() };
        driven.at(at(100), |leaf, cx| leaf.receive(cx, HUB, PeerMessage::Link(plan)));
        driven.accept(at(150), 2);
        driven.run(at(300));
        let header = Header { ack: 1, ..Header::default() };
        let answer = PeerMessage::Link(LinkMessage { header, ..LinkMessage::default() });
        driven.at(at(300), |leaf, cx| leaf.receive(cx, PeerId(2), answer));
        driven.run(at(7000));
        let to_leaf = driven.out.iter().filter_map(|transmit| match transmit {
            Transmit::ToPeer { to: PeerId(2), message: PeerMessage::Link(message) } => Some(&message.values),
            _ => None,
        });
        let sent: Vec<_> = to_leaf.map(|values| values.to_vec()).collect();
        assert_eq!(sent, [[2.into()], [1.into()]], "each once");
    }
}
