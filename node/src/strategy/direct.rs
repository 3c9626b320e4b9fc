//! One hop: the origin sends to every other node.
//!
//! The first pending value opens a window, and at its end one message goes to each other node. Receivers
//! forward nothing: the origin's links deliver everything to every node.
//!
//! A restarted node no longer knows which values were its own. It and every other node send each other
//! everything that they know, once.

use std::time::Duration;

use super::unqueued::Unqueued;
use super::{Context, Strategy, others};
use crate::link::ACK_DELAY;
use crate::links::Links;
use crate::message::{Incarnation, PeerId, PeerMessage};
use crate::time::Time;

#[derive(Debug)]
pub(super) struct Direct {
    me: PeerId,
    nodes: u32,
    window: Duration,
    links: Links,
    /// The end of the open window.
    flush_at: Option<Time>,
    /// The open window's values.
    unqueued: Unqueued,
}

impl Direct {
    pub(super) fn new(me: PeerId, nodes: u32, window: Duration, incarnation: Incarnation) -> Direct {
        Direct {
            me,
            nodes,
            window,
            links: Links::new(incarnation, ACK_DELAY),
            flush_at: None,
            unqueued: Unqueued::new(nodes),
        }
    }
}

impl Strategy for Direct {
    fn on_restart(&mut self, cx: &mut Context<'_>) {
        for peer in others(self.me, self.nodes) {
            self.unqueued.queue(&mut self.links, peer);
            self.links.reopen(cx.now, peer, cx.values.len());
        }
    }

    fn on_stall(&mut self, now: Time) {
        self.links.on_stall(now);
    }

    fn on_value(&mut self, cx: &mut Context<'_>, index: u32) {
        if self.nodes < 2 {
            return;
        }
        self.unqueued.add([index], self.me);
        self.flush_at.get_or_insert(cx.now + self.window);
    }

    fn on_message(&mut self, cx: &mut Context<'_>, from: PeerId, message: PeerMessage) {
        let PeerMessage::Link(message) = message else { return };
        // A peer that is heard again gets everything at once.
        self.unqueued.queue(&mut self.links, from);
        if self.links.on_message(cx.now, from, &message).restarted {
            self.links.resync(from, cx.values.len());
        }
        cx.values.insert_all(&message.values);
        while let Some(message) = self.links.poll_one(cx.now, from, cx.values, cx.rng) {
            cx.send_link(from, message);
        }
    }

    fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if self.flush_at.take_if(|at| *at <= cx.now).is_some() {
            for peer in others(self.me, self.nodes) {
                self.unqueued.queue(&mut self.links, peer);
                // A suspect peer gets what it lacks when it is heard again.
                if let Some(message) = self.links.flush_unsent(cx.now, peer, cx.values) {
                    cx.send_link(peer, message);
                }
            }
            self.unqueued.clear();
        }
        while let Some((peer, message)) = self.links.poll_due(cx.now, cx.values, cx.rng) {
            cx.send_link(peer, message);
        }
    }

    fn deadline(&mut self) -> Option<Time> {
        self.links.next_deadline(self.flush_at)
    }

    fn is_idle(&self) -> bool {
        self.flush_at.is_none() && self.links.is_idle()
    }
}
