//! Counts of messages, and of how long requests waited.

use std::time::Duration;

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
    /// The sum of their delays.
    pub total: Duration,
    /// The longest delay.
    pub max: Duration,
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
        self.total.div_f64(self.count.max(1) as f64)
    }

    pub(super) fn add(&mut self, delay: Duration) {
        self.count += 1;
        self.total += delay;
        self.max = self.max.max(delay);
    }
}
