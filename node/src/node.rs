//! The state machine: a node's identity, its values, and the strategy that spreads them.
//!
//! # The log
//!
//! A node that keeps a log loses nothing that it acknowledged, to a client or to another node, when its
//! process is killed. The state machine does no I/O. It only keeps an order: no `broadcast_ok` and no message
//! to a peer leaves the node before the values that it knows are in its log.
//!
//! ```text
//! a client's new value ──► waits ──────────────┐
//!                                              ├─ unlogged ─► the driver writes them at once, as one batch
//! a peer's new values ──► values, strategy ────┘                   │
//!                           │  │                                   │ on_logged, or on_log_failed
//!          read_ok leaves ◄─┘  └► messages to peers, which wait ◄──┘
//! ```
//!
//! - **A client's new value** has no effect until it is written, and neither has any event after it. So no
//!   read shows it before. If the log cannot be written, the client gets an error, and the value was never
//!   there.
//! - **A peer's new values** have their effect at once. They are written with the first message to a peer
//!   that leaves afterwards, or with a client's next value, so that the log takes few writes. If the log
//!   cannot be written, no message to a peer leaves. Peers, which get no acknowledgement, send their values
//!   again later.
//! - **A read** may show a peer's value that is not in this node's log. The peer had logged the value before
//!   it sent it, and sends it again until this node acknowledges it. This node acknowledges it only after it
//!   has logged it. So if this node is killed before that, the value comes again: [why](crate::storage).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use crate::config::{Config, MAX_BATCH_TIMEOUT};
use crate::message::{ErrorCode, Incarnation, PeerId, PeerMessage, Reply, ReplyTo, Request, Transmit};
use crate::rng::Rng;
use crate::strategy::{self, Context, Operations, Strategy};
use crate::time::Time;
use crate::values::{Value, Values};

/// How long a node waits for `topology`, if it cannot tell whether it was restarted. Maelstrom sends it right
/// after the first start of all nodes, and not after a restart.
const TOPOLOGY_WAIT: Duration = Duration::from_secs(3);

/// A process that did not run for this long, because it was stopped or its machine was, must tell its node
/// ([`Node::on_stall`]).
pub const STALL: Duration = Duration::from_secs(2);

/// What a node knows at the start of its process.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Which life of the node this is.
    pub incarnation: Incarnation,
    /// Whether there was an earlier one.
    pub start: Start,
    /// The values in the node's log, in their order. `None` if the node keeps no log.
    pub log: Option<Values>,
}

/// Whether the node ran before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The node starts for the first time.
    First,
    /// The node was restarted.
    Restarted,
    /// The driver cannot tell, because an earlier process would have left no trace. The node counts as
    /// restarted unless `topology` comes soon.
    Unknown,
}

/// A node of the cluster.
///
/// Its methods are of three kinds. `on_*` report an event: a client's request, another node's message, a
/// deadline that has come. After any of them, write [`Node::unlogged`] if [`Node::awaits_log`], call
/// [`Node::poll_transmit`] until there is nothing left to send, and ask [`Node::next_deadline`] when to call
/// [`Node::on_timeout`]. All other methods are getters.
///
/// ```
/// use node::{Config, Node, PeerId, ReplyTo, Request, Time, Transmit};
///
/// let mut node = Node::new(Config::default(), Time::ZERO, 1);
/// let client = |msg_id| ReplyTo { client: "c1".into(), msg_id };
/// node.on_request(Time::ZERO, client(1), Request::Init { me: PeerId(0), nodes: 2 });
/// node.on_request(Time::ZERO, client(2), Request::Broadcast(7.into()));
/// while let Some(Transmit::ToClient { to, reply }) = node.poll_transmit() {
///     println!("{to:?}: {reply:?}");
/// }
/// let deadline = node.next_deadline().expect("the value waits for the hub's flush");
/// node.on_timeout(deadline);
/// assert!(matches!(node.poll_transmit(), Some(Transmit::ToPeer { to: PeerId(1), .. })));
/// ```
#[derive(Debug)]
pub struct Node {
    config: Config,
    started: Time,
    rng: Rng,
    incarnation: Incarnation,
    start: Start,
    values: Values,
    /// What is to be written, if the node keeps a log.
    log: Option<PendingLog>,
    /// When the node introduces itself to its peers, in case it was restarted.
    introduce_at: Option<Time>,
    member: Option<Member>,
    out: VecDeque<Transmit>,
    operations: Operations,
    notices: Vec<String>,
}

/// The node's place in the cluster, known since `init`.
#[derive(Debug)]
struct Member {
    me: PeerId,
    nodes: u32,
    strategy: Box<dyn Strategy>,
    /// The strategy's, which may have none. Unknown after an event, until somebody asks.
    deadline: Option<Option<Time>>,
}

/// What waits for the log.
#[derive(Debug, Default)]
struct PendingLog {
    /// So many of the node's values are in the log.
    logged: usize,
    /// Events without an effect so far, in their order.
    events: Vec<Event>,
    /// If there are such events: all values to write, theirs last.
    values: Vec<Value>,
}

#[derive(Debug)]
enum Event {
    /// A request, and to whom the answer goes if anyone still waits for it.
    Request(Option<ReplyTo>, Request),
    Message(PeerId, PeerMessage),
}

impl Event {
    fn is_request(&self) -> bool {
        matches!(self, Event::Request(..))
    }

    /// The values that it brings.
    fn values(&self) -> &[Value] {
        match self {
            Event::Request(_, Request::Broadcast(value)) => std::slice::from_ref(value),
            Event::Request(..) => &[],
            Event::Message(_, PeerMessage::TreeBatch { values, .. }) => values,
            Event::Message(_, PeerMessage::Link(message)) => &message.values,
            Event::Message(_, PeerMessage::TreeAck { .. }) => &[],
        }
    }
}

impl Node {
    /// A node that waits for `init`. `now` is the start of its process, from which free-running tickers
    /// count. `seed` determines its jitter.
    pub fn new(config: Config, now: Time, seed: u64) -> Node {
        let config = Config { batch_timeout: config.batch_timeout.min(MAX_BATCH_TIMEOUT), ..config };
        let rng = Rng::new(seed);
        Node {
            config,
            started: now,
            rng,
            incarnation: Incarnation::default(),
            start: Start::First,
            values: Values::default(),
            log: None,
            introduce_at: None,
            member: None,
            out: VecDeque::new(),
            operations: Operations::default(),
            notices: Vec::new(),
        }
    }

    /// Restores what the node logged before it was restarted. To be called before `init`, or not at all.
    pub fn recover(&mut self, recovery: Recovery) {
        let Recovery { incarnation, start, log } = recovery;
        self.incarnation = incarnation;
        self.start = start;
        self.log = log.as_ref().map(|values| PendingLog { logged: values.len(), ..PendingLog::default() });
        self.values = log.unwrap_or_default();
    }

    /// Takes a client's request. The reply is ready at once, or when the log is written: batching never
    /// delays a client.
    pub fn on_request(&mut self, now: Time, from: ReplyTo, request: Request) {
        self.serve(now, Some(from), request);
    }

    /// Takes a request that waited for so long that its client has given up: a value is accepted, but nothing
    /// is answered. Maelstrom stops reading from a node that answers a client that has gone.
    pub fn on_late_request(&mut self, now: Time, request: Request) {
        self.serve(now, None, request);
    }

    /// Takes a request that `from` waits for, if anyone does. Without a log nothing waits, so that there is
    /// no need to keep the request as an event.
    fn serve(&mut self, now: Time, from: Option<ReplyTo>, request: Request) {
        match self.log {
            None => self.answer(now, from, request),
            Some(_) => self.on_event(now, Event::Request(from, request)),
        }
    }

    /// Takes another node's message. Drops it before `init`, and if the sender is not another node of the
    /// cluster. A sender repeats what was dropped.
    pub fn on_message(&mut self, now: Time, from: PeerId, message: PeerMessage) {
        if !self.member.as_ref().is_some_and(|member| from.0 < member.nodes && from != member.me) {
            return;
        }
        match self.log {
            None => self.deliver(now, from, message),
            Some(_) => self.on_event(now, Event::Message(from, message)),
        }
    }

    /// Whether an event, or a message to send, waits until [`Node::unlogged`] is in the log. If so, write
    /// that and call [`Node::on_logged`] or [`Node::on_log_failed`], before [`Node::on_timeout`] at the
    /// latest. Always false in a node without a log.
    pub fn awaits_log(&self) -> bool {
        self.log.as_ref().is_some_and(|log| {
            !log.events.is_empty() || (self.has_unlogged() && self.out.iter().any(Transmit::waits_for_log))
        })
    }

    /// The values that are not in the log, oldest first. Always empty in a node without a log.
    pub fn unlogged(&self) -> &[Value] {
        match &self.log {
            Some(log) if log.events.is_empty() => &self.values.as_slice()[log.logged..],
            Some(log) => &log.values,
            None => &[],
        }
    }

    /// All of [`Node::unlogged`] is in the log.
    pub fn on_logged(&mut self, now: Time) {
        let mut events = self.take_waiting();
        for event in events.drain(..) {
            self.apply(now, event);
        }
        if let Some(log) = &mut self.log {
            log.logged = self.values.len();
            // Its memory is used again.
            log.events = events;
        }
    }

    /// Nothing of [`Node::unlogged`] is in the log. Clients that sent new values get the error `why`. Of the
    /// events that waited, only those without new values have their effect. Messages to peers are dropped, if
    /// they may tell of values that are not in the log.
    pub fn on_log_failed(&mut self, now: Time, why: &str) {
        for event in self.take_waiting() {
            match event {
                event if self.knows_all(event.values()) => self.apply(now, event),
                Event::Request(Some(to), _) => {
                    let reply = unavailable(format!("the value was not accepted, because {why}"));
                    self.out.push_back(Transmit::ToClient { to, reply });
                }
                Event::Request(None, _) | Event::Message(..) => {}
            }
        }
        if self.has_unlogged() {
            self.out =
                std::mem::take(&mut self.out).into_iter().filter_map(|sent| sent.refused(why)).collect();
        }
    }

    /// The process did not run for [`STALL`] or longer. Call it before anything else when it runs again, and
    /// hand over all that waited meanwhile before [`Node::on_timeout`].
    pub fn on_stall(&mut self, now: Time) {
        self.with_strategy(now, |strategy, cx| strategy.on_stall(cx.now));
    }

    /// Whether a peer's value is not in the log. Always false in a node without a log.
    fn has_unlogged(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.logged < self.values.len())
    }

    fn take_waiting(&mut self) -> Vec<Event> {
        let Some(log) = &mut self.log else { return Vec::new() };
        log.values.clear();
        std::mem::take(&mut log.events)
    }

    fn knows_all(&self, values: &[Value]) -> bool {
        values.iter().all(|value| self.values.contains(value))
    }

    /// Applies an event now, or after the log is written.
    fn on_event(&mut self, now: Time, event: Event) {
        let waits = match &self.log {
            Some(log) if !log.events.is_empty() => true,
            Some(_) if self.member.is_some() => event.is_request() && !self.knows_all(event.values()),
            _ => false,
        };
        let Some(log) = self.log.as_mut().filter(|_| waits) else { return self.apply(now, event) };
        if log.events.is_empty() {
            log.values.extend_from_slice(&self.values.as_slice()[log.logged..]);
        }
        log.values.extend(event.values().iter().filter(|value| !self.values.contains(value)).cloned());
        log.events.push(event);
    }

    fn apply(&mut self, now: Time, event: Event) {
        match event {
            Event::Request(to, request) => self.answer(now, to, request),
            Event::Message(from, message) => self.deliver(now, from, message),
        }
    }

    fn answer(&mut self, now: Time, to: Option<ReplyTo>, request: Request) {
        let reply = self.reply(now, request);
        if let Some(to) = to {
            self.out.push_back(Transmit::ToClient { to, reply });
        }
    }

    fn deliver(&mut self, now: Time, from: PeerId, message: PeerMessage) {
        self.with_strategy(now, |strategy, cx| strategy.on_message(cx, from, message));
    }

    fn reply(&mut self, now: Time, request: Request) -> Reply {
        match request {
            Request::Init { me, nodes } => self.init(now, me, nodes),
            _ if self.member.is_none() => error(
                ErrorCode::TemporarilyUnavailable,
                "this node has not been initialised: send init first",
            ),
            Request::Topology => {
                self.introduce_at = None;
                self.with_strategy(now, |strategy, cx| strategy.on_topology(cx.now));
                Reply::TopologyOk
            }
            Request::Broadcast(value) => {
                self.operations.all += 1;
                self.operations.broadcasts += 1;
                self.accept(now, &value);
                Reply::BroadcastOk
            }
            Request::Read => {
                self.operations.all += 1;
                Reply::ReadOk { len: self.values.len() }
            }
        }
    }

    /// Call this when [`Node::next_deadline`] has come. At any other time it does nothing.
    pub fn on_timeout(&mut self, now: Time) {
        debug_assert!(self.log.as_ref().is_none_or(|log| log.events.is_empty()), "the log comes first");
        if self.introduce_at.take_if(|at| *at <= now).is_some() {
            self.with_strategy(now, |strategy, cx| strategy.on_restart(cx));
        }
        self.with_strategy(now, |strategy, cx| strategy.on_timeout(cx));
    }

    /// The next message to send, oldest first. `None` while it waits for the log ([`Node::awaits_log`]).
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if self.has_unlogged() && self.out.front()?.waits_for_log() {
            return None;
        }
        self.out.pop_front()
    }

    /// Messages for a person, such as the plan that `auto` chose, oldest first. Print them on stderr.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// When to call [`Node::on_timeout`] next. Changes with every `on_*`. `None` at rest. Worked out when it
    /// is first asked for.
    pub fn next_deadline(&mut self) -> Option<Time> {
        let Member { strategy, deadline, .. } = self.member.as_mut()?;
        Time::earliest([*deadline.get_or_insert_with(|| strategy.deadline()), self.introduce_at])
    }

    /// All values that the node knows.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Whether nothing is left to send or to be acknowledged. Such a node stays silent until a message
    /// arrives.
    pub fn is_idle(&self) -> bool {
        self.out.is_empty() && self.member.as_ref().is_none_or(|member| member.strategy.is_idle())
    }

    /// Answers a second `init` like the first if it is the same. Any other is an error.
    fn init(&mut self, now: Time, me: PeerId, nodes: u32) -> Reply {
        if me.0 >= nodes {
            return error(ErrorCode::MalformedRequest, "node_id is not one of node_ids");
        }
        match &self.member {
            Some(member) if (member.me, member.nodes) == (me, nodes) => Reply::InitOk,
            Some(_) => error(ErrorCode::PreconditionFailed, "this node has another identity already"),
            None => {
                let strategy = strategy::build(&self.config, me, nodes, self.started, self.incarnation);
                self.member = Some(Member { me, nodes, strategy, deadline: None });
                match self.start {
                    Start::First => {}
                    Start::Restarted => self.with_strategy(now, |strategy, cx| strategy.on_restart(cx)),
                    Start::Unknown => self.introduce_at = Some(now + TOPOLOGY_WAIT),
                }
                Reply::InitOk
            }
        }
    }

    fn accept(&mut self, now: Time, value: &Value) {
        if let Some(index) = self.values.insert(value) {
            self.with_strategy(now, |strategy, cx| strategy.on_value(cx, index));
        }
    }

    fn with_strategy(&mut self, now: Time, event: impl FnOnce(&mut dyn Strategy, &mut Context<'_>)) {
        if let Some(member) = &mut self.member {
            let mut cx = Context {
                now,
                values: &mut self.values,
                out: &mut self.out,
                rng: &mut self.rng,
                operations: self.operations,
                notices: &mut self.notices,
            };
            event(member.strategy.as_mut(), &mut cx);
            member.deadline = None;
        }
    }
}

fn error(code: ErrorCode, text: &'static str) -> Reply {
    Reply::Error { code, text: Cow::Borrowed(text) }
}

fn unavailable(text: String) -> Reply {
    Reply::Error { code: ErrorCode::TemporarilyUnavailable, text: Cow::Owned(text) }
}

impl Transmit {
    /// Whether it must not leave before the values that the node knows are in the log: others count on those
    /// that it names or acknowledges.
    fn waits_for_log(&self) -> bool {
        matches!(self, Transmit::ToPeer { .. } | Transmit::ToClient { reply: Reply::BroadcastOk, .. })
    }

    /// What is sent in its place if the log cannot be written.
    fn refused(self, why: &str) -> Option<Transmit> {
        match self {
            Transmit::ToPeer { .. } => None,
            Transmit::ToClient { to, reply: Reply::BroadcastOk } => {
                let reply = unavailable(format!("the value is not safe, because {why}"));
                Some(Transmit::ToClient { to, reply })
            }
            other => Some(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    fn from(msg_id: u64) -> ReplyTo {
        ReplyTo { client: "c1".into(), msg_id }
    }

    /// `n1` of 3 nodes, of which `n0` is the hub, with a log that holds these values.
    fn with_log(start: Start, incarnation: u64, values: &[i64]) -> Node {
        let mut log = Values::default();
        for value in values {
            log.insert(&Value::Int(*value));
        }
        let mut node = Node::new(Config::default(), Time::ZERO, 1);
        node.recover(Recovery { incarnation: Incarnation(incarnation), start, log: Some(log) });
        node.on_request(at(0), from(0), Request::Init { me: PeerId(1), nodes: 3 });
        node
    }

    fn replies(node: &mut Node) -> Vec<(u64, Reply)> {
        let sent: VecDeque<Transmit> = std::iter::from_fn(|| node.poll_transmit()).collect();
        let replies = sent.into_iter().filter_map(|transmit| match transmit {
            Transmit::ToClient { to, reply } => Some((to.msg_id, reply)),
            Transmit::ToPeer { .. } => None,
        });
        replies.collect()
    }

    #[test]
    fn nothing_leaves_before_its_values_are_in_the_log_and_order_is_kept() {
        let mut node = with_log(Start::First, 0, &[]);
        assert_eq!(replies(&mut node), [(0, Reply::InitOk)]);
        node.on_request(at(1), from(1), Request::Broadcast(7.into()));
        node.on_request(at(1), from(2), Request::Read);
        node.on_request(at(1), from(3), Request::Broadcast(8.into()));
        assert_eq!(replies(&mut node), []);
        assert_eq!((node.next_deadline(), node.unlogged()), (None, &[7.into(), 8.into()][..]));
        node.on_logged(at(2));
        let expected = [(1, Reply::BroadcastOk), (2, Reply::ReadOk { len: 1 }), (3, Reply::BroadcastOk)];
        assert_eq!(replies(&mut node), expected);
        assert!(node.unlogged().is_empty() && node.next_deadline().is_some());
        node.on_request(at(3), from(4), Request::Broadcast(7.into()));
        assert_eq!(replies(&mut node), [(4, Reply::BroadcastOk)], "it is in the log already");
    }

    #[test]
    fn values_that_cannot_be_written_have_no_effect() {
        let mut node = with_log(Start::First, 0, &[]);
        node.on_request(at(1), from(1), Request::Broadcast(7.into()));
        let values = [Value::Int(9)].into();
        let message = PeerMessage::Link(Box::new(crate::LinkMessage { values, ..Default::default() }));
        node.on_message(at(1), PeerId(0), message.clone());
        node.on_request(at(1), from(2), Request::Read);
        node.on_log_failed(at(2), "the disk is full");
        let replies = replies(&mut node);
        assert!(
            matches!(&replies[1], (1, Reply::Error { code: ErrorCode::TemporarilyUnavailable, text })
                if text.contains("the disk is full")),
            "{replies:?}"
        );
        assert_eq!(replies[2], (2, Reply::ReadOk { len: 0 }));
        assert!(node.is_idle(), "the hub's values are not acknowledged either");
        // There is room again, and the hub repeats its message.
        node.on_message(at(3), PeerId(0), message);
        assert_eq!(node.unlogged(), [Value::Int(9)]);
        node.on_logged(at(4));
        assert_eq!(node.values().as_slice(), [Value::Int(9)]);
        assert!(!node.is_idle(), "an acknowledgement is due");
    }

    /// A message of the hub with this value.
    fn from_hub(value: i64) -> PeerMessage {
        let values = [Value::Int(value)].into();
        PeerMessage::Link(Box::new(crate::LinkMessage { values, ..Default::default() }))
    }

    /// A node whose acknowledgement of a value of the hub is due, and when.
    fn owing_the_hub() -> (Node, Time) {
        let mut node = with_log(Start::First, 0, &[]);
        replies(&mut node);
        node.on_message(at(1), PeerId(0), from_hub(7));
        let due = node.next_deadline().expect("an acknowledgement is due");
        node.on_timeout(due);
        (node, due)
    }

    #[test]
    fn a_peers_values_are_written_with_the_next_own_value_and_a_read_does_not_wait() {
        let mut node = with_log(Start::First, 0, &[]);
        replies(&mut node);
        for value in [7, 8] {
            node.on_message(at(1), PeerId(0), from_hub(value));
            assert!(!node.awaits_log(), "nothing is to be sent yet");
        }
        assert_eq!(node.unlogged(), [7.into(), 8.into()]);
        node.on_request(at(2), from(1), Request::Read);
        assert_eq!((node.awaits_log(), replies(&mut node)), (false, vec![(1, Reply::ReadOk { len: 2 })]));
        node.on_request(at(2), from(2), Request::Broadcast(9.into()));
        node.on_request(at(2), from(3), Request::Read);
        assert_eq!(replies(&mut node), [], "no read shows an own value before it is in the log");
        assert_eq!(node.unlogged(), [7.into(), 8.into(), 9.into()]);
        node.on_logged(at(2));
        assert_eq!(replies(&mut node), [(2, Reply::BroadcastOk), (3, Reply::ReadOk { len: 3 })]);
        assert_eq!((node.unlogged(), node.awaits_log()), (&[][..], false));
    }

    #[test]
    fn a_peers_value_is_in_the_log_before_a_client_is_told_that_it_is_accepted() {
        let mut node = with_log(Start::First, 0, &[]);
        replies(&mut node);
        node.on_message(at(1), PeerId(0), from_hub(7));
        node.on_request(at(2), from(1), Request::Broadcast(7.into()));
        assert_eq!((node.awaits_log(), replies(&mut node)), (true, vec![]));
        node.on_logged(at(2));
        assert_eq!(replies(&mut node), [(1, Reply::BroadcastOk)]);
    }

    #[test]
    fn an_acknowledgement_to_a_peer_waits_for_the_log() {
        let (mut node, due) = owing_the_hub();
        assert!(node.awaits_log() && node.poll_transmit().is_none());
        node.on_logged(due);
        assert!(matches!(node.poll_transmit(), Some(Transmit::ToPeer { to: PeerId(0), .. })));
    }

    #[test]
    fn while_the_log_cannot_be_written_nothing_is_accepted_and_no_peer_hears_of_it() {
        let (mut node, due) = owing_the_hub();
        for (msg_id, request) in [(1, Request::Read), (2, Request::Broadcast(7.into()))] {
            node.on_request(due, from(msg_id), request);
        }
        node.on_log_failed(due, "the disk is full");
        assert!(!node.awaits_log(), "there is nothing to retry for");
        let sent: Vec<Transmit> = std::iter::from_fn(|| node.poll_transmit()).collect();
        assert!(
            matches!(
                &sent[..],
                [
                    Transmit::ToClient { reply: Reply::ReadOk { len: 1 }, .. },
                    Transmit::ToClient {
                        reply: Reply::Error { code: ErrorCode::TemporarilyUnavailable, .. },
                        ..
                    },
                ]
            ),
            "{sent:?}"
        );
        // There is room again.
        node.on_request(due, from(3), Request::Broadcast(7.into()));
        assert!(node.awaits_log());
        node.on_logged(due);
        assert_eq!(replies(&mut node), [(3, Reply::BroadcastOk)]);
    }

    #[test]
    fn a_restarted_node_waits_for_no_topology() {
        let mut node = with_log(Start::Restarted, 5, &[1, 2]);
        node.on_timeout(at(0));
        let hello = std::iter::from_fn(|| node.poll_transmit()).find_map(|transmit| match transmit {
            Transmit::ToPeer { to: PeerId(0), message: PeerMessage::Link(message) } => Some(message),
            _ => None,
        });
        let header = hello.expect("a message to the hub").header;
        assert_eq!((header.from, header.to, header.ack_requested), (Incarnation(5), None, true));
        assert_eq!(node.values().as_slice(), [1.into(), 2.into()]);
    }

    #[test]
    fn a_node_that_may_have_been_restarted_introduces_itself_unless_a_topology_comes() {
        let mut node = with_log(Start::Unknown, 5, &[]);
        assert_eq!(node.next_deadline(), Some(at(0) + TOPOLOGY_WAIT));
        node.on_request(at(9), from(1), Request::Topology);
        assert_eq!(node.next_deadline(), None);
        let mut node = with_log(Start::Unknown, 5, &[]);
        replies(&mut node);
        node.on_timeout(at(0) + TOPOLOGY_WAIT);
        assert!(matches!(node.poll_transmit(), Some(Transmit::ToPeer { to: PeerId(0), .. })));
    }

    #[test]
    fn a_late_request_is_heeded_and_not_answered() {
        let mut node = with_log(Start::First, 0, &[]);
        replies(&mut node);
        node.on_late_request(at(1), Request::Broadcast(7.into()));
        node.on_late_request(at(1), Request::Read);
        node.on_logged(at(1));
        assert_eq!((replies(&mut node), node.values().len()), (vec![], 1));
    }
}
