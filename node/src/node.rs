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
/// Its methods are of three kinds. `handle_*` tell it what happened: a client's request, another node's message,
/// the passing of a deadline. After any of them, [`Node::poll_transmit`] gives what to send, one message a call, and
/// [`Node::next_deadline`] when to call [`Node::handle_timeout`]. All others only look.
///
/// ```
/// use node::{Config, Node, PeerId, ReplyTo, Request, Time, Transmit};
///
/// let mut node = Node::new(Config::default(), Time::ZERO, 1);
/// let client = |msg_id| ReplyTo { client: "c1".into(), msg_id };
/// node.handle_request(Time::ZERO, client(1), Request::Init { me: PeerId(0), nodes: 2 });
/// node.handle_request(Time::ZERO, client(2), Request::Broadcast(7.into()));
/// while let Some(Transmit::ToClient { to, reply }) = node.poll_transmit() {
///     println!("{to:?}: {reply:?}");
/// }
/// let deadline = node.next_deadline().expect("the value waits for the hub's flush");
/// node.handle_timeout(deadline);
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

/// What `init` made of the node.
#[derive(Debug)]
struct Member {
    me: PeerId,
    nodes: u32,
    strategy: Box<dyn Strategy>,
}

impl Node {
    /// A node that waits for `init`. `now` is the start of its process, from where free-running tickers count;
    /// `seed` determines its jitter.
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
    pub fn handle_request(&mut self, now: Time, from: ReplyTo, request: Request) {
        let reply = match request {
            Request::Init { me, nodes } => self.init(me, nodes),
            _ if self.member.is_none() => error(
                ErrorCode::TemporarilyUnavailable,
                "this node has not been initialised: send init first",
            ),
            Request::Topology => {
                self.with_strategy(now, |strategy, cx| strategy.begins(cx.now));
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

    /// Takes another node's message. Before `init`, and from a sender that is not another node of the cluster, it
    /// is dropped: its sender sends it again.
    pub fn handle_peer(&mut self, now: Time, from: PeerId, message: PeerMessage) {
        if self.member.as_ref().is_some_and(|member| from.0 < member.nodes && from != member.me) {
            self.with_strategy(now, |strategy, cx| strategy.receive(cx, from, message));
        }
    }

    /// To be called when [`Node::next_deadline`] has come; harmless at any other time.
    pub fn handle_timeout(&mut self, now: Time) {
        self.with_strategy(now, |strategy, cx| strategy.timeout(cx));
    }

    /// The next message to send, oldest first.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// What a person should know, such as the plan that `auto` chose: for the node's stderr, oldest first.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// When [`Node::handle_timeout`] must next be called; changes with every `handle_*`. `None` at rest.
    pub fn next_deadline(&self) -> Option<Time> {
        self.member.as_ref()?.strategy.deadline()
    }

    /// All values that the node knows.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Whether nothing waits to be sent or acknowledged. Such a node stays silent until it is spoken to.
    pub fn is_idle(&self) -> bool {
        self.out.is_empty() && self.member.as_ref().is_none_or(|member| member.strategy.is_idle())
    }

    /// A second `init` that says the same is answered like the first; any other is an error.
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
            self.with_strategy(now, |strategy, cx| strategy.accepted(cx, index));
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
