//! What runs sweeps.

pub mod soak;
pub mod sweep;
