//! Every node except the hub.

use std::time::Duration;

use super::HUB;
use super::phase_lock::PhaseLock;
use crate::link::{ACK_DELAY, Link};
use crate::links::Links;
use crate::message::{Incarnation, LinkMessage, PeerId, PeerMessage, Plan};
use crate::strategy::{Context, Strategy, others};
use crate::time::Time;

/// How long a leaf counts as cut off from the hub after it last reported that. It reports it with every
/// batch.
const CUT_OFF_FOR: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(in crate::strategy) struct Leaf {
    me: PeerId,
    nodes: u32,
    /// Whether this node's earlier lives may have sent values to other leaves only, in a direct plan.
    plans_vary: bool,
    plan: Plan,
    /// The plan's period or window.
    period: Duration,
    /// In the direct plan, the leaf sends values from this log index on to every node.
    direct_from: u32,
    links: Links,
    phase_lock: PhaseLock,
    /// When the pending batch goes to the hub.
    flush_at: Option<Time>,
    /// When the hub, which is suspect, will count as unreachable.
    hub_unreachable_at: Option<Time>,
    /// When the queued values for other leaves go to them.
    flush_to_leaves_at: Option<Time>,
    /// All own values before this log index that the hub has not acknowledged took the detour.
    sent_to_leaves_before: u32,
    /// Leaves that the hub reported as unreachable.
    unreachable: Vec<PeerId>,
    /// Leaves that reported the hub as unreachable, and until when that counts.
    cut_off: Vec<(PeerId, Time)>,
}

impl Leaf {
    pub(in crate::strategy) fn new(
        me: PeerId,
        nodes: u32,
        period: Duration,
        incarnation: Incarnation,
    ) -> Leaf {
        let mut links = Links::new(incarnation, ACK_DELAY);
        links.connect(HUB, hub_max_ack_delay(period));
        Leaf {
            me,
            nodes,
            plans_vary: false,
            plan: Plan::Hub(period),
            period,
            direct_from: 0,
            links,
            phase_lock: PhaseLock::new(period),
            flush_at: None,
            hub_unreachable_at: None,
            flush_to_leaves_at: None,
            sent_to_leaves_before: 0,
            unreachable: Vec::new(),
            cut_off: Vec::new(),
        }
    }

    /// A leaf whose hub chooses plans.
    pub(in crate::strategy) fn auto(
        me: PeerId,
        nodes: u32,
        period: Duration,
        incarnation: Incarnation,
    ) -> Leaf {
        Leaf { plans_vary: true, ..Leaf::new(me, nodes, period, incarnation) }
    }

    fn other_leaves(&self) -> impl Iterator<Item = PeerId> + use<> {
        others(self.me, self.nodes).filter(|peer| *peer != HUB)
    }

    fn is_direct(&self) -> bool {
        matches!(self.plan, Plan::Direct(_))
    }

    /// Follows another plan. Pending values still go out as the old plan had it.
    fn follow(&mut self, plan: Plan, known: usize) {
        let was_direct = self.is_direct();
        self.plan = plan;
        match plan {
            Plan::Hub(period) => {
                if was_direct {
                    self.flush_to_leaves_at = Time::earliest([self.flush_to_leaves_at, self.flush_at]);
                }
                self.period = period;
                self.phase_lock = PhaseLock::new(period);
                self.links.set_max_ack_delay(HUB, hub_max_ack_delay(period));
            }
            Plan::Direct(window) => {
                self.period = window;
                self.phase_lock = PhaseLock::new(Duration::ZERO);
                self.links.set_max_ack_delay(HUB, ACK_DELAY);
                if !was_direct {
                    self.direct_from = known as u32;
                }
            }
        }
    }

    fn on_hub_message(&mut self, cx: &Context<'_>, message: &LinkMessage) {
        let announcement = message.announcement();
        if let Some(plan) = announcement.plan.filter(|plan| *plan != self.plan) {
            self.follow(plan, cx.values.len());
        }
        if self.hub_is_unreachable(cx.now) {
            // The network most likely healed for other leaves too. Those still cut off will report it.
            self.cut_off.clear();
        }
        let heard = self.links.on_message(cx.now, HUB, message);
        if heard.restarted {
            self.links.resync(HUB, cx.values.len());
            // The hub's new life flushes on another grid.
            self.phase_lock = PhaseLock::new(if self.is_direct() { Duration::ZERO } else { self.period });
        }
        let round_trip = self.links.get(HUB).and_then(Link::round_trip);
        self.phase_lock.on_hub_message(cx.now, announcement.next, heard.acked, round_trip);
        self.phase_lock.on_jitter(announcement.jitter);
        if !(announcement.unreachable.is_empty() && self.unreachable.is_empty()) {
            self.on_unreachable(&announcement.unreachable);
        }
        if let Some(at) = self.flush_at.filter(|_| !self.is_direct()) {
            // A small correction of the phase must not make a batch miss the flush that it waits for.
            let corrected = self.phase_lock.send_at(cx.now);
            self.flush_at = Some(if corrected > at + self.period / 2 { at } else { corrected });
        }
    }

    /// The hub cannot reach these nodes at present.
    fn on_unreachable(&mut self, nodes: &[PeerId]) {
        let is_other = |peer: &PeerId| peer.0 < self.nodes && *peer != self.me;
        let unreachable = nodes.iter().copied().filter(is_other).collect();
        let before = std::mem::replace(&mut self.unreachable, unreachable);
        // The hub heard these leaves again, and so they will hear the hub.
        let heard = |peer: &PeerId| before.contains(peer) && !self.unreachable.contains(peer);
        self.cut_off.retain(|(peer, _)| !heard(peer));
    }

    fn on_leaf_message(&mut self, cx: &Context<'_>, from: PeerId, message: &LinkMessage) {
        self.links.on_message(cx.now, from, message);
        self.cut_off.retain(|(peer, until)| *peer != from && *until > cx.now);
        if message.hub_unreachable {
            self.cut_off.push((from, cx.now + CUT_OFF_FOR));
        }
    }

    /// Sends the new value to leaves that the hub would not reach.
    fn detour_to_unreachable_leaves(&mut self, now: Time, index: u32) {
        let cut_off = self.cut_off.iter().filter(|(_, until)| *until > now).map(|(peer, _)| *peer);
        let mut unreachable: Vec<PeerId> = self.unreachable.iter().copied().chain(cut_off).collect();
        unreachable.sort_unstable();
        unreachable.dedup();
        for &peer in &unreachable {
            self.links.push(peer, [index]);
        }
        if !unreachable.is_empty() {
            self.flush_to_leaves_at.get_or_insert(now + self.period);
        }
    }

    fn hub_is_unreachable(&self, now: Time) -> bool {
        self.links.get(HUB).and_then(Link::unreachable_from).is_some_and(|from| from <= now)
    }

    /// While the hub is unreachable, sends the values that it did not acknowledge to all other leaves, at
    /// `at`.
    #[inline]
    fn detour_if_hub_is_unreachable(&mut self, now: Time, at: Time) {
        let hub = self.links.get(HUB);
        self.hub_unreachable_at = hub.and_then(Link::unreachable_from).filter(|from| *from > now);
        if self.hub_is_unreachable(now) {
            self.detour(at);
        }
    }

    #[cold]
    fn detour(&mut self, at: Time) {
        let Some(hub) = self.links.get(HUB) else { return };
        // In the direct plan the newest values go to the other leaves anyway.
        let direct_from = if self.is_direct() { self.direct_from } else { u32::MAX };
        let newest_first = hub.unacknowledged().iter().copied().rev().skip_while(|i| *i >= direct_from);
        let mut values: Vec<u32> = newest_first.take_while(|i| *i >= self.sent_to_leaves_before).collect();
        let Some(newest) = values.first() else { return };
        self.sent_to_leaves_before = newest + 1;
        values.reverse();
        for peer in self.other_leaves() {
            self.links.push(peer, values.iter().copied());
        }
        self.flush_to_leaves_at = Some(self.flush_to_leaves_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn flush_to_hub(&mut self, cx: &mut Context<'_>) {
        if let Some(message) = self.links.flush_unsent(cx.now, HUB, cx.values) {
            self.send(cx, HUB, message);
            self.phase_lock.on_sent(cx.now);
        }
    }

    fn flush_to_leaves(&mut self, cx: &mut Context<'_>) {
        for peer in self.other_leaves() {
            if let Some(message) = self.links.flush_unsent(cx.now, peer, cx.values) {
                self.send(cx, peer, message);
            }
        }
    }

    /// Whether every value that the hub has not acknowledged went to every node.
    fn hub_lacks_only_direct_values(&self) -> bool {
        let oldest = self.links.get(HUB).and_then(|hub| hub.unacknowledged().first());
        oldest.is_some_and(|index| *index >= self.direct_from)
    }

    /// Sends a link's message, with what this leaf reports to the hub or to another leaf.
    fn send(&self, cx: &mut Context<'_>, to: PeerId, mut message: Box<LinkMessage>) {
        if to == HUB {
            message.wants_phase = !self.phase_lock.is_locked();
            message.direct = self.is_direct() && self.hub_lacks_only_direct_values();
        } else {
            message.hub_unreachable = self.hub_is_unreachable(cx.now);
        }
        cx.send_link(to, message);
    }
}

/// The longest time for which the hub delays an acknowledgement. Its next flush acknowledges, or its link if
/// that is too far away.
fn hub_max_ack_delay(period: Duration) -> Duration {
    period.min(ACK_DELAY)
}

impl Strategy for Leaf {
    fn on_topology(&mut self, now: Time) {
        self.phase_lock.on_topology(now);
    }

    fn on_restart(&mut self, cx: &mut Context<'_>) {
        self.links.reopen(cx.now, HUB, cx.values.len());
        if self.plans_vary {
            // In a direct plan a leaf may owe another one a value that the hub has, and so would not pass on.
            self.other_leaves().for_each(|peer| self.links.reopen(cx.now, peer, cx.values.len()));
        }
    }

    fn on_stall(&mut self, now: Time) {
        self.links.on_stall(now);
    }

    fn on_value(&mut self, cx: &mut Context<'_>, index: u32) {
        self.links.push(HUB, [index]);
        if self.is_direct() {
            self.other_leaves().for_each(|peer| self.links.push(peer, [index]));
            self.flush_at.get_or_insert(cx.now + self.period);
        } else if self.hub_is_unreachable(cx.now) {
            self.detour_if_hub_is_unreachable(cx.now, cx.now + self.period);
        } else {
            // A suspect hub gets the value when it is heard again. If it proves unreachable, the value takes
            // the detour.
            if !self.links.is_suspect(HUB) {
                self.flush_at.get_or_insert(self.phase_lock.send_at(cx.now));
            }
            self.detour_to_unreachable_leaves(cx.now, index);
        }
    }

    fn on_message(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        let PeerMessage::Link(message) = message else { return };
        if from == HUB {
            self.on_hub_message(cx, &message);
        } else {
            self.on_leaf_message(cx, from, &message);
        }
        cx.values.insert_all(&message.values);
        while let Some(message) = self.links.poll_one(cx.now, from, cx.values, cx.rng) {
            self.send(cx, from, message);
        }
        self.detour_if_hub_is_unreachable(cx.now, cx.now);
    }

    fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if self.flush_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush_to_hub(cx);
            if self.is_direct() {
                self.flush_to_leaves(cx);
            }
        }
        while let Some((peer, message)) = self.links.poll_due(cx.now, cx.values, cx.rng) {
            self.send(cx, peer, message);
        }
        self.detour_if_hub_is_unreachable(cx.now, cx.now);
        if self.flush_to_leaves_at.take_if(|at| *at <= cx.now).is_some() {
            self.flush_to_leaves(cx);
        }
    }

    fn deadline(&mut self) -> Option<Time> {
        let own = Time::earliest([self.flush_at, self.hub_unreachable_at, self.flush_to_leaves_at]);
        self.links.next_deadline(own)
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
    use crate::message::{Announcement, Transmit};
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
            self.at(now, |leaf, cx| leaf.on_value(cx, index));
        }

        fn run(&mut self, until: Time) {
            while let Some(at) = self.leaf.deadline().filter(|at| *at <= until) {
                self.at(at, |leaf, cx| leaf.on_timeout(cx));
            }
        }
    }

    #[test]
    fn values_that_an_unreachable_hub_lacks_from_before_a_plan_go_around_it() {
        let leaf = Leaf::new(PeerId(1), 3, MS * 200, Incarnation::default());
        let mut driven = Driven { leaf, values: Values::default(), out: VecDeque::new(), rng: Rng::new(1) };
        // The first value's batch is lost. Then a plan makes every node send directly, and the hub falls
        // silent.
        driven.accept(at(0), 1);
        driven.run(at(0));
        let plan = Announcement { plan: Some(Plan::Direct(MS * 50)), ..Announcement::default() };
        let plan = LinkMessage { announcement: plan.shared(), ..LinkMessage::default() };
        driven.at(at(100), |leaf, cx| leaf.on_message(cx, HUB, PeerMessage::Link(Box::new(plan))));
        driven.accept(at(150), 2);
        driven.run(at(300));
        let header = Header { ack: 1, ..Header::default() };
        let answer = PeerMessage::Link(Box::new(LinkMessage { header, ..LinkMessage::default() }));
        driven.at(at(300), |leaf, cx| leaf.on_message(cx, PeerId(2), answer));
        driven.run(at(7000));
        let to_leaf = driven.out.iter().filter_map(|transmit| match transmit {
            Transmit::ToPeer { to: PeerId(2), message: PeerMessage::Link(message) } => Some(&message.values),
            _ => None,
        });
        let sent: Vec<_> = to_leaf.map(|values| values.to_vec()).collect();
        assert_eq!(sent, [[2.into()], [1.into()]], "each once");
    }
}
