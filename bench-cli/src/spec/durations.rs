//! Durations as a user writes them: a number with a unit (`50ms`, `1.5s`, `2min`) or without (then the
//! flag's own unit).

use std::time::Duration;

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

/// Why a duration cannot be read.
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

/// A duration in milliseconds. Unlike a thousand times its seconds, whole milliseconds stay whole.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_milliseconds_stay_whole() {
        assert!((0..5000).all(|ms| milliseconds(Duration::from_millis(ms)) == ms as f64));
        assert_eq!(milliseconds(Duration::from_micros(1500)), 1.5);
    }

    #[test]
    fn seconds_are_exact() {
        let duration = |text| parse_duration(text, DefaultUnit::Seconds).unwrap().as_millis();
        assert_eq!(
            (duration("20"), duration("0.3"), duration("1.001s"), duration("100ms")),
            (20_000, 300, 1001, 100)
        );
    }
}
