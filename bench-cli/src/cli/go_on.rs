//! The commands that go on with a sweep, or start it anew.

use std::ffi::OsString;
use std::path::Path;

/// What to type about a sweep that stopped or cannot be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commands {
    /// Goes on with it.
    pub go_on: String,
    /// Replaces it; `None` where there is no `--force`.
    pub anew: Option<String>,
}

impl Commands {
    /// Of the sweep that `arguments` (the program's name first) started into `directory`, by a command that has
    /// `--force`.
    pub(super) fn new(arguments: impl IntoIterator<Item = OsString>, directory: &Path) -> Commands {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        // What repeats failed runs alone cannot replace all.
        let anew = less(arguments.iter().cloned(), &["--force", "--retry-failed"]);
        Commands {
            go_on: command(arguments, directory),
            anew: Some(joined(&[with_place(anew, directory), vec!["--force".to_owned()]].concat())),
        }
    }

    /// The same of a command that has no `--force`.
    pub(super) fn without_force(arguments: impl IntoIterator<Item = OsString>, directory: &Path) -> Commands {
        Commands { go_on: command(arguments, directory), anew: None }
    }
}

/// What to type to go on with the sweep that `arguments` (the program's name first) started into `directory`: the same
/// again, less what would start it anew, and with the directory's name if that was made up.
pub(super) fn command(arguments: impl IntoIterator<Item = OsString>, directory: &Path) -> String {
    joined(&with_place(less(arguments, &["--force"]), directory))
}

/// The arguments without some flags.
fn less(arguments: impl IntoIterator<Item = OsString>, flags: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for argument in arguments {
        let argument = argument.to_string_lossy().into_owned();
        // The arguments of a node may look like any flag.
        let is_value = words.last().is_some_and(|previous| previous == "--node-args");
        if is_value || !flags.contains(&argument.as_str()) {
            words.push(argument);
        }
    }
    words
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

fn joined(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        shlex::split(line).unwrap().into_iter().map(OsString::from).collect()
    }

    #[test]
    fn the_command_can_be_typed_as_it_is() {
        let command = |line: &str| command(words(line), Path::new("results/sweep 1"));
        assert_eq!(command("b sweep --out x --force"), "b sweep --out x");
        assert_eq!(command("b sweep --name=x --rate 5"), "b sweep '--name=x' --rate 5");
        assert_eq!(command("b sweep --force"), "b sweep --out 'results/sweep 1'");
        assert_eq!(
            command("'my b' sweep --node-args --force --out x"),
            "'my b' sweep --node-args --force --out x"
        );
        assert_eq!(command("b sweep --node-args '-x {a}' --out x"), "b sweep --node-args '-x {a}' --out x");
    }

    #[test]
    fn to_start_anew_takes_one_force() {
        let anew = |line: &str| Commands::new(words(line), Path::new("x")).anew;
        assert_eq!(
            anew("b sweep --retry-failed --rate 5").as_deref(),
            Some("b sweep --rate 5 --out x --force")
        );
        assert_eq!(anew("b sweep --force --out y").as_deref(), Some("b sweep --out y --force"));
    }
}
