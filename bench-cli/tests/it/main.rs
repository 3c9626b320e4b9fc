//! Integration tests of bench-cli, in one binary that is linked once.
//!
//! A new file of tests is a module here. Tests that measure real time belong in `real_time`: there nothing
//! else runs at the same time.

// A test that cannot continue should panic.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod check;
mod ci;
mod compare;
mod disk;
mod grid;
mod hostile;
mod interruption;
#[cfg(target_os = "linux")]
mod interruption_table;
mod one_binary;
mod parameters;
mod parsers;
#[path = "../../../node/tests/it/props.rs"]
mod props;
mod readme;
mod report;
mod results;
mod serve;
mod shards;
mod simulated;
#[cfg(target_os = "linux")]
mod slurm;
mod sweep;
mod tidy;
mod tool;
mod tune;
mod tune_against_grid;
