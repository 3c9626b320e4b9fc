//! Least squares, intervals, tests and quantiles. Nothing here knows of runs.

pub mod distribution;
pub mod groups;
pub mod kruskal_wallis;
pub mod lack_of_fit;
pub mod least_squares;
pub mod median;
pub mod rank_interval;
pub mod regression;
pub mod spacing;
pub mod theil_sen;
pub mod two_samples;
