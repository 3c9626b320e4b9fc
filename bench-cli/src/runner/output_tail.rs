//! The last lines of a node's output, for error messages.

use std::collections::VecDeque;

/// How many of the last lines of each stream are kept, as in Maelstrom.
const KEPT_LINES: usize = 32;
/// How many bytes of a line are kept.
pub(super) const KEPT_BYTES: usize = 2_000;

/// The last lines that a node has written.
#[derive(Clone, Debug, Default)]
pub struct OutputTail {
    /// The last lines on stdout.
    pub stdout: String,
    /// The last lines on stderr.
    pub stderr: String,
}

/// The last lines of one stream.
#[derive(Debug, Default)]
pub(super) struct LastLines(VecDeque<String>);

impl LastLines {
    /// Adds a line, cut if it is long.
    pub(super) fn push(&mut self, line: &str) {
        // Reuses the memory of the oldest line.
        let mut kept = if self.0.len() == KEPT_LINES { self.0.pop_front() } else { None }.unwrap_or_default();
        kept.clear();
        let shown = &line[..line.floor_char_boundary(KEPT_BYTES)];
        kept.push_str(shown);
        if shown.len() < line.len() {
            kept.push_str(" …");
        }
        self.0.push_back(kept);
    }

    /// The lines as one text.
    pub(super) fn join(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        let mut lines = LastLines::default();
        for number in 0..KEPT_LINES + 2 {
            lines.push(&number.to_string());
        }
        lines.push(&"é".repeat(KEPT_BYTES));
        let text = lines.join();
        assert!(text.starts_with("3\n4\n") && text.ends_with("é …"), "{text}");
        assert_eq!(text.lines().count(), KEPT_LINES);
    }
}
