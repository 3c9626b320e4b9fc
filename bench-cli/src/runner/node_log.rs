//! The file with a node's stderr, up to a limit so that a node cannot fill the disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::store::explain;

/// How much of a node's stderr is kept, in bytes. The beginning shows how a failure started.
pub(super) const LONGEST_LOG: u64 = 64 << 20;

/// The note at the end of a truncated file.
const CUT: &str = "\n[bench-cli keeps the first 64 MiB of a node's stderr; the rest is missing here]\n";

/// The log of one node.
#[derive(Debug)]
pub(super) struct NodeLog {
    file: File,
    path: PathBuf,
    room: u64,
    is_cut: bool,
}

/// How much of a write the log kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogWrite {
    /// The whole write.
    Complete,
    /// A part: this write reached the limit. The log keeps nothing from here on.
    Truncated,
    /// Nothing: an earlier write reached the limit.
    Skipped,
}

impl NodeLog {
    /// Opens the file, or creates it. A restarted node's stderr follows that of its earlier life.
    pub(super) fn open(path: PathBuf) -> io::Result<NodeLog> {
        let file = File::options().append(true).create(true).open(&path)?;
        let length = file.metadata()?.len();
        let is_cut = length > LONGEST_LOG;
        Ok(NodeLog { file, path, room: LONGEST_LOG.saturating_sub(length), is_cut })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `bytes` as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<LogWrite> {
        if self.is_cut {
            return Ok(LogWrite::Skipped);
        }
        let fitting = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        self.file.write_all(&bytes[..fitting]).map_err(|error| explain("write", &self.path, &error))?;
        self.room -= fitting as u64;
        if fitting == bytes.len() {
            return Ok(LogWrite::Complete);
        }
        self.is_cut = true;
        self.file.write_all(CUT.as_bytes()).map_err(|error| explain("write", &self.path, &error))?;
        Ok(LogWrite::Truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_ends_at_its_limit_and_says_so() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut log = NodeLog::open(folder.path().join("n0.log")).expect("a log");
        log.room = 10;
        let mut write = |text: &str| log.write(text.as_bytes()).expect("a written log");
        assert_eq!(
            [write("1234\x1b6"), write("7890AB"), write("more")],
            [LogWrite::Complete, LogWrite::Truncated, LogWrite::Skipped]
        );
        let text = std::fs::read_to_string(log.path()).expect("the log");
        assert_eq!(text, format!("1234\x1b67890{CUT}"));
    }
}
