//! The table of columns in `results/README.md`, held against the one definition of a row.

use std::path::Path;

use super::row::tests::example;

/// The lines of the table that the documentation of [`Row`](super::Row)'s fields gives.
fn documented() -> Vec<String> {
    let source = include_str!("row.rs");
    let fields = source.split_once("pub struct Row {").unwrap().1.split_once("\n}\n").unwrap().0;
    let mut meaning = Vec::new();
    let mut lines = Vec::new();
    for line in fields.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            meaning.push(doc);
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|field| field.split_once(": "))
        {
            assert!(!meaning.is_empty(), "the column {name} is not documented");
            let kind = kind.trim_end_matches(',');
            lines.push(format!("| `{name}` | {} | {} |", unit(name, kind), meaning.join(" ")));
            meaning.clear();
        }
    }
    lines
}

fn unit(name: &str, kind: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("ms") => "ms",
        Some("us") => "µs",
        Some("s") => "s",
        _ if name == "started_at" => "RFC 3339",
        _ if name == "rate" => "1/s",
        _ if kind.contains("f64") => "ratio",
        _ if ["u64", "u32", "usize"].iter().any(|number| kind.contains(number)) => "number",
        _ => "text",
    }
}

fn header() -> Vec<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.serialize(example(100, 1)).unwrap();
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    text.lines().next().unwrap().split(',').map(String::from).collect()
}

#[test]
fn every_column_is_documented_in_the_files_order() {
    let expected = documented();
    let names: Vec<&str> = expected.iter().filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(names, header());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let table = readme.split_once("| column | unit | meaning |\n|---|---|---|\n").unwrap().1;
    let table: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(
        table == expected,
        "the table of columns in results/README.md should be:\n{}",
        expected.join("\n")
    );
}
