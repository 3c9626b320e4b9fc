//! What is to be measured, described once: a [`SweepSpec`] expands to a [`RunSpec`] for each run.
//!
//! | module | what it defines |
//! |---|---|
//! | [`sweep`] | a sweep: engine, node, grid of parameters, repetitions, seed, limits |
//! | [`run`], [`shard`] | one run of it; a part of its runs, for one of several machines |
//! | `sample` | a space-filling subset of a grid |
//! | [`mod@file`] | `sweep.toml`, and what flags add to it |
//! | [`setting`], [`settings`] | the table of Maelstrom's settings; a run's values of them |
//! | [`parameter`] | what varies from one run to another, the user's own parameters among it |
//! | [`value`], [`durations`], [`list`] | values, and how users write lists and ranges of them |
//! | [`template`] | arguments with placeholders for parameters |
//! | [`node`], [`engine`], [`limits`] | what runs as a node, what executes it, what it should stay below |
//! | [`names`] | names that tell runs and series apart |
//! | [`command`], [`shell`] | a sweep as a command line; words as they are typed |

pub mod command;
pub mod durations;
pub mod engine;
pub mod file;
pub mod limits;
pub mod list;
pub mod names;
pub mod node;
pub mod parameter;
pub mod run;
pub(crate) mod sample;
pub mod setting;
pub mod settings;
pub mod shard;
pub mod shell;
pub mod sweep;
pub mod template;
pub mod value;

pub use engine::EngineKind;
pub use limits::Limits;
pub use names::Names;
pub use node::Node;
pub use parameter::Parameter;
pub use run::RunSpec;
pub use sweep::{Grid, SettingLists, SweepSpec};
