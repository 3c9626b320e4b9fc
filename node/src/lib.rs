//! A batched broadcast node for Maelstrom (Gossip Glomers challenge 3e).
//!
//! Every node accepts values from clients and answers at once. It delivers each value to every other node
//! with few messages, because values travel in batches. How data flows:
//!
//! ```text
//! stdin ─ lines ─► wire ─ Request, PeerMessage ─► Node ─ Transmit ─► wire ─ bytes ─► stdout
//!                  (runtime: threads, clock)       │
//!                                                  ├─ Values     what this node knows, in order of arrival
//!                                                  └─ strategy   to whom new values go, and when
//!                                                       tree     the published protocol, with its own acks
//!                                                       direct ┐ over links: reliable delivery to one peer
//!                                                       hub    ┘   auto chooses between these two
//! ```
//!
//! [`Node`] is a state machine without I/O and without a clock. Its driver passes in messages and the time,
//! and takes out messages and the next deadline. Under Maelstrom the driver is [`runtime`]. A simulation does
//! the same in virtual time, with typed messages instead of JSON. Equal inputs and an equal seed give equal
//! outputs.
//!
//! | module | content |
//! |---|---|
//! | `message` | the typed messages into and out of a node |
//! | [`wire`] | their JSON form, Maelstrom's protocol |
//! | [`values`] | JSON values, and the log of those that a node knows |
//! | `node` | the state machine |
//! | `config` | the user's settings |
//! | `time` | time as the state machine sees it |
//! | `timer_queue` | many deadlines, the earliest at hand |
//! | `strategy` | to whom new values go, and when |
//! | `strategy::unqueued` | new values that wait for the next flush |
//! | `strategy::tree` | the published protocol; [`TreeGrid`] is its geometry |
//! | `strategy::direct` | one hop, from the origin to every node |
//! | `strategy::hub` | two hops: hub, leaf, phase lock, flush schedule, late batches |
//! | `strategy::auto` | the plan for a user's target: controller, planner, and the public [`cost_model`] |
//! | `links` | a node's links to all its peers |
//! | `link` | reliable delivery to one peer: sender, receiver, round-trip time |
//! | [`storage`] | the write-ahead log; only the runtime opens files |
//! | `rng` | seeded jitter |
//! | [`runtime`] | stdin, stdout, threads, the real clock |
//! | [`command`] | the command line of `node` and `bench-cli node` |
//!
//! Modules without a link are private: `cargo doc --document-private-items` shows them.

pub mod command;
mod config;
mod link;
mod links;
mod message;
mod node;
#[cfg(test)]
#[path = "../tests/it/props.rs"]
mod props;
mod rng;
pub mod runtime;
pub mod storage;
mod strategy;
mod time;
mod timer_queue;
pub mod values;
pub mod wire;

pub use config::{Config, StrategyKind, Target};
pub use link::Header;
pub use message::{
    Announcement, Batch, ErrorCode, Incarnation, LinkMessage, PeerId, PeerMessage, Plan, Reply, ReplyTo,
    Request, Transmit,
};
pub use node::{Node, Recovery, STALL, Start};
pub use strategy::auto::cost_model;
pub use strategy::tree::TreeGrid;
pub use time::{Nanos, Time};
pub use timer_queue::{Deadline, TimerQueue};
pub use values::{Value, Values};
