//! Counts of messages, and of how long requests waited.

use std::time::Duration;

use node::Time;

/// Messages sent and received, those of clients and those between nodes counted separately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// Messages from or to a client.
    pub clients: Count,
    /// Messages between nodes, and between nodes and services.
    pub servers: Count,
    /// How long clients' requests waited behind messages between nodes.
    pub request_delays: Delays,
}

/// The number of messages of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages sent.
    pub sent: u64,
    /// Messages received. The others were dropped, or still on their way at the end.
    pub received: u64,
}

/// How long messages waited before their delivery, without the driver's own lateness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// The number of messages.
    pub count: u64,
    /// The sum of their delays, in nanoseconds.
    total: u64,
    /// The longest delay, in nanoseconds.
    max: u64,
}

impl MessageCounts {
    /// The counts with those of messages to services, for which no client waits.
    #[must_use]
    pub(super) fn with_services(mut self, services: MessageCounts) -> MessageCounts {
        self.clients.add(services.clients);
        self.servers.add(services.servers);
        self
    }
}

impl Count {
    fn add(&mut self, other: Count) {
        self.sent += other.sent;
        self.received += other.received;
    }
}

impl Delays {
    /// The mean; zero without messages.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.total / self.count.max(1))
    }

    /// The longest; zero without messages.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// Adds that of a message which was sent and is delivered at these times.
    pub(super) fn add(&mut self, sent: Time, delivered: Time) {
        let delay = delivered.as_nanos().saturating_sub(sent.as_nanos());
        self.count += 1;
        self.total += delay;
        self.max = self.max.max(delay);
    }
}
