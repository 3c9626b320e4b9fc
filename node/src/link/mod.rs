//! Reliable delivery of values to one peer, for nearly no messages: a very small TCP.
//!
//! A [`Link`] is one end of the connection between two nodes. It numbers the values that it sends, and counts
//! those that it received. Acknowledgements ride on the traffic that flows the other way anyway; a message that
//! only acknowledges goes out after [`ACK_DELAY`] without such traffic.
//!
//! - **Order.** Messages may overtake each other. Values are handed on as they come; only their numbers are put
//!   in order here, to know what is missing.
//! - **Gaps.** A gap that stays open longer than reordering explains is reported at once, and the sender sends
//!   what is missing, gaps that lie close together in one message.
//! - **Silence.** What stays unacknowledged past a timeout makes the peer *suspect*. It is then sent a small probe
//!   every one to two seconds; if it does not answer the first, it is out of reach. Anything heard from it ends the
//!   suspicion, and all that it lacks goes out in one message: after a partition heals no storm, but a few messages on
//!   each link that lost something. These are up to N²/4 links, where each node has something for each.
//! - **Rest.** When everything is acknowledged a link has no deadline, and is silent.
//!
//! The link knows values only as positions in the node's log (`u32`), and messages only as their [`Header`]s.

mod received;
mod round_trip;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use self::received::Received;
use self::round_trip::{FIRST_REORDER, RoundTrip};
use crate::rng::Rng;
use crate::time::Time;

/// How long an acknowledgement waits for traffic to ride on.
pub const ACK_DELAY: Duration = Duration::from_secs(3);
/// The first wait between probes, and the longest.
const PROBE_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(1750));
/// Added to each wait, uniformly, so that probes of many nodes spread out.
const PROBE_JITTER: Duration = Duration::from_millis(250);
/// The most values in a probe.
const PROBE_VALUES: u64 = 64;
/// The most ranges that one report names.
const REPORTED_RANGES: usize = 128;
/// Gaps with at most so many values between them are sent again in one message: what arrives twice is dropped, and a
/// message costs more than its length.
const BRIDGE: u64 = 64;

/// An empty queue keeps room for so many values.
const KEPT_CAPACITY: usize = 1024;

/// What a link says in each message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The number of the message's first value; values are numbered from zero on each link, in each direction.
    pub seq: u64,
    /// How many values the sender has received without a gap.
    pub ack: u64,
    /// How long ago the last of these arrived, so that the peer can take the wait out of its round-trip time.
    pub held: Option<Duration>,
    /// The sender wants an acknowledgement at once.
    pub ask: bool,
    /// In a message that is sent again: how many such messages the link has sent, this one included.
    pub copy: u64,
    /// The highest `copy` that the sender has received.
    pub copies: u64,
    /// A report of gaps: the ranges received beyond `ack`, ascending. What lies between them is to be sent again.
    pub have: Vec<Range<u64>>,
}

/// A message that a link wants sent: `count` values from number `header.seq` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// To be sent along.
    pub header: Header,
    /// How many values; [`Link::refs`] names them.
    pub count: usize,
}

/// What an acknowledgement told about the message that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// When the message was sent.
    pub sent: Time,
    /// How long it had been at the peer when the peer answered.
    pub held: Duration,
}

/// A message on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    /// The number after its last value.
    end: u64,
    sent: Time,
    /// From when on an acknowledgement is waited for: when it was sent, or anything before it was sent again.
    waits_from: Time,
    /// The number of the first copy that was sent since. An ack from before that copy came answers the original. A later
    /// one does not tell what it answers, and times nothing (Karn's rule).
    again: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Live,
    Suspect { since: Time, probe_at: Time, wait: Duration },
}

/// One end of the connection to one peer.
#[derive(Debug)]
pub struct Link {
    /// Values not yet acknowledged; the first has number `base`.
    queue: VecDeque<u32>,
    base: u64,
    /// The number after the last value that was ever sent.
    next: u64,
    flights: VecDeque<Flight>,
    health: Health,
    /// Unacknowledged values to be sent again at once.
    again: Vec<Range<u64>>,
    /// How many messages were sent again.
    copies_sent: u64,
    rtt: RoundTrip,
    /// How long the peer may hold an acknowledgement back.
    patience: Duration,

    received: Received,
    /// The number of the peer's last message that was sent again.
    copies_received: u64,
    /// The end of the message with the highest numbers, and when it came.
    newest: (u64, Time),
    /// The peer asked for an acknowledgement.
    asked: bool,
    ack_at: Option<Time>,
    gap_at: Option<Time>,
    /// All gaps before this number were reported.
    reported: u64,
}

impl Link {
    /// A link to a peer that holds an acknowledgement back for at most `patience`.
    pub fn new(patience: Duration) -> Link {
        Link {
            queue: VecDeque::new(),
            base: 0,
            next: 0,
            flights: VecDeque::new(),
            health: Health::Live,
            again: Vec::new(),
            copies_sent: 0,
            rtt: RoundTrip::default(),
            patience,
            received: Received::default(),
            copies_received: 0,
            newest: (0, Time::ZERO),
            asked: false,
            ack_at: None,
            gap_at: None,
            reported: 0,
        }
    }

    /// Changes for how long the peer holds acknowledgements back.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Queues the value at position `index` of the node's log. It leaves with the next [`Link::flush`].
    pub fn push(&mut self, index: u32) {
        self.queue.push_back(index);
    }

    /// Whether values wait that were never sent.
    pub fn has_unsent(&self) -> bool {
        self.next < self.end()
    }

    /// Whether the peer has been silent for too long. [`Link::flush`] then sends nothing: all that waits goes out
    /// when the peer is heard again.
    pub fn is_suspect(&self) -> bool {
        self.health != Health::Live
    }

    /// If the peer is suspect: when it counts as out of reach. Until then the first probe may still be answered, and
    /// show that the peer was only slow.
    pub fn out_of_reach_from(&self) -> Option<Time> {
        match self.health {
            Health::Live => None,
            Health::Suspect { since, .. } => Some(since + self.rtt.timeout().min(PROBE_WAIT.0)),
        }
    }

    /// Whether nothing waits, in either direction.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.deadline().is_none()
    }

    /// The smoothed round-trip time, once measured.
    pub fn round_trip(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    /// The log positions of all unacknowledged values, oldest first.
    pub fn unacknowledged(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.queue.iter().copied()
    }

    /// The log positions of a packet's values. Valid until the link is next changed.
    pub fn refs(&self, packet: &Packet) -> impl ExactSizeIterator<Item = u32> + Clone + '_ {
        let from = (packet.header.seq - self.base) as usize;
        self.queue.range(from..from + packet.count).copied()
    }

    /// Takes in a message with `count` values, which the caller hands on whatever their numbers are.
    /// Afterwards [`Link::poll`] may have something to send.
    pub fn receive(&mut self, now: Time, header: &Header, count: usize) -> Option<Echo> {
        let echo = self.take_ack(now, header);
        if self.is_suspect() {
            self.health = Health::Live;
            self.again.clear();
            self.again_everything();
        } else if !header.have.is_empty() {
            self.again_between(&header.have);
        }
        self.asked |= header.ask;
        self.copies_received = self.copies_received.max(header.copy);
        if count > 0 {
            self.take_values(now, header.seq, count);
        }
        echo
    }

    fn take_ack(&mut self, now: Time, header: &Header) -> Option<Echo> {
        // An ack of what was never sent is nonsense: ignore it.
        if header.ack <= self.base || header.ack > self.next {
            return None;
        }
        self.queue.drain(..(header.ack - self.base) as usize);
        self.base = header.ack;
        if self.queue.is_empty() {
            // What piled up in a partition, on each of many links, is not kept for good.
            self.queue.shrink_to(KEPT_CAPACITY);
        }
        let mut last = None;
        while self.flights.front().is_some_and(|flight| flight.end <= header.ack) {
            last = self.flights.pop_front();
        }
        let flight = last.filter(|flight| {
            flight.end == header.ack && flight.again.is_none_or(|copy| header.copies < copy)
        })?;
        let echo = Echo { sent: flight.sent, held: header.held? };
        self.rtt.sample(now.saturating_since(echo.sent).saturating_sub(echo.held));
        Some(echo)
    }

    fn take_values(&mut self, now: Time, seq: u64, count: usize) {
        let Some(end) = seq.checked_add(count as u64) else { return };
        self.received.insert(seq..end);
        if end > self.newest.0 {
            self.newest = (end, now);
        }
        self.ack_at.get_or_insert(now + ACK_DELAY);
        if !self.received.has_gap() {
            self.gap_at = None;
        } else if self.received.count >= self.reported {
            // What was asked for has come. Other gaps need not wait until it would have been asked for again.
            let at = now + self.rtt.reordering();
            self.gap_at = Some(self.gap_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    fn again_everything(&mut self) {
        if !self.queue.is_empty() {
            self.again.push(self.base..self.end());
        }
    }

    fn again_between(&mut self, have: &[Range<u64>]) {
        self.again.clear();
        let mut from = self.base;
        for range in have.iter().take(REPORTED_RANGES) {
            let to = range.start.min(self.next);
            if from < to {
                match self.again.last_mut() {
                    // What a peer reports need not be in order.
                    Some(before) if from.saturating_sub(before.end) <= BRIDGE => {
                        before.end = before.end.max(to)
                    }
                    _ => self.again.push(from..to),
                }
            }
            from = from.max(range.end);
        }
    }

    /// All values that wait, as one message; without any, an acknowledgement. `None` if the peer is suspect.
    pub fn flush(&mut self, now: Time) -> Option<Packet> {
        if self.is_suspect() {
            return None;
        }
        let range = self.next..self.end();
        if !range.is_empty() {
            let flight = Flight { end: range.end, sent: now, waits_from: now, again: None };
            self.flights.push_back(flight);
            self.next = range.end;
        }
        Some(self.packet(now, range))
    }

    /// A message that only acknowledges.
    pub fn acknowledge(&mut self, now: Time) -> Packet {
        self.packet(now, self.next..self.next)
    }

    /// The next message that is due without being asked for: acknowledgements, probes, what is sent again.
    /// To be called until it gives `None`, after [`Link::receive`] and when [`Link::deadline`] has come.
    pub(crate) fn poll(&mut self, now: Time, rng: &mut Rng) -> Option<Packet> {
        while let Some(range) = self.again.pop() {
            let range = range.start.max(self.base)..range.end;
            if !range.is_empty() {
                return Some(self.send_again(now, range));
            }
        }
        if self.timeout_at().is_some_and(|at| at <= now) {
            return Some(self.probe(now, rng));
        }
        if self.gap_at.is_some_and(|at| at <= now) {
            return Some(self.report_gap(now));
        }
        if self.asked || self.ack_at.is_some_and(|at| at <= now) {
            return Some(self.acknowledge(now));
        }
        None
    }

    fn send_again(&mut self, now: Time, range: Range<u64>) -> Packet {
        self.copies_sent += 1;
        let mut start = self.base;
        for flight in &mut self.flights {
            // The others are only stuck behind the gap.
            if start < range.end && range.start < flight.end {
                flight.again.get_or_insert(self.copies_sent);
            }
            flight.waits_from = now;
            start = flight.end;
        }
        if range.end > self.next {
            self.next = range.end;
            let flight = Flight { end: self.next, sent: now, waits_from: now, again: None };
            self.flights.push_back(flight);
        }
        let mut packet = self.packet(now, range);
        packet.header.copy = self.copies_sent;
        packet
    }

    fn probe(&mut self, now: Time, rng: &mut Rng) -> Packet {
        let (since, wait) = match self.health {
            Health::Live => (now, PROBE_WAIT.0),
            Health::Suspect { since, wait, .. } => (since, (wait * 2).min(PROBE_WAIT.1)),
        };
        self.health = Health::Suspect { since, probe_at: now + wait + rng.below(PROBE_JITTER), wait };
        let range = self.base..self.next.min(self.base + PROBE_VALUES);
        let mut packet = self.send_again(now, range);
        packet.header.ask = true;
        packet
    }

    fn report_gap(&mut self, now: Time) -> Packet {
        let have: Vec<_> = self.received.beyond.iter().take(REPORTED_RANGES).cloned().collect();
        self.reported = have.last().map_or(0, |range| range.start);
        let mut packet = self.acknowledge(now);
        packet.header.have = have;
        // Again later, if this report or what it asks for is lost.
        self.gap_at = Some(now + self.rtt.reordering() * 2 + FIRST_REORDER);
        packet
    }

    /// Every message acknowledges, so every message settles what acknowledgements were due.
    fn packet(&mut self, now: Time, range: Range<u64>) -> Packet {
        self.asked = false;
        self.ack_at = None;
        let ack = self.received.count;
        let held = (ack > 0 && self.newest.0 == ack).then(|| now.saturating_since(self.newest.1));
        let header =
            Header { seq: range.start, ack, held, copies: self.copies_received, ..Header::default() };
        Packet { header, count: (range.end - range.start) as usize }
    }

    /// When [`Link::poll`] will next have something to send. A peer that was asked, or must be sent something
    /// again, is answered by the poll that follows [`Link::receive`], not at a deadline.
    pub fn deadline(&self) -> Option<Time> {
        [self.timeout_at(), self.gap_at, self.ack_at].into_iter().flatten().min()
    }

    fn timeout_at(&self) -> Option<Time> {
        match self.health {
            Health::Suspect { probe_at, .. } => Some(probe_at),
            Health::Live => {
                self.flights.front().map(|flight| flight.waits_from + self.patience + self.rtt.timeout())
            }
        }
    }

    fn end(&self) -> u64 {
        self.base + self.queue.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u64) -> Time {
        Time::ZERO + MS * ms as u32
    }

    fn link_with(count: u32) -> Link {
        let mut link = Link::new(ACK_DELAY);
        (0..count).for_each(|i| link.push(i));
        link
    }

    fn refs(link: &Link, packet: &Packet) -> Vec<u32> {
        link.refs(packet).collect()
    }

    fn ack(count: u64, held: Option<Duration>) -> Header {
        Header { ack: count, held, ..Header::default() }
    }

    #[test]
    fn acknowledged_values_are_forgotten_and_the_link_rests() {
        let mut link = link_with(3);
        let packet = link.flush(at(0)).unwrap();
        assert_eq!((packet.header.seq, refs(&link, &packet)), (0, vec![0, 1, 2]));
        link.push(3);
        let packet = link.flush(at(10)).unwrap();
        assert_eq!((packet.header.seq, refs(&link, &packet)), (3, vec![3]));
        assert!(!link.is_idle());
        let echo = link.receive(at(500), &ack(4, Some(MS * 290)), 0);
        assert_eq!(echo, Some(Echo { sent: at(10), held: MS * 290 }));
        assert_eq!(link.round_trip(), Some(MS * 200));
        assert!(link.is_idle());
        assert_eq!(link.poll(at(500), &mut Rng::new(0)), None);
    }

    #[test]
    fn a_lone_receiver_acknowledges_late_and_a_busy_one_in_passing() {
        let mut link = Link::new(ACK_DELAY);
        let mut rng = Rng::new(0);
        link.receive(at(0), &Header::default(), 2);
        assert_eq!(link.deadline(), Some(at(3000)));
        assert_eq!(link.poll(at(2999), &mut rng), None);
        let packet = link.poll(at(3000), &mut rng).unwrap();
        assert_eq!((packet.header.ack, packet.header.held, packet.count), (2, Some(MS * 3000), 0));
        assert!(link.is_idle());

        link.receive(at(4000), &Header { seq: 2, ..Header::default() }, 1);
        link.push(9);
        assert_eq!(link.flush(at(4100)).unwrap().header.ack, 3);
        link.receive(at(4300), &ack(1, None), 0);
        assert!(link.is_idle());
    }

    #[test]
    fn a_gap_is_reported_once_it_outlasts_reordering_and_only_it_is_sent_again() {
        let (mut sender, mut receiver) = (link_with(0), link_with(0));
        let mut rng = Rng::new(0);
        let mut packets = Vec::new();
        for i in 0..4 {
            sender.push(i);
            packets.push(sender.flush(at(u64::from(i))).unwrap());
        }
        for i in [0, 3] {
            receiver.receive(at(100), &packets[i].header, packets[i].count);
            assert_eq!(receiver.poll(at(100), &mut rng), None, "too early to tell");
        }
        let due = receiver.deadline().unwrap();
        assert_eq!(due, at(600));
        let report = receiver.poll(due, &mut rng).unwrap();
        assert_eq!(report.header.ack, 1);
        assert_eq!(report.header.have.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>(), [(3, 4)]);
        sender.receive(at(700), &report.header, 0);
        let again = sender.poll(at(700), &mut rng).unwrap();
        assert_eq!((again.header.seq, refs(&sender, &again)), (1, vec![1, 2]));
        assert_eq!(sender.poll(at(700), &mut rng), None);
        receiver.receive(at(800), &again.header, again.count);
        assert_eq!(receiver.received.count, 4);
        assert_eq!(receiver.gap_at, None);
    }

    #[test]
    fn many_gaps_are_closed_by_one_report_and_few_messages() {
        let (mut sender, mut receiver) = (link_with(0), link_with(0));
        let mut rng = Rng::new(0);
        for i in 0..1000 {
            sender.push(i);
            let packet = sender.flush(at(u64::from(i))).unwrap();
            if i % 5 == 0 || i > 900 {
                receiver.receive(at(u64::from(i) + 100), &packet.header, packet.count);
            }
        }
        let mut messages = 0;
        let mut now = at(1100);
        while receiver.received.has_gap() {
            now = now.max(receiver.deadline().unwrap());
            let report = receiver.poll(now, &mut rng).unwrap();
            sender.receive(now + MS * 100, &report.header, 0);
            while let Some(packet) = sender.poll(now + MS * 100, &mut rng) {
                receiver.receive(now + MS * 200, &packet.header, packet.count);
                messages += 1;
            }
        }
        assert_eq!((receiver.received.count, messages), (1000, 2));
        assert!(now <= at(2000), "{now:?}");
    }

    #[test]
    fn overtaking_alone_costs_nothing() {
        let mut receiver = Link::new(ACK_DELAY);
        receiver.receive(at(0), &Header { seq: 1, ..Header::default() }, 1);
        receiver.receive(at(100), &Header::default(), 1);
        assert_eq!(receiver.deadline(), Some(at(3000)), "only the late ack is due");
    }

    #[test]
    fn a_silent_peer_is_probed_and_gets_all_it_lacks_in_one_message() {
        let mut link = link_with(100);
        let mut rng = Rng::new(3);
        link.flush(at(0));
        assert_eq!(link.deadline(), Some(at(5000)));
        let mut now = at(5000);
        for _ in 0..5 {
            let probe = link.poll(now, &mut rng).unwrap();
            assert!(probe.header.ask);
            assert_eq!(probe.count as u64, PROBE_VALUES);
            assert_eq!(link.poll(now, &mut rng), None);
            let wait = link.deadline().unwrap().saturating_since(now);
            assert!(wait >= PROBE_WAIT.0 && wait <= MS * 2000, "{wait:?}");
            now = now + wait;
        }
        assert!(link.is_suspect());
        link.push(100);
        assert_eq!(link.flush(now), None);
        // The answer to a probe acknowledges the probe's values; all others follow at once.
        link.receive(now, &ack(64, Some(Duration::ZERO)), 0);
        assert_eq!(link.round_trip(), None, "Karn's rule");
        let rest = link.poll(now, &mut rng).unwrap();
        assert_eq!((rest.header.seq, rest.count), (64, 37));
        assert_eq!(link.poll(now, &mut rng), None);
        link.receive(now + MS, &ack(101, None), 0);
        assert!(link.is_idle());
    }

    #[test]
    fn what_was_not_sent_again_is_timed_from_when_it_was_sent() {
        let mut link = link_with(5);
        link.flush(at(0));
        (5..8).for_each(|i| link.push(i));
        link.flush(at(400));
        // The first message is lost, the second arrives at 500; the peer reports the gap.
        let report = Header { have: vec![Range { start: 5, end: 8 }], ..Header::default() };
        link.receive(at(1100), &report, 0);
        let again = link.poll(at(1100), &mut Rng::new(0)).unwrap();
        assert_eq!((again.header.seq, again.count), (0, 5));
        assert_eq!(link.deadline(), Some(at(6100)), "but the wait for an answer starts anew");
        let echo = link.receive(at(1400), &ack(8, Some(MS * 800)), 0);
        assert_eq!(echo, Some(Echo { sent: at(400), held: MS * 800 }));
        assert_eq!(link.round_trip(), Some(MS * 200));
    }

    /// A message every 200 ms in each direction; how often the first end suspected the other in the last 10 of `seconds`.
    fn suspicions(ends: &mut [Link; 2], start: Time, latency: Duration, seconds: u32) -> usize {
        let [link, peer] = ends;
        let mut rng = Rng::new(0);
        let mut there: Vec<(Time, Packet)> = Vec::new();
        let mut back: Vec<(Time, Packet)> = Vec::new();
        let mut count = 0;
        for tick in 0..seconds * 100 {
            let now = start + MS * 10 * tick;
            for (_, packet) in there.extract_if(.., |(due, _)| *due <= now) {
                peer.receive(now, &packet.header, packet.count);
            }
            if tick % 20 == 10 {
                back.push((now + latency, peer.acknowledge(now)));
            }
            while let Some(packet) = peer.poll(now, &mut rng) {
                back.push((now + latency, packet));
            }
            for (_, packet) in back.extract_if(.., |(due, _)| *due <= now) {
                link.receive(now, &packet.header, packet.count);
            }
            let was_suspect = link.is_suspect();
            if tick % 20 == 0 {
                link.push(tick);
                there.extend(link.flush(now).map(|packet| (now + latency, packet)));
            }
            while let Some(packet) = link.poll(now, &mut rng) {
                there.push((now + latency, packet));
            }
            count += usize::from(link.is_suspect() && !was_suspect && tick + 1000 >= seconds * 100);
        }
        count
    }

    #[test]
    fn what_waited_in_a_partition_leaves_no_memory_behind() {
        let mut link = link_with(100_000);
        link.flush(at(0));
        link.receive(at(1), &ack(99_999, None), 0);
        link.receive(at(2), &ack(100_000, None), 0);
        assert!(link.queue.capacity() <= KEPT_CAPACITY, "{}", link.queue.capacity());
    }

    #[test]
    fn a_long_latency_is_learned_and_so_is_a_longer_one() {
        let ends = || [Link::new(MS * 200), Link::new(MS * 200)];
        assert_eq!(suspicions(&mut ends(), at(0), MS * 1500, 60), 0);
        let mut ends = ends();
        assert_eq!(suspicions(&mut ends, at(0), MS * 20, 20), 0);
        assert_eq!(suspicions(&mut ends, at(20_000), MS * 1500, 60), 0);
    }

    #[test]
    fn a_probe_is_answered_at_once() {
        let mut link = Link::new(ACK_DELAY);
        link.receive(at(0), &Header { ask: true, ..Header::default() }, 5);
        let answer = link.poll(at(0), &mut Rng::new(0)).unwrap();
        assert_eq!((answer.header.ack, answer.count), (5, 0));
        assert!(link.is_idle());
    }

    #[test]
    fn nonsense_from_a_peer_is_harmless() {
        let mut link = link_with(2);
        link.flush(at(0));
        let backwards = Range { start: 5, end: 3 };
        let have = vec![u64::MAX - 1..u64::MAX, backwards, 0..u64::MAX];
        let header = Header {
            seq: u64::MAX,
            ack: 99,
            held: Some(Duration::MAX),
            ask: true,
            have,
            ..Header::default()
        };
        assert_eq!(link.receive(at(1), &header, 2), None);
        while link.poll(at(1), &mut Rng::new(0)).is_some() {}
        assert_eq!(link.unacknowledged().count(), 2);
        let mut link = link_with(20);
        link.flush(at(0));
        let have = vec![Range { start: 5, end: 3 }, 8..9];
        link.receive(at(1), &Header { have, ..Header::default() }, 0);
        let packet = link.poll(at(1), &mut Rng::new(0)).unwrap();
        assert_eq!((packet.header.seq, packet.count), (0, 8));
        link.receive(at(2), &Header { seq: u64::MAX - 9, ..Header::default() }, 3);
        assert_eq!(link.received.count, 0);
    }
}
