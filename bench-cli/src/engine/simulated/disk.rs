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
}

impl Disk {
    /// Adds values. They are on the disk when this returns, unless there is a delay.
    pub(super) fn write(&mut self, now: Time, values: &[Value]) {
        if self.delay.is_zero() {
            for value in values {
                self.values.insert(value);
            }
        } else {
            self.on_the_way.extend(values.iter().map(|value| (now + self.delay, value.clone())));
        }
    }

    /// What a process that starts now finds.
    pub(super) fn recover(&mut self, now: Time) -> Values {
        for (at, value) in self.on_the_way.drain(..) {
            if at <= now {
                self.values.insert(&value);
            }
        }
        self.values.clone()
    }
}
