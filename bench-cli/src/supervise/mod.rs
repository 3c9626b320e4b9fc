//! Starting, watching and ending processes.
//!
//! [`process`] runs a process in a group of its own and ends the whole group. [`guard`] does so if this
//! process is killed. [`orphans`] finds processes that outlived both. [`stop`] tells runs to stop.

pub mod guard;
pub mod orphans;
pub mod process;
pub mod stop;
