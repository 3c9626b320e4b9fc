//! Why a run has no result.

use std::io;
use std::path::PathBuf;

use super::signals::Interrupted;
use crate::harness::run::SetupError;

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The node's program cannot be run.
    #[error("cannot run {} as a node: {error}\n--bin must name an executable file; PATH is not searched.", .bin.display())]
    Launch {
        /// The program.
        bin: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A node ended, or did something that no run can go on from.
    #[error("Node {node} {what}. Before that, it wrote to STDOUT:\n\n{stdout}\n\nAnd to STDERR:\n\n{stderr}\n\nFull STDERR logs are available in {}", .log.display())]
    Node {
        /// The node.
        node: String,
        /// What it did.
        what: String,
        /// The last lines that it wrote on stdout.
        stdout: String,
        /// The last lines that it wrote on stderr.
        stderr: String,
        /// All that it wrote on stderr.
        log: PathBuf,
    },
    /// A node could not be set up.
    #[error("{error}. Until then, it wrote to STDOUT:\n\n{stdout}\n\nAnd to STDERR:\n\n{stderr}")]
    SetUp {
        /// What happened.
        error: SetupError,
        /// The last lines that it wrote on stdout.
        stdout: String,
        /// The last lines that it wrote on stderr.
        stderr: String,
    },
    /// The run was told to stop.
    #[error("interrupted")]
    Interrupted(Interrupted),
    /// A file or the operating system.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> RunError {
        RunError::Io(error)
    }
}
