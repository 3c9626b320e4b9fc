//! Maelstrom's wire format: one JSON object per line.
//!
//! ```text
//! {"src":"c1","dest":"n1","body":{"type":"broadcast","msg_id":1,"message":1000}}
//! {"src":"n1","dest":"n0","body":{"type":"batch","seq":12,"values":[7,8],"ack":40,"delay":2113}}
//! ```
//!
//! [`Wire::parse`] turns a line into a typed [`Incoming`], [`Wire::encode`] a [`Transmit`] into bytes. Both
//! know the nodes' names from the `init` request that [`Wire::parse`] saw.
//!
//! Nodes use three types of message among themselves. `broadcast_internal` and `broadcast_internal_ok` are
//! those of the `tree` strategy, named as in the tutorial. `batch` is a [`LinkMessage`](crate::LinkMessage).
//! Empty fields of a `batch` are left out, and names of frequent fields are short, because every byte costs
//! CPU time on both sides:
//!
//! | field | meaning |
//! |---|---|
//! | `inc`, `to_inc` | the incarnations of the sender and of the receiver that the message is meant for |
//! | `seq`, `values` | the values, and the number of the first one |
//! | `ack`, `delay` | how many values arrived without a gap, and µs since the last of them arrived |
//! | `ack_requested` | the sender wants an acknowledgement at once |
//! | `rtx`, `rtx_ack` | the number of this retransmission; the highest one that the sender has received |
//! | `received` | the ranges received beyond a gap |
//! | `wants_phase` | leaf to hub: tell me when the hub flushes |
//! | `next` | hub to leaf: µs to the hub's next flush |
//! | `jitter` | hub to leaf: the standard deviation of batches' arrivals in µs |
//! | `period` or `window` | hub to leaf: the plan of `auto`, in µs |
//! | `direct` | leaf to hub: the sender sends these values to every node itself |
//! | `unreachable` | hub to leaf: the nodes that the hub cannot reach |
//! | `hub_unreachable` | leaf to leaf: the sender cannot reach the hub |

mod json;
mod peer;

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::json::{json, push_number, push_string, quote, string};
use self::peer::{encode_peer, parse_peer};
use crate::message::{ErrorCode, PeerId, PeerMessage, Reply, ReplyTo, Request, Transmit};
use crate::values::{Encoded, Value, Values};

/// A parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A client's request.
    Request(ReplyTo, Request),
    /// A request that cannot be served, and the error to answer.
    Rejected(ReplyTo, Reply),
    /// Another node's message.
    Peer(PeerId, PeerMessage),
}

/// Why a line was skipped. It gets no answer, because it is not a request.
#[derive(Debug, thiserror::Error)]
pub enum Skipped {
    /// Not JSON, not UTF-8, or without `src` and `body`.
    #[error("not a message: {0}")]
    NotAMessage(serde_json::Error),
    /// A message that this node cannot use.
    #[error("{0}")]
    NotUsable(String),
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    body: Body<'a>,
}

/// Every field of every type, unparsed. A flat struct is faster than an enum tagged by `type`, and lets an
/// error name the field that has the wrong type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    msg_id: Option<&'a RawValue>,
    #[serde(borrow)]
    in_reply_to: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    node_id: Option<&'a RawValue>,
    #[serde(borrow)]
    node_ids: Option<&'a RawValue>,
    #[serde(borrow, rename = "inc")]
    incarnation: Option<&'a RawValue>,
    #[serde(borrow, rename = "to_inc")]
    to_incarnation: Option<&'a RawValue>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    ack: Option<&'a RawValue>,
    #[serde(borrow, rename = "delay")]
    ack_delay: Option<&'a RawValue>,
    #[serde(borrow)]
    ack_requested: Option<&'a RawValue>,
    #[serde(borrow, rename = "rtx")]
    retransmission: Option<&'a RawValue>,
    #[serde(borrow, rename = "rtx_ack")]
    retransmissions_received: Option<&'a RawValue>,
    #[serde(borrow)]
    received: Option<&'a RawValue>,
    #[serde(borrow)]
    wants_phase: Option<&'a RawValue>,
    #[serde(borrow)]
    jitter: Option<&'a RawValue>,
    #[serde(borrow)]
    next: Option<&'a RawValue>,
    #[serde(borrow)]
    period: Option<&'a RawValue>,
    #[serde(borrow)]
    window: Option<&'a RawValue>,
    #[serde(borrow)]
    direct: Option<&'a RawValue>,
    #[serde(borrow)]
    unreachable: Option<&'a RawValue>,
    #[serde(borrow)]
    hub_unreachable: Option<&'a RawValue>,
}

/// Parses and encodes lines.
#[derive(Debug, Default)]
pub struct Wire {
    names: Names,
    encoded: Encoded,
    /// The client of the last request. It mostly asks again, and then its name is not copied.
    client: Arc<str>,
}

/// The names of the nodes, once `init` has come.
#[derive(Debug, Default)]
struct Names {
    me: Option<PeerId>,
    ids: Vec<String>,
    /// The ids as JSON strings, ready to be written.
    quoted: Vec<String>,
    index: FxHashMap<String, PeerId>,
}

/// The error that answers a request that cannot be served.
type Refusal = (ErrorCode, Cow<'static, str>);

impl Wire {
    /// This node's name, once `init` has come.
    pub fn me(&self) -> Option<&str> {
        self.names.me.map(|me| self.names.ids[me.index()].as_str())
    }

    /// Parses a line.
    ///
    /// # Errors
    /// If the line is not a message, or is a message that this node can neither use nor answer.
    pub fn parse(&mut self, line: &[u8]) -> Result<Incoming, Skipped> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(Skipped::NotAMessage)?;
        let body = &line.body;
        let kind: Option<Cow<'_, str>> = body.kind.and_then(string);
        if let Some(&peer) = self.names.index.get(line.src.as_ref())
            && let Some(message) = parse_peer(kind.as_deref(), body)
        {
            return match message {
                Ok(message) => Ok(Incoming::Peer(peer, message)),
                Err(why) => Err(unusable(&line.src, kind.as_deref(), &why)),
            };
        }
        if body.in_reply_to.is_some() {
            return Err(unusable(&line.src, kind.as_deref(), "a reply to nothing that this node asked"));
        }
        let Some(msg_id) = body.msg_id.and_then(json) else {
            return Err(unusable(
                &line.src,
                kind.as_deref(),
                "no msg_id to answer to, so it is not a request",
            ));
        };
        let from = ReplyTo { client: self.client(&line.src), msg_id };
        Ok(match self.parse_request(kind.as_deref(), body) {
            Ok(request) => Incoming::Request(from, request),
            Err((code, text)) => Incoming::Rejected(from, Reply::Error { code, text }),
        })
    }

    fn client(&mut self, name: &str) -> Arc<str> {
        if *self.client != *name {
            self.client = name.into();
        }
        Arc::clone(&self.client)
    }

    fn parse_request(&mut self, kind: Option<&str>, body: &Body<'_>) -> Result<Request, Refusal> {
        let malformed = |text: String| (ErrorCode::MalformedRequest, Cow::Owned(text));
        match kind {
            Some("init") => self.parse_init(body),
            Some("topology") => Ok(Request::Topology),
            Some("read") => Ok(Request::Read),
            Some("broadcast") => {
                let message = body.message.ok_or("broadcast needs a field message".to_owned());
                let value = message.and_then(|raw| {
                    Value::from_json(raw.get()).map_err(|why| format!("broadcast's message is {why}"))
                });
                value.map(Request::Broadcast).map_err(malformed)
            }
            Some(other) => {
                let known = "this node knows init, topology, broadcast and read";
                let shown: String = other.chars().take(50).collect();
                Err((ErrorCode::NotSupported, format!("unknown request type {shown:?}: {known}").into()))
            }
            None => Err(malformed("the body needs a field type, a string".to_owned())),
        }
    }

    fn parse_init(&mut self, body: &Body<'_>) -> Result<Request, Refusal> {
        let malformed = |text: String| (ErrorCode::MalformedRequest, Cow::Owned(text));
        let missing = |field: &str| malformed(format!("init needs a field {field}"));
        let me = body.node_id.and_then(string).ok_or_else(|| missing("node_id, a string"))?;
        let ids: Option<Vec<String>> = body.node_ids.and_then(json);
        let ids = ids.ok_or_else(|| missing("node_ids, an array of strings"))?;
        let names = Names::new(ids, &me).map_err(malformed)?;
        let own = names.me.expect("a new table knows its own node");
        let nodes = names.ids.len() as u32;
        if self.names.me.is_none() {
            self.names = names;
        } else if self.names.ids != names.ids {
            let text = "this node has another identity already: init came before, with other node_ids";
            return Err((ErrorCode::PreconditionFailed, text.into()));
        }
        Ok(Request::Init { me: own, nodes })
    }

    /// Appends `transmit` as a line. `values` is the node's log, of which a `read_ok` names a prefix.
    pub fn encode(&mut self, transmit: &Transmit, values: &Values, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"src\":");
        let me = self.names.me.map_or("\"\"", |me| &self.names.quoted[me.index()]);
        out.extend_from_slice(me.as_bytes());
        out.extend_from_slice(b",\"dest\":");
        match transmit {
            Transmit::ToClient { to, reply } => {
                push_string(&to.client, out);
                out.extend_from_slice(b",\"body\":{\"in_reply_to\":");
                push_number(to.msg_id, out);
                self.encode_reply(reply, values, out);
            }
            Transmit::ToPeer { to, message } => {
                out.extend_from_slice(self.names.quoted[to.index()].as_bytes());
                out.extend_from_slice(b",\"body\":{");
                encode_peer(message, out);
            }
        }
        out.extend_from_slice(b"}}\n");
    }

    fn encode_reply(&mut self, reply: &Reply, values: &Values, out: &mut Vec<u8>) {
        match reply {
            Reply::InitOk => out.extend_from_slice(b",\"type\":\"init_ok\""),
            Reply::TopologyOk => out.extend_from_slice(b",\"type\":\"topology_ok\""),
            Reply::BroadcastOk => out.extend_from_slice(b",\"type\":\"broadcast_ok\""),
            Reply::ReadOk { len } => {
                out.extend_from_slice(b",\"type\":\"read_ok\",\"messages\":[");
                out.extend_from_slice(self.encoded.prefix(values.as_slice(), *len));
                out.push(b']');
            }
            Reply::Error { code, text } => {
                out.extend_from_slice(b",\"type\":\"error\",\"code\":");
                push_number(u64::from(code.number()), out);
                out.extend_from_slice(b",\"text\":");
                push_string(text, out);
            }
        }
    }
}

/// The body of a message between nodes, as it is on the wire.
pub fn peer_body(message: &PeerMessage) -> String {
    let mut body = vec![b'{'];
    encode_peer(message, &mut body);
    body.push(b'}');
    String::from_utf8_lossy(&body).into_owned()
}

impl Names {
    fn new(ids: Vec<String>, me: &str) -> Result<Names, String> {
        u32::try_from(ids.len()).map_err(|_| "init's node_ids are more than 2^32".to_owned())?;
        let mut index = FxHashMap::default();
        for (peer, id) in (0..).map(PeerId).zip(&ids) {
            if index.insert(id.clone(), peer).is_some() {
                return Err(format!("init's node_ids hold {id:?} twice"));
            }
        }
        let me = *index.get(me).ok_or_else(|| format!("init's node_ids lack the node's own id {me:?}"))?;
        let quoted = ids.iter().map(|id| quote(id)).collect();
        Ok(Names { me: Some(me), ids, quoted, index })
    }
}

fn unusable(src: &str, kind: Option<&str>, why: &str) -> Skipped {
    Skipped::NotUsable(format!("message of type {:?} from {src:?} skipped: {why}", kind.unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::link::Header;
    use crate::message::{Announcement, Batch, Incarnation, LinkMessage, Plan};
    use crate::time::Nanos;

    fn wire() -> Wire {
        let mut wire = Wire::default();
        let init = br#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n0","n1"]}}"#;
        let request = Request::Init { me: PeerId(1), nodes: 2 };
        let from = ReplyTo { client: "c0".into(), msg_id: 1 };
        assert_eq!(wire.parse(init).unwrap(), Incoming::Request(from, request));
        wire
    }

    fn error_of(body: &str) -> (u32, String) {
        let line = format!(r#"{{"src":"c7","dest":"n1","body":{body}}}"#);
        match wire().parse(line.as_bytes()).unwrap() {
            Incoming::Rejected(_, Reply::Error { code, text }) => (code.number(), text.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_read_whatever_their_spelling() {
        let line =
            br#" {"body": {"message" : [1, "x"], "msg_id":5, "\u0074ype":"broad\u0063ast", "extra":{}}, "id":3, "src":"c\n"} "#;
        let from = ReplyTo { client: "c\n".into(), msg_id: 5 };
        let value = Value::from_json(r#"[1,"x"]"#).unwrap();
        assert_eq!(wire().parse(line).unwrap(), Incoming::Request(from, Request::Broadcast(value)));
    }

    #[test]
    fn errors_say_which_field_is_wrong() {
        assert_eq!(
            error_of(r#"{"type":"broadcast","msg_id":2}"#),
            (12, "broadcast needs a field message".into())
        );
        let (code, text) = error_of(r#"{"type":"init","msg_id":2,"node_id":3}"#);
        assert!(code == 12 && text.contains("node_id"), "{text}");
        let (code, text) = error_of(r#"{"type":"init","msg_id":2,"node_id":"n9","node_ids":["n0"]}"#);
        assert!(code == 12 && text.contains("n9"), "{text}");
        let (code, text) = error_of(r#"{"type":"init","msg_id":2,"node_id":"n0","node_ids":["n0","n0"]}"#);
        assert!(code == 12 && text.contains("twice"), "{text}");
        let (code, text) = error_of(r#"{"type":"frobnicate","msg_id":2}"#);
        assert!(code == 10 && text.contains("frobnicate"), "{text}");
        assert_eq!(error_of(r#"{"msg_id":2}"#).0, 12);
        assert_eq!(error_of(r#"{"type":7,"msg_id":2}"#).0, 12);
        let deep = "[".repeat(9999) + &"]".repeat(9999);
        let (code, text) = error_of(&format!(r#"{{"type":"broadcast","msg_id":2,"message":{deep}}}"#));
        assert!(code == 12 && text.contains("nested"), "{text}");
        assert_eq!(error_of(r#"{"type":"batch","msg_id":2}"#).0, 10, "clients have no links");
    }

    #[test]
    fn lines_that_are_not_requests_are_skipped() {
        for line in [
            "",
            "nonsense",
            "[1]",
            "{}",
            "\u{0}",
            r#"{"src":"c1","body":7}"#,
            r#"{"src":"c1","body":{"type":"broadcast","message":1}}"#,
            r#"{"src":"c1","body":{"type":"broadcast","message":1,"msg_id":"x"}}"#,
            r#"{"src":"c1","body":{"type":"x","msg_id":1,"in_reply_to":1}}"#,
            r#"{"src":"n0","body":{"type":"batch","seq":-1}}"#,
            r#"{"src":"n0","body":{"type":"batch","values":[1,}}"#,
            r#"{"src":"n0","body":{"type":"broadcast_internal","messages":[1]}}"#,
        ] {
            assert!(wire().parse(line.as_bytes()).is_err(), "{line}");
        }
        assert!(wire().parse(b"{\"src\":\"c\xff\",\"body\":{}}").is_err());
        let mut deep = vec![b'['; 1_000_000];
        deep.extend_from_slice(b"}}");
        assert!(wire().parse(&deep).is_err());
    }

    #[test]
    fn peers_understand_each_other() {
        let values: Batch =
            [Value::Int(7), Value::Int(-8), Value::from_json(r#"{"a":[-0,1.50]}"#).unwrap()].into();
        let us = Duration::from_micros;
        let full = LinkMessage {
            header: Header {
                from: Incarnation(1_764_230_000_123),
                to: Some(Incarnation(0)),
                seq: u64::MAX,
                ack: 3,
                ack_delay: Some(Nanos::of(us(1500))),
                ack_requested: true,
                retransmission: 4,
                retransmissions_received: 2,
                received: [5..7, 9..10].into(),
            },
            values: values.clone(),
            wants_phase: true,
            hub_unreachable: true,
            direct: true,
            announcement: Announcement {
                next: Some(us(0)),
                jitter: Some(us(2)),
                plan: Some(Plan::Direct(us(3))),
                unreachable: [PeerId(0), PeerId(4)].into(),
            }
            .shared(),
        };
        let plan = Announcement { plan: Some(Plan::Hub(us(7))), ..Announcement::default() };
        let hub = LinkMessage { announcement: plan.shared(), ..LinkMessage::default() };
        for message in [
            PeerMessage::TreeBatch { msg_id: 3, values },
            PeerMessage::TreeAck { in_reply_to: 3 },
            PeerMessage::Link(Box::default()),
            PeerMessage::Link(Box::new(full)),
            PeerMessage::Link(Box::new(hub)),
        ] {
            let mut line = Vec::new();
            // The sender is n1, so that it must be the receiver's peer.
            let transmit = Transmit::ToPeer { to: PeerId(0), message: message.clone() };
            wire().encode(&transmit, &Values::default(), &mut line);
            assert_eq!(wire().parse(&line).unwrap(), Incoming::Peer(PeerId(1), message));
        }
    }

    #[test]
    fn replies_have_the_form_that_clients_expect() {
        let mut wire = wire();
        let mut values = Values::default();
        values.insert(&Value::Int(1));
        values.insert(&Value::Int(2));
        let mut encode = |reply| {
            let mut out = Vec::new();
            let to = ReplyTo { client: "c\"1".into(), msg_id: 9 };
            wire.encode(&Transmit::ToClient { to, reply }, &values, &mut out);
            serde_json::from_slice::<serde_json::Value>(&out).unwrap()
        };
        let expected = serde_json::json!({"src": "n1", "dest": "c\"1",
            "body": {"type": "read_ok", "in_reply_to": 9, "messages": [1, 2]}});
        assert_eq!(encode(Reply::ReadOk { len: 2 }), expected);
        assert_eq!(encode(Reply::ReadOk { len: 0 })["body"]["messages"], serde_json::json!([]));
        let error = encode(Reply::Error { code: ErrorCode::NotSupported, text: "a\"b".into() });
        assert_eq!(error["body"]["code"], 10);
        assert_eq!(error["body"]["text"], "a\"b");
    }
}
