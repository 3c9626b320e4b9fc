//! What the harness needs to know of a message's content.

use super::history::Element;
use crate::edn::write::Value;

/// The body of a message, in whatever form an engine keeps it: JSON text for real processes, a typed message in
/// simulated time.
pub trait Payload: Clone {
    /// A client's request.
    fn request(request: &Request<'_>, msg_id: u64) -> Self;

    /// The request that this message answers, if it answers one.
    fn in_reply_to(&self) -> Option<u64>;

    /// What it says as an answer to a request of this kind.
    fn response(self, to: Rpc) -> Response;
}

/// A client's request to a node.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Tells a node its name and everyone's names.
    Init {
        /// The node's name.
        node: &'a str,
        /// All nodes' names.
        all: &'a [String],
    },
    /// Tells a node all neighbourhoods.
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

/// What a node answered.
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
        /// Its text, as it was given.
        text: Value,
    },
    /// Something else than the protocol allows.
    Malformed(Box<Malformed>),
}

/// The values that a node answered a read with.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Small whole numbers, which all reads of this workload are.
    Elements(Vec<Element>),
    /// A list of anything.
    Items(Vec<Item>),
    /// No list at all (`null`), which Maelstrom takes for an empty one.
    Nil,
    /// The first so many values of the log that the driver keeps for the node
    /// (see [`super::run::Run::record_values`]).
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

/// An answer that does not have the form that its request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The answer's body.
    pub body: Value,
    /// What is wrong with it, by key.
    pub errors: Value,
}

/// Maelstrom's name for an error code, and whether it says that the request definitely did not happen.
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
