//! What the figures of a sweep mean: fits, verdicts, and the limit that they are held against.
//!
//! Nothing here does I/O: rows go in, numbers come out.

pub mod challenge;
pub mod least_squares;
pub mod limit;
pub mod median;
pub mod parity;
pub mod series;

pub use challenge::Challenge;
pub use least_squares::{FitError, Line};
pub use series::Series;
