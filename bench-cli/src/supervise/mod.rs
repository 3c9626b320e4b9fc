//! Starting, watching and ending processes, and finding what outlived even that.

pub mod guard;
pub mod orphans;
pub mod process;
pub mod stop;
