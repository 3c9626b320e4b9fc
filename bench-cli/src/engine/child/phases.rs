//! The phases of a run, read from its output.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::engine::Phase;

/// Reads phases from a log as it grows.
pub(super) struct PhaseReader {
    log: File,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
}

impl PhaseReader {
    /// Lines of more bytes do not announce phases, and are dropped.
    const LONGEST_LINE: usize = 64 << 10;

    pub(super) fn open(log: &Path) -> io::Result<PhaseReader> {
        Ok(PhaseReader { log: File::open(log)?, partial: Vec::new() })
    }

    /// The last phase that began since the previous call, if any. Ignores errors.
    pub(super) fn poll(&mut self) -> Option<Phase> {
        self.log.read_to_end(&mut self.partial).ok()?;
        let end = self.partial.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let phase = String::from_utf8_lossy(&self.partial[..end]).lines().filter_map(phase_of).next_back();
        self.partial.drain(..end);
        if self.partial.len() > Self::LONGEST_LINE {
            self.partial.clear();
        }
        phase
    }
}

/// The phase that a line of the log announces.
fn phase_of(line: &str) -> Option<Phase> {
    // The texts are Maelstrom's, and "operations begin" our runner's.
    if line.ends_with("Relative time begins now") || line.ends_with("operations begin") {
        Some(Phase::Operations)
    } else if line.ends_with("Waiting for recovery...") {
        Some(Phase::Recovery)
    } else if line.ends_with("Analyzing...") {
        Some(Phase::Checking)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn phases_are_read_as_the_log_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = File::create(&path).unwrap();
        let mut reader = PhaseReader::open(&path).unwrap();
        assert_eq!(reader.poll(), None);
        log.write_all(b"INFO - jepsen.core Relative time beg").unwrap();
        assert_eq!(reader.poll(), None);
        log.write_all(b"ins now\nINFO :invoke\n").unwrap();
        assert_eq!(reader.poll(), Some(Phase::Operations));
        log.write_all(b"x Waiting for recovery...\nx Analyzing...\n").unwrap();
        assert_eq!(reader.poll(), Some(Phase::Checking));
        assert_eq!(reader.poll(), None);
    }
}
