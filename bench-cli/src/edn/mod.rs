//! EDN, the notation in which Maelstrom writes `results.edn` and `history.edn`.
//!
//! [`Value`] is one value, [`parse`] reads it, and its [`Display`](std::fmt::Display) and [`Value::pretty`]
//! print it as Maelstrom does.

mod guard;
mod read;
mod write;

use std::borrow::Cow;

pub use self::guard::ReadError;
pub use self::read::parse;

/// An EDN value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `nil`
    Nil,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number. Maelstrom's are 32-bit floats; [`shortest`] keeps their digits.
    Float(f64),
    /// The text of a number that neither a 64-bit integer nor a float holds: a ratio, say.
    Number(String),
    /// A character.
    Char(char),
    /// A string, without quotes and escapes.
    Str(String),
    /// A keyword, without its colon.
    Keyword(Cow<'static, str>),
    /// A symbol.
    Symbol(String),
    /// `( … )`
    List(Vec<Value>),
    /// `[ … ]`
    Vector(Vec<Value>),
    /// `#{ … }`
    Set(Vec<Value>),
    /// `{ … }`, in the order written.
    Map(Vec<(Value, Value)>),
    /// `#tag value`. Never read: the reader drops tags.
    Tagged(&'static str, Box<Value>),
}

impl Value {
    /// A keyword, named without its colon.
    pub const fn keyword(name: &'static str) -> Value {
        Value::Keyword(Cow::Borrowed(name))
    }

    /// A map with keyword keys.
    pub fn record<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (Value::keyword(key), value)).collect())
    }

    /// The value of the key that EDN writes as `key` (`:valid?`, `0.5`), if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let is_key = |candidate: &Value| match candidate {
            Value::Keyword(name) => key.strip_prefix(':') == Some(name),
            other => other.to_string() == key,
        };
        self.entries()?.iter().find(|(candidate, _)| is_key(candidate)).map(|(_, value)| value)
    }

    /// The value at the end of a path of keys, as [`Value::get`] takes them.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The whole number, if this is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(int) = self { Some(*int) } else { None }
    }

    /// The number as a float, if this is a whole number or a float.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub fn entries(&self) -> Option<&[(Value, Value)]> {
        if let Value::Map(entries) = self { Some(entries) } else { None }
    }

    /// The items, if this is a list or a vector.
    pub fn items(&self) -> Option<&[Value]> {
        if let Value::List(items) | Value::Vector(items) = self { Some(items) } else { None }
    }
}

/// The 64-bit float that prints with the same digits as this 32-bit one.
pub fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
