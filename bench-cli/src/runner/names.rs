//! The translation between names in messages and addresses in the harness.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::harness::address::{Address, ClientId, NodeId};
use crate::harness::services::Service;
use crate::json;

/// The nodes' names. A client's is `c` and its number.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<String>,
    /// The names as JSON strings.
    quoted: Vec<String>,
    by_name: FxHashMap<String, NodeId>,
}

impl Names {
    pub(super) fn new(names: &[String]) -> Names {
        Names {
            names: names.to_vec(),
            quoted: names.iter().map(|name| json::quoted(name)).collect(),
            by_name: names.iter().cloned().zip((0..).map(NodeId)).collect(),
        }
    }

    /// All nodes, in order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.names.len() as u32).map(NodeId)
    }

    /// The node's name.
    pub(super) fn of(&self, node: NodeId) -> &str {
        &self.names[node.index()]
    }

    /// The address with this name. For a client's name, the client need not exist: the network checks that.
    pub(super) fn address(&self, name: &str) -> Option<Address> {
        let node = || self.by_name.get(name).map(|&node| Address::Node(node));
        let service = || Service::by_name(name).map(Address::Service);
        node().or_else(|| client(name).map(Address::Client)).or_else(service)
    }

    /// The name at this address.
    pub(super) fn name(&self, address: Address) -> String {
        match address {
            Address::Client(ClientId(number)) => format!("c{number}"),
            Address::Node(node) => self.of(node).to_owned(),
            Address::Service(service) => service.name().to_owned(),
        }
    }

    /// The same as a JSON string, for printing.
    pub(super) fn json(&self, address: Address) -> impl fmt::Display {
        struct Quoted<'a>(&'a Names, Address);

        impl fmt::Display for Quoted<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.1 {
                    Address::Client(ClientId(number)) => write!(f, "\"c{number}\""),
                    Address::Node(node) => f.write_str(&self.0.quoted[node.index()]),
                    Address::Service(service) => write!(f, "\"{}\"", service.name()),
                }
            }
        }

        Quoted(self, address)
    }
}

/// The client with this name: `c` and a number without signs and leading zeros.
fn client(name: &str) -> Option<ClientId> {
    let number = name.strip_prefix('c')?;
    let id = number.parse::<u32>().ok()?;
    (id.to_string() == number).then_some(ClientId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_the_same_both_ways() {
        let names = Names::new(&["n0".to_owned(), "c\"x".to_owned()]);
        for (name, json) in
            [("n0", r#""n0""#), ("c\"x", r#""c\"x""#), ("c12", r#""c12""#), ("lin-kv", r#""lin-kv""#)]
        {
            let address = names.address(name).expect("an address");
            assert_eq!(names.name(address), name);
            assert_eq!(names.json(address).to_string(), json);
        }
        for nobody in ["n1", "c", "cx", "c-1", "c+1", "c01", "", "kv"] {
            assert_eq!(names.address(nobody), None);
        }
    }
}
