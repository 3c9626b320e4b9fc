//! A node's log on a simulated disk: it outlives the node's process.

use std::collections::VecDeque;
use std::time::Duration;

use node::{Time, Value, Values};

/// The log of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    values: Values,
    /// Values that reach the disk at a time. Empty unless the disk is slower than it says.
    on_the_way: VecDeque<(Time, Value)>,
    /// How long writes are delayed.
    pub(super) delay: Duration,
    /// Values of the node's own clients are not delayed.
    pub(super) is_prompt_for_own: bool,
}

impl Disk {
    /// Adds values. They are on the disk when this returns, unless there is a delay. The node `knows` those
    /// that peers have sent. Its clients' values have no effect before they are written.
    pub(super) fn write(&mut self, now: Time, values: &[Value], knows: &Values) {
        for value in values {
            if self.delay.is_zero() || (self.is_prompt_for_own && !knows.contains(value)) {
                self.values.insert(value);
            } else {
                self.on_the_way.push_back((now + self.delay, *value));
            }
        }
    }

    /// The node's process is killed: what is on the way never arrives.
    pub(super) fn on_kill(&mut self, now: Time) {
        for (at, value) in self.on_the_way.drain(..) {
            if at <= now {
                self.values.insert(&value);
            }
        }
    }

    /// What the next process finds.
    pub(super) fn recover(&self) -> Values {
        self.values.clone()
    }
}
