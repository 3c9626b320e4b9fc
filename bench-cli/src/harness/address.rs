//! Who sends and receives messages.

use std::fmt;

use super::services::Service;

/// A node, by its place in the list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The place in the list of nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A client, by the number in its name: `c7` is 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// Who sends or receives a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A node.
    Node(NodeId),
    /// A client.
    Client(ClientId),
    /// A service.
    Service(Service),
}

impl fmt::Display for Address {
    /// The name that the driver of this repository's node gives: `n0`, `c7`, `lin-kv`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Node(NodeId(node)) => write!(f, "n{node}"),
            Address::Client(ClientId(client)) => write!(f, "c{client}"),
            Address::Service(service) => f.write_str(service.name()),
        }
    }
}
