//! Commands that run sweeps. Each is a function of specs and an observer, and knows no command line and no
//! terminal.
//!
//! | module | what it does |
//! |---|---|
//! | [`sweep`] | executes every run of a [`SweepSpec`](crate::spec::SweepSpec), each record on disk before the next run starts |
//! | [`tune`] | races settings until the best within limits is known, and checks it |
//! | [`confirm`] | runs the settings that a sweep recommends again |
//! | [`parity`] | compares an engine with recorded runs, or with another engine |
//! | [`merge`] | merges the shards of a sweep |
//! | [`slurm`] | executes the shards of a sweep on a Slurm cluster |
//! | [`soak`] | searches random simulated runs for faults of the node |

pub mod confirm;
pub mod merge;
pub mod parity;
pub mod slurm;
pub mod soak;
pub mod sweep;
pub mod tune;
