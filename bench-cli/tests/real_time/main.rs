//! Tests whose assertions are about real time: how late a runner's timers are, how long a run takes, how soon
//! a killed run's processes are gone.
//!
//! They are a binary of their own because cargo runs one test binary after the other. Next to the simulations
//! of `it`, which use every core, they would measure the load and not the runner.

// A test that cannot continue should panic.
#![allow(clippy::unwrap_used)]

// These tests use a part of it.
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;

mod embedded;
mod field;
mod kills;
mod misbehaviour;
mod soak_embedded;
