//! The receiving half of a link: which values came in, and when to acknowledge them or to report a gap.

use std::time::Duration;

use super::header::Header;
use super::received_ranges::ReceivedRanges;
use super::round_trip::{FIRST_REORDER, RoundTrip};
use super::{ACK_DELAY, MAX_REPORTED_RANGES};
use crate::time::{Nanos, Time};

/// How long a process that was stopped may take to read all that waited for it.
const BACKLOG: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) ranges: ReceivedRanges,
    /// The number of the peer's last retransmission that arrived.
    retransmissions: u64,
    /// The end of the message with the highest numbers, and when it arrived, if that is known.
    largest: (u64, Option<Time>),
    /// Messages that are read before this may have waited while the process did not run.
    backlog_until: Time,
    /// The peer requested an acknowledgement.
    ack_requested: bool,
    /// When values are to be acknowledged at the latest, or [`Time::NEVER`].
    ack_at: Time,
    /// When a gap is to be reported, or [`Time::NEVER`].
    pub(super) gap_at: Time,
    /// All gaps before this number were reported.
    reported: u64,
}

impl Default for Receiver {
    fn default() -> Receiver {
        Receiver {
            ranges: ReceivedRanges::default(),
            retransmissions: 0,
            largest: (0, None),
            backlog_until: Time::ZERO,
            ack_requested: false,
            ack_at: Time::NEVER,
            gap_at: Time::NEVER,
            reported: 0,
        }
    }
}

impl Receiver {
    /// Takes in a message of the peer with `count` values.
    pub(super) fn on_packet(&mut self, now: Time, header: &Header, count: usize, rtt: &RoundTrip) {
        self.ack_requested |= header.ack_requested;
        self.retransmissions = self.retransmissions.max(header.retransmission);
        if count > 0 {
            self.on_values(now, header.seq, count, rtt);
        }
    }

    fn on_values(&mut self, now: Time, seq: u64, count: usize, rtt: &RoundTrip) {
        let Some(end) = seq.checked_add(count as u64) else { return };
        self.ranges.insert(seq..end);
        if end > self.largest.0 {
            self.largest = (end, (now >= self.backlog_until).then_some(now));
        }
        self.ack_at = self.ack_at.min(now + ACK_DELAY);
        if !self.ranges.has_gap() {
            self.gap_at = Time::NEVER;
        } else if self.ranges.contiguous >= self.reported {
            // The reported gaps are closed. Others need not wait until those would have been reported again.
            self.gap_at = self.gap_at.min(now + rtt.reordering());
        }
    }

    /// The process did not run until `now`.
    pub(super) fn on_stall(&mut self, now: Time) {
        self.backlog_until = now + BACKLOG;
    }

    /// The peer must hear of this node at once.
    pub(super) fn request_ack(&mut self) {
        self.ack_requested = true;
    }

    pub(super) fn gap_is_due(&self, now: Time) -> bool {
        self.gap_at <= now
    }

    pub(super) fn ack_is_requested(&self) -> bool {
        self.ack_requested
    }

    pub(super) fn ack_is_due(&self, now: Time) -> bool {
        self.ack_requested || self.ack_at <= now
    }

    /// When a gap is to be reported, or values are to be acknowledged at the latest.
    pub(super) fn deadline(&self) -> Time {
        self.gap_at.min(self.ack_at)
    }

    /// The acknowledgement that every message carries, and so settles all that were due.
    pub(super) fn acknowledge(&mut self, now: Time) -> Header {
        self.ack_requested = false;
        self.ack_at = Time::NEVER;
        let ack = self.ranges.contiguous;
        let arrival = self.largest.1.filter(|_| ack > 0 && self.largest.0 == ack);
        let ack_delay = arrival.map(|arrival| Nanos::between(arrival, now));
        Header { ack, ack_delay, retransmissions_received: self.retransmissions, ..Header::default() }
    }

    /// An acknowledgement that reports the gaps.
    pub(super) fn report_gaps(&mut self, now: Time, rtt: &RoundTrip) -> Header {
        let received: Box<[_]> = self.ranges.beyond.iter().take(MAX_REPORTED_RANGES).cloned().collect();
        self.reported = received.last().map_or(0, |range| range.start);
        // Report again later, in case this report or its answer is lost.
        self.gap_at = now + rtt.reordering() * 2 + FIRST_REORDER;
        Header { received, ..self.acknowledge(now) }
    }
}
