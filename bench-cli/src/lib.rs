//! A parameter-sweep benchmark for batched broadcast.

pub mod analysis;
pub mod edn;
pub mod harness;
pub mod settings;
