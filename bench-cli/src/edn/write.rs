//! The writer: EDN as Maelstrom prints it, on one line for histories and wrapped for results.

use std::fmt::{self, Write as _};

use super::Value;

/// Columns after which the wrapped form breaks a collection (fipp's default, which Maelstrom uses).
const WIDTH: usize = 70;

impl Value {
    /// The value wrapped over lines so that collections that fit stay on one line.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write_wrapped(&mut out, 0);
        out
    }

    /// How many columns the one-line form takes, or `None` as soon as that is more than `limit`.
    fn flat_width(&self, limit: usize) -> Option<usize> {
        let mut counter = Counter { width: 0, limit };
        write!(counter, "{self}").ok().map(|()| counter.width)
    }

    fn write_wrapped(&self, out: &mut String, column: usize) {
        if self.flat_width(WIDTH.saturating_sub(column)).is_some() {
            let _ = write!(out, "{self}");
            return;
        }
        match self {
            Value::Map(entries) => write_entries(out, column, entries),
            Value::List(items) => write_items(out, column, "(", items, ")"),
            Value::Vector(items) => write_items(out, column, "[", items, "]"),
            Value::Set(items) => write_items(out, column, "#{", items, "}"),
            Value::Tagged(tag, value) => {
                let _ = write!(out, "#{tag}");
                value.write_wrapped(out, column + 1 + tag.len());
            }
            atom => {
                let _ = write!(out, "{atom}");
            }
        }
    }
}

fn break_line(out: &mut String, column: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', column));
}

fn write_entries(out: &mut String, column: usize, entries: &[(Value, Value)]) {
    out.push('{');
    for (i, (key, value)) in entries.iter().enumerate() {
        if i > 0 {
            out.push(',');
            break_line(out, column + 1);
        }
        let key = key.to_string();
        out.push_str(&key);
        out.push(' ');
        value.write_wrapped(out, column + 2 + key.chars().count());
    }
    out.push('}');
}

fn write_items(out: &mut String, column: usize, open: &str, items: &[Value], close: &str) {
    out.push_str(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            break_line(out, column + open.len());
        }
        item.write_wrapped(out, column + open.len());
    }
    out.push_str(close);
}

/// Counts the characters written to it and fails beyond the limit, so that wide values are not printed in
/// vain.
struct Counter {
    width: usize,
    limit: usize,
}

impl fmt::Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.width += text.chars().count();
        if self.width > self.limit { Err(fmt::Error) } else { Ok(()) }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil => f.write_str("nil"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write_float(f, *value),
            Value::Char(character) => write_char(f, *character),
            Value::Str(text) => write_string(f, text),
            Value::Keyword(name) => write!(f, ":{name}"),
            Value::Number(text) | Value::Symbol(text) => f.write_str(text),
            Value::List(items) => write_flat(f, "(", items, ")"),
            Value::Vector(items) => write_flat(f, "[", items, "]"),
            Value::Set(items) => write_flat(f, "#{", items, "}"),
            Value::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let separator = if i > 0 { ", " } else { "" };
                    write!(f, "{separator}{key} {value}")?;
                }
                f.write_str("}")
            }
            Value::Tagged(tag, value) => write!(f, "#{tag}{value}"),
        }
    }
}

fn write_flat(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        let separator = if i > 0 { " " } else { "" };
        write!(f, "{separator}{item}")?;
    }
    f.write_str(close)
}

fn write_char(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\n' => f.write_str("\\newline"),
        '\r' => f.write_str("\\return"),
        ' ' => f.write_str("\\space"),
        '\t' => f.write_str("\\tab"),
        other => write!(f, "\\{other}"),
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// Prints a float as Java's `toString` does: plain from 10⁻³ up to 10⁷, otherwise with an exponent, and
/// always with a decimal point.
fn write_float(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let magnitude = value.abs();
    if value.is_finite() && (magnitude == 0.0 || (1e-3..1e7).contains(&magnitude)) {
        return write!(f, "{value:?}");
    }
    if !value.is_finite() {
        return f.write_str(if value.is_nan() {
            "##NaN"
        } else if value > 0.0 {
            "##Inf"
        } else {
            "##-Inf"
        });
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    write!(f, "{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::super::shortest;
    use super::*;

    #[test]
    fn floats_look_like_javas() {
        let printed = |value: f32| Value::Float(shortest(value)).to_string();
        assert_eq!(printed(3.456_024_4), "3.4560244");
        assert_eq!(printed(6.0), "6.0");
        assert_eq!(printed(0.0), "0.0");
        assert_eq!(printed(0.001), "0.001");
        assert_eq!(printed(0.000_1), "1.0E-4");
        assert_eq!(printed(12_345_678.0), "1.2345678E7");
    }

    #[test]
    fn a_history_line_is_one_line() {
        let op = Value::record([
            ("index", Value::Int(0)),
            ("type", Value::keyword("ok")),
            ("value", Value::Vector(vec![Value::Int(0), Value::Int(1)])),
        ]);
        assert_eq!(op.to_string(), "{:index 0, :type :ok, :value [0 1]}");
    }

    #[test]
    fn wide_maps_break_and_align() {
        let count = |name, n| {
            (
                Value::keyword(name),
                Value::record([
                    ("send-count", Value::Int(n)),
                    ("recv-count", Value::Int(n)),
                    ("msgs-per-op", Value::Float(3.2)),
                ]),
            )
        };
        let net = Value::Map(vec![count("all", 160), count("servers", 48)]);
        let expected = "{:all {:send-count 160, :recv-count 160, :msgs-per-op 3.2},\n \
                        :servers {:send-count 48, :recv-count 48, :msgs-per-op 3.2}}";
        assert_eq!(net.pretty(), expected);
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(Value::Str("a \"b\"\n\\".into()).to_string(), r#""a \"b\"\n\\""#);
    }
}
