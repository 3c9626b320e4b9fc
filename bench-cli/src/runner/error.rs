//! Why a run has no result.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use super::signals::TerminationSignal;
use crate::harness::run::SetupError;

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The node's program cannot be run.
    #[error("cannot run {} as a node: {error}{}", .bin.display(), hint(.error))]
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
    /// A signal ended the run.
    #[error("interrupted")]
    Interrupted(TerminationSignal),
    /// A file or the operating system.
    #[error("{0}")]
    Io(io::Error),
}

/// What to do about a program that cannot be run.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            "\n--bin must name an executable file; PATH is not searched."
        }
        _ if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
            "\nEach node takes four open files: give fewer nodes, or allow more files (ulimit -Hn)."
        }
        _ => "",
    }
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> RunError {
        RunError::Io(error)
    }
}
