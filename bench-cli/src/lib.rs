//! A parameter-sweep benchmark for batched broadcast.

pub mod cli;
pub mod edn;
pub mod engine;
pub mod harness;
pub mod settings;
