//! Limits that a user wants runs to stay below.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::challenge::Challenge;
use super::figure::Figure;
use crate::record::Row;

/// What every run should stay below; what is not limited may be anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// Its name: a challenge's, or empty.
    pub name: String,
    /// Messages between nodes for each operation.
    pub msgs_per_op: Option<f64>,
    /// Median stable latency.
    pub median: Option<Duration>,
    /// Maximum stable latency.
    pub max: Option<Duration>,
}

impl Envelope {
    /// The figures that are limited, each with its limit in the figure's unit.
    pub fn limits(&self) -> Vec<(Figure, f64)> {
        let ms = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64() * 1e3);
        [(Figure::MsgsPerOp, self.msgs_per_op), (Figure::P50, ms(self.median)), (Figure::Max, ms(self.max))]
            .into_iter()
            .filter_map(|(figure, limit)| Some((figure, limit?)))
            .collect()
    }

    /// The batch timeout in milliseconds from which on no node can meet the limits on latency, if there are any: a value
    /// may wait a whole timeout for its batch, and half of the values wait half of it.
    pub fn timeout_bound_ms(&self) -> Option<u64> {
        let of_median = self.median.map(|median| median * 2);
        let bound = self.max.into_iter().chain(of_median).min()?;
        u64::try_from(bound.as_millis()).ok()
    }

    /// Whether `row` is an ok run below every limit. A run that failed, or lacks a limited figure, is not.
    pub fn is_met_by(&self, row: &Row) -> bool {
        let below = |(figure, limit): (Figure, f64)| figure.of(row).is_some_and(|value| value < limit);
        row.is_ok() && self.limits().into_iter().all(below)
    }
}

impl From<Challenge> for Envelope {
    fn from(challenge: Challenge) -> Envelope {
        Envelope {
            name: challenge.name.to_owned(),
            msgs_per_op: Some(challenge.msgs_per_op),
            median: Some(challenge.median),
            max: Some(challenge.max),
        }
    }
}

impl FromStr for Envelope {
    type Err = String;

    fn from_str(text: &str) -> Result<Envelope, String> {
        let challenge = Challenge::ALL.into_iter().find(|challenge| challenge.name == text);
        challenge.map(Envelope::from).ok_or_else(|| {
            "choose 3d or 3e, or set limits by --max-msgs-per-op, --max-median and --max-latency".to_owned()
        })
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits: Vec<String> = self
            .limits()
            .into_iter()
            .map(|(figure, limit)| format!("{} < {}", figure.label(), figure.show(limit)))
            .collect();
        match self.name.as_str() {
            "" => f.write_str(&limits.join(", ")),
            name => write!(f, "{name} ({})", limits.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::row::tests::example;

    #[test]
    fn a_challenge_or_own_limits() {
        let envelope: Envelope = "3d".parse().unwrap();
        assert_eq!(envelope.to_string(), "3d (msgs/op < 30.00, median < 400 ms, max < 600 ms)");
        let own = Envelope { max: Some(Duration::from_secs(2)), ..Envelope::default() };
        assert_eq!(own.to_string(), "max < 2000 ms");
        assert!("3f".parse::<Envelope>().unwrap_err().contains("3d or 3e"));
    }

    #[test]
    fn every_limit_counts_and_is_exclusive() {
        let [latency, efficiency] = Challenge::ALL.map(Envelope::from);
        let row = Row {
            msgs_per_op: Some(19.9),
            stable_p50_ms: Some(399),
            stable_max_ms: Some(599),
            ..example(100, 1)
        };
        assert!(latency.is_met_by(&row) && efficiency.is_met_by(&row));
        let at_3d = [
            Row { msgs_per_op: Some(30.0), ..row.clone() },
            Row { stable_p50_ms: Some(400), ..row.clone() },
            Row { stable_max_ms: Some(600), ..row.clone() },
            Row { status: Status::Unknown, ..row.clone() },
            Row { msgs_per_op: None, ..row.clone() },
        ];
        assert!(at_3d.iter().all(|row| !latency.is_met_by(row)));
        let slower = Row { stable_p50_ms: Some(999), stable_max_ms: Some(1999), ..row };
        assert!(efficiency.is_met_by(&slower) && !latency.is_met_by(&slower));
    }
}
