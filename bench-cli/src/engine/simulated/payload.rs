//! Messages as typed values, never encoded.

use std::borrow::Cow;

use node::{ErrorCode, PeerId, PeerMessage, Reply, Value};

use crate::edn::Value as Edn;
use crate::harness::history::Element;
use crate::harness::payload::{self, Payload, Request, Response, Rpc};
use crate::harness::services;

/// The body of a message. Small, because messages move through several queues on their way.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// From a client to a node.
    Request { request: ClientRequest, msg_id: u64 },
    /// From a node to a client.
    Reply { reply: NodeReply, in_reply_to: u64 },
    /// From a node to another.
    Peer(PeerMessage),
}

const _: () = assert!(size_of::<Body>() <= 32);

/// A [`node::Request`] of this workload, which broadcasts only small numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientRequest {
    Init { me: PeerId, nodes: u32 },
    Topology,
    Broadcast(u32),
    Read,
}

impl From<ClientRequest> for node::Request {
    fn from(request: ClientRequest) -> node::Request {
        match request {
            ClientRequest::Init { me, nodes } => node::Request::Init { me, nodes },
            ClientRequest::Topology => node::Request::Topology,
            ClientRequest::Broadcast(value) => node::Request::Broadcast(Value::Int(i64::from(value))),
            ClientRequest::Read => node::Request::Read,
        }
    }
}

/// A node's [`Reply`], as far as a client tells replies apart.
#[derive(Clone, Debug)]
pub(super) enum NodeReply {
    Done,
    /// To a read: how many values of the node's log.
    Values(u32),
    Error(Box<NodeError>),
}

#[derive(Clone, Debug)]
pub(super) struct NodeError {
    code: ErrorCode,
    text: Cow<'static, str>,
}

impl From<Reply> for NodeReply {
    fn from(reply: Reply) -> NodeReply {
        match reply {
            Reply::InitOk | Reply::TopologyOk | Reply::BroadcastOk => NodeReply::Done,
            Reply::ReadOk { len } => NodeReply::Values(len as u32),
            Reply::Error { code, text } => NodeReply::Error(Box::new(NodeError { code, text })),
        }
    }
}

impl Body {
    /// The body as a process would write it, but a reply to a read has the number of its values alone.
    pub(super) fn to_json(&self) -> String {
        match self {
            Body::Request { request: ClientRequest::Init { .. }, .. } => r#"{"type":"init"}"#.to_owned(),
            Body::Request { request: ClientRequest::Topology, .. } => r#"{"type":"topology"}"#.to_owned(),
            Body::Request { request: ClientRequest::Broadcast(value), .. } => {
                format!(r#"{{"type":"broadcast","message":{value}}}"#)
            }
            Body::Request { request: ClientRequest::Read, .. } => r#"{"type":"read"}"#.to_owned(),
            Body::Reply { reply: NodeReply::Done, .. } => r#"{"type":"ok"}"#.to_owned(),
            Body::Reply { reply: NodeReply::Values(len), .. } => {
                format!(r#"{{"type":"read_ok","values":{len}}}"#)
            }
            Body::Reply { reply: NodeReply::Error(error), .. } => {
                format!(r#"{{"type":"error","code":{}}}"#, error.code.number())
            }
            Body::Peer(message) => node::wire::peer_body(message),
        }
    }
}

impl Payload for Body {
    fn request(request: &Request<'_>, msg_id: u64) -> Body {
        let request = match *request {
            Request::Init { node, all } => {
                let me = all.iter().position(|name| name == node).expect("a node is one of all nodes");
                ClientRequest::Init { me: PeerId(me as u32), nodes: all.len() as u32 }
            }
            Request::Topology { .. } => ClientRequest::Topology,
            Request::Broadcast(value) => ClientRequest::Broadcast(value),
            Request::Read => ClientRequest::Read,
        };
        Body::Request { request, msg_id }
    }

    fn in_reply_to(&self) -> Option<u64> {
        match self {
            Body::Reply { in_reply_to, .. } => Some(*in_reply_to),
            Body::Request { .. } | Body::Peer(_) => None,
        }
    }

    #[inline]
    fn response(self, _to: Rpc) -> Response {
        match self {
            Body::Reply { reply: NodeReply::Done, .. } => Response::Done,
            Body::Reply { reply: NodeReply::Values(len), .. } => {
                Response::Values(payload::Values::Recorded(len))
            }
            Body::Reply { reply: NodeReply::Error(error), .. } => Response::Error {
                code: Some(i64::from(error.code.number())),
                text: Edn::Str(error.text.into_owned()),
            },
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

/// A value as the history stores it. The workload broadcasts only small whole numbers.
pub(super) fn element(value: &Value) -> Element {
    match value {
        Value::Int(value) => Element::from_int(*value),
        Value::Other(_) => None,
    }
    .expect("the workload broadcasts small whole numbers")
}
