//! JSON values, and the log of those that a node knows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use rustc_hash::{FxBuildHasher, FxHashSet};
use serde_json::value::RawValue;

/// Arrays and objects nested deeper than this are refused.
pub const MAX_DEPTH: usize = 128;

/// The longest value in bytes of canonical text; longer ones are refused. A link's probe holds up to 64
/// values, and must fit into a line that a node reads.
pub const MAX_VALUE: usize = 512 << 10;

/// Any JSON value, in a compact form that is cheap to compare. Two values are equal if their canonical texts
/// are. White space, the order of an object's keys and the escapes in a string do not matter. If a key occurs
/// twice, the last one counts. Numbers keep the digits in which they were written, so that none loses
/// precision: `1`, `1.0` and `1e0` are three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// An integer that fits; by far the most common value.
    Int(i64),
    /// Any other value, as canonical compact JSON.
    Other(Text),
}

const _: () = assert!(size_of::<Value>() == 16);

/// A text that the process stores once, and for good. So values are copied like numbers.
///
/// A node never forgets a value. So only the texts that it reads and refuses are stored in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Text(&'static str);

impl Text {
    fn stored(text: String) -> Text {
        static ALL: Mutex<FxHashSet<&str>> = Mutex::new(FxHashSet::with_hasher(FxBuildHasher));
        let mut all = ALL.lock().expect("nothing panics while it has the lock");
        if let Some(stored) = all.get(text.as_str()) {
            return Text(stored);
        }
        let stored = Box::leak(text.into_boxed_str());
        all.insert(stored);
        Text(stored)
    }
}

/// Why a text is not a valid [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Too many arrays or objects within each other.
    #[error("nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Its canonical text is too long.
    #[error("longer than {MAX_VALUE} bytes")]
    TooLong,
    /// Not JSON, or a string with half a surrogate pair, which is not Unicode text.
    #[error("not a valid JSON value")]
    Invalid,
}

impl Value {
    /// Reads one JSON value.
    ///
    /// # Errors
    /// If `text` is not JSON, is nested deeper than [`MAX_DEPTH`], is longer than [`MAX_VALUE`], or holds a
    /// string that is not Unicode.
    pub fn from_json(text: &str) -> Result<Value, ValueError> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if let Some(int) = canonical_int(text) {
            return Ok(Value::Int(int));
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| ValueError::Invalid)?;
        let mut canonical = String::with_capacity(text.len());
        canonicalise(raw, 0, &mut canonical)?;
        if canonical.len() > MAX_VALUE {
            return Err(ValueError::TooLong);
        }
        Ok(Value::Other(Text::stored(canonical)))
    }

    /// At least as long as the value's JSON text.
    fn length(&self) -> usize {
        match self {
            // 19 digits and a sign.
            Value::Int(_) => 20,
            Value::Other(Text(text)) => text.len(),
        }
    }

    /// Appends the value's JSON text to `out`.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Int(int) => out.extend_from_slice(itoa::Buffer::new().format(*int).as_bytes()),
            Value::Other(Text(text)) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Int(int)
    }
}

/// The integer, if `text` is exactly what would be written for it (so not `-0`, `007` or `+1`).
fn canonical_int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}

/// Appends `raw` without white space and with sorted keys. Each level is parsed again, so the cost is at most
/// [`MAX_DEPTH`] times the length.
fn canonicalise(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), ValueError> {
    if depth > MAX_DEPTH {
        return Err(ValueError::TooDeep);
    }
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let entries: BTreeMap<Cow<'_, str>, &RawValue> = parse(text)?;
            write_sequence(out, '{', '}', entries, |out, (key, value)| {
                write_string(&key, out);
                out.push(':');
                canonicalise(value, depth + 1, out)
            })
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = parse(text)?;
            write_sequence(out, '[', ']', items, |out, item| canonicalise(item, depth + 1, out))
        }
        Some(b'"') => {
            write_string(&parse::<String>(text)?, out);
            Ok(())
        }
        _ => {
            out.push_str(text);
            Ok(())
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, ValueError> {
    serde_json::from_str(text).map_err(|_| ValueError::Invalid)
}

fn write_sequence<I: IntoIterator>(
    out: &mut String,
    open: char,
    close: char,
    items: I,
    mut write: impl FnMut(&mut String, I::Item) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    out.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(out, item)?;
    }
    out.push(close);
    Ok(())
}

/// Appends `string` as a JSON string literal.
pub(crate) fn write_string(string: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(string).expect("a string has a JSON form"));
}

/// The number of leading `values` whose text, with commas, fits into `bytes`; at least one.
pub(crate) fn fitting(values: &[Value], bytes: usize) -> usize {
    if values.len() <= bytes / (MAX_VALUE + 1) {
        return values.len();
    }
    let mut left = bytes;
    let fits = |value: &&Value| {
        let rest = left.checked_sub(value.length() + 1);
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    values.iter().take_while(fits).count().max(1).min(values.len())
}

/// A log has room for this many values from the start: those of a challenge run, in 32 KiB. Growing a log to
/// that size would copy it nine times.
const FIRST_CAPACITY: usize = 2048;

/// The values that a node knows, without duplicates, in the order in which they arrived.
///
/// Costs 16 bytes per value for the log. The duplicate filter adds one byte for each number up to the largest
/// below [`DENSE_LIMIT`], rounded up to a power of two. It adds 20 to 40 bytes for any other value. So does
/// the process's table of [texts](Text), besides the texts themselves.
#[derive(Clone, Debug)]
pub struct Values {
    log: Vec<Value>,
    known: Known,
}

impl Default for Values {
    fn default() -> Values {
        Values { log: Vec::with_capacity(FIRST_CAPACITY), known: Known::with_capacity(FIRST_CAPACITY) }
    }
}

impl Values {
    /// Adds `value` unless it is known. Returns its index in the log if it was new.
    #[inline]
    pub fn insert(&mut self, value: &Value) -> Option<u32> {
        if !self.known.insert(*value) {
            return None;
        }
        self.log.push(*value);
        Some(log_index(self.log.len() - 1))
    }

    /// Adds those of `values` that are unknown. Returns their positions in the log.
    #[inline]
    pub fn insert_all(&mut self, values: &[Value]) -> Range<u32> {
        let before = self.log.len();
        match values {
            // As in most batches of `direct`.
            [value] => _ = self.insert(value),
            _ => self.insert_many(values),
        }
        let end = log_index(self.log.len());
        before as u32..end
    }

    /// Appends each stretch of new values at once, without a look at the log's capacity for each of them.
    fn insert_many(&mut self, values: &[Value]) {
        for new in values.split(|value| !self.known.insert(*value)) {
            self.log.extend_from_slice(new);
        }
    }

    /// How many values are known.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether no value is known.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// Whether `value` is known.
    pub fn contains(&self, value: &Value) -> bool {
        self.known.contains(*value)
    }

    /// All values in order of arrival. The log only grows, so a prefix of it never changes.
    pub fn as_slice(&self) -> &[Value] {
        &self.log
    }
}

fn log_index(position: usize) -> u32 {
    u32::try_from(position).expect("memory ends before 2^32 values")
}

/// Whole numbers below this are known by a flag instead of a hash entry. So the flags of a node take at most
/// 1 MiB, whatever numbers its clients choose.
const DENSE_LIMIT: i64 = 1 << 20;

/// A set of values: the filter for duplicates.
///
/// Clients mostly broadcast small whole numbers. Setting a flag takes about 10 instructions; hashing took
/// 240, the table's growth included.
#[derive(Clone, Debug)]
struct Known {
    /// Of each whole number from zero up to [`DENSE_LIMIT`], whether it is known.
    dense: Vec<bool>,
    sparse: FxHashSet<Value>,
}

impl Known {
    /// Nothing is known. Has room for whole numbers below `numbers`.
    fn with_capacity(numbers: usize) -> Known {
        Known { dense: vec![false; numbers], sparse: FxHashSet::default() }
    }

    /// Adds a value. Returns whether it is new.
    fn insert(&mut self, value: Value) -> bool {
        let flag = if let Value::Int(int) = value { self.dense.get_mut(position(int)) } else { None };
        match flag {
            Some(known) => !std::mem::replace(known, true),
            None => self.insert_elsewhere(value),
        }
    }

    #[cold]
    fn insert_elsewhere(&mut self, value: Value) -> bool {
        match value {
            Value::Int(int @ 0..DENSE_LIMIT) => {
                let room = (position(int) + 1).next_power_of_two();
                self.dense.resize(room, false);
                self.insert(value)
            }
            _ => self.sparse.insert(value),
        }
    }

    fn contains(&self, value: Value) -> bool {
        let flag = if let Value::Int(int) = value { self.dense.get(position(int)) } else { None };
        flag.copied().unwrap_or_else(|| self.sparse.contains(&value))
    }
}

/// A number's place among the flags. There is none for a negative number.
fn position(number: i64) -> usize {
    usize::try_from(number as u64).unwrap_or(usize::MAX)
}

/// The JSON text of a log's values, separated by commas. Each value is encoded only once, so that answering a
/// read is a copy.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    text: Vec<u8>,
    /// Where each value's text ends.
    ends: Vec<usize>,
}

impl Encoded {
    /// The text of the first `len` of `values`. Every call must pass the same log.
    pub(crate) fn prefix(&mut self, values: &[Value], len: usize) -> &[u8] {
        for value in values.iter().take(len).skip(self.ends.len()) {
            if !self.ends.is_empty() {
                self.text.push(b',');
            }
            value.write_json(&mut self.text);
            self.ends.push(self.text.len());
        }
        match len.min(self.ends.len()) {
            0 => &[],
            len => &self.text[..self.ends[len - 1]],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        Value::from_json(text).expect("valid").write_json(&mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn integers_are_compact_and_others_keep_their_digits() {
        for int in [0, 1, -1, 42, i64::MAX, i64::MIN] {
            assert_eq!(Value::from_json(&int.to_string()), Ok(Value::Int(int)));
            assert_eq!(json(&int.to_string()), int.to_string());
        }
        for text in
            ["9223372036854775808", "-0", "1.0", "1e0", "123456789012345678901234567890.10", "null", "true"]
        {
            assert!(matches!(Value::from_json(text), Ok(Value::Other(_))), "{text}");
            assert_eq!(json(text), text);
        }
        assert_ne!(Value::from_json("1"), Value::from_json("1.0"));
    }

    #[test]
    fn spelling_does_not_matter() {
        assert_eq!(json(r#" { "b" : [ 1 , {} ] , "a" : "\u0041\/" } "#), r#"{"a":"A/","b":[1,{}]}"#);
        assert_eq!(Value::from_json(r#"{"a":1,"b":2}"#), Value::from_json(r#"{"b":2, "a":1}"#));
        assert_eq!(json(r#"{"a":1,"a":2}"#), r#"{"a":2}"#);
        assert_eq!(json(r#""ü\n\u0000""#), r#""ü\n\u0000""#);
    }

    #[test]
    fn invalid_values_are_refused() {
        for text in ["", "  ", "01", "+1", "[1", "{\"a\"}", "\"\\ud800\"", "nul", "1 2", "NaN"] {
            assert_eq!(Value::from_json(text), Err(ValueError::Invalid), "{text:?}");
        }
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Value::from_json(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(Value::from_json(&nested(MAX_DEPTH + 2)), Err(ValueError::TooDeep));
        assert_eq!(Value::from_json(&nested(100_000)), Err(ValueError::TooDeep));
    }

    #[test]
    fn values_that_are_too_long_are_refused() {
        let string = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        assert!(Value::from_json(&string(MAX_VALUE)).is_ok());
        assert_eq!(Value::from_json(&string(MAX_VALUE + 1)), Err(ValueError::TooLong));
    }

    #[test]
    fn a_batch_is_measured_by_the_length_of_its_text() {
        let values: Vec<Value> = (0..10).map(|_| Value::Other(Text::stored("x".repeat(9)))).collect();
        assert_eq!(fitting(&values, 100), 10);
        assert_eq!(fitting(&values, 99), 9);
        assert_eq!(fitting(&values, 1), 1);
        assert_eq!(fitting(&[], 1), 0);
    }

    #[test]
    fn numbers_are_known_wherever_they_are_stored() {
        let mut values = Values::default();
        let numbers = [0, 63, 64, 7, DENSE_LIMIT - 1, DENSE_LIMIT, i64::MAX, -1, i64::MIN];
        for (index, number) in (0..).zip(numbers) {
            assert!(!values.contains(&number.into()));
            assert_eq!(values.insert(&number.into()), Some(index));
            assert!(values.contains(&number.into()));
            assert_eq!(values.insert(&number.into()), None);
        }
        assert!(!values.contains(&65.into()) && !values.contains(&(-64).into()));
    }

    #[test]
    fn the_same_text_is_stored_once() {
        let texts = ["[7]", " [ 7 ]", "[8]"].map(|text| match Value::from_json(text) {
            Ok(Value::Other(Text(text))) => text.as_ptr(),
            other => panic!("{other:?}"),
        });
        assert!(texts[0] == texts[1] && texts[0] != texts[2]);
    }

    #[test]
    fn batches_with_known_values_add_the_others() {
        let mut values = Values::default();
        let batch = |numbers: &[i64]| numbers.iter().copied().map(Value::Int).collect::<Vec<_>>();
        for (numbers, new) in
            [(&[][..], 0..0), (&[3], 0..1), (&[3], 1..1), (&[1, 3, 3, 2, 5000], 1..4), (&[2, 1], 4..4)]
        {
            assert_eq!(values.insert_all(&batch(numbers)), new, "{numbers:?}");
        }
        assert_eq!(values.as_slice(), batch(&[3, 1, 2, 5000]));
    }

    #[test]
    fn the_log_keeps_order_and_drops_duplicates() {
        let mut values = Values::default();
        assert_eq!(values.insert(&Value::Int(5)), Some(0));
        assert_eq!(values.insert(&Value::Int(5)), None);
        assert_eq!(values.insert(&Value::from_json("\"5\"").unwrap()), Some(1));
        assert_eq!(values.len(), 2);
        let mut encoded = Encoded::default();
        assert_eq!(encoded.prefix(values.as_slice(), 2), b"5,\"5\"");
        assert_eq!(encoded.prefix(values.as_slice(), 1), b"5");
        assert_eq!(encoded.prefix(values.as_slice(), 0), b"");
        values.insert(&Value::Int(-7));
        assert_eq!(encoded.prefix(values.as_slice(), 3), b"5,\"5\",-7");
    }
}
