//! Messages as typed values: nothing is encoded on the way.

use std::sync::Arc;

use node::{PeerId, PeerMessage, Reply, ReplyTo, Value};

use crate::edn::write::Value as Edn;
use crate::harness::history::Element;
use crate::harness::payload::{self, Payload, Request, Response, Rpc};

/// The body of a message.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A client asks.
    Request { request: node::Request, msg_id: u64 },
    /// A node answers.
    Reply { reply: Reply, in_reply_to: u64 },
    /// A node talks to another. Boxed, because messages move through queues many times on their way.
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
}

/// Whom a node answers. The driver knows which client has just asked, so no name is needed.
pub(super) fn reply_to(msg_id: u64) -> ReplyTo {
    thread_local! {
        static NOBODY: Arc<str> = Arc::from("c");
    }
    ReplyTo { client: NOBODY.with(Arc::clone), msg_id }
}

/// A value as the history holds it. This workload broadcasts small whole numbers only.
pub(super) fn element(value: &Value) -> Element {
    match value {
        Value::Int(value) => Element::from_int(*value),
        Value::Other(_) => None,
    }
    .expect("the workload broadcasts small whole numbers")
}
