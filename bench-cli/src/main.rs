//! The benchmark's binary.
fn main() {}
