//! Rust source as the rules of `tidy` see it: the paths and string literals of code that is not only for
//! tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, iter};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as the code writes it, with the groups of a `use` written out: `use a::{b, c::d}` is `a::b` and
/// `a::c::d`.
#[derive(Debug, PartialEq, Eq)]
pub struct CodePath {
    pub segments: Vec<String>,
    /// The names of the inline modules (`mod name { … }`) around it.
    pub within: Vec<String>,
    pub line: usize,
    /// Whether a `!` follows: a call of a macro.
    pub is_macro: bool,
}

impl CodePath {
    /// Whether the path starts with these segments.
    pub fn starts_with(&self, segments: &[&str]) -> bool {
        self.segments.len() >= segments.len() && iter::zip(&self.segments, segments).all(|(a, b)| a == b)
    }

    /// The top-level module that a `crate::` or `super::` path in `file` leads to; `None` for other paths.
    pub fn target(&self, file: &File) -> Option<String> {
        let supers = self.segments.iter().take_while(|segment| *segment == "super").count();
        if self.segments[0] == "crate" {
            return self.segments.get(1).cloned();
        }
        let here: Vec<&String> = file.module.iter().chain(&self.within).collect();
        if supers == 0 || supers > here.len() {
            return None;
        }
        here[..here.len() - supers].first().copied().or(self.segments.get(supers)).cloned()
    }
}

/// A string literal that is compared: an operand of `==` or `!=`, or a pattern of `match` or `matches!`.
#[derive(Debug, PartialEq, Eq)]
pub struct ComparedText {
    pub text: String,
    pub line: usize,
}

/// A file of `bench-cli/src` without its tests.
#[derive(Debug, Default)]
pub struct File {
    /// Relative to `src`.
    pub path: String,
    /// The module that the file is, from the crate's root.
    pub module: Vec<String>,
    pub paths: Vec<CodePath>,
    pub compared: Vec<ComparedText>,
}

impl File {
    /// Reads code from the file `path`.
    pub fn parse(path: &str, code: &str) -> File {
        let tokens: TokenStream = code.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let module = path.trim_end_matches(".rs").split('/').map(str::to_owned);
        let module = module.filter(|name| !["mod", "lib", "main"].contains(&name.as_str())).collect();
        let mut file = File { path: path.to_owned(), module, ..File::default() };
        file.walk(tokens, &mut Vec::new());
        file
    }

    /// The layer that the file belongs to: its top-level module, or `main` and `lib`.
    pub fn layer(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }

    fn walk(&mut self, tokens: TokenStream, within: &mut Vec<String>) {
        let tokens = without_tests(tokens.into_iter().collect());
        let mut i = 0;
        while i < tokens.len() {
            match &tokens[i] {
                TokenTree::Ident(_) => {
                    let begin = i;
                    let (paths, next) = paths_at(&tokens, i);
                    let line = tokens[begin].span().start().line;
                    let is_macro = is_punct(tokens.get(next), '!') && !is_punct(tokens.get(next + 1), '=');
                    self.paths.extend(paths.into_iter().map(|segments| CodePath {
                        segments,
                        within: within.clone(),
                        line,
                        is_macro,
                    }));
                    i = next;
                    // The body of an inline module.
                    if is_ident(&tokens[begin], "mod")
                        && let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                            (tokens.get(i), tokens.get(i + 1))
                    {
                        within.push(name.to_string());
                        self.walk(body.stream(), within);
                        within.pop();
                        i += 2;
                    }
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), within);
                    i += 1;
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if text.starts_with('"') && is_compared(&tokens, i) {
                        let text = text.trim_matches('"').to_owned();
                        self.compared.push(ComparedText { text, line: literal.span().start().line });
                    }
                    i += 1;
                }
                TokenTree::Punct(_) => i += 1,
            }
        }
    }
}

/// All files of a crate's `src` but those that only tests use.
pub fn files(src: &Path) -> Vec<File> {
    let all = rust_files(src);
    let code = |path: &PathBuf| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let only_tests: Vec<PathBuf> = all.iter().flat_map(|path| test_modules(path, &code(path))).collect();
    let is_test = |path: &Path| only_tests.iter().any(|test| path.with_extension("").starts_with(test));
    all.iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let relative = path.strip_prefix(src).expect("a file of src").to_str().expect("UTF-8");
            File::parse(relative, &code(path))
        })
        .collect()
}

/// The Rust files below a folder, in order.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The numbers of the lines that rustfmt leaves as they are: those of string literals, and of items that are
/// marked with `rustfmt::skip`. Doc comments are literals, too.
pub fn verbatim_lines(code: &str) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    let tokens = code.parse::<TokenStream>().expect("tokens");
    collect_verbatim_lines(&tokens.into_iter().collect::<Vec<_>>(), &mut lines);
    lines
}

fn collect_verbatim_lines(tokens: &[TokenTree], lines: &mut BTreeSet<usize>) {
    for (i, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Literal(literal) if literal.to_string().contains('"') => {
                lines.extend(literal.span().start().line..=literal.span().end().line);
            }
            TokenTree::Group(group) => {
                collect_verbatim_lines(&group.stream().into_iter().collect::<Vec<_>>(), lines);
                if attribute(group) == "rustfmt::skip" {
                    let item = &tokens[i..];
                    let end = item.iter().position(is_end_of_item).unwrap_or(item.len() - 1);
                    lines.extend(group.span().start().line..=item[end].span().end().line);
                }
            }
            _ => {}
        }
    }
}

/// Where the files of modules that `file` declares with `#[cfg(test)] mod name;` stand, without an extension.
fn test_modules(file: &Path, code: &str) -> Vec<PathBuf> {
    let tokens: Vec<TokenTree> = code.parse::<TokenStream>().expect("tokens").into_iter().collect();
    let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    let folder = match stem {
        "mod" | "lib" | "main" => file.with_file_name(""),
        _ => file.with_extension(""),
    };
    let mut found = Vec::new();
    for i in 0..tokens.len() {
        if is_test_attribute(&tokens, i) {
            let item = &tokens[i + 2..];
            let end = item.iter().position(is_end_of_item).unwrap_or(item.len());
            // A module with a body has no file of its own.
            if item.get(end).is_some_and(is_body) {
                continue;
            }
            let module = item[..end].iter().position(|token| is_ident(token, "mod"));
            if let Some(TokenTree::Ident(name)) = module.and_then(|at| item[..end].get(at + 1)) {
                found.push(folder.join(name.to_string()));
            }
        }
    }
    found
}

/// The tokens without the items that `#[cfg(test)]` or `#[test]` marks.
fn without_tests(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if !is_test_attribute(&tokens, i) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += 2;
        while i < tokens.len() {
            let is_end = is_end_of_item(&tokens[i]);
            i += 1;
            if is_end {
                break;
            }
        }
    }
    kept
}

/// Whether `#[cfg(test)]` or `#[test]` begins at this token.
fn is_test_attribute(tokens: &[TokenTree], i: usize) -> bool {
    let Some(TokenTree::Group(group)) = tokens.get(i + 1) else { return false };
    let text = attribute(group);
    is_punct(tokens.get(i), '#')
        && (text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,"))
}

/// The paths that begin at an identifier, and where what follows them begins.
fn paths_at(tokens: &[TokenTree], begin: usize) -> (Vec<Vec<String>>, usize) {
    let mut segments = vec![tokens[begin].to_string()];
    let mut i = begin + 1;
    while is_punct(tokens.get(i), ':') && is_punct(tokens.get(i + 1), ':') {
        match tokens.get(i + 2) {
            Some(TokenTree::Ident(name)) => segments.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                return (grouped(&segments, group), i + 3);
            }
            // A `*`, or generic arguments.
            _ => return (vec![segments], i + 2),
        }
        i += 3;
    }
    (vec![segments], i)
}

/// The paths of a `use` group behind their common beginning.
fn grouped(beginning: &[String], group: &Group) -> Vec<Vec<String>> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let parts = tokens.split(|token| is_punct(Some(token), ','));
    let starting = parts.filter(|part| matches!(part.first(), Some(TokenTree::Ident(_))));
    let ends = starting.flat_map(|part| paths_at(part, 0).0);
    ends.map(|end| [beginning, &end].concat()).collect()
}

/// Whether the literal at `i` is an operand of `==` or `!=`, or a pattern.
fn is_compared(tokens: &[TokenTree], i: usize) -> bool {
    let is = |at: Option<usize>, character| at.is_some_and(|at| is_punct(tokens.get(at), character));
    let (before, second_before) = (i.checked_sub(1), i.checked_sub(2));
    let after_operator = is(before, '=') && (is(second_before, '=') || is(second_before, '!'));
    let before_operator = (is(Some(i + 1), '=') || is(Some(i + 1), '!')) && is(Some(i + 2), '=');
    let is_arm = is(Some(i + 1), '=') && is(Some(i + 2), '>');
    let is_alternative = is(Some(i + 1), '|') || is(before, '|') && !is(second_before, '|');
    after_operator || before_operator || is_arm || is_alternative
}

/// The text of an attribute's group without white space.
fn attribute(group: &Group) -> String {
    group.stream().to_string().split_whitespace().collect()
}

/// An item ends with its body or with a semicolon.
fn is_end_of_item(token: &TokenTree) -> bool {
    is_body(token) || is_punct(Some(token), ';')
}

fn is_body(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if *ident == name)
}

/// What the rules rest on: tests of the reader itself.
mod tests {
    use super::*;

    fn targets(path: &str, code: &str) -> Vec<String> {
        let file = File::parse(path, code);
        file.paths.iter().filter_map(|path| path.target(&file)).collect()
    }

    #[test]
    fn paths_are_resolved_from_the_root() {
        let code = "use crate::{edn::{self, read}, stats}; use super::super::plot;
                    fn f() { super::x(); crate::spec::g() }";
        assert_eq!(targets("engine/child/mod.rs", code), ["edn", "edn", "stats", "plot", "engine", "spec"]);
        assert_eq!(
            targets("engine/mod.rs", "use super::plot; mod inner { use super::super::edn; }"),
            ["plot", "edn"]
        );
        assert_eq!(targets("engine/mod.rs", "mod inner { use super::x; }"), ["engine"]);
    }

    #[test]
    fn tests_comments_and_texts_are_left_out() {
        let code = "// crate::plot\n/// [`crate::plot`]\nfn f() -> &str { \"crate::plot\" }
                    #[cfg(test)] use crate::plot;
                    #[cfg(test)] #[allow(x)] mod tests { use crate::plot; }
                    #[test] fn t() { crate::plot::f(); }
                    fn g() { crate::edn::h() }";
        assert_eq!(targets("engine/mod.rs", code), ["edn"]);
        let declared =
            test_modules(Path::new("src/a/mod.rs"), "mod b; #[cfg(test)] mod tests; #[cfg(test)] mod c { }");
        assert_eq!(declared, [Path::new("src/a/tests")]);
    }

    #[test]
    fn compared_texts_are_found() {
        let code = r#"fn f() { a == "one"; "two" != b; match c { "three" | "four" => "none", _ => "none" }; g("none") }"#;
        let compared: Vec<String> =
            File::parse("a.rs", code).compared.into_iter().map(|compared| compared.text).collect();
        assert_eq!(compared, ["one", "two", "three", "four"]);
    }

    #[test]
    fn lines_that_rustfmt_leaves_alone_are_known() {
        let code =
            "fn f() {\n g(\"a\nb\");\n}\n#[rustfmt::skip]\nconst X: [[u8; 2]; 1] = [\n[1, 2]\n];\nfn h() {}";
        assert_eq!(verbatim_lines(code).into_iter().collect::<Vec<_>>(), [2, 3, 5, 6, 7, 8]);
    }

    #[test]
    fn macros_are_told_from_comparisons() {
        let file = File::parse("a.rs", "fn f() { println!(\"{}\", a != b) }");
        let macros: Vec<&str> =
            file.paths.iter().filter(|path| path.is_macro).map(|path| path.segments[0].as_str()).collect();
        assert_eq!(macros, ["println"]);
    }
}
