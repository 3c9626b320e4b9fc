//! `--strategy auto`: the cluster chooses its own plan, one hop or two and how long to collect values, so
//! that it meets the user's target.
//!
//! The hub does it, since it sees all values and all latencies. Its [`Controller`] measures the load, and the
//! [`planner`] picks the plan that is best by the [`cost_model`]. The hub's next messages carry the plan to
//! the leaves.
//!
//! Correctness does not depend on all nodes following the same plan at the same time. A leaf that sends its
//! values to every node says so in its messages (`direct`). The hub forwards all other values, whatever the
//! plan. A leaf that has not yet received a change costs extra messages, but loses no values.

mod controller;
pub mod cost_model;
mod planner;

pub(super) use controller::Controller;
