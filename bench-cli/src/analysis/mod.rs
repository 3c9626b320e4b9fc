//! What the figures of a sweep mean.
//!
//! Nothing here does I/O: records go in, numbers and verdicts come out.
//!
//! | module | what it answers |
//! |---|---|
//! | [`series`] | which runs belong together: one series for each strategy or node and combination of settings |
//! | [`figure`] | which figures of a run are limited and compared |
//! | [`names`] | how a run is described, and how sweeps differ |
//! | [`conditions`] | which models, limits and published results apply to runs |
//! | [`fit`] | how a series' latency grows with the batch timeout |
//! | [`limits`] | whether a run stays below limits |
//! | [`advice`] | which timeouts reliably meet limits, and what to measure next |
//! | [`confirm`] | whether further runs of a recommended setting meet the limits, too |
//! | [`compare`] | which differences between sweeps are significant |
//! | [`tails`] | whether the worst cases of two kinds of runs are alike |
//! | [`threshold`] | whether a sweep crosses a threshold that fails it |
//! | [`effects`] | which parameters matter, alone and in pairs |
//! | [`pareto`] | which settings no other beats in messages and latency |
//! | [`hosts`] | whether the machines that made the runs differ |
//! | [`sample`] | the figures of runs, by strategy and batch timeout |
//! | [`parity`] | whether an engine measures what another one measures |
//! | [`warning`] | what to know before using any of this |

pub mod advice;
pub mod compare;
pub mod conditions;
pub mod confirm;
pub mod effects;
#[cfg(test)]
pub(crate) mod examples;
pub mod figure;
pub mod fit;
pub mod hosts;
mod limits;
pub mod names;
pub mod pareto;
pub mod parity;
pub mod sample;
pub mod series;
pub mod tails;
pub mod threshold;
pub mod warning;

pub use crate::stats::least_squares::{FitError, Line};
pub use advice::Advice;
pub use conditions::Conditions;
pub use figure::Figure;
pub use fit::Fit;
pub use series::Series;
pub use threshold::Threshold;
pub use warning::Warning;
