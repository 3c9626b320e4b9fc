//! Two hops: every value goes to one hub, and from there to all others.
//!
//! ```text
//!            L                  ≤ W                  L
//! leaf ─── batch ──► hub ─── until its flush ──► all leaves
//! ```
//!
//! The [`Centre`] flushes on a period W, at most one message to each leaf and none when there is nothing to say.
//! Each [`Leaf`] collects its clients' values and sends them so that they arrive just before the hub's flush: the
//! time that they wait at the leaf is time that they would have waited at the hub. So, with a constant latency, a
//! value is everywhere after at most W + 2L, and a period costs (N−1)·[(1 − e^(−Wb/N)) + (1 − e^(−Wb))] messages at
//! b values/s. A leaf learns when to send from what the hub's messages say ([`phase`]): no clocks to agree, no latency to
//! configure. For short periods it is cheaper if leaves send at once and the first value opens the hub's window;
//! the hub sees the rate and chooses ([`pace`]).
//!
//! **Late batches.** A batch that misses its flush would wait a whole period. Leaves keep a margin that follows the
//! jitter they see; the hub waits a few milliseconds for a burst that is late, and makes a flush between two flushes
//! for single stragglers, as long as they are few ([`stragglers`]).
//!
//! **What no tuning saves.** Each value must leave its leaf, and each leaf must hear of it, within the period: these
//! are the formula's two terms. Beyond them a run costs its end: the hub learns that the last flush arrived only
//! from a message of each leaf after it, and a leaf with nothing else to say must send one for that alone. Were one
//! of these N−1 messages left out, the hub could not tell the leaf that got the last values from one that did not,
//! and would have to forget them or to send them again.
//!
//! **Start.** Until a leaf has heard from the hub it cannot aim. In a short period it sends each value at once,
//! and the first one fixes the hub's grid. In a long one that would cost a message for each of many values, or one to
//! each leaf that tells it the phase. But all nodes learn the topology at about the same time: so leaves hold their
//! first batches until nearly a period after that, the hub flushes when the burst has come, and its flush locks all
//! phases. The first values may so be late by the [`phase::spread`], and those of a leaf that began much later than the
//! others by a period, once.
//!
//! **Latencies that vary.** The hub's word is exact for the latency that a batch had. Leaves add a margin of three mean
//! deviations, learned from their own batches; until it is learned, and beyond it, a batch can miss its flush and wait
//! for the next: W + 2L then is 2W + 2L.
//!
//! **Restarts.** Links count from the start of the process, as Maelstrom never restarts a node. A node that came
//! back empty would not be understood.
//!
//! **Auto.** The hub can also choose the period, or that everyone sends directly, from a target ([`chooser`]).
//!
//! **Responsibility.** A value is its origin's until the hub acknowledged it, then the hub's until every leaf
//! did. Links deliver after any fault that ends, so everything accepted reaches every node.
//!
//! **When the hub is out of reach.** A leaf whose batch the hub did not acknowledge in time (the next flush
//! always does), and whose probe it did not answer either, sends what the hub lacks, and what comes in, directly to
//! all other leaves, until it hears from the hub. These mark it as cut off, and send it their own new values
//! directly too; so they do for leaves that the hub says it cannot reach. Nodes that can reach each other thus keep
//! spreading values, with no election, and nothing to undo afterwards: what arrives twice is dropped.

mod centre;
mod chooser;
mod leaf;
mod pace;
mod phase;
mod stragglers;

pub(super) use centre::Centre;
pub(super) use leaf::Leaf;

use crate::message::PeerId;

/// The hub is the first node.
pub(super) const HUB: PeerId = PeerId(0);
