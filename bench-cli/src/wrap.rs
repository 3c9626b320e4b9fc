//! Breaks text into lines.

/// The lines of `text`, broken at spaces. `fits` says whether a line is short enough, and is told which line
/// it is, from 0. A word that is too long has a line of its own.
///
/// # Errors
/// If `fits` fails.
pub(crate) fn lines<E>(
    text: &str,
    mut fits: impl FnMut(usize, &str) -> Result<bool, E>,
) -> Result<Vec<String>, E> {
    let mut words = text.split(' ');
    let mut lines = vec![words.next().unwrap_or_default().to_owned()];
    for word in words {
        let last = lines.len() - 1;
        let longer = format!("{} {word}", lines[last]);
        if lines[last].trim().is_empty() || fits(last, &longer)? {
            lines[last] = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn of_eight(text: &str) -> Vec<String> {
        lines(text, |_, line| Ok::<_, Infallible>(line.len() <= 8)).unwrap()
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_do_not() {
        assert_eq!(of_eight("one two three four"), ["one two", "three", "four"]);
        assert_eq!(of_eight("  indented far"), ["  indented", "far"]);
        assert_eq!(of_eight("much-too-long to break"), ["much-too-long", "to break"]);
        assert_eq!(of_eight(""), [""]);
    }
}
