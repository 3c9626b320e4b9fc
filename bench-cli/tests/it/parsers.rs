//! No text, however broken, makes a parser panic or answer nonsense. `bench-cli/fuzz` looks further.

use std::path::Path;
use std::time::Duration;

use bench_cli::record::csv_file;
use bench_cli::spec::durations::{DefaultUnit, parse_duration};
use bench_cli::spec::list;
use bench_cli::spec::names::plain_name;
use bench_cli::spec::template::ArgsTemplate;
use bench_cli::spec::value::Value;
use bench_cli::{edn, harness};
use proptest::prelude::*;

use crate::{common, props};

fn fixture(name: &str) -> String {
    std::fs::read_to_string(common::recorded().join(name)).expect("a recorded file")
}

/// A text with a few characters replaced, inserted or removed.
fn damaged(text: String) -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..3_usize, any::<char>());
    prop::collection::vec(edit, 1..5).prop_map(move |edits| {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, kind, character) in edits {
            let at = at.index(characters.len());
            match kind {
                0 => characters[at] = character,
                1 => characters.insert(at, character),
                _ => characters.truncate(at.max(1)),
            }
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(props::config(256))]

    #[test]
    fn damaged_results_are_a_value_or_an_error_with_its_place(text in damaged(fixture("fail-somelost/results.edn"))) {
        if let Err(error) = edn::parse(&text) {
            prop_assert!(error.line >= 1 && error.column >= 1);
        }
    }

    #[test]
    fn damaged_histories_are_checked_or_refused(text in damaged(fixture("fail-empty/history.edn"))) {
        if let Ok(history) = harness::history_file::read_edn(&text) {
            let report = harness::checker::check(&history, None);
            harness::results::from_history(&history, &report).pretty();
        }
    }

    #[test]
    fn any_text_is_edn_or_not(text in "[\\[\\](){}#\"\\\\:;a1.\\-+ \n\t_^é]{0,60}") {
        let _ = edn::parse(&text);
    }

    #[test]
    fn any_text_is_rows_or_not(text in "(batch_timeout_ms|status|stable_p50_ms|[a-z0-9,\"\n.é-]){0,80}") {
        if let Ok(read) = csv_file::parse(&text) {
            bench_cli::report::summary::text(&read.records, None, &[], Path::new(""));
        }
    }

    #[test]
    fn typed_text_is_understood_or_refused(text in "([0-9]{1,22}|[.,=: ]|ms|s|min|µs|h|\\{|\\}|'|.){0,20}") {
        for unit in [DefaultUnit::Milliseconds, DefaultUnit::Seconds] {
            if let Ok(duration) = parse_duration(&text, unit) {
                prop_assert_eq!(duration.subsec_nanos() % 1_000_000, 0);
            }
            if let Ok(list) = list::durations(&text, unit) {
                prop_assert!(!list.is_empty() && list.is_sorted());
            }
        }
        if let Ok(template) = ArgsTemplate::parse(&text) {
            let timeout = Value::Duration(Duration::from_millis(50));
            let _ = template.fill(&[("batch_timeout", timeout, "50ms".to_owned())]);
        }
    }

    #[test]
    fn a_name_never_leaves_its_folder(text in any::<String>()) {
        let name = plain_name(&text);
        prop_assert!(name.chars().count() <= 60);
        prop_assert!(!name.contains(['/', '\\', '\0', '\n']));
    }

    #[test]
    fn a_node_reads_any_lines(lines in prop::collection::vec(any_line(), 0..20)) {
        let mut wire = node::wire::Wire::default();
        for line in lines {
            if let Err(skipped) = wire.parse(&line) {
                prop_assert!(!skipped.to_string().is_empty());
            }
        }
    }
}

/// A line that is nearly a message, or anything.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let field = "(\"(type|msg_id|in_reply_to|message|node_id|node_ids|values|seq|ack|messages)\":\
                 (null|-?[0-9]{1,20}(\\.5)?|\"(init|read|broadcast|topology|n0|é)\"|\\[\\]|\\[\"n0\",\"n1\"\\]|\\{\\}),?){0,5}";
    let message = ("(c1|n0|n1|)", field).prop_map(|(src, fields)| {
        format!(r#"{{"src":"{src}","dest":"n0","body":{{{}}}}}"#, fields.trim_end_matches(',')).into_bytes()
    });
    prop_oneof![message, prop::collection::vec(any::<u8>(), 0..60)]
}
