//! The lexer that checks a text before `edn-rs` reads it.
//!
//! `edn-rs` returns `Ok` with wrong data for some inputs (a tag without a space, `##NaN`). It overflows its
//! stack on long runs of blanks, and panics on odd digits. It also sorts maps and turns their keys into
//! strings. So every text first passes this lexer, which checks it and rewrites it in a plain form that
//! `edn-rs` reads correctly:
//!
//! - one blank between tokens, no comments and no suffixes of numbers;
//! - no tags, except for [`MAP`] before the vector of a map's keys and values, and [`SET`] before that of a
//!   set.
//!
//! The lexer refuses everything that it does not know for certain, with line and column: an error is better
//! than a wrong figure.

use std::collections::HashSet;
use std::fmt;

/// How deep collections may nest. Maelstrom's own results stay below 20.
pub(super) const MAX_DEPTH: usize = 200;

/// The tag of a vector that holds a map's keys and values in turn.
pub(super) const MAP: &str = "map";
/// The tag of a vector that holds a set's items.
pub(super) const SET: &str = "set";

/// Why a text is not one well-formed EDN value, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The problem there.
    pub problem: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl std::error::Error for ReadError {}

/// A kind of collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    List,
    Vector,
    Map,
    Set,
}

/// One collection that has been opened and not yet closed.
struct Frame<'a> {
    close: char,
    /// How the plain form closes it.
    plain_close: char,
    open_at: usize,
    /// Values so far, keys included.
    values: usize,
    /// The keys so far that are plain tokens, if this is a map.
    keys: Option<HashSet<&'a str>>,
}

/// The plain form of a text that holds exactly one EDN value.
///
/// # Errors
/// As [`super::parse`].
pub(super) fn plain_form(text: &str) -> Result<String, ReadError> {
    Guard::new(text).check()
}

/// Checks a text from left to right and writes the plain form of the checked part.
struct Guard<'a> {
    text: &'a str,
    position: usize,
    frames: Vec<Frame<'a>>,
    top_level_values: usize,
    /// Where a tag is whose value has not come yet.
    tag_at: Option<usize>,
    plain: String,
}

impl<'a> Guard<'a> {
    fn new(text: &'a str) -> Guard<'a> {
        Guard {
            text,
            position: 0,
            frames: Vec::new(),
            top_level_values: 0,
            tag_at: None,
            plain: String::with_capacity(text.len()),
        }
    }

    fn check(mut self) -> Result<String, ReadError> {
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() || c == ',' => self.position += c.len_utf8(),
                ';' => self.skip_comment(),
                '(' => self.open(Collection::List)?,
                '[' => self.open(Collection::Vector)?,
                '{' => self.open(Collection::Map)?,
                ')' | ']' | '}' => self.close(c)?,
                '#' => self.dispatch()?,
                '"' => self.string()?,
                '\\' => self.character()?,
                _ => self.token()?,
            }
        }
        self.finish()
    }

    fn finish(self) -> Result<String, ReadError> {
        if let Some(frame) = self.frames.last() {
            let problem = format!("opened here and never closed by '{}'; the text is cut off", frame.close);
            return Err(self.error(frame.open_at, problem));
        }
        if let Some(at) = self.tag_at {
            return Err(self.error(at, "a tag without a value; the text is cut off"));
        }
        match self.top_level_values {
            0 => Err(self.error(self.position, "no value at all; the text is empty")),
            _ => Ok(self.plain),
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn error(&self, at: usize, problem: impl Into<String>) -> ReadError {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ReadError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem: problem.into(),
        }
    }

    fn skip_comment(&mut self) {
        let rest = &self.text[self.position..];
        self.position += rest.find('\n').unwrap_or(rest.len());
    }

    /// Notes that a value starts at `at`; `token` is its text if it is a plain token.
    fn value(&mut self, at: usize, token: Option<&'a str>) -> Result<(), ReadError> {
        self.tag_at = None;
        let Some(frame) = self.frames.last_mut() else {
            self.top_level_values += 1;
            if self.top_level_values > 1 {
                return Err(self.error(at, "a second value where the text should end"));
            }
            return Ok(());
        };
        let is_key = frame.values.is_multiple_of(2);
        frame.values += 1;
        if let (Some(keys), true, Some(token)) = (&mut frame.keys, is_key, token)
            && !keys.insert(token)
        {
            return Err(self.error(at, format!("the key {token} for the second time in one map")));
        }
        Ok(())
    }

    fn open(&mut self, collection: Collection) -> Result<(), ReadError> {
        let at = self.position;
        self.value(at, None)?;
        if self.frames.len() == MAX_DEPTH {
            return Err(self.error(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        let (length, close, plain, plain_close) = match collection {
            Collection::List => (1, ')', "(".to_owned(), ')'),
            Collection::Vector => (1, ']', "[".to_owned(), ']'),
            Collection::Map => (1, '}', format!("#{MAP} ["), ']'),
            Collection::Set => (2, '}', format!("#{SET} ["), ']'),
        };
        let keys = (collection == Collection::Map).then(HashSet::new);
        self.frames.push(Frame { close, plain_close, open_at: at, values: 0, keys });
        self.write(&plain);
        self.position += length;
        Ok(())
    }

    fn close(&mut self, c: char) -> Result<(), ReadError> {
        let at = self.position;
        if self.tag_at.is_some() {
            return Err(self.error(at, "a tag without a value"));
        }
        let Some(frame) = self.frames.pop() else {
            return Err(self.error(at, format!("'{c}' closes nothing")));
        };
        if frame.close != c {
            return Err(self.error(at, format!("'{c}' where '{}' should close", frame.close)));
        }
        if frame.keys.is_some() && !frame.values.is_multiple_of(2) {
            return Err(self.error(at, "a map with a key that has no value"));
        }
        self.plain.push(frame.plain_close);
        self.position += 1;
        Ok(())
    }

    /// Reads the form after a `#`: a set or a tag. Refuses all others.
    fn dispatch(&mut self) -> Result<(), ReadError> {
        let at = self.position;
        let rest = &self.text[at + 1..];
        match rest.chars().next() {
            Some('{') => self.open(Collection::Set),
            Some(c) if c.is_alphabetic() => {
                self.tag_at = Some(at);
                self.position += 1 + token_length(rest);
                Ok(())
            }
            _ => Err(self.error(at, "a '#' form that Maelstrom does not write")),
        }
    }

    fn string(&mut self) -> Result<(), ReadError> {
        let at = self.position;
        let mut escaped = false;
        for (i, c) in self.text[at + 1..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let end = at + 1 + i + 1;
                    let literal = &self.text[at..end];
                    self.value(at, Some(literal))?;
                    self.write(literal);
                    self.position = end;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(self.error(at, "a string that never ends; the text is cut off"))
    }

    fn character(&mut self) -> Result<(), ReadError> {
        let at = self.position;
        let rest = &self.text[at + 1..];
        let Some(first) = rest.chars().next() else {
            return Err(self.error(at, "a character without a name; the text is cut off"));
        };
        let length = 1 + first.len_utf8() + token_length(&rest[first.len_utf8()..]);
        let literal = &self.text[at..at + length];
        self.value(at, Some(literal))?;
        self.write(literal);
        self.position += length;
        Ok(())
    }

    fn token(&mut self) -> Result<(), ReadError> {
        let at = self.position;
        let token = &self.text[at..at + token_length(&self.text[at..])];
        let plain = plain_token(token).ok_or_else(|| {
            let shown: String = token.chars().take(40).collect();
            self.error(at, format!("{shown:?} is not an EDN value"))
        })?;
        self.value(at, Some(token))?;
        self.write(plain);
        self.position += token.len();
        Ok(())
    }

    fn write(&mut self, plain: &str) {
        if !self.plain.is_empty() && !self.plain.ends_with(['(', '[']) {
            self.plain.push(' ');
        }
        self.plain.push_str(plain);
    }
}

/// The length in bytes of the token at the start of `text`; at least one character.
fn token_length(text: &str) -> usize {
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, ',' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | ';' | '\\')
    };
    let first = text.chars().next().map_or(0, |c| if ends(c) { 0 } else { c.len_utf8() });
    if first == 0 { 0 } else { first + text[first..].find(ends).unwrap_or(text.len() - first) }
}

/// The form of a token that `edn-rs` reads correctly. `None` if it is neither a number, a keyword nor a
/// symbol.
fn plain_token(token: &str) -> Option<&str> {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    if unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        let number = token.strip_suffix(['N', 'M']).unwrap_or(token);
        let number = number.strip_prefix('+').unwrap_or(number);
        return is_number(number.strip_prefix('-').unwrap_or(number)).then_some(number);
    }
    let name = token.strip_prefix(':').unwrap_or(token);
    let symbolic = |c: char| c.is_ascii_alphanumeric() || ".*+!-_?$%&=<>/:#'|".contains(c);
    let plausible = !name.is_empty() && !name.starts_with(['#', ':']) && name.chars().all(symbolic);
    plausible.then_some(token)
}

/// Whether `text` is a whole number, a ratio or a decimal number, without sign.
fn is_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if let Some((numerator, denominator)) = text.split_once('/') {
        return digits(numerator) && digits(denominator);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_ok = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_ok && exponent_ok
}
