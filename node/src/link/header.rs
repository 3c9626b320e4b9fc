//! What travels with the values: numbers, acknowledgements, reports of gaps.

use std::ops::Range;

use crate::message::Incarnation;
use crate::time::{Nanos, Time};

/// A link's part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The sender's incarnation.
    pub from: Incarnation,
    /// The receiver's incarnation, if the sender has heard from it. The other fields mean nothing to a later
    /// one.
    pub to: Option<Incarnation>,
    /// The number of the message's first value. Each link numbers its values from zero, in each direction.
    pub seq: u64,
    /// How many values the sender has received without a gap.
    pub ack: u64,
    /// How long ago the last of these arrived, so that the peer can subtract the wait from its round-trip
    /// time.
    pub ack_delay: Option<Nanos>,
    /// Whether the sender wants an acknowledgement at once.
    pub ack_requested: bool,
    /// In a retransmission: how many retransmissions the link has sent, this one included. Otherwise zero.
    pub retransmission: u64,
    /// The highest [`Header::retransmission`] that the sender has received.
    pub retransmissions_received: u64,
    /// A report of gaps: the ranges received beyond `ack`, in ascending order. The peer retransmits the
    /// numbers between them.
    pub received: Box<[Range<u64>]>,
}

/// A message that a link wants to send: `count` values from number `header.seq` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// The link's part of the message.
    pub(crate) header: Header,
    /// How many values; [`Link::log_indices`](super::Link::log_indices) names them.
    pub(crate) count: usize,
}

/// The content of a message's header about the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The message that it acknowledges, if that tells a round-trip time.
    pub(crate) acked: Option<AckedPacket>,
    /// The peer has been restarted since it was last heard.
    pub(crate) restarted: bool,
}

/// What an acknowledgement tells about the message that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckedPacket {
    /// When the message was sent.
    pub(crate) sent_at: Time,
    /// How long it had been at the peer when the peer answered.
    pub(crate) ack_delay: Nanos,
}
