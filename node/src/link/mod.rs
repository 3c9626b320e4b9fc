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
//! # Restarts
//!
//! A node that is killed forgets its links: which values its peers lack, and which numbers they used. Each
//! message therefore names the [incarnation](Incarnation) of its sender and the one that it is meant for,
//! like the connection ids of QUIC. An incarnation is one life of a node; a later life has a higher number.
//!
//! ```text
//!      n1 (first life)     p          the link at p
//!      ── seq 40, values ─►           received 0..41 from n1's first life
//!      ✗ killed
//!      n1 (second life)
//!      ── from 2: hello ──►           a new life: both directions count from zero again
//!      ◄─ to 2: seq 0, everything ──
//!      ── from 2: seq 0, everything from the log ─►
//! ```
//!
//! - **A restarted node** treats each peer that it must talk to as suspect ([`Link::reopen`]). So it sends a
//!   probe at once, repeats it until the peer answers, and then sends all values that it knows in one
//!   message.
//! - **A peer that hears a new incarnation** starts the link over: it forgets the numbers that it received,
//!   and counts its own from zero. It queues what the old life had not acknowledged. The strategy can replace
//!   that by [everything that the node knows](Link::resync), because the old life may have forgotten what it
//!   acknowledged. Receivers drop duplicates.
//! - **A message from an earlier incarnation** may still be on its way. Its values are welcome. Its numbers
//!   and acknowledgements are ignored.
//! - **A message for an earlier incarnation** comes from a peer that has not noticed the restart. Its numbers
//!   and acknowledgements are ignored too, and it is answered at once, so that the peer notices.
//!
//! Nothing of this adds a message as long as no node is restarted.
//!
//! A link knows values only by their index in the node's log (`u32`), and messages only by their [`Header`]s.
//!
//! | module | content |
//! |---|---|
//! | [`header`] | the link's part of a message |
//! | [`sender`] | unacknowledged values, retransmission, probes |
//! | [`receiver`] | acknowledgements, reports of gaps |
//! | [`received_ranges`] | the numbers that the receiver has seen |
//! | [`unacknowledged`] | the queue of the sending half |
//! | [`round_trip`] | the round-trip time, and the timeouts that follow from it |

mod header;
mod received_ranges;
mod receiver;
mod round_trip;
mod sender;
#[cfg(test)]
mod tests;
mod unacknowledged;

use std::time::Duration;

pub use self::header::Header;
pub(crate) use self::header::{AckedPacket, Heard, Packet};
use self::receiver::Receiver;
use self::round_trip::RoundTrip;
use self::sender::{Segment, Sender};
use crate::message::Incarnation;
use crate::rng::Rng;
use crate::time::{Nanos, Time};

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
    /// This node's incarnation.
    local: Incarnation,
    /// The peer's, once heard.
    remote: Option<Incarnation>,
}

impl Link {
    /// A link to a peer that delays an acknowledgement by at most `max_ack_delay`. `local` is this node's
    /// incarnation.
    pub(crate) fn new(local: Incarnation, max_ack_delay: Duration) -> Link {
        Link {
            sender: Sender::new(max_ack_delay),
            receiver: Receiver::default(),
            rtt: RoundTrip::default(),
            local,
            remote: None,
        }
    }

    /// This node has been restarted: probes the peer until it answers, and then sends what is queued.
    pub(crate) fn reopen(&mut self, now: Time) {
        self.sender.suspect(now);
    }

    /// Replaces the queue by the first `known` values of the log, because it is no longer known which of them
    /// the peer has. [`Link::poll`] sends them.
    pub(crate) fn resync(&mut self, known: u32) {
        self.sender.restart((0..known).collect());
    }

    /// This node's process did not run for a while. So a peer's silence meant nothing: the waits for its
    /// acknowledgements begin again. And what is read now measures no round trip, in either direction.
    pub(crate) fn on_stall(&mut self, now: Time) {
        self.sender.on_stall(now);
        self.receiver.on_stall(now);
    }

    /// Changes by how much the peer may delay an acknowledgement.
    pub(crate) fn set_max_ack_delay(&mut self, max_ack_delay: Duration) {
        self.sender.set_max_ack_delay(max_ack_delay);
    }

    /// Queues the values at these indices of the node's log. They leave with the next [`Link::flush`].
    pub(crate) fn push(&mut self, log_indices: impl IntoIterator<Item = u32>) {
        self.sender.push(log_indices);
    }

    /// Whether there are values that were never sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.sender.has_unsent()
    }

    /// Whether the peer has been silent for too long, or has not been heard since this node was restarted.
    /// [`Link::flush`] then sends nothing. Everything queued goes out as soon as the peer is heard.
    pub(crate) fn is_suspect(&self) -> bool {
        self.sender.is_suspect()
    }

    /// Whether the peer is suspect, and has had the time to answer if this node was just restarted.
    pub(crate) fn is_silent(&self, now: Time) -> bool {
        self.sender.suspect_since().is_some_and(|since| since <= now)
    }

    /// If the peer is suspect: when it counts as unreachable. Until then it may still answer the first probe,
    /// and so show that it was only slow.
    pub(crate) fn unreachable_from(&self) -> Option<Time> {
        self.sender.suspect_since().map(|since| since + self.rtt.timeout().min(Nanos::of(PROBE_WAIT.0)))
    }

    /// Whether nothing is pending, in either direction.
    pub(crate) fn is_idle(&self) -> bool {
        self.sender.unacknowledged().is_empty() && self.deadline() == Time::NEVER
    }

    /// The smoothed round-trip time, once measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    /// Log indices of all unacknowledged values, oldest first.
    pub(crate) fn unacknowledged(&self) -> &[u32] {
        self.sender.unacknowledged()
    }

    /// Log indices of a packet's values. Valid until the link next changes.
    pub(crate) fn log_indices(&self, packet: &Packet) -> &[u32] {
        self.sender.log_indices(packet.header.seq, packet.count)
    }

    /// Takes in a message with `count` values. The caller hands the values on, whatever their numbers and
    /// incarnations are. Afterwards [`Link::poll`] may have something to send.
    pub(crate) fn on_packet(&mut self, now: Time, header: &Header, count: usize) -> Heard {
        let mut heard = Heard::default();
        match self.remote {
            Some(known) if header.from < known => return heard,
            Some(known) if header.from > known => {
                heard.restarted = true;
                self.receiver = Receiver::default();
                let unacknowledged = self.sender.unacknowledged().iter().copied().collect();
                self.sender.restart(unacknowledged);
            }
            _ => {}
        }
        self.remote = Some(header.from);
        if header.to.is_some_and(|to| to != self.local) {
            self.receiver.request_ack();
            return heard;
        }
        heard.acked = self.sender.on_header(now, header, &mut self.rtt);
        self.receiver.on_packet(now, header, count, &self.rtt);
        heard
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

    /// Whether [`Link::poll`] has lost values or a requested acknowledgement to send. They do not wait for
    /// the deadline: the poll that follows [`Link::on_packet`] sends them.
    pub(crate) fn is_urgent(&self) -> bool {
        self.sender.has_lost() || self.receiver.ack_is_requested()
    }

    /// When [`Link::poll`] will next have something to send that is not [urgent](Link::is_urgent), or
    /// [`Time::NEVER`].
    pub(crate) fn deadline(&self) -> Time {
        self.sender.timeout_at(&self.rtt).min(self.receiver.deadline())
    }

    fn packet(&mut self, now: Time, segment: Segment) -> Packet {
        let Segment { numbers, retransmission, ack_requested } = segment;
        let acknowledgement = self.receiver.acknowledge(now);
        let header = Header { seq: numbers.start, retransmission, ack_requested, ..acknowledgement };
        Packet { header: self.addressed(header), count: (numbers.end - numbers.start) as usize }
    }

    fn without_values(&self, header: Header) -> Packet {
        Packet { header: self.addressed(Header { seq: self.sender.next(), ..header }), count: 0 }
    }

    fn addressed(&self, header: Header) -> Header {
        Header { from: self.local, to: self.remote, ..header }
    }
}
