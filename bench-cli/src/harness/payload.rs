//! The content of messages, as far as the harness needs it.

use super::history::Element;
use super::services;
use crate::edn::Value;

/// The body of a message in an engine's own form: JSON text for real processes, a typed message in simulated
/// time.
pub trait Payload: Clone {
    /// A client's request.
    fn request(request: &Request<'_>, msg_id: u64) -> Self;

    /// The `msg_id` of the request that this message replies to, if it is a reply.
    fn in_reply_to(&self) -> Option<u64>;

    /// The message as a reply to a request of this kind.
    fn response(self, to: Rpc) -> Response;

    /// The message as a request to a service.
    fn service_request(&self) -> services::Request;

    /// A service's reply to this message.
    fn service_reply(&self, reply: &services::Reply) -> Self;
}

/// A client's request to a node.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Assigns a node its name and lists all names.
    Init {
        /// The node's name.
        node: &'a str,
        /// All nodes' names.
        all: &'a [String],
    },
    /// Suggests neighbours to all nodes.
    Topology {
        /// All nodes' names.
        names: &'a [String],
        /// Each node's neighbours, in node order.
        neighbours: &'a [Vec<usize>],
    },
    /// Adds a value.
    Broadcast(u32),
    /// Asks for all values.
    Read,
}

impl Request<'_> {
    /// Its kind.
    pub fn rpc(&self) -> Rpc {
        match self {
            Request::Init { .. } => Rpc::Init,
            Request::Topology { .. } => Rpc::Topology,
            Request::Broadcast(_) => Rpc::Broadcast,
            Request::Read => Rpc::Read,
        }
    }
}

/// The kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rpc {
    /// `init`
    Init,
    /// `topology`
    Topology,
    /// `broadcast`
    Broadcast,
    /// `read`
    Read,
}

impl Rpc {
    /// The request's `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Rpc::Init => "init",
            Rpc::Topology => "topology",
            Rpc::Broadcast => "broadcast",
            Rpc::Read => "read",
        }
    }
}

/// A node's reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The request was done.
    Done,
    /// The values of a read.
    Values(Values),
    /// An error message.
    Error {
        /// The error's code, if it is a whole number.
        code: Option<i64>,
        /// Its text as the node sent it.
        text: Value,
    },
    /// A reply that the protocol does not allow.
    Malformed(Box<Malformed>),
}

/// The values in a reply to a read.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Small whole numbers, as this workload broadcasts them.
    Elements(Vec<Element>),
    /// A list of any values.
    Items(Vec<Item>),
    /// `null` instead of a list, which Maelstrom treats as an empty one.
    Nil,
    /// The first values of the log that the driver keeps for the node (see
    /// [`super::run::Run::record_values`]): how many.
    Recorded(u32),
}

/// A value in the list of a read.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A small whole number.
    Element(Element),
    /// Anything else, as EDN text.
    Other(Box<str>),
}

/// A reply whose form does not fit its request.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The reply's body.
    pub body: Value,
    /// The problems, by key.
    pub errors: Value,
}

/// Maelstrom's name for an error code, and whether it means that the request definitely did not happen.
pub fn error_meaning(code: Option<i64>) -> (&'static str, bool) {
    match code {
        Some(0) => ("timeout", false),
        Some(1) => ("node-not-found", true),
        Some(10) => ("not-supported", true),
        Some(11) => ("temporarily-unavailable", true),
        Some(12) => ("malformed-request", true),
        Some(13) => ("crash", false),
        Some(14) => ("abort", true),
        Some(20) => ("key-does-not-exist", true),
        Some(21) => ("key-already-exists", true),
        Some(22) => ("precondition-failed", true),
        Some(30) => ("txn-conflict", true),
        _ => ("unknown", false),
    }
}
