//! A parameter-sweep benchmark for batched broadcast.

pub mod analysis;
pub mod edn;
pub mod outcome;
pub mod settings;
