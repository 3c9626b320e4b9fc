//! What is to be measured.

pub mod durations;
pub mod numbers;
pub mod plan;
pub mod settings;
pub mod template;
