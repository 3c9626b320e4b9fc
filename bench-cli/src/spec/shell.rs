//! Words as they are typed in a shell: the one place that quotes.

use std::borrow::Cow;

/// A word as it is typed: quoted only if a shell would take it for something else.
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    // Only a NUL cannot be quoted, and no argument that came from a command line has one.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// Words as one line that a shell would split into them again.
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(join(&["--rate=5", "a b", "", "$x", "50..=100:10"]), "--rate=5 'a b' '' '$x' 50..=100:10");
    }
}
