//! To whom new values go, and when.

mod choice;
mod direct;
mod hub;
mod tree;

use std::collections::VecDeque;
use std::fmt;

use crate::config::{Config, StrategyKind};
use crate::message::{LinkMessage, MAX_BATCH, PeerId, PeerMessage, Transmit};
use crate::rng::Rng;
use crate::time::Time;
use crate::values::{Values, fitting};

/// What a strategy may use while it handles an event.
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) values: &'a mut Values,
    pub(crate) out: &'a mut VecDeque<Transmit>,
    pub(crate) rng: &'a mut Rng,
    /// What this node's own clients asked so far.
    pub(crate) operations: Operations,
    /// What a person at the node's stderr should know.
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

    /// Sends a link's message: in parts, if a receiver could not read it whole. Its values are numbered, so the parts are
    /// to the link what the whole is.
    fn send_link(&mut self, to: PeerId, mut message: LinkMessage) {
        loop {
            let fitting = fitting(&message.values, MAX_BATCH);
            if fitting == message.values.len() {
                return self.send(to, PeerMessage::Link(message));
            }
            let mut part = message.clone();
            part.values = message.values[..fitting].into();
            // One answer is enough, to the last part.
            part.header.ask = false;
            self.send(to, PeerMessage::Link(part));
            message.values = message.values[fitting..].into();
            message.header.seq += fitting as u64;
        }
    }
}

/// Spreads values from and to one node. Answers to clients are not its business.
pub(crate) trait Strategy: fmt::Debug + Send {
    /// The topology came: Maelstrom tells it to all nodes at about the same time, before clients begin.
    fn begins(&mut self, _now: Time) {}
    /// A client's new value is at `index` in the log.
    fn accepted(&mut self, cx: &mut Context<'_>, index: u32);
    /// A message came from another node. Messages of other strategies are ignored.
    fn receive(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage);
    /// The deadline has come.
    fn timeout(&mut self, cx: &mut Context<'_>);
    /// When [`Strategy::timeout`] wants to be called.
    fn deadline(&self) -> Option<Time>;
    /// Whether nothing is pending and nothing unacknowledged.
    fn is_idle(&self) -> bool;
}

/// The strategy for node `me` of `nodes`, whose process started at `started`.
pub(crate) fn build(config: &Config, me: PeerId, nodes: u32, started: Time) -> Box<dyn Strategy> {
    match config.strategy {
        StrategyKind::Tree => Box::new(tree::Tree::new(me, nodes, config.batch_timeout, started)),
        StrategyKind::Auto(target) if me == hub::HUB => {
            Box::new(hub::Centre::auto(nodes, config.batch_timeout, target))
        }
        StrategyKind::Hub if me == hub::HUB => Box::new(hub::Centre::new(nodes, config.batch_timeout)),
        StrategyKind::Hub | StrategyKind::Auto(_) => {
            Box::new(hub::Leaf::new(me, nodes, config.batch_timeout))
        }
        StrategyKind::Direct => Box::new(direct::Direct::new(me, nodes, config.batch_timeout)),
    }
}

/// All nodes but `me`.
fn others(me: PeerId, nodes: u32) -> impl Iterator<Item = PeerId> {
    (0..nodes).map(PeerId).filter(move |peer| *peer != me)
}

fn earliest(deadlines: impl IntoIterator<Item = Option<Time>>) -> Option<Time> {
    deadlines.into_iter().flatten().min()
}
