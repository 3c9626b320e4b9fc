//! Parsing and writing pieces of JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::values::{Value, write_string};

/// The value of an optional field, or its default if the field is absent.
pub(super) fn field<'a, T: Default + Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    name: &str,
) -> Result<T, String> {
    raw.map_or_else(|| Ok(T::default()), |raw| json(raw).ok_or_else(|| format!("{name} has the wrong type")))
}

pub(super) fn json<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// A JSON string's text, borrowed unless it has escapes.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { json::<String>(raw).map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

pub(super) fn push_values(open: &str, values: &[Value], out: &mut Vec<u8>) {
    push_list(open, values, out, Value::write_json);
}

pub(super) fn push_list<T>(open: &str, items: &[T], out: &mut Vec<u8>, push: impl Fn(&T, &mut Vec<u8>)) {
    out.extend_from_slice(open.as_bytes());
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push(item, out);
    }
    out.push(b']');
}

pub(super) fn push_field(name: &str, number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    push_number(number, out);
}

pub(super) fn push_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

pub(super) fn push_string(string: &str, out: &mut Vec<u8>) {
    let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if string.bytes().all(plain) {
        out.push(b'"');
        out.extend_from_slice(string.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(quote(string).as_bytes());
    }
}

pub(super) fn quote(string: &str) -> String {
    let mut quoted = String::with_capacity(string.len() + 2);
    write_string(string, &mut quoted);
    quoted
}
