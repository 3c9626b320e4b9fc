//! The typed messages that a node takes and gives. Their JSON form is in [`crate::wire`].

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::link::Header;
use crate::values::Value;

/// A node of the cluster: its index in the `node_ids` of `init`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

impl PeerId {
    /// As an index into tables that hold one entry a node.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Values that travel together; shared, because the same batch often goes to many peers.
pub type Batch = Arc<[Value]>;

/// The most bytes of values in a message: half of the longest line that a node reads, and so all values of a link's
/// probe, however long.
pub(crate) const MAX_BATCH: usize = 32 << 20;

/// Whom a reply goes to, and which request it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The requester's id, a client's under Maelstrom.
    pub client: Arc<str>,
    /// The request's `msg_id`.
    pub msg_id: u64,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Who the node is and how many nodes there are. Must come first.
    Init {
        /// This node.
        me: PeerId,
        /// The size of the cluster.
        nodes: u32,
    },
    /// Which nodes Maelstrom would call neighbours. Each strategy has its own topology; but all nodes are told at about
    /// the same time, which is when they begin.
    Topology,
    /// A new value for everyone.
    Broadcast(Value),
    /// Which values the node knows.
    Read,
}

/// What a client is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `init`.
    InitOk,
    /// To `topology`.
    TopologyOk,
    /// To `broadcast`: the value is accepted, and will reach every node.
    BroadcastOk,
    /// To `read`: the first `len` values of the node's log. Naming them instead of copying keeps a read cheap.
    ReadOk {
        /// How many values, from the log's start.
        len: usize,
    },
    /// The request failed.
    Error {
        /// What kind of failure.
        code: ErrorCode,
        /// What was wrong, for a person.
        text: Cow<'static, str>,
    },
}

/// Maelstrom's error codes, as far as this node gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 10: the request's type is unknown.
    NotSupported,
    /// 11: the node cannot serve this yet, because `init` has not come.
    TemporarilyUnavailable,
    /// 12: a field is missing or has the wrong type.
    MalformedRequest,
    /// 22: the request contradicts the node's state (a second `init` with another identity).
    PreconditionFailed,
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            ErrorCode::NotSupported => 10,
            ErrorCode::TemporarilyUnavailable => 11,
            ErrorCode::MalformedRequest => 12,
            ErrorCode::PreconditionFailed => 22,
        }
    }
}

/// What nodes say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMessage {
    /// A batch of the `tree` strategy (`broadcast_internal`).
    Internal {
        /// Unique among this sender's messages.
        msg_id: u64,
        /// The values.
        values: Batch,
    },
    /// The answer to it (`broadcast_internal_ok`).
    InternalOk {
        /// The batch's `msg_id`.
        in_reply_to: u64,
    },
    /// Traffic of a link, in the strategies `hub` and `direct` (`batch`).
    Link(LinkMessage),
}

/// A message on a link: the link's own header, values, and what the `hub` strategy adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkMessage {
    /// Sequence number and acknowledgements.
    pub header: Header,
    /// The values, the first of which has the number `header.seq`.
    pub values: Batch,
    /// Leaf to hub: the sender does not know the phase of the hub's flushes and would like to be told. Leaf to leaf: the
    /// sender cannot reach the hub.
    pub sync: bool,
    /// Hub to leaf: the time from this message's sending to the hub's next flush, if the hub flushes on a period.
    pub next: Option<Duration>,
    /// Hub to leaf, in an `auto` cluster: how to spread values from now on.
    pub plan: Option<Plan>,
    /// Leaf to hub: the sender sends these values to everyone itself.
    pub direct: bool,
    /// Hub to leaf: the nodes that the hub cannot reach at present.
    pub unreachable: Vec<PeerId>,
}

/// How the nodes of an `auto` cluster spread values; the first node says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Through the hub, which flushes on this period.
    Hub(Duration),
    /// From the origin to everyone, at the end of a window of this length.
    Direct(Duration),
}

/// What a node wants sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// A reply to a client.
    ToClient {
        /// Whom, and which request.
        to: ReplyTo,
        /// What.
        reply: Reply,
    },
    /// A message to another node.
    ToPeer {
        /// Whom.
        to: PeerId,
        /// What.
        message: PeerMessage,
    },
}
