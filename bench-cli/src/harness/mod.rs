//! A run as Maelstrom conducts it, without I/O and without a clock.
//!
//! [`run::Run`] is the whole run as one state machine. Its driver passes in the nodes' messages and the time,
//! and takes out the messages that are due at nodes and the next deadline. The runner drives it with child
//! processes and the real clock. The simulated engine drives it with the nodes' state machines and virtual
//! time. Both get the same network, workload, faults, history and checks from here.
//!
//! ```text
//!  generator ──► run (clients, phases) ──► network ──► the driver's nodes
//!  partition ─┘        │      ▲            │               │
//!                      │      │        services            │
//!                      ▼      └────────────────────────────┘
//!                  history ──► checker ──► results
//! ```

pub mod address;
pub mod checker;
pub mod distribution;
pub mod generator;
pub mod history;
pub mod history_file;
pub mod host_delays;
pub mod latency;
pub mod launch;
pub mod maelstrom_timing;
pub mod message_counts;
pub mod network;
pub mod partition;
pub mod payload;
pub mod results;
pub mod rng_streams;
pub mod run;
pub mod services;
pub mod targets;
pub mod topology;
