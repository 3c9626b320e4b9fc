//! A parameter-sweep benchmark for batched broadcast.

pub mod settings;
