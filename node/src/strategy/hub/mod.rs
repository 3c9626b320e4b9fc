//! Two hops: every value goes to one hub, and from there to all other nodes, its leaves.
//!
//! ```text
//!            L                  ≤ W                  L
//! leaf ─── batch ──► hub ─── until its flush ──► all leaves
//! ```
//!
//! The [`Hub`] flushes on a period W: at most one message to each leaf, and none when there is nothing to
//! send. Each [`Leaf`] collects its clients' values and sends them so that they arrive just before the hub's
//! flush. The time for which they wait at the leaf is time that they would have waited at the hub. So, with a
//! constant latency, every node has a value after at most W + 2·L. A period costs the messages that the [cost
//! model](crate::cost_model) gives. A leaf learns when to send from the hub's messages ([`phase_lock`]),
//! without synchronised clocks and without a configured latency. For short periods it is cheaper if leaves
//! send at once and the first value opens a window at the hub. The hub knows the rate and chooses
//! ([`flush_schedule`]).
//!
//! **Late batches.** A batch that misses its flush would wait a whole period. Leaves therefore keep a margin
//! that follows the jitter they observe. The hub waits a few milliseconds for a late burst. It makes an extra
//! flush for single late batches as long as these are rare ([`late_batches`]).
//!
//! **The minimum.** Each value must leave its leaf, and each leaf must learn of it, within the period: these
//! are the two terms of the cost formula. A run also costs its end. Only a later message of each leaf tells
//! the hub that the last flush arrived. A leaf that has nothing else to send must send one for this alone.
//! Without these N − 1 messages the hub could not tell the leaves that got the last values from those that
//! did not. It would have to forget the values or to send them again.
//!
//! **Start.** A leaf cannot aim until it has heard from the hub. In a short period it sends each value at
//! once, and the first one fixes the hub's grid. In a long period that would cost one message for each of
//! many values, or one message to each leaf with the phase. But all nodes learn the topology at about the
//! same time. So leaves hold their first batches until nearly a period after that. The hub flushes when this
//! burst has arrived, and the flush locks all phases. The first values may therefore be late by the
//! [spread](phase_lock::spread). Those of a leaf that started much later than the others may be late by one
//! period, once.
//!
//! **Varying latencies.** The phase that a hub's message gives is exact for the latency of the batch that it
//! answers. Leaves add a margin of three mean deviations, which they learn from their own batches. That takes
//! many periods. The hub sees the batches of all leaves, and its flushes carry the deviation of their
//! arrivals. A leaf that has measured few of its own uses that deviation. A batch whose latency deviates more
//! misses its flush. The worst case is then W and the two latencies that the batch met, if an extra flush
//! comes, and a further W if not. There is one for at most one flush in eight, and it waits two deviations
//! for other late batches. So it costs at most an eighth of a flush's messages in each period. It costs more
//! only after a stall that delays [three batches or more](late_batches).
//!
//! **Restarts.** A restarted leaf and the hub send each other everything that they know, and so do a
//! restarted hub and each leaf ([links](crate::link)). The hub then delivers what it did not know to all
//! others. So all that is in any node's log spreads again, even if all nodes were killed at once. No topology
//! comes after a restart: a restarted hub takes its first value as the start of its grid. A restarted leaf
//! sends at once until the hub has sent it the phase. While the hub is down, leaves spread values around it.
//!
//! **A stopped hub.** A process that was stopped wakes with messages unread and timers overdue. Its driver
//! lets it read first, and reports the stall. So the hub does not flush without the waiting batches, and does
//! not take its own absence for the silence of its leaves.
//!
//! **Auto.** The hub can also choose the period from a target, or let every node send directly
//! ([`auto`](crate::strategy::auto)). A leaf that sends directly owes values to each leaf, and a killed one
//! forgets which. So after a restart it sends everything to all nodes, not only to the hub.
//!
//! **Responsibility.** The origin is responsible for a value until the hub has acknowledged it, then the hub
//! until every leaf has. Links deliver after any fault that ends, so every accepted value reaches every node.
//!
//! **Unreachable hub.** The next flush always acknowledges a leaf's batch. A leaf that misses this
//! acknowledgement probes the hub. If the probe also goes unanswered, the leaf sends all other leaves the
//! values that the hub lacks, and all new values, until the hub sends again. The other leaves mark it as cut
//! off, and send it their own new values directly. They do the same for leaves that the hub reports as
//! unreachable. So nodes that can reach each other keep spreading values, with no election and nothing to
//! undo afterwards, since receivers drop duplicates.

mod flush_schedule;
mod hub_node;
mod late_batches;
mod leaf;
mod phase_lock;

pub(super) use hub_node::Hub;
pub(super) use leaf::Leaf;

use crate::message::PeerId;

/// The hub is the first node.
pub(super) const HUB: PeerId = PeerId(0);
