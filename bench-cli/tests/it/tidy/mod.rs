//! The rules of the crate's structure, checked on its source.
//!
//! Each rule finds violations: a file, and what in it is against the rule. [`EXCEPTIONS`] lists the
//! violations that exist today. The list can only shrink. A violation that is not listed fails its test, and
//! so does a listed one that no longer occurs.

mod source;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use source::File;

/// The top-level modules from top to bottom. A module imports only from those below it.
const LAYERS: [&str; 22] = [
    "main",
    "lib",
    "cli",
    "campaign",
    "preflight",
    "report",
    "plot",
    "analysis",
    "model",
    "engine",
    "runner",
    "supervise",
    "record",
    "harness",
    "spec",
    "stats",
    "json",
    "edn",
    "logging",
    "markup",
    "terminal",
    "wrap",
];

/// Names of engines, strategies and faults. Enums stand for them everywhere but where they are parsed and
/// printed.
const NAMES: [&str; 8] = ["maelstrom", "embedded", "simulated", "tree", "hub", "direct", "auto", "partition"];

/// Where names are parsed and printed.
const PARSES_NAMES: [&str; 2] = ["spec", "record"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    /// Modules import downwards only, in the order of [`LAYERS`].
    ImportsDownwards,
    /// `stats` imports nothing of ours.
    StatsAlone,
    /// Nothing below `cli` knows clap.
    ClapOnlyInCli,
    /// Nothing below `cli` prints, except `terminal`.
    PrintsOnlyInCli,
    /// `harness` knows no process, no file and no wall clock.
    HarnessIsPure,
    /// `runner` and `engine` know no CSV.
    NoCsvInEngines,
    /// No name of an engine, strategy or fault is compared as text outside parsing and printing.
    NamesAreEnums,
    /// Lines are at most as wide as .rustfmt.toml says, comments included.
    ///
    /// Texts in quotes, rows of tables and what rustfmt is told to skip may be wider.
    Width,
    /// No note of work that is left to do, and no white space at the end of a line.
    Clean,
    /// None of the words that readers stumble over.
    PlainWords,
    /// Sentences of documents have at most 25 words.
    ShortSentences,
    /// Links in documents lead to files of the repository.
    LinksLeadToFiles,
}
use Rule::*;

/// A violation that exists today: the rule, the file in the repository (or a folder with a `/` at its end),
/// and what is against the rule.
type Exception = (Rule, &'static str, &'static str);

/// Today's violations. Delete those that no longer occur, and add none.
const EXCEPTIONS: &[Exception] = &[
    // `bench-cli test` prints the log of its run.
    (PrintsOnlyInCli, "bench-cli/src/runner/log.rs", "println!"),
];

/// What a rule found.
struct Violation {
    path: String,
    what: String,
    line: usize,
}

impl Violation {
    fn is(&self, &(_, path, what): &Exception) -> bool {
        let is_there = self.path == path || path.ends_with('/') && self.path.starts_with(path);
        is_there && self.what == what
    }
}

/// Fails with every violation of `rule` that is not an exception, and with every exception that no longer
/// occurs.
fn check(rule: Rule, violations: &[Violation]) {
    let exceptions: Vec<&Exception> = EXCEPTIONS.iter().filter(|(of, ..)| *of == rule).collect();
    let new =
        violations.iter().filter(|violation| !exceptions.iter().any(|exception| violation.is(exception)));
    let new = new.map(|Violation { path, what, line }| format!("{path}:{line}: {what}"));
    let gone =
        exceptions.iter().filter(|exception| !violations.iter().any(|violation| violation.is(exception)));
    let gone = gone.map(|(_, path, what)| {
        format!("{path}: {what} no longer occurs: delete ({rule:?}, {path:?}, {what:?}) from EXCEPTIONS")
    });
    let complaints: Vec<String> = new.chain(gone).collect();
    assert!(complaints.is_empty(), "{rule:?}:\n{}", complaints.join("\n"));
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The crate's sources, read once for all rules.
fn files() -> &'static [File] {
    static FILES: LazyLock<Vec<File>> =
        LazyLock::new(|| source::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));
    &FILES
}

/// Checks a rule that is about the paths of some layers.
fn check_paths(
    rule: Rule,
    applies: impl Fn(&str) -> bool,
    against: impl Fn(&File, &source::CodePath) -> Option<String>,
) {
    let mut violations = Vec::new();
    for file in files().iter().filter(|file| applies(file.layer())) {
        for path in &file.paths {
            if let Some(what) = against(file, path) {
                violations.push(Violation {
                    path: format!("bench-cli/src/{}", file.path),
                    what,
                    line: path.line,
                });
            }
        }
    }
    check(rule, &violations);
}

fn rank(layer: &str) -> usize {
    let place = LAYERS.iter().position(|other| *other == layer);
    place.unwrap_or_else(|| panic!("the module {layer} has no place in LAYERS"))
}

#[test]
fn modules_import_downwards_only() {
    check_paths(
        ImportsDownwards,
        |layer| !["main", "lib"].contains(&layer),
        |file, path| {
            let target = path.target(file)?;
            let is_module = LAYERS.contains(&target.as_str());
            (is_module && target != file.layer() && rank(&target) <= rank(file.layer()))
                .then(|| format!("imports {target}"))
        },
    );
}

#[test]
fn every_module_has_a_layer() {
    let layers: BTreeSet<String> = files().iter().map(|file| file.layer().to_owned()).collect();
    let declared: BTreeSet<String> = LAYERS.into_iter().map(str::to_owned).collect();
    assert_eq!(layers, declared);
}

#[test]
fn stats_imports_nothing_of_ours() {
    let ours = |file: &File, path: &source::CodePath| {
        let target = path.target(file).filter(|target| target != "stats");
        target.or_else(|| path.starts_with(&["node"]).then(|| "node".to_owned()))
    };
    check_paths(StatsAlone, |layer| layer == "stats", ours);
}

#[test]
fn only_cli_knows_clap() {
    let is_clap = |_: &File, path: &source::CodePath| path.starts_with(&["clap"]).then(|| "clap".to_owned());
    check_paths(ClapOnlyInCli, |layer| !["main", "cli"].contains(&layer), is_clap);
}

#[test]
fn only_cli_prints() {
    let prints = |_: &File, path: &source::CodePath| {
        let name = path.segments.last().expect("a segment");
        let is_print = ["print", "println", "eprint", "eprintln"].contains(&name.as_str());
        (path.is_macro && is_print).then(|| format!("{name}!"))
    };
    check_paths(PrintsOnlyInCli, |layer| !["main", "cli", "terminal"].contains(&layer), prints);
}

#[test]
fn the_harness_knows_no_process_file_or_clock() {
    let forbidden = |_: &File, path: &source::CodePath| {
        let modules = [["std", "process"], ["std", "fs"], ["std", "net"], ["std", "thread"]];
        let is_module = modules.iter().any(|module| path.starts_with(module));
        let is_clock =
            path.segments.iter().any(|segment| ["Instant", "SystemTime"].contains(&segment.as_str()));
        (is_module || is_clock).then(|| path.segments.join("::"))
    };
    check_paths(HarnessIsPure, |layer| layer == "harness", forbidden);
}

/// The order of layers already keeps plots and analysis out.
#[test]
fn engines_know_no_csv() {
    let is_csv = |_: &File, path: &source::CodePath| {
        let csv = path.segments.iter().find(|segment| ["csv", "csv_file"].contains(&segment.as_str()));
        csv.cloned()
    };
    check_paths(NoCsvInEngines, |layer| ["runner", "engine"].contains(&layer), is_csv);
}

#[test]
fn names_are_compared_as_enums() {
    let mut violations = Vec::new();
    for file in files().iter().filter(|file| !PARSES_NAMES.contains(&file.layer())) {
        for compared in file.compared.iter().filter(|compared| NAMES.contains(&compared.text.as_str())) {
            let what = format!("{:?}", compared.text);
            violations.push(Violation {
                path: format!("bench-cli/src/{}", file.path),
                what,
                line: compared.line,
            });
        }
    }
    check(NamesAreEnums, &violations);
}

/// All Rust files of the repository, with their paths in it.
fn rust_files() -> Vec<(String, String)> {
    let folders = ["bench-cli/src", "bench-cli/tests", "bench-cli/benches", "bench-cli/fuzz/fuzz_targets"];
    let folders = folders.iter().chain(&["node/src", "node/tests", "node/benches"]);
    let files = folders.flat_map(|folder| source::rust_files(&repository().join(folder)));
    files
        .map(|path| {
            let relative = path.strip_prefix(repository()).expect("a file of the repository");
            (relative.to_str().expect("UTF-8").to_owned(), fs::read_to_string(&path).expect("a text"))
        })
        .collect()
}

#[test]
fn lines_are_no_wider_than_rustfmt_makes_them() {
    let settings = fs::read_to_string(repository().join(".rustfmt.toml")).expect(".rustfmt.toml");
    let width = settings.lines().find_map(|line| line.strip_prefix("max_width = "));
    let width: usize = width.and_then(|width| width.parse().ok()).expect("max_width in .rustfmt.toml");
    let is_wide = |line: &str| line.chars().count() > width;
    let mut violations = Vec::new();
    for (path, text) in rust_files() {
        if !text.lines().any(is_wide) {
            continue;
        }
        let verbatim = source::verbatim_lines(&text);
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| is_wide(text)) {
            let may_be_wide = match text.trim_start().strip_prefix("//") {
                // A row of a table.
                Some(comment) => comment.trim_start_matches(['/', '!', ' ']).starts_with('|'),
                None => verbatim.contains(&line),
            };
            if !may_be_wide {
                violations.push(Violation { path: path.clone(), what: "a wide line".to_owned(), line });
            }
        }
    }
    check(Width, &violations);
}

#[test]
fn nothing_is_left_to_do() {
    // In two parts, so that this file is clean.
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut violations = Vec::new();
    for (path, text) in rust_files() {
        for (line, text) in (1..).zip(text.lines()) {
            let note = notes.iter().find(|note| text.contains(**note)).copied();
            let space = text.ends_with([' ', '\t']).then_some("white space at the end of a line");
            violations.extend(note.into_iter().chain(space).map(|what| Violation {
                path: path.clone(),
                what: what.to_owned(),
                line,
            }));
        }
    }
    check(Clean, &violations);
}
