//! `summary.md`: a sweep's tables as Markdown.

use std::fmt::Write as _;

use super::advice::{self, Answer};
use super::page::settings;
use super::summary::{self, Sheet};
use super::{distinct, failures, pass_rate};
use crate::analysis::{Series, Warning};
use crate::record::RunRecord;
use crate::spec::{Limits, Parameter};

/// The tables of medians and fits, the recommendations, and the settings of the runs.
pub fn summary(records: &[RunRecord], axis: Option<&Parameter>, limits: &[Limits]) -> String {
    let series = Series::group_on(axis, records);
    let mut text = table(&summary::points(&series, limits));
    let _ = writeln!(text, "\n{}\n", escape(&summary::points_legend(limits)));
    for limits in limits {
        let _ = writeln!(text, "- {}", escape(&limits.to_string()));
    }
    if let Some(front) = summary::front(&series) {
        let _ = writeln!(text, "\n{}\n{}", table(&front), escape(&summary::front_legend(&series)));
    }
    if let Some(effects) = summary::effects(&series) {
        let _ = writeln!(text, "\n{}\n{}", table(&effects), escape(summary::EFFECTS_LEGEND));
    }
    let fits = summary::fits(&series);
    if !fits.rows.is_empty() {
        let _ = writeln!(text, "\n{}\n{}", table(&fits), escape(&summary::fits_legend(&series)));
    }
    text.push('\n');
    for warning in Warning::on(&series) {
        let _ = writeln!(text, "- {}", escape(&summary::sentence(&warning)));
    }
    for sentence in pass_rate::sentences(&series) {
        let _ = writeln!(text, "- {}", escape(&sentence));
    }
    for Answer { question, findings, .. } in advice::answers(&Series::group(records), limits, None) {
        let _ = writeln!(text, "\n{}:\n", escape(&question));
        for finding in findings {
            let _ = writeln!(text, "- {}", escape(&finding));
        }
    }
    let failures = failures::by_reason(records);
    if !failures.is_empty() {
        let _ = writeln!(text, "\n{}:\n", failures::headline(records));
    }
    for failure in failures {
        let said = format!("{}: {}: {}", failure.names(), failure.status, failure.reason);
        let _ = writeln!(text, "- {}", escape(&said));
    }
    let settings: Vec<String> =
        settings(records).iter().map(|(name, value)| format!("{name}: {}", escape(value))).collect();
    let engines =
        distinct(records, |record| format!("{} {}", record.run.engine, record.measured.engine_version))
            .join(", ");
    let _ = writeln!(text, "\nEngine: {}; {}.", escape(engines.trim_end()), settings.join("; "));
    text
}

/// A table as Markdown.
pub fn table(sheet: &Sheet) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = (0..sheet.header.len()).map(|column| if column == 0 { "---|" } else { "---:|" });
    let mut text = line(&sheet.header) + "|" + &rule.collect::<String>() + "\n";
    text.extend(sheet.rows.iter().map(|cells| line(cells)));
    text
}

/// Text in which markup is escaped.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '<' | '#' => escaped.extend(['\\', character]),
            '&' => escaped.push_str("&amp;"),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{failed, of_program, with_max, with_nodes};
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;

    #[test]
    fn a_summary_is_tables_that_a_readme_can_show() {
        let records = [example(100, 1), failed(100, 2, Status::Crashed), example(200, 1), example(400, 1)];
        insta::assert_snapshot!(summary(&records, None, &[Challenge::ALL[1].into()]));
    }

    #[test]
    fn a_bend_and_a_busy_machine_are_no_secret() {
        let bend = |(timeout, repetition): (u64, u32)| {
            with_max(timeout, repetition, timeout.pow(2) / 100 + u64::from(repetition))
        };
        let mut records: Vec<RunRecord> = [200, 400, 600, 800]
            .into_iter()
            .flat_map(|timeout| [(timeout, 1), (timeout, 2)])
            .map(bend)
            .collect();
        records[0].measured.timer_p99 = Some(std::time::Duration::from_millis(5));
        records[0].measured.late = Some(true);
        let said = summary(&records, None, &[]);
        for words in ["- Warning: hub: in 1 of 8 runs", "- Warning: hub, max: not linear over all timeouts"] {
            assert!(said.contains(words), "{words}\n{said}");
        }
    }

    #[test]
    fn challenges_are_shown_of_their_own_settings_alone() {
        let small = summary(&[with_nodes(5, 100, 1)], None, &[]);
        assert!(small.contains("| max | ok |\n") && !small.contains("3d"), "{small}");
    }

    #[test]
    fn a_node_cannot_break_the_table_with_its_name() {
        let said = summary(&[of_program("a|b<i>*c", 100)], None, &[]);
        assert!(said.contains("| a\\|b\\<i>\\*c |"), "{said}");
    }
}
