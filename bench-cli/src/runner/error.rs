//! Errors that end a run without a result.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use super::output_tail::OutputTail;
use super::signals::TerminationSignal;
use crate::harness::run::SetupError;

/// An error that ends a run without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The node's program cannot be run.
    #[error("cannot run {} as a node: {error}{}", .bin.display(), hint(.error))]
    Launch {
        /// The program.
        bin: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A node ended, or did something that the run cannot survive.
    #[error("Node {node} {what}. Before that, it wrote to STDOUT:\n\n{}\n\nAnd to STDERR:\n\n{}\n\nFull STDERR logs are available in {}", .tail.stdout, .tail.stderr, .log.display())]
    Node {
        /// The node.
        node: String,
        /// What it did: a predicate, such as "crashed with exit status 3".
        what: String,
        /// Its last lines.
        tail: OutputTail,
        /// The file with its whole stderr.
        log: PathBuf,
    },
    /// A node could not be set up.
    #[error("{error}. Until then, it wrote to STDOUT:\n\n{}\n\nAnd to STDERR:\n\n{}", .tail.stdout, .tail.stderr)]
    SetUp {
        /// The reason.
        error: SetupError,
        /// The node's last lines.
        tail: OutputTail,
    },
    /// A signal ended the run.
    #[error("interrupted")]
    Interrupted(TerminationSignal),
    /// An error of a file or of the operating system.
    #[error("{0}")]
    Io(io::Error),
}

/// Advice for a program that cannot be run.
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
