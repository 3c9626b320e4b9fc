//! A parameter-sweep benchmark for batched broadcast.

pub mod edn;
pub mod harness;
pub mod settings;
