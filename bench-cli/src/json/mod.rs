//! JSON as Maelstrom reads it from nodes.
//!
//! Maelstrom's reader is more liberal than the standard in some places. It takes the first value of a line
//! and ignores the rest. The last of two equal keys counts, strings may contain control characters, and whole
//! numbers have any size. It is strict elsewhere: no comments, no `NaN`, no nesting deeper than
//! [`MAX_DEPTH`].

mod read;

use std::fmt::{self, Write as _};

use crate::edn::Value;

pub use self::read::{MAX_DEPTH, NotJson, first_value};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// The digits of a whole number that 64 bits do not hold.
    BigInt(Box<str>),
    /// A number with a decimal point or an exponent.
    Float(f64),
    /// A string.
    Str(String),
    /// `[ … ]`
    Array(Vec<Json>),
    /// `{ … }`: each key once, in the order in which the keys first appear.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value of the key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Json::Object(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Json::Str(text) = self { Some(text) } else { None }
    }

    /// The value with the keys of all objects sorted, so that equal values have equal texts.
    #[must_use]
    pub fn sorted(self) -> Json {
        match self {
            Json::Array(items) => Json::Array(items.into_iter().map(Json::sorted).collect()),
            Json::Object(entries) => {
                let mut entries: Vec<(String, Json)> =
                    entries.into_iter().map(|(key, value)| (key, value.sorted())).collect();
                entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                Json::Object(entries)
            }
            // Negative zero equals zero.
            Json::Float(0.0) => Json::Float(0.0),
            scalar => scalar,
        }
    }

    /// The value as EDN. Keys of objects stay strings, in alphabetical order.
    pub fn to_edn(&self) -> Value {
        match self {
            Json::Null => Value::Nil,
            Json::Bool(value) => Value::Bool(*value),
            Json::Int(int) => Value::Int(*int),
            Json::BigInt(digits) => Value::Number(digits.to_string()),
            Json::Float(_) => Value::Number(self.to_string()),
            Json::Str(text) => Value::Str(text.clone()),
            Json::Array(items) => Value::Vector(items.iter().map(Json::to_edn).collect()),
            Json::Object(entries) => {
                let mut entries: Vec<&(String, Json)> = entries.iter().collect();
                entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                let entry = |(key, value): &(String, Json)| (Value::Str(key.clone()), value.to_edn());
                Value::Map(entries.into_iter().map(entry).collect())
            }
        }
    }
}

/// Writes JSON text without white space.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Int(int) => write!(f, "{int}"),
            Json::BigInt(digits) => f.write_str(digits),
            // Java reads `1e999` as infinity and writes that as a string.
            Json::Float(float) if float.is_infinite() => {
                f.write_str(if *float > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" })
            }
            Json::Float(float) => write!(f, "{float:?}"),
            Json::Str(text) => write_string(f, text),
            Json::Array(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Json::Object(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    write_string(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

/// The text as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    let _ = write_string(&mut quoted, text);
    quoted
}

fn write_string(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            control if control < ' ' => write!(out, "\\u{:04x}", u32::from(control))?,
            shown => out.write_char(shown)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(input: &str) -> String {
        first_value(input).map_or_else(|error| format!("not JSON: {error}"), |value| value.to_string())
    }

    #[test]
    fn values_are_read_and_written() {
        for (input, written) in [
            (" { \"a\" : [1 , -2, 0, -0] } ", r#"{"a":[1,-2,0,0]}"#),
            ("[true,false,null]", "[true,false,null]"),
            ("[1.50,-0.0,2e3,1E-2,1e999]", r#"[1.5,-0.0,2000.0,0.01,"Infinity"]"#),
            (r#""a\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00""#, "\"a\\\"\\\\/\\u0008\\u000c\\n\\r\\tAé😀\""),
            ("{}", "{}"),
            ("[]", "[]"),
        ] {
            assert_eq!(text(input), written, "{input}");
        }
    }

    #[test]
    fn the_first_value_of_a_line_counts() {
        for (input, written) in
            [(r#"{"a":1},"#, r#"{"a":1}"#), (r#"{"a":1}{"a":2}"#, r#"{"a":1}"#), ("[1] nonsense", "[1]")]
        {
            assert_eq!(text(input), written, "{input}");
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(text(r#"{"a":1,"b":2,"a":3,"\u0061":{"c":4,"c":5}}"#), r#"{"a":{"c":5},"b":2}"#);
    }

    #[test]
    fn whole_numbers_have_any_size() {
        let digits = "123456789".repeat(20);
        for number in ["9223372036854775808", "-9223372036854775809", digits.as_str()] {
            assert_eq!(text(number), number);
            assert_eq!(first_value(number).map(|value| value.to_edn().to_string()), Ok(number.to_owned()));
        }
    }

    #[test]
    fn strings_may_hold_control_characters_and_half_pairs() {
        assert_eq!(text("\"a\tb\u{1}c\""), r#""a\tb\u0001c""#);
        assert_eq!(text(r#""\ud800x\udc00""#), "\"\u{fffd}x\u{fffd}\"");
    }

    #[test]
    fn other_notations_are_not_json() {
        for input in [
            "",
            " ",
            "NaN",
            "[NaN]",
            "Infinity",
            "'a'",
            "{a:1}",
            "// c\n1",
            "[1,]",
            "{\"a\":1,}",
            "[01]",
            "[+1]",
            "[.5]",
            "[5.]",
            "[1e]",
            "[-]",
            "\"\\x41\"",
            "\"\\u00g0\"",
            "\"open",
            "[1",
            "{\"a\"",
            "{\"a\":",
            "tru",
            "nul",
            "[1 2]",
            "{\"a\" 1}",
            "{1:2}",
            "\u{feff}{}",
            "log: {}",
            "\u{c}{}",
            "[truex]",
        ] {
            assert!(first_value(input).is_err(), "{input:?} is {}", text(input));
        }
    }

    #[test]
    fn values_nest_as_deep_as_in_maelstrom() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(text(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
        assert!(first_value(&nested(MAX_DEPTH + 1)).is_err());
        assert!(first_value(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn equal_values_have_equal_texts_when_sorted() {
        let sorted = |input: &str| first_value(input).map(|value| value.sorted().to_string());
        assert_eq!(
            sorted(r#"{"b":[{"d":1,"c":-0.0}],"a":1.0}"#),
            sorted(r#"{"a":1.00,"b":[{"c":0.0,"d":1}]}"#)
        );
        assert_ne!(sorted("1"), sorted("1.0"));
    }

    proptest! {
        #![proptest_config(crate::props::config(512))]

        #[test]
        fn any_text_is_a_value_or_an_error(input in r#"[\[\]{}",:\\u0-9a-e.+\-tn \x00-\x1f]{0,60}|.{0,40}"#) {
            if let Ok(value) = first_value(&input) {
                let written = value.to_string();
                prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok(), "{}", written);
                prop_assert_eq!(first_value(&written).map(|read| read.to_string()), Ok(written));
            }
        }

        #[test]
        fn standard_json_is_read_as_the_standard_says(input in arbitrary_json()) {
            let standard: serde_json::Value = serde_json::from_str(&input).expect("standard JSON");
            let ours = first_value(&input).expect("standard JSON").to_string();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&ours).expect("JSON"), standard);
        }
    }

    fn arbitrary_json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            (-1e9..1e9_f64).prop_map(|value| format!("{value:?}")),
            ".{0,8}".prop_map(|text| quoted(&text)),
        ];
        scalar.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::btree_map("[a-d]{1,2}", inner, 0..4).prop_map(|entries| {
                    let entries: Vec<String> =
                        entries.iter().map(|(key, value)| format!("{}: {value}", quoted(key))).collect();
                    format!("{{{}}}", entries.join(","))
                }),
            ]
        })
    }
}
