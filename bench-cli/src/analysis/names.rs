//! How a run is described, and how sweeps differ.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::record::{Quantile, RunRecord};
use crate::spec::Parameter;
use crate::spec::setting::Setting;

/// How two sweeps differ in series, settings and batch timeouts: for each of those that differs, the values
/// of both sweeps. Empty if nothing differs.
pub fn differences(one: &[RunRecord], other: &[RunRecord]) -> Vec<(String, String)> {
    let values = |records: &[RunRecord], value: &dyn Fn(&RunRecord) -> String| {
        // Records are in the order in which runs ended.
        let mut records: Vec<&RunRecord> = records.iter().collect();
        records.sort_by_cached_key(|record| {
            (record.run.batch_timeout, record.run.parameters.clone(), record.run.seed)
        });
        let mut seen = BTreeSet::new();
        let shown: Vec<String> =
            records.into_iter().map(value).filter(|value| seen.insert(value.clone())).collect();
        (seen, shown.join(", "))
    };
    let differing = |value: &dyn Fn(&RunRecord) -> String| {
        let (one, other) = (values(one, value), values(other, value));
        (one.0 != other.0).then_some((one.1, other.1))
    };
    let settings = Setting::ALL.iter().map(|setting| differing(&|one| setting.label_of(one.settings())));
    let all = Parameter::all(one.iter().chain(other).map(|record| &record.run));
    let users = all.iter().filter(|parameter| matches!(parameter, Parameter::User(_)));
    let users = users.map(|parameter| differing(&|record| parameter.label(&record.run)));
    [differing(&RunRecord::series)]
        .into_iter()
        .chain(settings)
        .chain([differing(&|record| Parameter::BatchTimeout.label(&record.run))])
        .chain(users)
        .flatten()
        .collect()
}

/// A run and its figures, in a few short lines. `settings` are those that other runs do not share, in words.
pub fn describe(settings: &str, record: &RunRecord) -> String {
    let repetition = record.run.repetition;
    let timeout = record.batch_timeout_ms().map(|ms| format!("{ms} ms"));
    let users =
        record.run.parameters.iter().map(|(name, _)| Parameter::User(name.clone()).label(&record.run));
    let of_run = [record.series()].into_iter().chain(timeout).chain(users).collect::<Vec<_>>().join(", ");
    let mut text = format!("{of_run}, repetition {repetition}");
    if !settings.is_empty() {
        let _ = write!(text, "\n{settings}");
    }
    if let Some(msgs) = record.msgs_per_op() {
        let _ = write!(text, "\n{msgs:.2} msgs/op");
    }
    let latencies = Quantile::ALL.into_iter().filter_map(|quantile| {
        let latency = record.latency(quantile)?;
        Some(format!("{} {}", quantile.name(), latency.as_millis()))
    });
    let latencies: Vec<String> = latencies.collect();
    if !latencies.is_empty() {
        let _ = write!(text, "\n{} ms", latencies.join(", "));
    }
    if let Some(seed) = record.run.seed {
        let _ = write!(text, "\nseed {seed}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::with_nodes;
    use crate::record::tests::example;

    #[test]
    fn a_description_names_the_run_and_its_measurements() {
        let said = describe("5 nodes, latency 50 ms", &with_nodes(5, 50, 1));
        assert!(
            said.starts_with("hub, 50 ms, repetition 1\n5 nodes, latency 50 ms\n1.50 msgs/op\n"),
            "{said}"
        );
    }

    #[test]
    fn sweeps_differ_in_settings_that_only_one_has() {
        let one = [example(100, 1), example(50, 1)];
        let other = [with_nodes(5, 50, 1), with_nodes(9, 100, 1)];
        assert_eq!(differences(&one, &other), [("25 nodes".to_owned(), "5 nodes, 9 nodes".to_owned())]);
        assert_eq!(differences(&one, &one[1..]), [("50 ms, 100 ms".to_owned(), "50 ms".to_owned())]);
        assert!(differences(&one, &one).is_empty());
    }
}
