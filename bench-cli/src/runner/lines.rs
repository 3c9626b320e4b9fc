//! Lines in the bytes that a node writes.

/// Splits bytes into lines as Java does: a line ends with `\n`, `\r` or both.
#[derive(Debug, Default)]
pub struct LineSplitter {
    /// Bytes that have not been split yet.
    buffer: Vec<u8>,
    /// How many bytes of the buffer hold no line end.
    searched: usize,
    /// Whether the last line ended with `\r`, so that a `\n` that follows belongs to that end.
    after_return: bool,
}

impl LineSplitter {
    /// The buffer, for appending bytes.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// How many bytes belong to a line whose end has not come yet.
    pub fn unfinished(&self) -> usize {
        self.buffer.len()
    }

    /// Calls `on_line` with each whole line. Bytes that are not UTF-8 are replaced.
    pub fn split(&mut self, mut on_line: impl FnMut(&str)) {
        let mut start = 0;
        if self.after_return && !self.buffer.is_empty() {
            self.after_return = false;
            start = usize::from(self.buffer[0] == b'\n');
            self.searched = start;
        }
        while let Some(length) = memchr::memchr2(b'\n', b'\r', &self.buffer[self.searched..]) {
            let end = self.searched + length;
            on_line(&String::from_utf8_lossy(&self.buffer[start..end]));
            start = end + 1;
            if self.buffer[end] == b'\r' {
                match self.buffer.get(start) {
                    Some(b'\n') => start += 1,
                    Some(_) => {}
                    None => self.after_return = true,
                }
            }
            self.searched = start;
        }
        self.buffer.drain(..start);
        self.searched = self.buffer.len();
    }

    /// Calls `on_line` with the last line, if it has no end. For when no more bytes can come.
    pub fn finish(&mut self, mut on_line: impl FnMut(&str)) {
        if !self.buffer.is_empty() {
            on_line(&String::from_utf8_lossy(&self.buffer));
            self.buffer.clear();
            self.searched = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines of bytes that come in these pieces.
    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.buffer().extend_from_slice(piece);
            splitter.split(|line| lines.push(line.to_owned()));
        }
        splitter.finish(|line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn lines_end_as_in_java() {
        for (bytes, expected) in [
            (&b"a\nb\n"[..], &["a", "b"][..]),
            (b"a\r\nb\r\n", &["a", "b"]),
            (b"a\rb", &["a", "b"]),
            (b"a\n\rb\n\n", &["a", "", "b", ""]),
            (b"no end", &["no end"]),
            (b"\xff\n", &["\u{fffd}"]),
            (b"", &[]),
        ] {
            assert_eq!(lines(&[bytes]), expected);
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(lines(&each), expected, "in pieces of a byte");
        }
    }

    proptest! {
        #![proptest_config(crate::props::config(256))]

        #[test]
        fn lines_do_not_depend_on_the_pieces(bytes in "[ab\r\n]{0,30}", size in 1..8_usize) {
            let bytes = bytes.as_bytes();
            prop_assert_eq!(lines(&bytes.chunks(size).collect::<Vec<_>>()), lines(&[bytes]));
        }
    }
}
