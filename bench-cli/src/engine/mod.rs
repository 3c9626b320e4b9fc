//! What executes a run.

pub mod embedded;
