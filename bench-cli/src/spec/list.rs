//! Lists of values as a user writes them: `5,25`, `1..=5`, `50ms..=400ms:50ms`, `grid,tree2`.
//!
//! A list is values and ranges separated by commas. A range is `FROM..=TO:STEP` and includes its end if a
//! step falls on it; between whole numbers the step may be left out and is 1 then.

use std::time::Duration;

use super::durations::{DefaultUnit, DurationsError, parse_duration};
use super::value::{Number, Value};

/// More values than any parameter of a sweep has: a range that gives more has a slip in it.
const MOST: usize = 10_000;

/// Why a list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A part that is not a duration.
    #[error(transparent)]
    Duration(#[from] DurationsError),
    /// Nothing between two commas, or nothing at all.
    #[error("a value is missing; write a list such as 5,10 or 1..=5")]
    Missing,
    /// A range whose ends are not values that can be counted.
    #[error("the range {0:?} should be written as FROM..=TO:STEP, as in 5..=25:5")]
    Malformed(String),
    /// A range without its step.
    #[error("the range {0:?} has no step; write {0}:50 for steps of 50")]
    NoStep(String),
    /// A range with `..` or `...`.
    #[error("the range {0:?} should be written with ..= between its ends, as in 100..=400:50")]
    WrongRange(String),
    /// A range with a dash between its ends.
    #[error("the range {text:?} should be written as {from}..={to}{step}")]
    Dash {
        /// What was typed.
        text: String,
        /// The first value.
        from: String,
        /// The last value.
        to: String,
        /// What follows the ends.
        step: String,
    },
    /// A range that goes down or a step of 0.
    #[error("the range {0:?} {1}")]
    Empty(String, &'static str),
    /// Too many values.
    #[error("the list has more than {MOST} points; use a larger step")]
    TooMany,
    /// Numbers next to durations.
    #[error("{0:?} has no unit, but other values of the list have one; write {0}ms or {0}s")]
    NoUnit(String),
}

/// A part of a list.
enum Part<'a> {
    Single(&'a str),
    Range { text: &'a str, from: &'a str, to: &'a str, step: Option<&'a str> },
}

/// The parts of a list.
fn parts(text: &str) -> impl Iterator<Item = Result<Part<'_>, ListError>> {
    text.split(',').map(str::trim).map(|text| {
        if !text.contains("..") {
            return Ok(Part::Single(text));
        }
        let (from, rest) = text.split_once("..=").ok_or_else(|| ListError::WrongRange(text.to_owned()))?;
        let (to, step) = rest.split_once(':').map_or((rest, None), |(to, step)| (to, Some(step)));
        Ok(Part::Range { text, from: from.trim(), to: to.trim(), step: step.map(str::trim) })
    })
}

/// The values from `first` to `last`.
fn steps(text: &str, first: f64, last: f64, step: f64) -> Result<Vec<f64>, ListError> {
    if step <= 0.0 {
        return Err(ListError::Empty(text.to_owned(), "has a step of 0; write one above 0"));
    }
    if first > last {
        return Err(ListError::Empty(text.to_owned(), "goes down; write its smaller end first"));
    }
    // A little more than whole, so that a step that falls on the end counts although 0.1 is not exact.
    let count = ((last - first) / step + 1e-9).floor();
    if count >= MOST as f64 {
        return Err(ListError::TooMany);
    }
    // Rounded for the same reason: 0.1 + 0.2 should read 0.3.
    let rounded = |value: f64| (value * 1e9).round() / 1e9;
    Ok((0..=count as u32).map(|count| rounded(first + f64::from(count) * step)).collect())
}

/// Writes ranges of numbers out: the values of a list, each as text. Parts without a range are not looked
/// into.
///
/// # Errors
/// If a range cannot be read; the error names it.
pub fn numbers(text: &str) -> Result<Vec<String>, ListError> {
    let mut numbers = Vec::new();
    for part in parts(text) {
        match part? {
            Part::Single(number) => {
                refuse_dash(number, "")?;
                numbers.push(number.to_owned());
            }
            Part::Range { text, from, to, step } => {
                numbers.extend(number_range(text, from, to, step)?.iter().map(f64::to_string));
            }
        }
        limit(numbers.len())?;
    }
    Ok(numbers)
}

fn number_range(text: &str, from: &str, to: &str, step: Option<&str>) -> Result<Vec<f64>, ListError> {
    let malformed = || ListError::Malformed(text.to_owned());
    let number = |text: &str| text.parse::<Number>().map(Number::get).map_err(|()| malformed());
    let (first, last) = (number(from)?, number(to)?);
    let step = match step {
        Some(step) => number(step)?,
        None if first.fract() == 0.0 && last.fract() == 0.0 => 1.0,
        None => return Err(ListError::NoStep(text.to_owned())),
    };
    steps(text, first, last, step)
}

/// Refuses `50-200`, which people write for a range. `hint` is what follows the ends if no step was typed.
fn refuse_dash(text: &str, hint: &str) -> Result<(), ListError> {
    // Such as 1e-3.
    if text.parse::<f64>().is_ok() {
        return Ok(());
    }
    let is_value = |end: &str| end.starts_with(|c: char| c.is_ascii_digit());
    let (ends, step) =
        text.split_once(':').map_or((text, hint.to_owned()), |(ends, step)| (ends, format!(":{step}")));
    let ends = ends.split_once(['-', '–']).map(|(from, to)| (from.trim(), to.trim()));
    match ends.filter(|(from, to)| is_value(from) && is_value(to)) {
        None => Ok(()),
        Some((from, to)) => {
            Err(ListError::Dash { text: text.to_owned(), from: from.to_owned(), to: to.to_owned(), step })
        }
    }
}

/// Reads a list of durations. The answer is sorted, each duration once.
///
/// # Errors
/// If a part is neither a duration nor a range of them; the error names the part.
pub fn durations(text: &str, default: DefaultUnit) -> Result<Vec<Duration>, ListError> {
    let mut durations = Vec::new();
    for part in parts(text) {
        match part? {
            Part::Single(text) => {
                refuse_dash(text, ":STEP, such as :50")?;
                durations.push(parse_duration(text, default)?);
            }
            Part::Range { text, from, to, step } => {
                durations.extend(duration_range(text, from, to, step, default)?);
            }
        }
        limit(durations.len())?;
    }
    durations.sort_unstable();
    durations.dedup();
    Ok(durations)
}

fn duration_range(
    text: &str,
    from: &str,
    to: &str,
    step: Option<&str>,
    default: DefaultUnit,
) -> Result<Vec<Duration>, ListError> {
    let step = step.ok_or_else(|| ListError::NoStep(text.to_owned()))?;
    // Whole milliseconds, which a float holds exactly.
    let ms = |text: &str| parse_duration(text, default).map(|duration| duration.as_millis() as f64);
    let all = steps(text, ms(from)?, ms(to)?, ms(step)?)?;
    Ok(all.into_iter().map(|ms| Duration::from_millis(ms as u64)).collect())
}

fn limit(count: usize) -> Result<(), ListError> {
    if count > MOST { Err(ListError::TooMany) } else { Ok(()) }
}

/// A value of a user's parameter, and how the user wrote it. Equal values are the same choice, however they
/// are written.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The value.
    pub value: Value,
    /// The value as it was typed.
    pub text: String,
}

impl PartialEq for Choice {
    fn eq(&self, other: &Choice) -> bool {
        self.value == other.value
    }
}

impl Eq for Choice {}

impl Choice {
    /// A choice as it is typed: a number, a duration with its unit, or else a word.
    ///
    /// # Errors
    /// If it is a duration that is not a whole number of milliseconds.
    fn read(text: &str) -> Result<Choice, ListError> {
        if text.is_empty() {
            return Err(ListError::Missing);
        }
        let value = match (Value::typed(text), parse_duration(text, DefaultUnit::Milliseconds)) {
            (number @ Value::Number(_), _) => number,
            (_, Ok(duration)) => Value::Duration(duration),
            (_, Err(error @ DurationsError::NotWhole(_))) => return Err(error.into()),
            (word, Err(_)) => word,
        };
        Ok(Choice { value, text: text.to_owned() })
    }
}

/// Reads a list of values of a user's parameter, each once, in the order in which they are written. Durations
/// next to words are words, too: the column of a parameter has one unit.
///
/// # Errors
/// If a part is missing, a range cannot be read, or numbers are next to durations; the error names the part.
pub fn choices(text: &str) -> Result<Vec<Choice>, ListError> {
    let mut choices: Vec<Choice> = Vec::new();
    for part in parts(text) {
        let found = match part? {
            Part::Single(text) => vec![Choice::read(text)?],
            Part::Range { text, from, to, step } => range(text, from, to, step)?,
        };
        for choice in found {
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        limit(choices.len())?;
    }
    let is_duration = |choice: &Choice| choice.value.as_duration().is_some();
    if choices.iter().any(is_duration) && !choices.iter().all(is_duration) {
        if let Some(number) = choices.iter().find(|choice| choice.value.as_number().is_some()) {
            return Err(ListError::NoUnit(number.text.clone()));
        }
        for choice in &mut choices {
            choice.value = Value::word(&choice.text);
        }
    }
    Ok(choices)
}

/// The numbers or durations of a range.
fn range(text: &str, from: &str, to: &str, step: Option<&str>) -> Result<Vec<Choice>, ListError> {
    if [from, to].into_iter().chain(step).all(|part| part.parse::<Number>().is_ok()) {
        let numbers = number_range(text, from, to, step)?;
        let choice = |number| Choice { value: Value::number(number), text: number.to_string() };
        return Ok(numbers.into_iter().map(choice).collect());
    }
    if parse_duration(to, DefaultUnit::Milliseconds).is_err() {
        return Err(ListError::Malformed(text.to_owned()));
    }
    let durations = duration_range(text, from, to, step, DefaultUnit::Milliseconds)?;
    let choice = |duration: Duration| Choice {
        value: Value::Duration(duration),
        text: format!("{}ms", duration.as_millis()),
    };
    Ok(durations.into_iter().map(choice).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(text: &str) -> Result<Vec<u128>, String> {
        durations(text, DefaultUnit::Milliseconds)
            .map(|durations| durations.iter().map(Duration::as_millis).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lists_and_ranges_are_merged_and_sorted() {
        assert_eq!(ms("50,25,100..=400:100,200").unwrap(), [25, 50, 100, 200, 300, 400]);
        assert_eq!(ms("0").unwrap(), [0]);
        assert_eq!(ms("100..=260:50").unwrap(), [100, 150, 200, 250]);
        assert_eq!(ms("50ms..=0.2s:50ms, 1.5s").unwrap(), [50, 100, 150, 200, 1500]);
        assert_eq!(ms("2min,1s 500ms").unwrap(), [1500, 120_000]);
        assert_eq!(ms("1500us").unwrap_err(), "\"1500us\" is not a whole number of milliseconds");
        assert_eq!(ms("2000us").unwrap(), [2]);
    }

    #[test]
    fn errors_name_the_part_and_the_right_form() {
        for (text, message) in [
            ("", "a duration is missing; write a list such as 25,50,100..=400:50"),
            ("50,,100", "a duration is missing; write a list such as 25,50,100..=400:50"),
            ("50,abc", "\"abc\" is not a duration; write a number with a unit, such as 50ms or 1.5s"),
            ("-5", "\"-5\" is not a duration; write a number with a unit, such as 50ms or 1.5s"),
            ("1.s", "\"1.s\" is not a duration; write a number with a unit, such as 50ms or 1.5s"),
            ("50,100..=400", "the range \"100..=400\" has no step; write 100..=400:50 for steps of 50"),
            (
                "100..400:50",
                "the range \"100..400:50\" should be written with ..= between its ends, as in 100..=400:50",
            ),
            ("400..=100:50", "the range \"400..=100:50\" goes down; write its smaller end first"),
            ("100..=400:0", "the range \"100..=400:0\" has a step of 0; write one above 0"),
            ("1..=20000:1", "the list has more than 10000 points; use a larger step"),
            (
                "99999999999999999999s",
                "\"99999999999999999999s\" is not a duration; write a number with a unit, such as 50ms or 1.5s",
            ),
        ] {
            assert_eq!(ms(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn ranges_of_numbers_are_written_out_with_their_ends() {
        assert_eq!(numbers("5,10..=25:5").unwrap(), ["5", "10", "15", "20", "25"]);
        assert_eq!(numbers("0..=0.3:0.1").unwrap(), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(numbers("1..=4:2").unwrap(), ["1", "3"]);
        assert_eq!(numbers("1..=4").unwrap(), ["1", "2", "3", "4"]);
        assert_eq!(numbers("1e-3,0.5").unwrap(), ["1e-3", "0.5"]);
    }

    #[test]
    fn slips_in_ranges_of_numbers_are_named() {
        assert_eq!(numbers("1..5"), Err(ListError::WrongRange("1..5".to_owned())));
        assert_eq!(numbers("1..=x"), Err(ListError::Malformed("1..=x".to_owned())));
        assert_eq!(numbers("0.5..=2"), Err(ListError::NoStep("0.5..=2".to_owned())));
        assert!(matches!(numbers("5..=1:1"), Err(ListError::Empty(..))));
        assert!(matches!(numbers("1..=5:0"), Err(ListError::Empty(..))));
        assert_eq!(numbers("0..=1e9:1"), Err(ListError::TooMany));
    }

    fn read(text: &str) -> Result<Vec<(Value, String)>, String> {
        let choices = choices(text).map_err(|error| error.to_string())?;
        Ok(choices.into_iter().map(|choice| (choice.value, choice.text)).collect())
    }

    #[test]
    fn a_choice_is_a_number_a_duration_or_a_word() {
        let number = |number, text: &str| (Value::number(number), text.to_owned());
        let ms = |ms, text: &str| (Value::Duration(Duration::from_millis(ms)), text.to_owned());
        let word = |text: &str| (Value::word(text), text.to_owned());
        assert_eq!(
            read("1..=3,0.50, 2").unwrap(),
            [number(1.0, "1"), number(2.0, "2"), number(3.0, "3"), number(0.5, "0.50")]
        );
        assert_eq!(read("1.5s,50ms,1500ms").unwrap(), [ms(1500, "1.5s"), ms(50, "50ms")]);
        assert_eq!(read("50ms..=100ms:25ms").unwrap(), [ms(50, "50ms"), ms(75, "75ms"), ms(100, "100ms")]);
        assert_eq!(read("push,inf,2n").unwrap(), [word("push"), word("inf"), word("2n")]);
        assert_eq!(read("never,50ms").unwrap(), [word("never"), word("50ms")]);
        assert_eq!(read("auto,5").unwrap(), [word("auto"), number(5.0, "5")]);
    }

    #[test]
    fn choices_that_cannot_be_read_are_named() {
        for (text, problem) in [
            ("", "a value is missing"),
            ("a,,b", "a value is missing"),
            ("0,50ms", "\"0\" has no unit, but other values of the list have one; write 0ms or 0s"),
            ("1..3", "should be written with ..="),
            ("a..=c", "should be written as FROM..=TO:STEP"),
            ("50ms..=100ms", "has no step"),
            ("1500us", "not a whole number of milliseconds"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    proptest! {
        #![proptest_config(crate::props::config(256))]

        #[test]
        fn no_text_panics(text in "[0-9.,=:a-zµ -]{0,24}") {
            let _ = durations(&text, DefaultUnit::Milliseconds);
            let _ = numbers(&text);
            let _ = choices(&text);
        }

        #[test]
        fn milliseconds_read_back(ms in 0_u64..100_000_000) {
            prop_assert_eq!(self::ms(&format!("{ms}ms")).unwrap(), [u128::from(ms)]);
            let seconds = format!("{}.{:03}s", ms / 1000, ms % 1000);
            prop_assert_eq!(self::ms(&seconds).unwrap(), [u128::from(ms)]);
        }
    }
}
