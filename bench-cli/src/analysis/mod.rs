//! What the figures of a sweep mean: fits, verdicts, and the limit that they are held against.
//!
//! Nothing here does I/O: rows go in, numbers come out.

pub mod advice;
pub mod challenge;
pub mod compare;
pub mod conditions;
pub mod confirm;
pub mod distribution;
pub mod envelope;
pub mod figure;
pub mod fit;
pub mod groups;
pub mod lack_of_fit;
pub mod least_squares;
pub mod limit;
pub mod median;
pub mod model;
pub mod names;
pub mod parity;
pub mod rank_interval;
pub mod series;
pub mod theil_sen;
pub mod theory;

pub use advice::Advice;
pub use challenge::Challenge;
pub use conditions::Conditions;
pub use envelope::Envelope;
pub use figure::Figure;
pub use fit::Fit;
pub use least_squares::{FitError, Line};
pub use names::Names;
pub use series::Series;
