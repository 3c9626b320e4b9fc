//! Messages as typed values, never encoded.

use std::sync::Arc;

use node::{PeerId, PeerMessage, Reply, ReplyTo, Value};

use crate::edn::Value as Edn;
use crate::harness::history::Element;
use crate::harness::payload::{self, Payload, Request, Response, Rpc};
use crate::harness::services;

/// The body of a message.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// From a client to a node.
    Request { request: node::Request, msg_id: u64 },
    /// From a node to a client.
    Reply { reply: Reply, in_reply_to: u64 },
    /// From a node to another. Boxed, because messages move through several queues on their way.
    Peer(Box<PeerMessage>),
}

impl Payload for Body {
    fn request(request: &Request<'_>, msg_id: u64) -> Body {
        let request = match *request {
            Request::Init { node, all } => {
                let me = all.iter().position(|name| name == node).expect("a node is one of all nodes");
                node::Request::Init { me: PeerId(me as u32), nodes: all.len() as u32 }
            }
            Request::Topology { .. } => node::Request::Topology,
            Request::Broadcast(value) => node::Request::Broadcast(Value::Int(i64::from(value))),
            Request::Read => node::Request::Read,
        };
        Body::Request { request, msg_id }
    }

    fn in_reply_to(&self) -> Option<u64> {
        match self {
            Body::Reply { in_reply_to, .. } => Some(*in_reply_to),
            Body::Request { .. } | Body::Peer(_) => None,
        }
    }

    fn response(self, _to: Rpc) -> Response {
        match self {
            Body::Reply { reply: Reply::InitOk | Reply::TopologyOk | Reply::BroadcastOk, .. } => {
                Response::Done
            }
            Body::Reply { reply: Reply::ReadOk { len }, .. } => {
                Response::Values(payload::Values::Recorded(len as u32))
            }
            Body::Reply { reply: Reply::Error { code, text }, .. } => {
                Response::Error { code: Some(i64::from(code.number())), text: Edn::Str(text.into_owned()) }
            }
            Body::Request { .. } | Body::Peer(_) => unreachable!("only replies are responses"),
        }
    }

    fn service_request(&self) -> services::Request {
        unreachable!("this repository's node uses no services")
    }

    fn service_reply(&self, _reply: &services::Reply) -> Body {
        unreachable!("this repository's node uses no services")
    }
}

/// The address of a node's reply. The simulation knows which client has just asked, so a constant name will do.
pub(super) fn reply_to(msg_id: u64) -> ReplyTo {
    thread_local! {
        static CLIENT: Arc<str> = Arc::from("c");
    }
    ReplyTo { client: CLIENT.with(Arc::clone), msg_id }
}

/// A value as the history stores it. The workload broadcasts only small whole numbers.
pub(super) fn element(value: &Value) -> Element {
    match value {
        Value::Int(value) => Element::from_int(*value),
        Value::Other(_) => None,
    }
    .expect("the workload broadcasts small whole numbers")
}
