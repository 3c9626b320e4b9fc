//! The command that goes on with an interrupted sweep.

use std::ffi::OsString;
use std::path::Path;

/// What to type to go on with the sweep that `arguments` (the program's name first) started into `directory`: the same
/// again, less what would start it anew, and with the directory's name if that was made up.
pub(super) fn command(arguments: impl IntoIterator<Item = OsString>, directory: &Path) -> String {
    let mut words: Vec<String> = Vec::new();
    for argument in arguments {
        let argument = argument.to_string_lossy().into_owned();
        // The arguments of a node may look like any flag.
        let is_value = words.last().is_some_and(|previous| previous == "--node-args");
        if argument != "--force" || is_value {
            words.push(argument);
        }
    }
    let names_place = |word: &String| {
        ["--out", "--name"].iter().any(|flag| word == flag || word.starts_with(&format!("{flag}=")))
    };
    if !words.iter().any(names_place) {
        words.extend(["--out".to_owned(), directory.display().to_string()]);
    }
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_as_it_is() {
        let command = |line: &str| {
            let words = shlex::split(line).unwrap().into_iter().map(OsString::from);
            command(words, Path::new("results/sweep 1"))
        };
        assert_eq!(command("b sweep --out x --force"), "b sweep --out x");
        assert_eq!(command("b sweep --name=x --rate 5"), "b sweep '--name=x' --rate 5");
        assert_eq!(command("b sweep --force"), "b sweep --out 'results/sweep 1'");
        assert_eq!(
            command("'my b' sweep --node-args --force --out x"),
            "'my b' sweep --node-args --force --out x"
        );
        assert_eq!(command("b sweep --node-args '-x {a}' --out x"), "b sweep --node-args '-x {a}' --out x");
    }
}
