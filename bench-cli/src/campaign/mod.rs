//! What runs sweeps: each is a function of specs and an observer, without a command line and without
//! printing.
//!
//! | module | what it does |
//! |---|---|
//! | [`sweep`] | executes every run of a [`SweepSpec`](crate::spec::SweepSpec), each record on disk before the next run starts |
//! | [`tune`] | races settings until the best within limits is known, and checks it |
//! | [`confirm`] | runs the settings that a sweep recommends again |
//! | [`parity`] | compares an engine with recorded runs, or with another engine |
//! | [`merge`] | puts the shards of a sweep together |
//! | [`slurm`] | executes the shards of a sweep on a Slurm cluster |
//! | [`soak`] | searches random simulated runs for what must not happen |

pub mod confirm;
pub mod merge;
pub mod parity;
pub mod slurm;
pub mod soak;
pub mod sweep;
pub mod tune;
