//! Reliable delivery of values to one peer at almost no cost in messages: a very small transport protocol, in
//! the terms of QUIC (RFC 9000, RFC 9002).
//!
//! A [`Link`] is one end of the connection between two nodes. It numbers the values that it sends, and counts
//! those that it receives. Acknowledgements ride on messages that flow the other way anyway. Without such a
//! message, one that only acknowledges goes out after [`ACK_DELAY`].
//!
//! - **Order.** Messages may overtake each other. The receiver hands values on as they come, and orders only
//!   their numbers, to know which are missing.
//! - **Gaps.** The receiver reports a gap as soon as it stays open for longer than reordering explains. The
//!   sender then retransmits the missing values, with one message for gaps that are close together.
//! - **Silence.** A peer that does not acknowledge in time becomes *suspect*. The sender then sends it a
//!   small probe every one to two seconds. A peer that does not answer the first probe is *unreachable*. Any
//!   message from the peer ends the suspicion, and everything that it lacks goes out in one message. So a
//!   partition that heals causes no storm, only a few messages on each link that lost something: up to N²/4
//!   links.
//! - **Rest.** When everything is acknowledged, a link has no deadline and stays silent.
//!
//! A link knows values only by their index in the node's log (`u32`), and messages only by their [`Header`]s.
//!
//! | module | content |
//! |---|---|
//! | [`header`] | the link's part of a message |
//! | [`sender`] | unacknowledged values, retransmission, probes |
//! | [`receiver`] | acknowledgements, reports of gaps |
//! | [`received_ranges`] | the numbers that the receiver has seen |
//! | [`round_trip`] | the round-trip time, and the timeouts that follow from it |

mod header;
mod received_ranges;
mod receiver;
mod round_trip;
mod sender;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::header::Header;
pub(crate) use self::header::{AckedPacket, Packet};
use self::receiver::Receiver;
use self::round_trip::RoundTrip;
use self::sender::{Segment, Sender};
use crate::rng::Rng;
use crate::time::Time;

/// How long an acknowledgement waits for a message to ride on.
pub(crate) const ACK_DELAY: Duration = Duration::from_secs(3);
/// The first wait between probes, and the longest.
const PROBE_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(1750));
/// Added to each wait, uniformly, so that the probes of many nodes spread out.
const PROBE_JITTER: Duration = Duration::from_millis(250);
/// The most values in a probe.
const PROBE_VALUES: u64 = 64;
/// The most ranges in one report of gaps.
const MAX_REPORTED_RANGES: usize = 128;

/// One end of the connection to one peer.
#[derive(Debug)]
pub(crate) struct Link {
    sender: Sender,
    receiver: Receiver,
    rtt: RoundTrip,
}

impl Link {
    /// A link to a peer that delays an acknowledgement by at most `max_ack_delay`.
    pub(crate) fn new(max_ack_delay: Duration) -> Link {
        Link { sender: Sender::new(max_ack_delay), receiver: Receiver::default(), rtt: RoundTrip::default() }
    }

    /// Changes by how much the peer may delay an acknowledgement.
    pub(crate) fn set_max_ack_delay(&mut self, max_ack_delay: Duration) {
        self.sender.set_max_ack_delay(max_ack_delay);
    }

    /// Queues the value at `index` of the node's log. It leaves with the next [`Link::flush`].
    pub(crate) fn push(&mut self, index: u32) {
        self.sender.push(index);
    }

    /// Whether there are values that were never sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.sender.has_unsent()
    }

    /// Whether the peer has been silent for too long. [`Link::flush`] then sends nothing. Everything queued
    /// goes out as soon as the peer is heard again.
    pub(crate) fn is_suspect(&self) -> bool {
        self.sender.is_suspect()
    }

    /// If the peer is suspect: when it counts as unreachable. Until then it may still answer the first probe,
    /// and so show that it was only slow.
    pub(crate) fn unreachable_from(&self) -> Option<Time> {
        self.sender.suspect_since().map(|since| since + self.rtt.timeout().min(PROBE_WAIT.0))
    }

    /// Whether nothing is pending, in either direction.
    pub(crate) fn is_idle(&self) -> bool {
        self.sender.unacknowledged().len() == 0 && self.deadline().is_none()
    }

    /// The smoothed round-trip time, once measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    /// Log indices of all unacknowledged values, oldest first.
    pub(crate) fn unacknowledged(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.sender.unacknowledged()
    }

    /// Log indices of a packet's values. Valid until the link next changes.
    pub(crate) fn log_indices(&self, packet: &Packet) -> impl ExactSizeIterator<Item = u32> + Clone + '_ {
        self.sender.log_indices(packet.header.seq, packet.count)
    }

    /// Takes in a message with `count` values. The caller hands the values on, whatever their numbers are.
    /// Afterwards [`Link::poll`] may have something to send.
    pub(crate) fn on_packet(&mut self, now: Time, header: &Header, count: usize) -> Option<AckedPacket> {
        let acked = self.sender.on_header(now, header, &mut self.rtt);
        self.receiver.on_packet(now, header, count, &self.rtt);
        acked
    }

    /// All values that were never sent, as one message, or an acknowledgement if there are none. `None` if
    /// the peer is suspect.
    pub(crate) fn flush(&mut self, now: Time) -> Option<Packet> {
        if self.is_suspect() {
            return None;
        }
        let segment = self.sender.flush(now);
        Some(self.packet(now, segment))
    }

    /// A message that only acknowledges.
    pub(crate) fn acknowledge(&mut self, now: Time) -> Packet {
        let header = self.receiver.acknowledge(now);
        self.without_values(header)
    }

    /// The next message that is due on its own: an acknowledgement, a probe, a retransmission. Call it until
    /// it returns `None`, after [`Link::on_packet`] and when [`Link::deadline`] has come.
    pub(crate) fn poll(&mut self, now: Time, rng: &mut Rng) -> Option<Packet> {
        if let Some(segment) = self.sender.poll(now, &self.rtt, rng) {
            return Some(self.packet(now, segment));
        }
        if self.receiver.gap_is_due(now) {
            let header = self.receiver.report_gaps(now, &self.rtt);
            return Some(self.without_values(header));
        }
        self.receiver.ack_is_due(now).then(|| self.acknowledge(now))
    }

    /// When [`Link::poll`] will next have something to send. A requested acknowledgement and lost values do
    /// not wait for a deadline: the poll that follows [`Link::on_packet`] sends them.
    pub(crate) fn deadline(&self) -> Option<Time> {
        Time::earliest([self.sender.timeout_at(&self.rtt), self.receiver.gap_at(), self.receiver.ack_at()])
    }

    fn packet(&mut self, now: Time, segment: Segment) -> Packet {
        let Segment { numbers, retransmission, ack_requested } = segment;
        let acknowledgement = self.receiver.acknowledge(now);
        let header = Header { seq: numbers.start, retransmission, ack_requested, ..acknowledgement };
        Packet { header, count: (numbers.end - numbers.start) as usize }
    }

    fn without_values(&self, header: Header) -> Packet {
        Packet { header: Header { seq: self.sender.next(), ..header }, count: 0 }
    }
}
