//! Sweeping.
pub mod durations;
pub mod template;
