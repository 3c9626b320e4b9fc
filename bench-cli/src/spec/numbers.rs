//! Lists and ranges of numbers as a user writes them: `5,25`, `10..=50:10`, `0..=0.2:0.05`.

/// More values than any setting of a sweep has: a range that gives more has a slip in it.
const MOST: u32 = 1000;

/// Why a list of numbers cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumbersError {
    /// A range without its step, or with another form.
    #[error("the range {0:?} should be written as FROM..=TO:STEP, as in 5..=25:5")]
    Range(String),
    /// A range that goes down, or a step that is not above 0.
    #[error("the range {0:?} has no values; write its smaller end first, and a step above 0")]
    Empty(String),
    /// Too many values.
    #[error("the range {0:?} has more than {MOST} values; take a larger step")]
    TooMany(String),
}

/// Writes ranges out: the numbers of a list, each as text. Parts without a range are not looked into.
///
/// # Errors
/// If a range cannot be read; the error names it.
pub fn expand(text: &str) -> Result<Vec<String>, NumbersError> {
    let mut numbers = Vec::new();
    for part in text.split(',').map(str::trim) {
        if part.contains("..") {
            numbers.extend(range(part)?);
        } else {
            numbers.push(part.to_owned());
        }
    }
    Ok(numbers)
}

fn range(part: &str) -> Result<Vec<String>, NumbersError> {
    let malformed = || NumbersError::Range(part.to_owned());
    let (from, rest) = part.split_once("..=").ok_or_else(malformed)?;
    let (to, step) = rest.split_once(':').ok_or_else(malformed)?;
    let number = |text: &str| text.trim().parse().ok().filter(|number: &f64| number.is_finite());
    let [Some(first), Some(last), Some(step)] = [from, to, step].map(number) else { return Err(malformed()) };
    if step <= 0.0 || first > last {
        return Err(NumbersError::Empty(part.to_owned()));
    }
    // A little more than whole, so that a step that falls on the end counts although 0.1 is not exact.
    let steps = ((last - first) / step + 1e-9).floor();
    if steps >= f64::from(MOST) {
        return Err(NumbersError::TooMany(part.to_owned()));
    }
    // Rounded for the same reason: 0.1 + 0.2 should read 0.3.
    let rounded = |value: f64| (value * 1e9).round() / 1e9;
    Ok((0..=steps as u32).map(|count| rounded(first + f64::from(count) * step).to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_written_out_with_their_ends() {
        assert_eq!(expand("5,10..=25:5").unwrap(), ["5", "10", "15", "20", "25"]);
        assert_eq!(expand("0..=0.3:0.1").unwrap(), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(expand("1..=4:2").unwrap(), ["1", "3"]);
    }

    #[test]
    fn slips_are_named() {
        assert_eq!(expand("1..5"), Err(NumbersError::Range("1..5".to_owned())));
        assert_eq!(expand("1..=5"), Err(NumbersError::Range("1..=5".to_owned())));
        assert_eq!(expand("5..=1:1"), Err(NumbersError::Empty("5..=1:1".to_owned())));
        assert_eq!(expand("1..=5:0"), Err(NumbersError::Empty("1..=5:0".to_owned())));
        assert_eq!(expand("0..=1e9:1"), Err(NumbersError::TooMany("0..=1e9:1".to_owned())));
    }

    proptest! {
        #![proptest_config(crate::props::config(256))]

        #[test]
        fn no_text_panics(text in "[0-9.,=:e-]{0,16}") {
            let _ = expand(&text);
        }
    }
}
