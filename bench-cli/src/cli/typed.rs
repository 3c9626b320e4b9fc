//! Commands that a user can paste into the terminal: the program as it was typed, and how to resume.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use crate::spec::command::PROGRAM;
use crate::spec::shell;

/// The program as the user typed it, quoted for a shell, since it need not be on `PATH`. Files have its bare
/// name, since their readers have it elsewhere.
pub(super) fn program() -> String {
    let first = std::env::args_os().next();
    let given = first.map_or_else(|| PROGRAM.to_owned(), |program| program.to_string_lossy().into_owned());
    shell::quote(&given).into_owned()
}

/// A text in which commands begin with the bare name, with the program as it is typed here.
pub(super) fn as_typed(text: &str) -> String {
    with_program(text, &program())
}

/// A sentence in which commands may be named, with the program as it is typed here.
pub(super) fn within(text: &str) -> String {
    ["", "("].iter().fold(text.to_owned(), |text, before| {
        text.replace(&format!(" {before}{PROGRAM} "), &format!(" {before}{} ", program()))
    })
}

fn with_program(text: &str, program: &str) -> String {
    match text.strip_prefix(PROGRAM) {
        Some(rest) if rest.starts_with(' ') => format!("{program}{rest}"),
        _ => text.to_owned(),
    }
}

/// The commands to type after this process has ended early.
pub(super) struct Commands {
    /// The command that resumes.
    pub resume: String,
    /// The command that starts over and replaces the earlier results.
    pub restart: String,
}

impl Commands {
    /// For a command that was typed as these words and works in `directory`.
    pub fn new(words: impl IntoIterator<Item = OsString>, directory: &Path) -> Commands {
        let words = words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let restart = with_place(less(&words, &["--force", "--retry-failed"]), directory);
        Commands {
            resume: resume(&words, directory),
            restart: shell::join(&[restart, vec!["--force".to_owned()]].concat()),
        }
    }
}

/// The command that resumes these words' work in `directory`: the same words without `--force`, with --out if
/// they name no folder.
pub(super) fn resume(words: &[String], directory: &Path) -> String {
    shell::join(&with_place(less(words, &["--force"]), directory))
}

/// The words of this process's command with the program's bare name.
pub(super) fn own_words() -> Vec<String> {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once(PROGRAM.to_owned()).chain(words).collect()
}

/// The words without some flags.
fn less<'a>(words: &'a [String], flags: &[&str]) -> Vec<String> {
    let mut kept: Vec<Cow<'a, str>> = Vec::new();
    for word in words {
        // The arguments of a node may look like any flag.
        let is_value = kept.last().is_some_and(|previous| previous == "--node-args");
        if is_value || !flags.contains(&word.as_str()) {
            kept.push(Cow::Borrowed(word));
        }
    }
    kept.into_iter().map(Cow::into_owned).collect()
}

fn with_place(mut words: Vec<String>, directory: &Path) -> Vec<String> {
    let names_place = |word: &String| {
        ["--out", "--name"].iter().any(|flag| word == flag || word.starts_with(&format!("{flag}=")))
    };
    if !words.iter().any(names_place) {
        words.extend(["--out".to_owned(), directory.display().to_string()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        shlex::split(line).unwrap()
    }

    #[test]
    fn a_command_begins_as_this_program_was_called() {
        let typed = |command| with_program(command, "target/release/bench-cli");
        assert_eq!(
            typed("bench-cli sweep --bin bench-cli"),
            "target/release/bench-cli sweep --bin bench-cli"
        );
        assert_eq!(typed("bench-client sweep"), "bench-client sweep");
    }

    #[test]
    fn the_command_can_be_typed_as_it_is() {
        let command = |line: &str| resume(&words(line), Path::new("results/sweep 1"));
        assert_eq!(command("b sweep --out x --force"), "b sweep --out x");
        assert_eq!(command("b sweep --name=x --rate 5"), "b sweep --name=x --rate 5");
        assert_eq!(command("b sweep --force"), "b sweep --out 'results/sweep 1'");
        assert_eq!(
            command("'my b' sweep --node-args --force --out x"),
            "'my b' sweep --node-args --force --out x"
        );
        assert_eq!(command("b sweep --node-args '-x {a}' --out x"), "b sweep --node-args '-x {a}' --out x");
    }

    #[test]
    fn to_start_over_takes_one_force() {
        let restart = |line: &str| {
            let words = words(line).into_iter().map(OsString::from);
            Commands::new(words, Path::new("x")).restart
        };
        assert_eq!(restart("b sweep --retry-failed --rate 5"), "b sweep --rate 5 --out x --force");
        assert_eq!(restart("b sweep --force --out y"), "b sweep --out y --force");
    }
}
