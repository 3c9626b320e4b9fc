//! How this program was called, so that a command on the terminal can be pasted there: the program need not be on
//! `PATH`. In files the bare name stands, since their readers have it elsewhere.

use std::borrow::Cow;

/// The program's name where nobody has called it.
pub(super) const NAME: &str = "bench-cli";

/// The program as it was called, quoted as for a shell.
pub(super) fn program() -> String {
    let first = std::env::args_os().next();
    let given = first.map_or_else(|| NAME.to_owned(), |program| program.to_string_lossy().into_owned());
    shlex::try_quote(&given).map_or_else(|_| NAME.to_owned(), Cow::into_owned)
}

/// A command that begins with the bare name, as it is typed here.
pub(super) fn typed(command: &str) -> String {
    with_program(command, &program())
}

fn with_program(command: &str, program: &str) -> String {
    match command.strip_prefix(NAME) {
        Some(rest) if rest.starts_with(' ') => format!("{program}{rest}"),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_as_this_program_was_called() {
        let typed = |command| with_program(command, "target/release/bench-cli");
        assert_eq!(
            typed("bench-cli sweep --bin bench-cli"),
            "target/release/bench-cli sweep --bin bench-cli"
        );
        assert_eq!(typed("bench-client sweep"), "bench-client sweep");
    }
}
