//! Reading EDN with `edn-rs`, guarded.
//!
//! `edn-rs` answers some inputs with `Ok` and wrong data (a tag without a space, `##NaN`), overflows its stack on
//! long runs of blanks, and panics on odd digits. So every text first passes a lexer that checks it and writes it
//! anew in the plain form that `edn-rs` reads rightly: one blank between tokens, no tags, comments or suffixes.
//! What the lexer does not know for certain it refuses, with line and column: an error is better than a wrong figure.

use std::collections::HashSet;
use std::fmt;

use edn_rs::Edn;

/// How deep collections may nest. Maelstrom's own results stay below 20.
const MAX_DEPTH: usize = 200;

/// Why a text is not one well-formed EDN value, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl std::error::Error for ReadError {}

/// Reads the one EDN value that `text` holds. Tags are dropped: `#jepsen.history.Op{…}` reads as its map.
///
/// # Errors
/// If `text` is empty, holds more than one value, is cut off, or uses what Maelstrom never writes
/// (`#_`, `##NaN`, metadata, a map with a key twice).
pub fn parse(text: &str) -> Result<Edn, ReadError> {
    let plain = Guard::new(text).check()?;
    plain.parse::<Edn>().map_err(|error| ReadError {
        line: 1,
        column: 1,
        problem: format!("the EDN reader refused it: {error:?}"),
    })
}

/// One collection that has been opened and not yet closed.
struct Frame<'a> {
    close: char,
    open_at: usize,
    /// Values so far, keys included.
    values: usize,
    /// The keys so far that are plain tokens, if this is a map.
    keys: Option<HashSet<&'a str>>,
}

/// Checks a text from left to right and writes the plain form of what it has checked.
struct Guard<'a> {
    text: &'a str,
    position: usize,
    frames: Vec<Frame<'a>>,
    top_level_values: usize,
    /// A tag was read and its value has not come yet.
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
                '(' => self.open(')', "(", 1)?,
                '[' => self.open(']', "[", 1)?,
                '{' => self.open('}', "{", 1)?,
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

    fn open(&mut self, close: char, plain: &str, length: usize) -> Result<(), ReadError> {
        let at = self.position;
        self.value(at, None)?;
        if self.frames.len() == MAX_DEPTH {
            return Err(self.error(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        let is_map = plain == "{";
        self.frames.push(Frame { close, open_at: at, values: 0, keys: is_map.then(HashSet::new) });
        self.write(plain);
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
        self.plain.push(c);
        self.position += 1;
        Ok(())
    }

    /// What follows a `#`: a set or a tag; all else is refused.
    fn dispatch(&mut self) -> Result<(), ReadError> {
        let at = self.position;
        let rest = &self.text[at + 1..];
        match rest.chars().next() {
            Some('{') => self.open('}', "#{", 2),
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
            self.error(at, format!("{shown:?} is no EDN value"))
        })?;
        self.value(at, Some(token))?;
        self.write(plain);
        self.position += token.len();
        Ok(())
    }

    fn write(&mut self, plain: &str) {
        if !self.plain.is_empty() && !self.plain.ends_with(['(', '[', '{']) {
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

/// The form of a token that `edn-rs` reads rightly, or `None` if it is neither a number, a keyword nor a symbol.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_tag_without_a_space_swallows_nothing() {
        let text =
            "{:workload {:valid? false, :op #jepsen.history.Op{:index 1, :f :x}, :n 2}, :valid? false}";
        let edn = parse(text).unwrap();
        assert_eq!(edn[":valid?"].to_bool(), Some(false));
        assert_eq!(edn[":workload"][":n"].to_int(), Some(2));
        assert_eq!(edn[":workload"][":op"][":index"].to_int(), Some(1));
    }

    #[test]
    fn numbers_keep_their_values() {
        let edn = parse("[1N 1.5M -2 +3 4.25 1e3]").unwrap();
        assert_eq!(edn[0].to_int(), Some(1));
        assert_eq!(edn[1].to_float(), Some(1.5));
        assert_eq!(edn[2].to_int(), Some(-2));
        assert_eq!(edn[3].to_int(), Some(3));
        assert_eq!(edn[4].to_float(), Some(4.25));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let edn = parse("{:a \"}] #x{ ; \\\" \" ; } \n, :b 1}").unwrap();
        assert_eq!(edn[":b"].to_int(), Some(1));
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        assert_eq!(problem(""), "line 1, column 1: no value at all; the text is empty");
        assert_eq!(
            problem("{:a 1\n :b [2"),
            "line 2, column 5: opened here and never closed by ']'; the text is cut off"
        );
        assert_eq!(problem("{:a 1)"), "line 1, column 6: ')' where '}' should close");
        assert_eq!(problem("{:a}"), "line 1, column 4: a map with a key that has no value");
        assert_eq!(problem("{:a 1, :a 2}"), "line 1, column 8: the key :a for the second time in one map");
        assert_eq!(problem("{} {}"), "line 1, column 4: a second value where the text should end");
        assert_eq!(problem("[##NaN 1]"), "line 1, column 2: a '#' form that Maelstrom does not write");
        assert_eq!(problem("[1Kr5]"), "line 1, column 2: \"1Kr5\" is no EDN value");
        assert_eq!(problem("\"abc"), "line 1, column 1: a string that never ends; the text is cut off");
        assert!(problem(&"[".repeat(1_000)).contains("nested more than"));
    }

    #[test]
    fn long_runs_of_blanks_and_comments_do_no_harm() {
        let text =
            format!("{}{}{{:a{}1}}", " ".repeat(100_000), "; x\n".repeat(20_000), "\n".repeat(100_000));
        assert_eq!(parse(&text).unwrap()[":a"].to_int(), Some(1));
    }
}
