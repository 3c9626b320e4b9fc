//! Others' results in challenges 3d and 3e, with a source for each: what their authors published, and what
//! the same nodes reached when they were measured side by side on one machine.
//!
//! The two cannot be compared. Each author published one run, of 1,670 to 1,850 operations instead of about
//! 2,000. So a node that sends by the clock reads up to 17 % higher. Some authors count messages from and to
//! clients, too.

use anyhow::Context as _;
use serde::Deserialize;

use crate::spec::EngineKind;

const CSV: &str = include_str!("../../data/peers.csv");

/// One result.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Published {
    /// The author.
    pub name: String,
    /// The node's language.
    pub language: String,
    /// Whether its author or this project measured it.
    pub by: By,
    /// Which messages count.
    pub scope: Scope,
    /// How many operations were invoked, about; `None` if the author does not say.
    pub operations: Option<u32>,
    /// What executed the runs.
    #[serde(deserialize_with = "engine")]
    pub engine: EngineKind,
    /// How many runs the figures are medians of; `None` if the author does not say.
    pub runs: Option<u32>,
    /// Messages per operation.
    pub msgs_per_op: f64,
    /// The median stable latency.
    pub median_ms: f64,
    /// The maximum stable latency.
    pub max_ms: f64,
    /// The node's protocol, in a few words.
    pub protocol: String,
    /// The address of the node, and of what its author published.
    pub source: String,
}

/// Who measured a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The author of the node, who published it.
    Author,
    /// This project: all nodes on one machine, with the challenges' number of operations.
    Us,
}

/// Which messages count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those between nodes, which the challenges limit.
    Servers,
    /// Those from and to clients, too.
    All,
}

fn engine<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<EngineKind, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Every result.
///
/// # Errors
/// If the data file is malformed; it is part of this program, and a test reads it.
pub fn all() -> anyhow::Result<Vec<Published>> {
    let records = csv::Reader::from_reader(CSV.as_bytes()).into_deserialize();
    records.collect::<Result<_, _>>().context("bench-cli/data/peers.csv")
}

/// One result of each node whose messages between nodes are known: measured with real Maelstrom if it was,
/// else measured on the embedded runner, else as its author published it.
///
/// # Errors
/// If the data file is malformed.
pub fn best_known() -> anyhow::Result<Vec<Published>> {
    let rank = |one: &Published| match (one.by, one.engine) {
        (By::Us, EngineKind::Maelstrom) => 0,
        (By::Us, _) => 1,
        (By::Author, _) => 2,
    };
    let mut all: Vec<Published> = all()?.into_iter().filter(|one| one.scope == Scope::Servers).collect();
    all.sort_by(|one, other| (&one.name, rank(one)).cmp(&(&other.name, rank(other))));
    all.dedup_by(|later, earlier| later.name == earlier.name);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_plausible_and_has_a_source() {
        let all = all().unwrap();
        assert!(all.len() > 20);
        for one in all {
            assert!(one.source.starts_with("https://"), "{one:?}");
            assert!(one.msgs_per_op > 0.0 && one.median_ms <= one.max_ms, "{one:?}");
            let is_measured = one.by == By::Us;
            assert_eq!(one.operations.is_some() && one.runs.is_some(), is_measured, "{one:?}");
            assert!(!is_measured || one.scope == Scope::Servers, "{one:?}");
        }
    }

    #[test]
    fn the_best_known_result_of_a_node_is_the_measured_one() {
        let best = best_known().unwrap();
        let of = |name: &str| best.iter().find(|one| one.name == name).map(|one| (one.by, one.engine));
        assert_eq!(of("teivah (3e)"), Some((By::Us, EngineKind::Maelstrom)));
        assert_eq!(of("teivah (3d)"), Some((By::Us, EngineKind::Embedded)));
        assert_eq!(of("tirasundaraa"), Some((By::Author, EngineKind::Maelstrom)));
        let mut names: Vec<&str> = best.iter().map(|one| one.name.as_str()).collect();
        names.dedup();
        assert_eq!(names.len(), best.len());
    }

    /// The README's records name the lowest results of others within some limits.
    #[test]
    fn the_readme_names_the_lowest_results() {
        let readme = include_str!("../../../README.md");
        let all = all().unwrap();
        let lowest = |by, median: f64, max: f64| {
            let within = all.iter().filter(|one| {
                one.by == by && one.scope == Scope::Servers && one.median_ms < median && one.max_ms < max
            });
            within.map(|one| one.msgs_per_op).fold(f64::INFINITY, f64::min)
        };
        for (limits, median, max) in [
            ("| median < 400 ms, max < 600 ms (3d) |", 400.0, 600.0),
            ("| median < 1 s, max < 2 s (3e) |", 1_000.0, 2_000.0),
            ("| median ≤ 100 ms, max ≤ 110 ms |", 100.5, 110.5),
        ] {
            let row = readme.lines().find(|line| line.starts_with(limits)).expect(limits);
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let shown = |by| format!("{:.2} msgs/op", lowest(by, median, max));
            assert_eq!(cells[2..4], [shown(By::Author), shown(By::Us)], "{limits}");
        }
    }
}
