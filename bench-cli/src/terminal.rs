//! Printing. A closed pipe is not an error, quoted text cannot control the terminal, and progress bars stay
//! whole.
//!
//! The standard library's `println!` panics when the reader has gone (`bench-cli plot … | head -1`) or the
//! terminal was closed (SIGHUP): a long sweep should not end because its reader has gone. It also hands a
//! terminal whatever a node wrote, escape sequences and all, which may hide lines, change the title or type
//! answers. The macros below take the place of the standard ones in the whole crate, so that no message can
//! forget either.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

use indicatif::MultiProgress;

/// As `std::print`, but control characters are shown as escapes, and what cannot be written is dropped.
macro_rules! print {
    ($($text:tt)*) => { $crate::terminal::to_stdout(::std::format_args!($($text)*)) };
}

/// As `std::println`, but control characters are shown as escapes, and what cannot be written is dropped.
macro_rules! println {
    () => { $crate::terminal::to_stdout(::std::format_args!("\n")) };
    ($($text:tt)*) => {
        $crate::terminal::to_stdout(::std::format_args!("{}\n", ::std::format_args!($($text)*)))
    };
}

/// As `std::eprintln`, but control characters are shown as escapes, and what cannot be written is dropped.
macro_rules! eprintln {
    ($($text:tt)*) => {
        $crate::terminal::to_stderr(::std::format_args!("{}\n", ::std::format_args!($($text)*)))
    };
}

/// The progress bars on stderr. There is one terminal, so there is one set of them.
pub fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// The number of columns of the terminal that shows stdout. `None` if stdout is a file or a pipe.
pub fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Prints on stdout. For the macros.
pub fn to_stdout(text: fmt::Arguments<'_>) {
    let _ = io::stdout().lock().write_all(plain(&text.to_string()).as_bytes());
}

/// Writes bytes to stdout unchanged. A reader that has gone has seen enough, so that is not an error.
///
/// # Errors
/// If they cannot be written for any other reason.
pub fn write_to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints on stderr, above the bars. For the macros and the log.
pub fn to_stderr(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    bars().suspend(|| {
        let _ = io::stderr().lock().write_all(plain(&text).as_bytes());
    });
}

/// A number of things, such as `1 run` or `2 runs`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `is` or `are`, as the verb of so many things.
pub fn are(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// `was` or `were`, as the verb of so many things.
pub fn were(number: usize) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// The text with what a terminal would obey shown as an escape, such as `\x1b`: control characters but line
/// ends and tabs, and the characters that reverse the direction of text.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            command if commands(command) && command.is_ascii() => {
                plain.push_str(&format!("\\x{:02x}", u32::from(command)));
            }
            command if commands(command) => plain.extend(command.escape_unicode()),
            shown => plain.push(shown),
        }
    }
    Cow::Owned(plain)
}

/// Whether a terminal does something else with a character than show it.
fn commands(character: char) -> bool {
    let is_direction = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_direction || (character.is_control() && character != '\n' && character != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_and_several_are() {
        let said = |number| format!("{} {}, {}", count(number, "run"), are(number), were(number));
        assert_eq!([0, 1, 2].map(said), ["0 runs are, were", "1 run is, was", "2 runs are, were"]);
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        for (written, shown) in [
            ("\u{1b}[2J\u{1b}]0;title\u{7}", r"\x1b[2J\x1b]0;title\x07"),
            ("100 %\rok", r"100 %\x0dok"),
            ("a\u{7f}b\u{9b}31m", r"a\x7fb\u{9b}31m"),
            ("\u{202e}ko\u{2069}", r"\u{202e}ko\u{2069}"),
            ("two\tlines\nê 测试 ヽ(‘ー`)ノ", "two\tlines\nê 测试 ヽ(‘ー`)ノ"),
        ] {
            assert_eq!(plain(written), shown);
        }
    }
}
