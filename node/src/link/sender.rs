//! The sending half of a link: values that the peer has not acknowledged, and when to send them again.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::header::{AckedPacket, Header};
use super::round_trip::{FIRST_TIMEOUT, RoundTrip};
use super::unacknowledged::Unacknowledged;
use super::{MAX_REPORTED_RANGES, PROBE_JITTER, PROBE_VALUES, PROBE_WAIT};
use crate::rng::Rng;
use crate::time::{Nanos, Time};

/// Gaps with at most this many values between them are filled by one message. The receiver drops duplicates,
/// and a message costs more than its length.
const MERGE_DISTANCE: u64 = 64;

/// A link has room for this many messages in flight from the start. Mostly that is enough.
const FIRST_CAPACITY: usize = 4;

/// Values to put into a message, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) numbers: Range<u64>,
    /// In a retransmission, the sender's retransmission count; otherwise zero.
    pub(super) retransmission: u64,
    pub(super) ack_requested: bool,
}

impl Segment {
    pub(super) fn first_time(numbers: Range<u64>) -> Segment {
        Segment { numbers, retransmission: 0, ack_requested: false }
    }
}

/// A message in flight.
#[derive(Clone, Copy, Debug)]
struct SentPacket {
    /// The number after its last value.
    end: u64,
    sent_at: Time,
    /// When the wait for an acknowledgement began: when the message was sent, or when anything before it was
    /// retransmitted.
    waits_from: Time,
    /// The retransmission count at which any of its values was first sent again, or `u64::MAX`. A peer that
    /// acknowledges without having received that retransmission answers the original. A later acknowledgement
    /// does not tell which of the two it answers, and so measures nothing (Karn's algorithm).
    retransmitted_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Live,
    /// `since` is in the future for a peer that this node, just restarted, has asked for the first time.
    Suspect {
        since: Time,
        probe_at: Time,
        wait: Duration,
    },
}

#[derive(Debug)]
pub(super) struct Sender {
    /// The first unacknowledged value has number `base`.
    queue: Unacknowledged,
    base: u64,
    /// The number after the last value that was ever sent.
    next: u64,
    in_flight: VecDeque<SentPacket>,
    health: Health,
    /// Unacknowledged values to send again at once.
    to_retransmit: Vec<Range<u64>>,
    /// How many retransmissions were sent.
    retransmissions: u64,
    /// The longest time for which the peer delays an acknowledgement.
    max_ack_delay: Nanos,
}

impl Sender {
    pub(super) fn new(max_ack_delay: Duration) -> Sender {
        Sender {
            queue: Unacknowledged::default(),
            base: 0,
            next: 0,
            in_flight: VecDeque::with_capacity(FIRST_CAPACITY),
            health: Health::Live,
            to_retransmit: Vec::new(),
            retransmissions: 0,
            max_ack_delay: Nanos::of(max_ack_delay),
        }
    }

    pub(super) fn set_max_ack_delay(&mut self, max_ack_delay: Duration) {
        self.max_ack_delay = Nanos::of(max_ack_delay);
    }

    /// Nothing tells whether the peer is there: the next [`Sender::poll`] probes it.
    pub(super) fn suspect(&mut self, now: Time) {
        self.to_retransmit.clear();
        // The first wait doubles to that of a first probe.
        self.health = Health::Suspect { since: now + FIRST_TIMEOUT, probe_at: now, wait: PROBE_WAIT.0 / 2 };
    }

    /// The peer has been restarted: numbers the values at these log indices from zero, and sends them at
    /// once.
    pub(super) fn restart(&mut self, queue: Unacknowledged) {
        self.queue = queue;
        self.base = 0;
        self.next = 0;
        self.in_flight.clear();
        self.health = Health::Live;
        self.to_retransmit.clear();
        if !self.queue.is_empty() {
            self.to_retransmit.push(0..self.end());
        }
    }

    /// Begins all waits again. Acknowledgements may have waited unread, so they measure nothing: no count of
    /// retransmissions is below zero.
    pub(super) fn on_stall(&mut self, now: Time) {
        for packet in &mut self.in_flight {
            packet.waits_from = now;
            packet.retransmitted_at = 0;
        }
    }

    pub(super) fn push(&mut self, log_indices: impl IntoIterator<Item = u32>) {
        self.queue.push(log_indices);
    }

    /// The number that the next new value will get when it is sent.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    fn end(&self) -> u64 {
        self.base + self.queue.len() as u64
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.next < self.end()
    }

    pub(super) fn is_suspect(&self) -> bool {
        self.health != Health::Live
    }

    pub(super) fn suspect_since(&self) -> Option<Time> {
        match self.health {
            Health::Live => None,
            Health::Suspect { since, .. } => Some(since),
        }
    }

    /// Log indices of all unacknowledged values, oldest first.
    pub(super) fn unacknowledged(&self) -> &[u32] {
        self.queue.as_slice()
    }

    /// Log indices of the `count` values from number `seq` on, which must be unacknowledged.
    pub(super) fn log_indices(&self, seq: u64, count: usize) -> &[u32] {
        &self.queue.as_slice()[(seq - self.base) as usize..][..count]
    }

    /// Takes in what a message acknowledges, and marks for retransmission what it shows to be lost. If it
    /// times the round trip, `rtt` gets the sample.
    pub(super) fn on_header(
        &mut self,
        now: Time,
        header: &Header,
        rtt: &mut RoundTrip,
    ) -> Option<AckedPacket> {
        let acked = self.on_ack(header);
        if let Some(acked) = acked {
            rtt.sample(Nanos::between(acked.sent_at, now).saturating_sub(acked.ack_delay));
        }
        if self.is_suspect() {
            self.health = Health::Live;
            self.to_retransmit.clear();
            if !self.queue.is_empty() {
                self.to_retransmit.push(self.base..self.end());
            }
        } else if !header.received.is_empty() {
            self.on_gap_report(&header.received);
        }
        acked
    }

    fn on_ack(&mut self, header: &Header) -> Option<AckedPacket> {
        // An acknowledgement of values that were never sent is invalid: ignore it.
        if header.ack <= self.base || header.ack > self.next {
            return None;
        }
        self.queue.acknowledge((header.ack - self.base) as usize);
        self.base = header.ack;
        let mut last = None;
        while self.in_flight.front().is_some_and(|packet| packet.end <= header.ack) {
            last = self.in_flight.pop_front();
        }
        let packet = last.filter(|packet| {
            packet.end == header.ack && header.retransmissions_received < packet.retransmitted_at
        })?;
        Some(AckedPacket { sent_at: packet.sent_at, ack_delay: header.ack_delay? })
    }

    fn on_gap_report(&mut self, received: &[Range<u64>]) {
        self.to_retransmit.clear();
        let mut from = self.base;
        for range in received.iter().take(MAX_REPORTED_RANGES) {
            let to = range.start.min(self.next);
            if from < to {
                match self.to_retransmit.last_mut() {
                    // A peer's ranges need not be in order.
                    Some(before) if from.saturating_sub(before.end) <= MERGE_DISTANCE => {
                        before.end = before.end.max(to)
                    }
                    _ => self.to_retransmit.push(from..to),
                }
            }
            from = from.max(range.end);
        }
    }

    /// All values that were never sent.
    pub(super) fn flush(&mut self, now: Time) -> Segment {
        let numbers = self.next..self.end();
        if !numbers.is_empty() {
            self.send_up_to(now, numbers.end);
        }
        Segment::first_time(numbers)
    }

    fn send_up_to(&mut self, now: Time, end: u64) {
        self.next = end;
        self.in_flight.push_back(SentPacket {
            end,
            sent_at: now,
            waits_from: now,
            retransmitted_at: u64::MAX,
        });
    }

    /// Whether [`Sender::poll`] may have lost values to send again.
    pub(super) fn has_lost(&self) -> bool {
        !self.to_retransmit.is_empty()
    }

    /// What is due without being asked for: lost values, or a probe. Call it until it returns `None`.
    pub(super) fn poll(&mut self, now: Time, rtt: &RoundTrip, rng: &mut Rng) -> Option<Segment> {
        while let Some(lost) = self.to_retransmit.pop() {
            let lost = lost.start.max(self.base)..lost.end;
            if !lost.is_empty() {
                return Some(self.retransmit(now, lost));
            }
        }
        (self.timeout_at(rtt) <= now).then(|| self.probe(now, rng))
    }

    fn retransmit(&mut self, now: Time, numbers: Range<u64>) -> Segment {
        self.retransmissions += 1;
        let mut start = self.base;
        for packet in &mut self.in_flight {
            // The others only wait for the gap before them to close.
            if start < numbers.end && numbers.start < packet.end {
                packet.retransmitted_at = packet.retransmitted_at.min(self.retransmissions);
            }
            packet.waits_from = now;
            start = packet.end;
        }
        if numbers.end > self.next {
            self.send_up_to(now, numbers.end);
        }
        Segment { numbers, retransmission: self.retransmissions, ack_requested: false }
    }

    fn probe(&mut self, now: Time, rng: &mut Rng) -> Segment {
        let (since, wait) = match self.health {
            Health::Live => (now, PROBE_WAIT.0),
            Health::Suspect { since, wait, .. } => (since, (wait * 2).min(PROBE_WAIT.1)),
        };
        self.health = Health::Suspect { since, probe_at: now + wait + rng.below(PROBE_JITTER), wait };
        let numbers = self.base..self.next.min(self.base + PROBE_VALUES);
        Segment { ack_requested: true, ..self.retransmit(now, numbers) }
    }

    /// When the peer becomes suspect, or when its next probe is due if it is. [`Time::NEVER`] if
    /// nothing is in flight.
    pub(super) fn timeout_at(&self, rtt: &RoundTrip) -> Time {
        match (self.health, self.in_flight.front()) {
            (Health::Suspect { probe_at, .. }, _) => probe_at,
            (Health::Live, Some(oldest)) => oldest.waits_from + self.max_ack_delay + rtt.timeout(),
            (Health::Live, None) => Time::NEVER,
        }
    }

    #[cfg(test)]
    pub(super) fn queue_capacity(&self) -> usize {
        self.queue.capacity()
    }
}
