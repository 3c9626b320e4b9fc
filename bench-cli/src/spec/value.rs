//! The value of a parameter: a number, a duration or a word, as it can be typed, compared and hashed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::time::Duration;

/// A finite number that has an identity: equal numbers are equal runs.
#[derive(Clone, Copy, Debug)]
pub struct Number(f64);

impl Number {
    /// The number, or `None` if it is infinite or not a number.
    pub fn new(value: f64) -> Option<Number> {
        // Adding zero turns -0 into 0, which is the same value and should have the same hash.
        value.is_finite().then_some(Number(value + 0.0))
    }

    /// The number as a float.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl FromStr for Number {
    type Err = ();

    fn from_str(text: &str) -> Result<Number, ()> {
        text.parse().ok().and_then(Number::new).ok_or(())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One value of a parameter. The order is that of a plot's axis: numbers and durations by size, words by
/// letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A number without a unit.
    Number(Number),
    /// A duration.
    Duration(Duration),
    /// Anything else.
    Word(String),
}

impl Value {
    /// A whole number as a value.
    pub fn count(count: usize) -> Value {
        Value::Number(Number(count as f64))
    }

    /// A number as a value. A number that is not finite counts as zero; settings are finite by construction.
    pub fn number(number: f64) -> Value {
        Value::Number(Number::new(number).unwrap_or(Number(0.0)))
    }

    /// A number as it is typed, or else a word: `inf` and `nan` are words.
    pub fn typed(text: &str) -> Value {
        let digits = text.trim_start_matches(['-', '+', '.']);
        let number = text.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()));
        number.map_or_else(|| Value::word(text), Value::Number)
    }

    /// A word as a value.
    pub fn word(word: impl ToString) -> Value {
        Value::Word(word.to_string())
    }

    /// The number, if it is a whole one that is not negative.
    pub fn as_count(&self) -> Option<usize> {
        let number = self.as_number()?;
        (number >= 0.0 && number.fract() == 0.0 && number < 1e15).then_some(number as usize)
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        if let Value::Number(number) = self { Some(number.get()) } else { None }
    }

    /// The duration, if it is one.
    pub fn as_duration(&self) -> Option<Duration> {
        if let Value::Duration(duration) = self { Some(*duration) } else { None }
    }

    /// The word, if it is one.
    pub fn as_word(&self) -> Option<&str> {
        if let Value::Word(word) = self { Some(word) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_an_identity() {
        assert_eq!(Number::new(-0.0), Number::new(0.0));
        assert_eq!((Number::new(f64::NAN), Number::new(f64::INFINITY)), (None, None));
        assert_eq!(("1e2".parse(), "x".parse::<Number>()), (Ok(Number(100.0)), Err(())));
    }

    #[test]
    fn values_have_the_type_of_their_text() {
        assert_eq!((Value::count(5).as_count(), Value::number(0.5).as_count()), (Some(5), None));
        assert_eq!(Value::word("grid").as_number(), None);
        assert!(Value::Duration(Duration::from_millis(50)) < Value::Duration(Duration::from_secs(1)));
    }
}
