//! The README as a newcomer reads it: its commands run as they are, in order, in a fresh folder, and print
//! what it shows.
//!
//! A block of text after a block of commands shows lines of their output. Others may be left out between
//! them, and `…` stands for the rest of a line. A comment `# exit status 1` says how a command ends. Other
//! commands succeed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{has_python, stderr, stdout};

/// Commands that the test leaves out, by how they begin, and why.
const NOT_RUN: [(&str, &str); 4] = [
    ("make sweep", "it builds; .ci/run runs it, shortened"),
    ("make test", "this test is part of it"),
    ("cargo install", "it builds and installs; the test has the built program on its PATH"),
    ("bench-cli serve", "it runs until Ctrl-C; the module serve tests it"),
];

/// Files of the repository that the commands need.
const NEEDED: [&str; 1] = ["bench-cli/tests/fixtures/nodes/batching.py"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// A block of commands, and the output that is shown below it.
#[derive(Debug, Default, PartialEq)]
struct Example {
    commands: Vec<String>,
    shown: Vec<String>,
}

fn examples(markdown: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut block = "";
    for line in markdown.lines() {
        match (line.strip_prefix("```"), block) {
            (Some(language), "") => {
                block = language;
                if language == "sh" {
                    examples.push(Example::default());
                }
            }
            (Some(_), _) => block = "",
            (None, "sh") => {
                let commands = &mut examples.last_mut().unwrap().commands;
                match commands.last_mut().filter(|command| command.ends_with('\\')) {
                    Some(command) => *command += &format!("\n{line}"),
                    None => commands.push(line.to_owned()),
                }
            }
            (None, "text") => examples.last_mut().unwrap().shown.push(line.to_owned()),
            _ => {}
        }
    }
    examples
}

/// The first line that is shown and not printed, or not in this order.
fn first_difference<'a>(shown: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines().map(str::trim_end);
    let missing = shown.iter().find(|line| match line.strip_suffix('…') {
        Some(begin) => !lines.any(|printed| printed.starts_with(begin.trim_end())),
        None => !lines.any(|printed| printed == line.trim_end()),
    });
    missing.map(String::as_str)
}

#[test]
fn commands_run_as_they_are_and_print_the_shown_output() {
    if !has_python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join(".programs");
    fs::create_dir(&programs).unwrap();
    symlink(assert_cmd::cargo::cargo_bin!("bench-cli"), programs.join("bench-cli")).unwrap();
    for file in NEEDED {
        let copy = folder.path().join(file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(repository().join(file), copy).unwrap();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path))).unwrap();
    for Example { commands, shown } in examples(&readme()) {
        let mut printed = String::new();
        for command in &commands {
            if NOT_RUN.iter().any(|(begin, _)| command.starts_with(begin)) {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).current_dir(folder.path());
            let output = shell.env("PATH", &path).env_remove("MAELSTROM").output().unwrap();
            let said = stdout(&output);
            let status =
                command.split_once("# exit status ").map_or(0, |(_, status)| status.parse().unwrap());
            assert_eq!(output.status.code(), Some(status), "{command}\n{said}{}", stderr(&output));
            printed += &said;
        }
        let difference = first_difference(&shown, &printed);
        assert_eq!(difference, None, "README.md shows a line that {commands:#?} do not print:\n{printed}");
    }
}

#[test]
fn every_command_that_is_not_run_is_there() {
    let examples = examples(&readme());
    for (begin, why) in NOT_RUN {
        let is_there = examples.iter().flat_map(|one| &one.commands).any(|one| one.starts_with(begin));
        assert!(is_there, "README.md no longer has {begin} ({why}): delete it from NOT_RUN");
    }
}

#[test]
fn it_is_short() {
    let lines = readme().lines().count();
    assert!(lines <= 130, "README.md has {lines} lines");
}

#[test]
fn examples_are_read_with_their_output() {
    let markdown =
        "a\n```sh\none \\\n  two\nthree # exit status 3\n```\n```text\nx\ny…\n```\n```python\nz\n```\n";
    let commands = vec!["one \\\n  two".to_owned(), "three # exit status 3".to_owned()];
    let shown = vec!["x".to_owned(), "y…".to_owned()];
    assert_eq!(first_difference(&shown, "w\nx \nz\nyes\n"), None);
    assert_eq!(first_difference(&shown, "yes\nx\n"), Some("y…"));
    assert_eq!(examples(markdown), [Example { commands, shown }]);
}
