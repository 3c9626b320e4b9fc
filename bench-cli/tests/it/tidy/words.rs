//! The words of documents, help texts, messages and comments: plain ones, in sentences that are read once.

use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::{Rule, Violation, check, repository, rust_files};

/// Words that readers stumble over, and what to write instead. `*` stands for any one word.
///
/// Identifiers in code and `quoted code` are not looked at. Names of functions are if they are sentences, as
/// those of tests are.
const WORDS: &[(&str, &str)] = &[
    ("go on", "continue, resume"),
    ("goes on", "continues, resumes"),
    ("gone on", "continued, resumed"),
    ("going on", "running, in progress"),
    ("went on", "continued, resumed"),
    ("anew", "again, start over"),
    ("surely", "reliably, with 95 % confidence"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("judge", "check, compare, decide"),
    ("judges", "checks, compares, decides"),
    ("judged", "checked, compared, decided"),
    ("judging", "checking, comparing, deciding"),
    ("held against", "compared with"),
    ("hold against", "compare with"),
    ("hold * against", "compare with"),
    ("holds * against", "compares with"),
    ("for free", "at no extra cost"),
    ("came of", "outcome, result"),
    ("comes of", "outcome, result"),
    ("beside", "next to, in addition to"),
    ("is no valid", "is not a valid"),
    ("as yet", "so far"),
    ("whence", "from where"),
    ("thereof", "of it"),
    ("aforesaid", "this"),
    ("hearken", "listen"),
];

/// What documents say besides: they have plots, and nothing about versions that nobody can get.
const DOCUMENT_WORDS: &[(&str, &str)] = &[
    ("picture", "plot"),
    ("pictures", "plots"),
    ("earlier version", "nothing: describe this version"),
    ("present node", "nothing: describe this version"),
    ("present version", "nothing: describe this version"),
];

/// The longest sentence of a document, in words.
const LONGEST_SENTENCE: usize = 25;
/// The longest line of a document, in characters. Rows of tables may be longer.
const WIDEST_LINE: usize = 120;

/// A word, or the end of a sentence, with its line.
type Word = (String, usize);

const END: &str = ".";

/// Words in lower case. Code between backticks is one word that matches nothing.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_code = false;
    for (line, text) in (1..).zip(text.lines()) {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let is_part = character.is_alphanumeric() || ['_', '-', '\''].contains(&character);
            match character {
                '`' => is_code = !is_code,
                _ if is_code => {}
                _ if is_part => word.extend(character.to_lowercase()),
                _ => {}
            }
            if !is_part && !word.is_empty() {
                words.push((std::mem::take(&mut word), line));
            }
            let ends_sentence = ['.', ';', ':', '!', '?'].contains(&character)
                && characters.peek().is_none_or(|next| next.is_whitespace());
            if ends_sentence && !is_code {
                words.push((END.to_owned(), line));
            }
        }
        if !word.is_empty() {
            words.push((std::mem::take(&mut word), line));
        }
        // A span of code that a blank line ends was an apostrophe of another kind.
        is_code &= !text.trim().is_empty();
    }
    words
}

/// Where `words` have a phrase of `list`, with what to write instead.
fn found(words: &[Word], list: &[(&str, &str)], path: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (phrase, instead) in list {
        let phrase_words: Vec<&str> = phrase.split(' ').collect();
        for window in words.windows(phrase_words.len()) {
            let is_here = std::iter::zip(window, &phrase_words)
                .all(|((word, _), wanted)| *wanted == "*" && word != END || word == wanted);
            if is_here {
                let what = format!("{phrase:?}; write: {instead}");
                found.push(Violation { path: path.to_owned(), what, line: window[0].1 });
            }
        }
    }
    found
}

/// Rust source without the identifiers of its code, but with names of functions that are sentences.
fn prose(code: &str) -> String {
    let mut lines: Vec<Vec<char>> = code.lines().map(|line| line.chars().collect()).collect();
    blank_identifiers(code.parse().expect("tokens"), &mut lines);
    let lines: Vec<String> = lines.into_iter().map(|line| line.into_iter().collect()).collect();
    lines.join("\n")
}

fn blank_identifiers(tokens: TokenStream, lines: &mut [Vec<char>]) {
    let mut after_fn = false;
    for token in tokens {
        match &token {
            TokenTree::Group(group) => blank_identifiers(group.stream(), lines),
            TokenTree::Ident(ident) => {
                let (start, end) = (ident.span().start(), ident.span().end());
                let name = &mut lines[start.line - 1][start.column..];
                let name = &mut name[..end.column.saturating_sub(start.column)];
                if *ident != name.iter().collect::<String>() {
                    // The `doc` that a doc comment stands for has the comment's span.
                } else if after_fn && name.iter().filter(|character| **character == '_').count() > 1 {
                    name.iter_mut().filter(|character| **character == '_').for_each(|under| *under = ' ');
                } else {
                    name.fill(' ');
                }
            }
            _ => {}
        }
        after_fn = matches!(&token, TokenTree::Ident(ident) if *ident == "fn");
    }
}

/// Documents that people write, with their paths in the repository. The program and its tests print the
/// others, and their texts are checked in the source.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned(), "results/README.md".to_owned()];
    for folder in ["bench-cli", "bench-cli/docs", "node", "results/parity"] {
        let entries = fs::read_dir(repository().join(folder)).expect(folder);
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        let written = names.filter(|name| name.ends_with(".md") && name != "misbehaviour.md");
        paths.extend(written.map(|name| format!("{folder}/{name}")));
    }
    paths.sort();
    let text = |path: &String| fs::read_to_string(repository().join(path)).expect("a text");
    paths.iter().map(|path| (path.clone(), text(path))).collect()
}

/// The paragraphs and list items of a document, without headings, tables and code; with their first lines.
fn paragraphs(markdown: &str) -> Vec<(String, usize)> {
    let mut paragraphs: Vec<(String, usize)> = Vec::new();
    let (mut is_code, mut is_new) = (false, true);
    for (number, line) in (1..).zip(markdown.lines()) {
        let text = line.trim();
        let is_fence = text.starts_with("```");
        is_code ^= is_fence;
        let is_prose = !(is_code || is_fence || text.is_empty() || text.starts_with(['|', '#', '<', '!']));
        let item = text.strip_prefix("- ").or_else(|| text.split_once(". ").filter(is_number).map(|at| at.1));
        match paragraphs.last_mut() {
            _ if !is_prose => {}
            Some((paragraph, _)) if !is_new && item.is_none() => *paragraph += &format!("\n{text}"),
            _ => paragraphs.push((item.unwrap_or(text).to_owned(), number)),
        }
        is_new = !is_prose;
    }
    paragraphs
}

fn is_number((number, _): &(&str, &str)) -> bool {
    number.chars().all(|character| character.is_ascii_digit())
}

/// A paragraph with each span of code and each link's address as one word or none.
fn without_code_and_addresses(paragraph: &str) -> String {
    let code = paragraph.split('`').enumerate();
    let text: String = code.map(|(i, part)| if i % 2 == 0 { part } else { "code" }).collect();
    let mut parts = text.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or("", |(_, rest)| rest))
}

/// Sentences with more words than [`LONGEST_SENTENCE`].
fn long_sentences(path: &str, markdown: &str) -> Vec<Violation> {
    let mut long = Vec::new();
    for (paragraph, line) in paragraphs(markdown) {
        let text = without_code_and_addresses(&paragraph);
        let mut count = 0;
        let mut begin = String::new();
        for word in text.split_whitespace() {
            count += usize::from(word.chars().any(char::is_alphanumeric));
            if count <= 6 {
                begin = format!("{begin} {word}");
            }
            if word.trim_end_matches(['*', ')', '"']).ends_with(['.', '!', '?']) {
                if count > LONGEST_SENTENCE {
                    let what = format!("a sentence of {count} words:{begin} …");
                    long.push(Violation { path: path.to_owned(), what, line });
                }
                (count, begin) = (0, String::new());
            }
        }
    }
    long
}

#[test]
fn documents_and_scripts_have_plain_words() {
    let mut violations = Vec::new();
    for (path, text) in documents() {
        let words = words(&text);
        violations.extend(found(&words, WORDS, &path));
        violations.extend(found(&words, DOCUMENT_WORDS, &path));
    }
    for path in ["Makefile", ".ci/run", ".github/workflows/ci.yml"] {
        let text = fs::read_to_string(repository().join(path)).expect(path);
        violations.extend(found(&words(&text), WORDS, path));
    }
    check(Rule::PlainWords, &violations);
}

#[test]
fn lines_of_documents_are_narrow() {
    let mut violations = Vec::new();
    for (path, text) in documents() {
        let is_wide = |line: &str| line.chars().count() > WIDEST_LINE && !line.starts_with('|');
        let wide = (1..).zip(text.lines()).filter(|(_, text)| is_wide(text));
        violations.extend(wide.map(|(line, _)| Violation {
            path: path.clone(),
            what: "a wide line".to_owned(),
            line,
        }));
    }
    check(Rule::Width, &violations);
}

#[test]
fn links_lead_to_files() {
    let mut violations = Vec::new();
    for (path, text) in documents() {
        let folder = Path::new(&path).parent().expect("a file's folder");
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        {
            if !target.contains("://") && !repository().join(folder).join(target).exists() {
                let what = format!("a link to {target}, which is not there");
                violations.push(Violation { path: path.clone(), what, line: 0 });
            }
        }
    }
    check(Rule::LinksLeadToFiles, &violations);
}

#[test]
fn source_has_plain_words() {
    // This file has them all.
    let this = Path::new(file!()).file_name().and_then(|name| name.to_str()).expect("a name");
    let mut violations = Vec::new();
    for (path, code) in rust_files().into_iter().filter(|(path, _)| !path.ends_with(this)) {
        violations.extend(found(&words(&prose(&code)), WORDS, &path));
    }
    check(Rule::PlainWords, &violations);
}

#[test]
fn sentences_of_documents_are_short() {
    let documents = documents();
    let long: Vec<Violation> = documents.iter().flat_map(|(path, text)| long_sentences(path, text)).collect();
    check(Rule::ShortSentences, &long);
}

#[test]
fn phrases_are_found_in_prose_and_not_in_code() {
    let code = "/// Runs go\n/// on, and `judge` is code.\nfn a_run_is_judged() { judge(\"made anew\") } // beside. On";
    let lines = |code: &str| {
        let found = found(&words(&prose(code)), WORDS, "a.rs");
        found.into_iter().map(|one| (one.what.split('"').nth(1).unwrap().to_owned(), one.line)).collect()
    };
    let expected = [("go on", 1), ("anew", 3), ("judged", 3), ("beside", 3)];
    let found: Vec<(String, usize)> = lines(code);
    assert_eq!(found, expected.map(|(phrase, line)| (phrase.to_owned(), line)));
    assert_eq!(lines("// They go. On and `on` they hold. X against"), Vec::<(String, usize)>::new());
}

#[test]
fn long_sentences_are_found() {
    let words = |count: usize| vec!["word"; count].join(" ");
    let of = |text: &str| long_sentences("a.md", text).len();
    assert_eq!(of(&format!("{}. {}.", words(25), words(25))), 0);
    assert_eq!(of(&format!("# A\n\n- {}.\n- {}\n  {}.", words(3), words(20), words(6))), 1);
    assert_eq!(of(&format!("```sh\n{}.\n```\n| {}. |", words(30), words(30))), 0);
    assert_eq!(of(&format!("{} `a b c d e f g` [{}](x y z).", words(20), words(4))), 0);
}
