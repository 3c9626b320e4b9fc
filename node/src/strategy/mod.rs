//! To whom new values go, and when.

pub(crate) mod auto;
mod direct;
mod hub;
pub(crate) mod tree;
mod unqueued;

use std::collections::VecDeque;
use std::fmt;

use crate::config::{Config, StrategyKind};
use crate::message::{Incarnation, LinkMessage, MAX_BATCH, PeerId, PeerMessage, Transmit};
use crate::rng::Rng;
use crate::time::Time;
use crate::values::{Values, fitting};

/// The parts of a node that a strategy may use while it handles an event.
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) values: &'a mut Values,
    pub(crate) out: &'a mut VecDeque<Transmit>,
    pub(crate) rng: &'a mut Rng,
    /// Requests of this node's own clients so far.
    pub(crate) operations: Operations,
    /// Messages for a person, who reads them on the node's stderr.
    pub(crate) notices: &'a mut Vec<String>,
}

/// Counts of client requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operations {
    /// Broadcasts and reads.
    pub(crate) all: u64,
    pub(crate) broadcasts: u64,
}

impl Context<'_> {
    fn send(&mut self, to: PeerId, message: PeerMessage) {
        self.out.push_back(Transmit::ToPeer { to, message });
    }

    /// Sends a link's message, in parts if it is longer than a receiver reads. Values are numbered, so the
    /// link treats the parts like the whole.
    #[inline]
    fn send_link(&mut self, to: PeerId, message: Box<LinkMessage>) {
        if fitting(&message.values, MAX_BATCH) == message.values.len() {
            self.send(to, PeerMessage::Link(message));
        } else {
            self.send_in_parts(to, message);
        }
    }

    #[cold]
    fn send_in_parts(&mut self, to: PeerId, mut message: Box<LinkMessage>) {
        loop {
            let fitting = fitting(&message.values, MAX_BATCH);
            if fitting == message.values.len() {
                return self.send(to, PeerMessage::Link(message));
            }
            let mut part = message.clone();
            part.values = message.values[..fitting].into();
            // One acknowledgement is enough, of the last part.
            part.header.ack_requested = false;
            self.send(to, PeerMessage::Link(part));
            message.values = message.values[fitting..].into();
            message.header.seq += fitting as u64;
        }
    }
}

/// Spreads values from and to one node. The node itself answers its clients.
pub(crate) trait Strategy: fmt::Debug + Send {
    /// The topology arrived. Maelstrom sends it to all nodes at about the same time, before clients begin.
    fn on_topology(&mut self, _now: Time) {}
    /// This node has been restarted. It knows the values that its log held, perhaps none. Its peers may lack
    /// them, and may have others.
    fn on_restart(&mut self, cx: &mut Context<'_>);
    /// This node's process did not run for a while. What it knows about its peers is from before that.
    fn on_stall(&mut self, _now: Time) {}
    /// A client sent a new value, which is at `index` in the log.
    fn on_value(&mut self, cx: &mut Context<'_>, index: u32);
    /// A message arrived from another node. Messages of other strategies are ignored.
    fn on_message(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage);
    /// The deadline has come.
    fn on_timeout(&mut self, cx: &mut Context<'_>);
    /// When to call [`Strategy::on_timeout`] next.
    fn deadline(&mut self) -> Option<Time>;
    /// Whether nothing is pending and nothing unacknowledged.
    fn is_idle(&self) -> bool;
}

/// The strategy for node `me` of `nodes`, whose process started at `started` and is its `incarnation`.
pub(crate) fn build(
    config: &Config,
    me: PeerId,
    nodes: u32,
    started: Time,
    incarnation: Incarnation,
) -> Box<dyn Strategy> {
    let period = config.batch_timeout;
    match config.strategy {
        StrategyKind::Tree => Box::new(tree::Tree::new(me, nodes, period, started, incarnation)),
        StrategyKind::Auto(target) if me == hub::HUB => {
            Box::new(hub::Hub::auto(nodes, period, incarnation, target))
        }
        StrategyKind::Hub if me == hub::HUB => Box::new(hub::Hub::new(nodes, period, incarnation)),
        StrategyKind::Hub => Box::new(hub::Leaf::new(me, nodes, period, incarnation)),
        StrategyKind::Auto(_) => Box::new(hub::Leaf::auto(me, nodes, period, incarnation)),
        StrategyKind::Direct => Box::new(direct::Direct::new(me, nodes, period, incarnation)),
    }
}

/// All nodes but `me`.
fn others(me: PeerId, nodes: u32) -> impl Iterator<Item = PeerId> {
    (0..nodes).map(PeerId).filter(move |peer| *peer != me)
}
