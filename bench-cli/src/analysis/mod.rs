//! What the figures of a sweep mean: fits, and the limit that they are held against.

pub mod limit;
