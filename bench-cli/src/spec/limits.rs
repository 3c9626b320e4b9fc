//! Limits that a user wants runs to stay below: those of Gossip Glomers' challenges, or own ones.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The limits of a challenge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Challenge {
    /// The name for `--limit`, such as 3d.
    pub name: &'static str,
    /// Messages between nodes for each operation must stay below this.
    pub msgs_per_op: f64,
    /// The median stable latency must stay below this.
    pub median: Duration,
    /// The maximum stable latency must stay below this.
    pub max: Duration,
}

impl Challenge {
    /// Challenges 3d and 3e.
    pub const ALL: [Challenge; 2] = [
        Challenge {
            name: "3d",
            msgs_per_op: 30.0,
            median: Duration::from_millis(400),
            max: Duration::from_millis(600),
        },
        Challenge {
            name: "3e",
            msgs_per_op: 20.0,
            median: Duration::from_secs(1),
            max: Duration::from_secs(2),
        },
    ];
}

impl FromStr for Challenge {
    type Err = String;

    fn from_str(text: &str) -> Result<Challenge, String> {
        let challenge = Challenge::ALL.into_iter().find(|challenge| challenge.name == text);
        challenge.ok_or_else(|| "choose 3d or 3e".to_owned())
    }
}

/// What every figure of a run is to stay below; a limit that is absent does not count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// The name of a challenge; empty for limits of the user's own.
    pub name: String,
    /// Messages between nodes for each operation.
    pub msgs_per_op: Option<f64>,
    /// The median stable latency.
    pub median: Option<Duration>,
    /// The maximum stable latency.
    pub max: Option<Duration>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.msgs_per_op.is_none() && self.median.is_none() && self.max.is_none()
    }

    /// Their name, or the limits themselves if they have none: a heading.
    pub fn short(&self) -> String {
        if self.name.is_empty() { self.to_string() } else { self.name.clone() }
    }

    /// The longest batch timeout that can meet the limits, in milliseconds: the median and the maximum are at
    /// least half of it and all of it. `None` if no latency is limited.
    pub fn timeout_bound_ms(&self) -> Option<u64> {
        let of_median = self.median.map(|median| median * 2);
        let bound = self.max.into_iter().chain(of_median).min()?;
        u64::try_from(bound.as_millis()).ok()
    }
}

impl From<Challenge> for Limits {
    fn from(challenge: Challenge) -> Limits {
        Limits {
            name: challenge.name.to_owned(),
            msgs_per_op: Some(challenge.msgs_per_op),
            median: Some(challenge.median),
            max: Some(challenge.max),
        }
    }
}

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Limits, String> {
        text.parse().map(|challenge: Challenge| challenge.into()).map_err(|error| {
            format!("{error}, or set limits by --max-msgs-per-op, --max-median and --max-latency")
        })
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency =
            |name: &str, limit: Option<Duration>| Some(format!("{name} < {} ms", limit?.as_millis()));
        let limits: Vec<String> = [
            self.msgs_per_op.map(|limit| format!("msgs/op < {limit:.2}")),
            latency("median", self.median),
            latency("max", self.max),
        ]
        .into_iter()
        .flatten()
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

    #[test]
    fn a_challenge_or_own_limits() {
        let limits: Limits = "3d".parse().unwrap();
        assert_eq!(limits.to_string(), "3d (msgs/op < 30.00, median < 400 ms, max < 600 ms)");
        let own = Limits { max: Some(Duration::from_secs(2)), ..Limits::default() };
        assert_eq!(own.to_string(), "max < 2000 ms");
        assert!("3f".parse::<Limits>().unwrap_err().contains("3d or 3e"));
    }
}
