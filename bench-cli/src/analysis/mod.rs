//! What the figures of a sweep mean: fits, verdicts, and the limit that they are held against.
//!
//! Nothing here does I/O: rows go in, numbers come out.

pub mod advice;
pub mod challenge;
pub mod compare;
pub mod conditions;
pub mod confirm;
pub mod figure;
pub mod fit;
pub mod limits;
pub mod names;
pub mod parity;
pub mod series;

pub use crate::stats::least_squares::{FitError, Line};
pub use advice::Advice;
pub use challenge::Challenge;
pub use conditions::Conditions;
pub use figure::Figure;
pub use fit::Fit;
pub use limits::Envelope;
pub use names::Names;
pub use series::Series;
