//! The reader.

use rustc_hash::FxHashMap;

use super::Json;

/// How deep arrays and objects may nest: the limit of the reader that Maelstrom uses.
pub const MAX_DEPTH: usize = 1_000;

/// Text that does not begin with a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct NotJson {
    /// What should be there.
    pub expected: &'static str,
    /// Where, from the beginning of the text.
    pub at: usize,
}

/// Reads the value that the text begins with. Whatever follows it is ignored.
///
/// # Errors
/// If the text does not begin with a value.
pub fn first_value(text: &str) -> Result<Json, NotJson> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.skip_space();
    reader.value()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, NotJson> {
        Err(NotJson { expected, at: self.at })
    }

    /// Takes the byte, if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self) -> Result<Json, NotJson> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::Str),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.fail("a value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, NotJson>) -> Result<Json, NotJson> {
        if self.depth == MAX_DEPTH {
            return self.fail("less nesting");
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Result<Json, NotJson> {
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            if self.takes(b']') {
                return Ok(Json::Array(items));
            }
            if !self.takes(b',') {
                return self.fail("a comma or ]");
            }
            self.skip_space();
        }
    }

    fn object(&mut self) -> Result<Json, NotJson> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut places: FxHashMap<String, usize> = FxHashMap::default();
        if self.takes(b'}') {
            return Ok(Json::Object(entries));
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.fail("a key in quotes");
            }
            let key = self.string()?;
            self.skip_space();
            if !self.takes(b':') {
                return self.fail("a colon");
            }
            self.skip_space();
            let value = self.value()?;
            match places.get(&key) {
                Some(&place) => entries[place].1 = value,
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
            self.skip_space();
            if self.takes(b'}') {
                return Ok(Json::Object(entries));
            }
            if !self.takes(b',') {
                return self.fail("a comma or }");
            }
            self.skip_space();
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, NotJson> {
        let rest = &self.text.as_bytes()[self.at..];
        let follows = rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if !rest.starts_with(word.as_bytes()) || follows {
            return self.fail("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.fail("a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Json, NotJson> {
        let start = self.at;
        self.takes(b'-');
        if self.takes(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("no digit after a leading zero");
            }
        } else {
            self.digits()?;
        }
        let whole = self.at;
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            if !self.takes(b'+') {
                self.takes(b'-');
            }
            self.digits()?;
        }
        let written = &self.text[start..self.at];
        if self.at > whole {
            // Every number of this form is one that Rust reads.
            return written.parse().map_or_else(|_| self.fail("a number"), |float| Ok(Json::Float(float)));
        }
        Ok(written.parse().map_or_else(|_| Json::BigInt(written.into()), Json::Int))
    }

    fn string(&mut self) -> Result<String, NotJson> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) else {
                self.at = self.text.len();
                return self.fail("a closing quote");
            };
            string.push_str(&rest[..end]);
            self.at += end;
            if self.takes(b'"') {
                return Ok(string);
            }
            self.at += 1;
            string.push(self.escaped()?);
        }
    }

    /// The character of an escape, whose backslash has been taken.
    fn escaped(&mut self) -> Result<char, NotJson> {
        let Some(byte) = self.peek() else { return self.fail("an escape") };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => {
                self.at -= 1;
                return self.fail("an escape");
            }
        })
    }

    /// The character of `\u` and four digits, or of two such escapes that form a surrogate pair. Half a
    /// pair becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, NotJson> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after = self.at;
        if self.takes(b'\\') && self.takes(b'u') {
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = after;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, NotJson> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match number {
            Some(number) => {
                self.at += 4;
                Ok(number)
            }
            None => self.fail("four hexadecimal digits"),
        }
    }
}
