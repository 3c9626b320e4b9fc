//! The typed messages that go into and come out of a node. Their JSON form is in [`crate::wire`].

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::link::Header;
use crate::values::Value;

/// A node of the cluster: its index in the `node_ids` of `init`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

impl PeerId {
    /// The index of the node in tables with one entry per node.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One life of a node, from the start of its process to its end.
///
/// A later life has a higher number, so that peers tell a restarted node from the one that was killed. The
/// first life is zero where the driver knows that it is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// Values that travel together. Shared, because the same batch often goes to many peers.
pub type Batch = Arc<[Value]>;

/// The most bytes of values in a message: half of the longest line that a node reads. All values of a link's
/// probe fit, however long they are.
pub(crate) const MAX_BATCH: usize = 32 << 20;

/// The client that a reply goes to, and the request that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The requester's id, a client's under Maelstrom.
    pub client: Arc<str>,
    /// The request's `msg_id`.
    pub msg_id: u64,
}

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Who the node is and how many nodes there are. Must come first.
    Init {
        /// This node.
        me: PeerId,
        /// The size of the cluster.
        nodes: u32,
    },
    /// Maelstrom's suggestion of neighbours. Each strategy has its own topology and ignores it. But the
    /// request reaches all nodes at about the same time, which marks their common start.
    Topology,
    /// A new value for everyone.
    Broadcast(Value),
    /// A list of the values that the node knows.
    Read,
}

/// The answer to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `init`.
    InitOk,
    /// To `topology`.
    TopologyOk,
    /// To `broadcast`: the value is accepted, and will reach every node. If the node keeps a log, the value
    /// is in it.
    BroadcastOk,
    /// To `read`: the first `len` values of the node's log. A length instead of a copy keeps a read cheap.
    ReadOk {
        /// How many values, from the log's start.
        len: usize,
    },
    /// The request failed.
    Error {
        /// The kind of failure.
        code: ErrorCode,
        /// The cause, for a person.
        text: Cow<'static, str>,
    },
}

/// Those of Maelstrom's error codes that this node uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 10: the request's type is unknown.
    NotSupported,
    /// 11: the node cannot serve this now, because `init` has not come or its log cannot be written. Nothing
    /// happened; the client may try again.
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

/// A message from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMessage {
    /// A batch of the `tree` strategy; on the wire `broadcast_internal`, as in the tutorial.
    TreeBatch {
        /// Unique among this sender's messages.
        msg_id: u64,
        /// The values.
        values: Batch,
    },
    /// The acknowledgement of a [`PeerMessage::TreeBatch`]; on the wire `broadcast_internal_ok`.
    TreeAck {
        /// The batch's `msg_id`.
        in_reply_to: u64,
    },
    /// A message of a link, in the strategies `hub`, `direct` and `auto`; on the wire `batch`. Boxed, because
    /// messages move through several queues on their way.
    Link(Box<LinkMessage>),
}

/// A message on a link: the link's header, values, and the fields of the `hub` strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkMessage {
    /// Sequence number and acknowledgements.
    pub header: Header,
    /// The values, the first of which has the number `header.seq`.
    pub values: Batch,
    /// Leaf to hub: the sender does not know the phase of the hub's flushes, and asks for it.
    pub wants_phase: bool,
    /// Leaf to hub: the sender sends these values to every node itself.
    pub direct: bool,
    /// Leaf to leaf: the sender cannot reach the hub.
    pub hub_unreachable: bool,
    /// Hub to leaf: what the hub announces, if anything. Shared by all messages of a flush.
    pub announcement: Option<Arc<Announcement>>,
}

// Nearly all messages of a simulation are of this type. The size is also one that allocators serve quickly.
const _: () = assert!(size_of::<LinkMessage>() <= 128);

impl LinkMessage {
    /// A message without the fields of the `hub` strategy.
    pub fn new(header: Header, values: Batch) -> LinkMessage {
        LinkMessage {
            header,
            values,
            wants_phase: false,
            direct: false,
            hub_unreachable: false,
            announcement: None,
        }
    }

    /// What the hub announces, perhaps nothing.
    pub fn announcement(&self) -> &Announcement {
        self.announcement.as_deref().unwrap_or(&NOTHING)
    }
}

/// What the hub tells every leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// The time from the sending of this message to the hub's next flush, if the hub flushes on a period.
    pub next: Option<Duration>,
    /// The standard deviation of the times at which leaves' batches arrive, if that is much.
    pub jitter: Option<Duration>,
    /// In an `auto` cluster: how to spread values from now on.
    pub plan: Option<Plan>,
    /// The nodes that the hub cannot reach at present.
    pub unreachable: Vec<PeerId>,
}

static NOTHING: Announcement = Announcement { next: None, jitter: None, plan: None, unreachable: Vec::new() };

impl Announcement {
    /// To be put into messages. `None` if there is nothing to announce.
    pub(crate) fn shared(self) -> Option<Arc<Announcement>> {
        (self != NOTHING).then(|| Arc::new(self))
    }
}

/// How the nodes of an `auto` cluster spread values. The hub chooses the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Through the hub, which flushes on this period.
    Hub(Duration),
    /// From the origin to every node, at the end of a window of this length.
    Direct(Duration),
}

/// A message that a node sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// A reply to a client.
    ToClient {
        /// The client and its request.
        to: ReplyTo,
        /// The answer.
        reply: Reply,
    },
    /// A message to another node.
    ToPeer {
        /// The receiver.
        to: PeerId,
        /// The message.
        message: PeerMessage,
    },
}
