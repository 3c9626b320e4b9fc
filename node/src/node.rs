//! The state machine: a node's identity, its values, and the strategy that spreads them.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::config::{Config, MAX_BATCH_TIMEOUT};
use crate::message::{ErrorCode, PeerId, PeerMessage, Reply, ReplyTo, Request, Transmit};
use crate::rng::Rng;
use crate::strategy::{self, Context, Operations, Strategy};
use crate::time::Time;
use crate::values::{Value, Values};

/// A node of the cluster.
///
/// Its methods are of three kinds. `on_*` report an event: a client's request, another node's message, a
/// deadline that has come. After any of them, call [`Node::poll_transmit`] until there is nothing left to
/// send, and ask [`Node::next_deadline`] when to call [`Node::on_timeout`]. All other methods are getters.
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
    values: Values,
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
            values: Values::default(),
            member: None,
            out: VecDeque::new(),
            operations: Operations::default(),
            notices: Vec::new(),
        }
    }

    /// Takes a client's request. The reply is ready at once: batching never delays a client.
    pub fn on_request(&mut self, now: Time, from: ReplyTo, request: Request) {
        let reply = match request {
            Request::Init { me, nodes } => self.init(me, nodes),
            _ if self.member.is_none() => error(
                ErrorCode::TemporarilyUnavailable,
                "this node has not been initialised: send init first",
            ),
            Request::Topology => {
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
        };
        self.out.push_back(Transmit::ToClient { to: from, reply });
    }

    /// Takes another node's message. Drops it before `init`, and if the sender is not another node of the
    /// cluster. A sender repeats what was dropped.
    pub fn on_message(&mut self, now: Time, from: PeerId, message: PeerMessage) {
        if self.member.as_ref().is_some_and(|member| from.0 < member.nodes && from != member.me) {
            self.with_strategy(now, |strategy, cx| strategy.on_message(cx, from, message));
        }
    }

    /// Call this when [`Node::next_deadline`] has come. At any other time it does nothing.
    pub fn on_timeout(&mut self, now: Time) {
        self.with_strategy(now, |strategy, cx| strategy.on_timeout(cx));
    }

    /// The next message to send, oldest first.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// Messages for a person, such as the plan that `auto` chose, oldest first. Print them on stderr.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// When to call [`Node::on_timeout`] next. Changes with every `on_*`. `None` at rest.
    pub fn next_deadline(&self) -> Option<Time> {
        self.member.as_ref()?.strategy.deadline()
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
    fn init(&mut self, me: PeerId, nodes: u32) -> Reply {
        if me.0 >= nodes {
            return error(ErrorCode::MalformedRequest, "node_id is not one of node_ids");
        }
        match &self.member {
            Some(member) if (member.me, member.nodes) == (me, nodes) => Reply::InitOk,
            Some(_) => error(ErrorCode::PreconditionFailed, "this node has another identity already"),
            None => {
                let strategy = strategy::build(&self.config, me, nodes, self.started);
                self.member = Some(Member { me, nodes, strategy });
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
        }
    }
}

fn error(code: ErrorCode, text: &'static str) -> Reply {
    Reply::Error { code, text: Cow::Borrowed(text) }
}
