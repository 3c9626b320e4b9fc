//! Names that tell series and runs apart: they say a setting where not all runs have the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::record::{Quantile, Row, Setting};

/// The settings in which some rows differ.
#[derive(Clone, Debug)]
pub struct Names {
    /// Whether the engines differ, and are to be told apart.
    engine: bool,
    settings: Vec<Setting>,
}

impl Names {
    /// For the rows of one sweep.
    pub fn among<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Names {
        let rows: Vec<&Row> = rows.into_iter().collect();
        Names { engine: differ(&rows, |row| row.engine.clone()), ..Names::among_sweeps(rows) }
    }

    /// For the rows of several sweeps that are compared: the engine may be what is compared.
    pub fn among_sweeps<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Names {
        let rows: Vec<&Row> = rows.into_iter().collect();
        let settings = Setting::ALL.into_iter().filter(|setting| differ(&rows, setting.of_row));
        Names { engine: false, settings: settings.collect() }
    }

    /// The settings of a row that others do not share; empty if all have the same.
    pub fn settings(&self, row: &Row) -> String {
        let engine = self.engine.then(|| row.engine.clone());
        let settings = self.settings.iter().map(|setting| setting.name_of(row));
        engine.into_iter().chain(settings).collect::<Vec<_>>().join(", ")
    }

    /// The name of a row's series.
    pub fn series(&self, row: &Row) -> String {
        let settings = self.settings(row);
        if settings.is_empty() { row.series() } else { format!("{}, {settings}", row.series()) }
    }

    /// What tells a run from all others of its sweep.
    pub fn run(&self, row: &Row) -> String {
        run(&self.settings(row), row)
    }
}

/// What sets two sweeps apart: how each has them, of the series, their settings and batch timeouts that differ. Empty if
/// nothing does.
pub fn differences(one: &[Row], other: &[Row]) -> Vec<(String, String)> {
    let values = |rows: &[Row], value: &dyn Fn(&Row) -> String| {
        // Rows are written in the order in which runs ended.
        let mut rows: Vec<&Row> = rows.iter().collect();
        rows.sort_by_key(|row| (row.batch_timeout_ms, row.seed));
        let mut seen = BTreeSet::new();
        let shown: Vec<String> =
            rows.into_iter().map(value).filter(|value| seen.insert(value.clone())).collect();
        (seen, shown.join(", "))
    };
    let differing = |value: &dyn Fn(&Row) -> String| {
        let (one, other) = (values(one, value), values(other, value));
        (one.0 != other.0).then_some((one.1, other.1))
    };
    let settings = Setting::ALL.iter().map(|setting| differing(&|row| setting.name_of(row)));
    [differing(&Row::series)]
        .into_iter()
        .chain(settings)
        .chain([differing(&|row| format!("{} ms", row.batch_timeout_ms))])
        .flatten()
        .collect()
}

/// Whether not all rows have the same.
fn differ(rows: &[&Row], value: impl Fn(&Row) -> String) -> bool {
    rows.iter().map(|row| value(row)).collect::<BTreeSet<_>>().len() > 1
}

/// What tells a run from all others of its sweep, if its settings are told apart by `settings`.
pub fn run(settings: &str, row: &Row) -> String {
    let mut name = format!("{} {} ms #{}", row.series(), row.batch_timeout_ms, row.repetition);
    if !settings.is_empty() {
        let _ = write!(name, " ({settings})");
    }
    name
}

/// A run and its figures, in a few short lines.
pub fn describe(settings: &str, row: &Row) -> String {
    let mut text = format!("{}, {} ms, repetition {}", row.series(), row.batch_timeout_ms, row.repetition);
    if !settings.is_empty() {
        let _ = write!(text, "\n{settings}");
    }
    if let Some(msgs) = row.msgs_per_op {
        let _ = write!(text, "\n{msgs:.2} msgs/op");
    }
    let latencies = Quantile::ALL.into_iter().filter_map(|quantile| {
        let latency = row.latency(quantile)?;
        Some(format!("{} {}", quantile.name(), latency.as_millis()))
    });
    let latencies: Vec<String> = latencies.collect();
    if !latencies.is_empty() {
        let _ = write!(text, "\n{} ms", latencies.join(", "));
    }
    if let Some(seed) = row.seed {
        let _ = write!(text, "\nseed {seed}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::tests::example;

    #[test]
    fn a_setting_that_all_share_is_no_part_of_a_name() {
        let rows = [example(50, 1), example(100, 2)];
        let names = Names::among(&rows);
        assert_eq!((names.series(&rows[1]), names.run(&rows[1])), ("hub".into(), "hub 100 ms #2".into()));
    }

    #[test]
    fn runs_that_differ_in_a_setting_alone_have_names_of_their_own() {
        let rows = [example(50, 1), Row { latency_ms: 50, node_count: 5, ..example(50, 1) }];
        let names = Names::among(&rows);
        assert_eq!(names.run(&rows[1]), "hub 50 ms #1 (5 nodes, latency 50 ms)");
        let said = describe(&names.settings(&rows[1]), &rows[1]);
        assert!(
            said.starts_with("hub, 50 ms, repetition 1\n5 nodes, latency 50 ms\n1.50 msgs/op\n"),
            "{said}"
        );
    }

    #[test]
    fn sweeps_differ_in_what_not_both_have() {
        let one = [example(100, 1), example(50, 1)];
        let other = [Row { node_count: 5, ..example(50, 1) }, Row { node_count: 9, ..example(100, 1) }];
        assert_eq!(differences(&one, &other), [("25 nodes".to_owned(), "5 nodes, 9 nodes".to_owned())]);
        assert_eq!(differences(&one, &one[1..]), [("50 ms, 100 ms".to_owned(), "50 ms".to_owned())]);
        assert!(differences(&one, &one).is_empty());
    }

    #[test]
    fn sweeps_on_two_engines_have_the_same_names() {
        let rows = [example(50, 1), Row { engine: "simulated".to_owned(), ..example(50, 1) }];
        assert_eq!(Names::among_sweeps(&rows).series(&rows[1]), "hub");
        assert_eq!(Names::among(&rows).series(&rows[1]), "hub, simulated");
    }
}
