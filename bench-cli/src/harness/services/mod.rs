//! Maelstrom's services: nodes of its own that answer other nodes, whatever the workload is.
//!
//! Their ids do not begin with `c`, so messages to and from them have the network's latency and count as
//! messages between servers. Each service has an inbound queue as a node has. Partitions separate nodes from
//! each other and never from a service.
//!
//! [`Stores`] holds what the services know, [`Services`] puts them on the network.

mod eventual;
mod key_value;
mod sequential;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use node::Time;

use self::eventual::Eventual;
use self::key_value::KeyValueCall;
use self::sequential::Sequential;
use super::address::{Address, NodeId};
use super::maelstrom_timing::DeliveryTiming;
use super::message_counts::MessageCounts;
use super::network::{Delivery, Network};
use super::payload::Payload;
use super::rng_streams::{Purpose, RngStream};
use crate::json::Json;
use crate::spec::settings::Latency;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// A linearizable key-value store.
    LinKv,
    /// A sequentially consistent key-value store: reads may be stale.
    SeqKv,
    /// An eventually consistent key-value store, in which the last write wins: updates may be lost.
    LwwKv,
    /// A source of ascending timestamps.
    LinTso,
}

impl Service {
    /// Every service, each at the index that is its number (`as usize`).
    pub const ALL: [Service; 4] = [Service::LinKv, Service::SeqKv, Service::LwwKv, Service::LinTso];

    /// Its name on the network.
    pub const fn name(self) -> &'static str {
        match self {
            Service::LinKv => "lin-kv",
            Service::SeqKv => "seq-kv",
            Service::LwwKv => "lww-kv",
            Service::LinTso => "lin-tso",
        }
    }

    /// The service with this name.
    pub fn by_name(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.name() == name)
    }
}

/// A JSON value as a text that is the same for all equal values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Datum(Box<str>);

impl Datum {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Json> for Datum {
    fn from(value: Json) -> Datum {
        Datum(value.sorted().to_string().into())
    }
}

/// What a node asks of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Asks a key-value store.
    KeyValue(KeyValueCall),
    /// Asks `lin-tso` for the next timestamp.
    Timestamp,
    /// A type of message that no service knows.
    Unknown,
}

impl Request {
    /// The request in the body of a message. An absent key or value is `null`, as in Maelstrom.
    pub fn from_body(body: &Json) -> Request {
        let field = |name: &str| Datum::from(body.get(name).cloned().unwrap_or(Json::Null));
        let key = || field("key");
        match body.get("type").and_then(Json::as_str) {
            Some("read") => Request::KeyValue(KeyValueCall::Read { key: key() }),
            Some("write") => Request::KeyValue(KeyValueCall::Write { key: key(), value: field("value") }),
            Some("cas") => {
                let creates = body.get("create_if_not_exists");
                // Anything but `null` and `false` counts as true.
                let creates = !matches!(creates, None | Some(Json::Null | Json::Bool(false)));
                Request::KeyValue(KeyValueCall::CompareAndSet {
                    key: key(),
                    from: field("from"),
                    to: field("to"),
                    creates,
                })
            }
            Some("ts") => Request::Timestamp,
            _ => Request::Unknown,
        }
    }
}

/// What a service answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `read_ok`
    Value(Datum),
    /// `write_ok`
    Written,
    /// `cas_ok`
    Swapped,
    /// `ts_ok`
    Timestamp(u64),
    /// An error: its code and its text.
    Error(ErrorCode, String),
}

/// Why a service did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The key has no value.
    KeyDoesNotExist = 20,
    /// The value is not the expected one.
    PreconditionFailed = 22,
}

impl Reply {
    /// The body of the message.
    ///
    /// `in_reply_to` is the request's `msg_id`, whatever that is.
    pub fn to_body(&self, in_reply_to: Json) -> Json {
        let text = |text: &str| Json::Str(text.to_owned());
        let parsed = |datum: &Datum| crate::json::first_value(&datum.0).unwrap_or(Json::Null);
        let fields = match self {
            Reply::Value(value) => vec![("type", text("read_ok")), ("value", parsed(value))],
            Reply::Written => vec![("type", text("write_ok"))],
            Reply::Swapped => vec![("type", text("cas_ok"))],
            Reply::Timestamp(timestamp) => {
                vec![("type", text("ts_ok")), ("ts", Json::Int(*timestamp as i64))]
            }
            Reply::Error(code, problem) => {
                vec![("type", text("error")), ("code", Json::Int(*code as i64)), ("text", text(problem))]
            }
        };
        let fields = fields.into_iter().chain([("in_reply_to", in_reply_to)]);
        Json::Object(fields.map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

/// What the services know.
#[derive(Debug)]
pub struct Stores {
    linearizable: BTreeMap<Datum, Datum>,
    sequential: Sequential,
    eventual: Eventual,
    next_timestamp: u64,
    rng: RngStream,
}

impl Stores {
    /// Empty stores whose random choices this stream makes.
    pub fn new(rng: RngStream) -> Stores {
        Stores {
            linearizable: BTreeMap::new(),
            sequential: Sequential::default(),
            eventual: Eventual::default(),
            next_timestamp: 0,
            rng,
        }
    }

    /// The service's answer to a request of `client`; `None` if the service does not know such requests.
    pub fn handle(&mut self, service: Service, client: Address, request: &Request) -> Option<Reply> {
        match (service, request) {
            (Service::LinTso, Request::Timestamp) => {
                let timestamp = self.next_timestamp;
                self.next_timestamp += 1;
                Some(Reply::Timestamp(timestamp))
            }
            (Service::LinKv, Request::KeyValue(call)) => Some(self.linearizable(call)),
            (Service::SeqKv, Request::KeyValue(call)) => {
                Some(self.sequential.handle(client, call, &mut self.rng))
            }
            (Service::LwwKv, Request::KeyValue(call)) => Some(self.eventual.handle(call, &mut self.rng)),
            _ => None,
        }
    }

    fn linearizable(&mut self, call: &KeyValueCall) -> Reply {
        let (reply, change) = call.evaluate(self.linearizable.get(call.key()));
        if let Some(value) = change {
            self.linearizable.insert(call.key().clone(), value);
        }
        reply
    }
}

/// A request that a service has taken from its queue.
#[derive(Debug)]
pub struct Served<P> {
    /// The service.
    pub service: Service,
    /// The sender.
    pub src: Address,
    /// The request.
    pub payload: P,
    /// When it was sent.
    pub sent: Time,
    /// The answer; `None` if the service does not know such requests.
    pub answer: Option<P>,
}

/// The services on the network.
#[derive(Debug)]
pub struct Services<P> {
    stores: Stores,
    /// The services' queues, on a network of their own whose "nodes" are the services. No link of it is ever
    /// cut.
    network: Network<P>,
}

impl<P: Payload> Services<P> {
    /// Services with empty stores.
    pub fn new(latency: Latency, timing: DeliveryTiming, seed: u64) -> Services<P> {
        let mut rng = RngStream::new(seed, Purpose::Services);
        let network = Network::new(Service::ALL.len(), latency, timing, rng.bits());
        Services { stores: Stores::new(rng), network }
    }

    /// The messages to services so far. Their answers are on the nodes' network.
    pub fn counts(&self) -> MessageCounts {
        self.network.counts()
    }

    /// When the next request is due.
    pub fn next_deadline(&self) -> Time {
        self.network.next_deadline()
    }

    /// Sends a request.
    pub fn send(&mut self, now: Time, src: Address, service: Service, payload: P) {
        self.network.send(now, src, NodeId(service as u32), payload);
    }

    /// The next request that is due by `now`, with the service's answer.
    pub fn poll(&mut self, now: Time) -> Option<Served<P>> {
        let Delivery { src, dest, payload, sent, .. } = self.network.poll_delivery(now)?;
        let service = Service::ALL[dest.index()];
        let reply = self.stores.handle(service, src, &payload.service_request());
        let answer = reply.map(|reply| payload.service_reply(&reply));
        Some(Served { service, src, payload, sent, answer })
    }
}
