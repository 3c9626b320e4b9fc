//! The lines of the log: a checksum, a space, what is recorded.

use serde_json::value::RawValue;

use crate::message::Incarnation;
use crate::values::{Value, Values};

/// The CRC-32 of a line and of the checksum before it; zero at the file's start.
///
/// The chain makes a line valid in one place only, so the rest of an older file is not read as part of this
/// one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(u32);

impl Checksum {
    const DIGITS: usize = 8;

    fn then(self, body: &[u8]) -> Checksum {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(body);
        Checksum(hasher.finalize())
    }
}

/// What a log holds.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The values, each once, in the order in which they were written.
    pub values: Values,
    /// The last incarnation.
    pub incarnation: Option<Incarnation>,
    /// The length in bytes of all lines up to the first that is torn or corrupt.
    pub length: usize,
    /// The checksum of the last of these lines.
    pub checksum: Checksum,
}

/// Reads a log up to the first line that is torn or corrupt.
pub fn read(bytes: &[u8]) -> Held {
    let mut held = Held::default();
    while let Some(length) = bytes[held.length..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[held.length..held.length + length];
        let Some(checksum) = held.take(line) else { break };
        held.checksum = checksum;
        held.length += length + 1;
    }
    held
}

impl Held {
    /// Takes in a line without its end; its checksum if it is sound.
    fn take(&mut self, line: &[u8]) -> Option<Checksum> {
        let (digits, body) = line.split_at_checked(Checksum::DIGITS)?;
        let body = body.strip_prefix(b" ")?;
        let checksum = self.checksum.then(body);
        if digits != format!("{:08x}", checksum.0).as_bytes() {
            return None;
        }
        let body = std::str::from_utf8(body).ok()?;
        if let Some(number) = body.strip_prefix("life ") {
            self.incarnation = Some(Incarnation(number.parse().ok()?));
        } else {
            let list: Vec<&RawValue> = serde_json::from_str(body.strip_prefix("values ")?).ok()?;
            let values: Result<Vec<Value>, _> =
                list.into_iter().map(|raw| Value::from_json(raw.get())).collect();
            for value in values.ok()? {
                self.values.insert(&value);
            }
        }
        Some(checksum)
    }
}

/// Appends a line whose content `body` appends. Returns its checksum.
pub fn write_line(before: Checksum, line: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) -> Checksum {
    let start = line.len();
    line.extend_from_slice(&[b' '; Checksum::DIGITS + 1]);
    let content = line.len();
    body(line);
    let checksum = before.then(&line[content..]);
    line[start..start + Checksum::DIGITS].copy_from_slice(format!("{:08x}", checksum.0).as_bytes());
    line.push(b'\n');
    checksum
}

/// Appends the content of the line that begins an incarnation.
pub fn write_life(incarnation: Incarnation, line: &mut Vec<u8>) {
    line.extend_from_slice(format!("life {}", incarnation.0).as_bytes());
}

/// Appends the content of a line with values. Their canonical text holds no line end.
pub fn write_values(values: &[Value], line: &mut Vec<u8>) {
    line.extend_from_slice(b"values [");
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            line.push(b',');
        }
        value.write_json(line);
    }
    line.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A log of these batches, each in a line of its own.
    fn log(batches: &[Vec<Value>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut checksum =
            write_line(Checksum::default(), &mut bytes, |line| write_life(Incarnation(7), line));
        for batch in batches {
            checksum = write_line(checksum, &mut bytes, |line| write_values(batch, line));
        }
        bytes
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Int),
            ".{0,12}".prop_map(|text| {
                Value::from_json(&serde_json::to_string(&text).expect("a string")).expect("a value")
            }),
        ]
    }

    fn batches() -> impl Strategy<Value = Vec<Vec<Value>>> {
        prop::collection::vec(prop::collection::vec(value(), 0..5), 0..8)
    }

    fn distinct(batches: &[Vec<Value>]) -> Vec<Value> {
        let mut values = Values::default();
        for value in batches.iter().flatten() {
            values.insert(value);
        }
        values.as_slice().to_vec()
    }

    #[test]
    fn the_format_is_pinned() {
        let text =
            String::from_utf8(log(&[vec![Value::Int(1000), Value::from_json("\"x\"").unwrap()]])).unwrap();
        assert_eq!(text, "75f692d2 life 7\n77ce5256 values [1000,\"x\"]\n");
    }

    proptest! {
        #![proptest_config(crate::props::config(400))]

        #[test]
        fn a_log_is_read_back(batches in batches()) {
            let bytes = log(&batches);
            let held = read(&bytes);
            prop_assert_eq!(held.values.as_slice(), distinct(&batches));
            prop_assert_eq!((held.length, held.incarnation), (bytes.len(), Some(Incarnation(7))));
        }

        /// A crash leaves any prefix of the last write.
        #[test]
        fn a_truncated_log_holds_whole_batches(batches in batches(), cut in any::<prop::sample::Index>()) {
            let mut bytes = log(&batches);
            bytes.truncate(cut.index(bytes.len() + 1));
            let held = read(&bytes);
            let whole = bytes.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
            prop_assert_eq!(held.values.as_slice(), distinct(&batches[..whole]));
        }

        /// A disk may return anything.
        #[test]
        fn a_corrupt_log_holds_a_prefix(
            batches in batches(),
            at in any::<prop::sample::Index>(),
            garbage in prop::collection::vec(any::<u8>(), 1..40),
            keep_the_rest in any::<bool>(),
        ) {
            let sound = log(&batches);
            let at = at.index(sound.len() + 1);
            let mut bytes = sound[..at].to_vec();
            bytes.extend_from_slice(&garbage);
            if keep_the_rest {
                bytes.extend_from_slice(&sound[(at + garbage.len()).min(sound.len())..]);
            }
            let held = read(&bytes);
            prop_assert!(distinct(&batches).starts_with(held.values.as_slice()));
            prop_assert!(held.length <= bytes.len());
        }

        /// Lines that belong elsewhere, as a file system may return them after a crash, are not believed.
        #[test]
        fn a_repeated_or_missing_line_ends_the_log(
            batches in batches(),
            line in any::<prop::sample::Index>(),
        ) {
            let sound = log(&batches);
            let lines: Vec<&[u8]> = sound.split_inclusive(|byte| *byte == b'\n').collect();
            let line = line.index(lines.len());
            let mut repeated = lines.clone();
            repeated.insert(line, lines[line]);
            let held = read(&repeated.concat());
            prop_assert_eq!(held.length, lines[..=line].concat().len());
            let missing = [&lines[..line], &lines[line + 1..]].concat();
            prop_assert_eq!(read(&missing.concat()).length, lines[..line].concat().len());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let held = read(&bytes);
            prop_assert!(held.length <= bytes.len());
        }
    }
}
