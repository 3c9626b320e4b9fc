//! A parameter-sweep benchmark for batched broadcast.

#[macro_use]
mod terminal;

pub mod analysis;
pub mod campaign;
pub mod cli;
pub mod edn;
pub mod engine;
pub mod harness;
mod logging;
mod markup;
pub mod model;
pub mod plot;
pub mod preflight;
#[cfg(test)]
#[path = "../../node/tests/it/props.rs"]
mod props;
pub mod record;
pub mod report;
pub mod runner;
pub mod spec;
pub mod stats;
pub mod supervise;
