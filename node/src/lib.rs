//! A batched broadcast node for Maelstrom.

pub mod time;

pub use time::Time;
