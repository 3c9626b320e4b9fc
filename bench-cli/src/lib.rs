//! A parameter-sweep benchmark for batched broadcast.

#[macro_use]
mod terminal;

pub mod analysis;
pub mod cli;
pub mod durations;
pub mod edn;
pub mod engine;
pub mod harness;
mod logging;
pub mod numbers;
pub mod outcome;
pub mod plot;
pub mod preflight;
pub mod report;
pub mod settings;
pub mod soak;
pub mod sweep;
pub mod template;
