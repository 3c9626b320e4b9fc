//! A run as Maelstrom conducts it, without I/O and without a clock.
//!
//! [`run::Run`] is the whole run as one state machine: whoever drives it tells it what nodes say and what time it
//! is, and takes from it the messages that are due at nodes and the next deadline. The embedded engine drives it
//! with child processes and the real clock, the simulated engine with state machines and virtual time; both get
//! the same network, workload, faults, history and checks from here.
//!
//! ```text
//!  generator ──► run (clients, phases) ──► network ──► the driver's nodes
//!  partition ─┘        │      ▲                            │
//!                      ▼      └────────────────────────────┘
//!                  history ──► checker ──► results
//! ```

pub mod checker;
pub mod generator;
pub mod history;
pub mod history_file;
pub mod latency;
pub mod launch;
pub mod maelstrom_timing;
pub mod network;
pub mod partition;
pub mod payload;
pub mod results;
pub mod rng_streams;
pub mod run;
pub mod topology;
