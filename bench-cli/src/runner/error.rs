//! Errors that end a run without a result.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::output_tail::OutputTail;
use super::program::Unrunnable;
use super::signals::TerminationSignal;
use crate::harness::run::SetupError;

/// An error that ends a run without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The node's program cannot be run.
    #[error("cannot run {} as a node: {error}{}", .bin.display(), advice(.bin, .error))]
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
    /// The run exceeds a limit of this runner that Maelstrom does not have.
    #[error("this runner cannot continue: {what}; real Maelstrom may")]
    Limit {
        /// What exceeds the limit.
        what: String,
    },
    /// A signal ended the run.
    #[error("interrupted")]
    Interrupted(TerminationSignal),
    /// An error of a file or of the operating system.
    #[error("{0}")]
    Io(io::Error),
}

/// Advice for a program that cannot be run, on a line of its own.
fn advice(bin: &Path, error: &io::Error) -> String {
    if is_exhausted(error) {
        return "\nEach node takes four open files: give fewer nodes, or allow more files (ulimit -Hn)."
            .to_owned();
    }
    Unrunnable::explain(bin)
        .map(|problem| format!("\n{} {problem}. To fix it: {}", bin.display(), problem.remedy(bin)))
        .unwrap_or_default()
}

/// Whether this system, and not the program, is the reason for the error.
fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    exhausted.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl RunError {
    /// Whether the runner could not continue although Maelstrom might have. The run then says nothing about
    /// the node.
    pub fn is_runners(&self) -> bool {
        match self {
            RunError::Launch { error, .. } => is_exhausted(error),
            RunError::Limit { .. } | RunError::Io(_) => true,
            RunError::Node { .. } | RunError::SetUp { .. } | RunError::Interrupted(_) => false,
        }
    }
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> RunError {
        RunError::Io(error)
    }
}
