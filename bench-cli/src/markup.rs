//! Text inside XML and HTML.

/// The text with entities for the characters that XML and HTML reserve. Usable in content and in quoted
/// attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to write the other control characters.
            control if control.is_control() && !"\n\t".contains(control) => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_and_control_characters_are_replaced() {
        assert_eq!(escape("<a b=\"c\">'&'\u{1b}\n"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;&#39;\u{fffd}\n");
        assert_eq!(escape("é ünchanged"), "é ünchanged");
    }
}
