//! The file that takes what a node writes on stderr, up to a limit: a node that writes without end fills no disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How much of a node's stderr is kept, in bytes. The first of it tells how trouble began.
pub(super) const LONGEST_LOG: u64 = 64 << 20;

/// What the file says where it is cut.
const CUT: &str = "\n[bench-cli keeps the first 64 MiB of a node's stderr; the rest is missing here]\n";

/// The log of one node.
#[derive(Debug)]
pub(super) struct NodeLog {
    file: File,
    path: PathBuf,
    room: u64,
    is_cut: bool,
}

/// Whether a log takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It did.
    All,
    /// Its limit was reached just now: from here on nothing is kept.
    Cut,
    /// Its limit was reached before.
    Nothing,
}

impl NodeLog {
    /// Creates the file, empty.
    pub(super) fn create(path: PathBuf) -> io::Result<NodeLog> {
        Ok(NodeLog { file: File::create(&path)?, path, room: LONGEST_LOG, is_cut: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `bytes` as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Taken> {
        if self.is_cut {
            return Ok(Taken::Nothing);
        }
        let fitting = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        self.file.write_all(&bytes[..fitting]).map_err(|error| self.explain(&error))?;
        self.room -= fitting as u64;
        if fitting == bytes.len() {
            return Ok(Taken::All);
        }
        self.is_cut = true;
        self.file.write_all(CUT.as_bytes()).map_err(|error| self.explain(&error))?;
        Ok(Taken::Cut)
    }

    fn explain(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("could not write {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_ends_at_its_limit_and_says_so() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut log = NodeLog::create(folder.path().join("n0.log")).expect("a log");
        log.room = 10;
        let mut write = |text: &str| log.write(text.as_bytes()).expect("a written log");
        assert_eq!(
            [write("1234\x1b6"), write("7890AB"), write("more")],
            [Taken::All, Taken::Cut, Taken::Nothing]
        );
        let text = std::fs::read_to_string(log.path()).expect("the log");
        assert_eq!(text, format!("1234\x1b67890{CUT}"));
    }
}
