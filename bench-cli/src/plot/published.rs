//! Published results in challenges 3d and 3e, with a source for each.

use anyhow::Context as _;
use serde::Deserialize;

const CSV: &str = include_str!("../../data/peers.csv");

/// One published result.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Published {
    /// The author.
    pub name: String,
    /// The node's language.
    pub language: String,
    /// Messages between nodes per operation.
    pub msgs_per_op: f64,
    /// The median stable latency.
    pub median_ms: f64,
    /// The maximum stable latency.
    pub max_ms: f64,
    /// The node's protocol, in a few words.
    pub protocol: String,
    /// The address of the publication.
    pub source: String,
}

/// Every published result.
///
/// # Errors
/// If the data file is malformed; it is part of this program, and a test reads it.
pub fn all() -> anyhow::Result<Vec<Published>> {
    let records = csv::Reader::from_reader(CSV.as_bytes()).into_deserialize();
    records.collect::<Result<_, _>>().context("bench-cli/data/peers.csv")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_plausible_and_has_a_source() {
        let all = all().unwrap();
        assert!(all.len() > 5);
        for one in all {
            assert!(one.source.starts_with("https://"), "{one:?}");
            assert!(one.msgs_per_op > 0.0 && one.median_ms <= one.max_ms, "{one:?}");
        }
    }
}
