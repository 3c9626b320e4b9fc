//! Durations, and lists and ranges of them, as a user writes them.
//!
//! A duration is a number with a unit (`50ms`, `1.5s`, `2min`) or without (then the flag's own unit). A list
//! is durations and ranges separated by commas; a range is `FROM..=TO:STEP` and includes its end if a step
//! falls on it.

use std::time::Duration;

/// More points than any sweep has: a range that gives more has a slip in it.
const MAX_POINTS: usize = 10_000;

/// The unit of a number that is written without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultUnit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl DefaultUnit {
    const fn name(self) -> &'static str {
        match self {
            DefaultUnit::Milliseconds => "ms",
            DefaultUnit::Seconds => "s",
        }
    }
}

/// Why a duration, or a list of them, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationsError {
    /// Nothing between two commas, or nothing at all.
    #[error("a duration is missing; write a list such as 25,50,100..=400:50")]
    Missing,
    /// A part that is not a duration.
    #[error("{0:?} is not a duration; write a number with a unit, such as 50ms or 1.5s")]
    NoDuration(String),
    /// A part that has a fraction of a millisecond.
    #[error("{0:?} is not a whole number of milliseconds")]
    NotWhole(String),
    /// A range without its step.
    #[error("the range {0:?} has no step; write {0}:50 for steps of 50")]
    NoStep(String),
    /// A range with `..` or `...`.
    #[error("the range {0:?} should be written with ..= between its ends, as in 100..=400:50")]
    WrongRange(String),
    /// A range that goes down or a step of 0.
    #[error("the range {0:?} {1}")]
    Empty(String, &'static str),
    /// Too many points.
    #[error("the list has more than {MAX_POINTS} points; take a larger step")]
    TooMany,
}

/// Reads one duration, a whole number of milliseconds.
///
/// # Errors
/// If `text` is not a duration or has a fraction of a millisecond.
pub fn parse_duration(text: &str, default: DefaultUnit) -> Result<Duration, DurationsError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DurationsError::Missing);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = if unit.is_empty() { default.name() } else { unit.trim() };
    let no_duration = || DurationsError::NoDuration(text.to_owned());
    // In nanoseconds, the fraction digit by digit: a float would make 0.3s something else than 300ms.
    let nanoseconds = match unit {
        "us" | "µs" => scaled(number, 1_000),
        "ms" => scaled(number, 1_000_000),
        "s" | "sec" => scaled(number, 1_000_000_000),
        "m" | "min" => scaled(number, 60 * 1_000_000_000),
        _ => {
            let duration = humantime::parse_duration(text).map_err(|_| no_duration())?;
            u64::try_from(duration.as_nanos()).ok()
        }
    };
    let duration = Duration::from_nanos(nanoseconds.ok_or_else(no_duration)?);
    if !duration.subsec_nanos().is_multiple_of(1_000_000) {
        return Err(DurationsError::NotWhole(text.to_owned()));
    }
    Ok(duration)
}

/// A decimal number times `scale`, or `None` if it is none, is too large, or leaves a fraction.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    let digits: u64 = fraction.parse().ok()?;
    let denominator = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let numerator = digits.checked_mul(scale)?;
    let exact = numerator.is_multiple_of(denominator);
    whole.checked_mul(scale)?.checked_add(exact.then_some(numerator / denominator)?)
}

/// Reads a list of durations and ranges. The answer is sorted, each duration once.
///
/// # Errors
/// If a part is neither; the error names the part.
pub fn parse_list(text: &str, default: DefaultUnit) -> Result<Vec<Duration>, DurationsError> {
    let mut durations = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        if part.contains("..") {
            push_range(&mut durations, part, default)?;
        } else {
            durations.push(parse_duration(part, default)?);
        }
        if durations.len() > MAX_POINTS {
            return Err(DurationsError::TooMany);
        }
    }
    durations.sort_unstable();
    durations.dedup();
    Ok(durations)
}

fn push_range(durations: &mut Vec<Duration>, part: &str, default: DefaultUnit) -> Result<(), DurationsError> {
    let Some((from, rest)) = part.split_once("..=") else {
        return Err(DurationsError::WrongRange(part.to_owned()));
    };
    let Some((to, step)) = rest.split_once(':') else {
        return Err(DurationsError::NoStep(part.to_owned()));
    };
    let (mut next, to) = (parse_duration(from, default)?, parse_duration(to, default)?);
    let step = parse_duration(step, default)?;
    if step.is_zero() {
        return Err(DurationsError::Empty(part.to_owned(), "has a step of 0"));
    }
    if next > to {
        return Err(DurationsError::Empty(part.to_owned(), "goes down; write its smaller end first"));
    }
    if (to - next).as_nanos() / step.as_nanos() >= MAX_POINTS as u128 {
        return Err(DurationsError::TooMany);
    }
    while next <= to {
        durations.push(next);
        next += step;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Result<Vec<u128>, String> {
        parse_list(text, DefaultUnit::Milliseconds)
            .map(|durations| durations.iter().map(Duration::as_millis).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lists_and_ranges_are_merged_and_sorted() {
        assert_eq!(list("50,25,100..=400:100,200").unwrap(), [25, 50, 100, 200, 300, 400]);
        assert_eq!(list("0").unwrap(), [0]);
        assert_eq!(list("100..=260:50").unwrap(), [100, 150, 200, 250]);
        assert_eq!(list("50ms..=0.2s:50ms, 1.5s").unwrap(), [50, 100, 150, 200, 1500]);
        assert_eq!(list("2min,1s 500ms").unwrap(), [1500, 120_000]);
        assert_eq!(list("1500us").unwrap_err(), "\"1500us\" is not a whole number of milliseconds");
        assert_eq!(list("2000us").unwrap(), [2]);
    }

    #[test]
    fn seconds_are_exact() {
        let duration = |text| parse_duration(text, DefaultUnit::Seconds).unwrap().as_millis();
        assert_eq!(
            (duration("20"), duration("0.3"), duration("1.001s"), duration("100ms")),
            (20_000, 300, 1001, 100)
        );
    }

    #[test]
    fn errors_name_the_part_and_say_what_to_write() {
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
            ("100..=400:0", "the range \"100..=400:0\" has a step of 0"),
            ("1..=20000:1", "the list has more than 10000 points; take a larger step"),
            (
                "99999999999999999999s",
                "\"99999999999999999999s\" is not a duration; write a number with a unit, such as 50ms or 1.5s",
            ),
        ] {
            assert_eq!(list(text), Err(message.to_owned()), "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::props::config(256))]

        #[test]
        fn no_text_panics(text in "[0-9.,=:a-zµ ]{0,24}") {
            let _ = parse_list(&text, DefaultUnit::Milliseconds);
        }

        #[test]
        fn milliseconds_read_back(ms in 0_u64..100_000_000) {
            prop_assert_eq!(list(&format!("{ms}ms")).unwrap(), [u128::from(ms)]);
            let seconds = format!("{}.{:03}s", ms / 1000, ms % 1000);
            prop_assert_eq!(list(&seconds).unwrap(), [u128::from(ms)]);
        }
    }
}
