//! What executes runs.

use super::settings::named;

/// What executes a sweep's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineKind {
    /// Real Maelstrom.
    Maelstrom,
    /// This program's own `test`, in place of Maelstrom: real processes and the real clock.
    Embedded,
    /// This repository's node in virtual time.
    Simulated,
}

named!(EngineKind, "engine", Maelstrom => "maelstrom", Embedded => "embedded", Simulated => "simulated");

impl EngineKind {
    /// Whether a run can be repeated exactly, or at least with the same operations, by its seed.
    pub const fn takes_seed(self) -> bool {
        !matches!(self, EngineKind::Maelstrom)
    }

    /// Whether its runs leave logs and stores in directories of their own. Runs of an engine that leaves none
    /// are over so soon that repeating them costs less than forcing each record onto the disk.
    pub const fn leaves_files(self) -> bool {
        !matches!(self, EngineKind::Simulated)
    }
}
