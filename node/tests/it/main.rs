//! Integration tests of the node, in one binary that is linked once. A new file of tests is a module here.

// A test that cannot continue should panic.
#![allow(clippy::unwrap_used)]

mod faultless;
mod faults;
mod large;
mod memory;
mod process;
mod props;
mod sim;
mod storage;
