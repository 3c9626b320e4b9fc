//! What came of a run: the figures it measured, and whether they may be used.
//!
//! [`results`] reads them from a `results.edn`, [`row`] is one line of `sweep.csv`, [`csv_file`] the file.
//! [`setting`] says what a row was made with.

pub mod csv_file;
pub mod results;
pub mod row;
#[cfg(test)]
mod schema;
pub mod setting;

use std::fmt;
use std::time::Duration;

pub use crate::harness::checker::Validity;
pub use results::Figures;
pub use row::Row;
pub use setting::Setting;

/// From this stable latency on, a value may have been lost: final reads come 10 s after the last operation, so a
/// value that a final read still misses shows as one that took at least that long to become stable. So does one that
/// a partition of that length held up; only the history tells them apart.
pub const LOST_LATENCY: Duration = Duration::from_secs(10);

/// The quantiles of the stable latencies that Maelstrom reports, in milliseconds as it measures them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StableLatencies {
    /// The minimum.
    pub p0: Duration,
    /// The median.
    pub p50: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The maximum.
    pub max: Duration,
}

/// One of the quantiles of the stable latencies that are fitted and drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantile {
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The maximum.
    Max,
}

impl Quantile {
    /// Every quantile, lowest first.
    pub const ALL: [Quantile; 4] = [Quantile::P50, Quantile::P95, Quantile::P99, Quantile::Max];

    /// Its short name, as in tables and legends.
    pub const fn name(self) -> &'static str {
        match self {
            Quantile::P50 => "p50",
            Quantile::P95 => "p95",
            Quantile::P99 => "p99",
            Quantile::Max => "max",
        }
    }

    /// Its value in `latencies`.
    pub const fn of(self, latencies: &StableLatencies) -> Duration {
        match self {
            Quantile::P50 => latencies.p50,
            Quantile::P95 => latencies.p95,
            Quantile::P99 => latencies.p99,
            Quantile::Max => latencies.max,
        }
    }
}

/// How a run ended. Only [`Status::Ok`] runs enter fits and medians.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Valid, and every value became stable.
    Ok,
    /// The checker found the run invalid.
    Invalid,
    /// The checker could not tell.
    Unknown,
    /// The checker passed it, yet some value never reached some node ([`LOST_LATENCY`]).
    LostValues,
    /// The engine refused its arguments.
    BadArguments,
    /// The engine or a node died.
    Crashed,
    /// It ran past its deadline and was killed.
    TimedOut,
    /// It left no results that can be read.
    Unreadable,
}

impl Status {
    /// The name that the CSV and the terminal show.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Invalid => "invalid",
            Status::Unknown => "unknown",
            Status::LostValues => "lost-values",
            Status::BadArguments => "bad-arguments",
            Status::Crashed => "crashed",
            Status::TimedOut => "timed-out",
            Status::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    status: Status,
    reason: String,
    figures: Option<Figures>,
    transient: bool,
}

impl Outcome {
    /// Judges the figures of a run that ended by itself. If some value took suspiciously long, `missed` says how
    /// many values final reads missed; without an answer, they count as lost.
    pub fn judge(figures: Figures, missed: impl FnOnce() -> Option<usize>) -> Outcome {
        let (status, reason) = match figures.validity {
            Validity::Invalid => (Status::Invalid, figures.complaint()),
            Validity::Unknown => (Status::Unknown, figures.complaint()),
            Validity::Valid => match figures.stable {
                Some(stable) if stable.max >= LOST_LATENCY => match missed() {
                    Some(0) => (Status::Ok, String::new()),
                    missed => (Status::LostValues, lost_values(stable.max, missed)),
                },
                _ => (Status::Ok, String::new()),
            },
        };
        Outcome { status, reason, figures: Some(figures), transient: false }
    }

    /// A run that measured nothing, and why.
    pub fn failed(status: Status, reason: impl Into<String>) -> Outcome {
        debug_assert_ne!(status, Status::Ok, "a run without figures cannot be ok");
        Outcome { status, reason: reason.into(), figures: None, transient: false }
    }

    /// The same, caused by something that has nothing to do with the node and may not happen again.
    pub fn transient(self) -> Outcome {
        Outcome { transient: true, ..self }
    }

    /// The same, for a `reason` that has nothing to do with the node and may not happen again.
    pub fn excused(self, reason: String) -> Outcome {
        Outcome { reason, ..self.transient() }
    }

    /// Whether the run is worth another try: whatever broke it was not its node.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// How the run ended.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why it is not ok, in one sentence; empty if it is.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What it measured, if it got that far. Not to be used for fits unless the status is [`Status::Ok`].
    pub fn figures(&self) -> Option<&Figures> {
        self.figures.as_ref()
    }
}

fn lost_values(slowest: Duration, missed: Option<usize>) -> String {
    let values = match missed {
        Some(1) => "1 value was".to_owned(),
        Some(missed) => format!("{missed} values were"),
        None => "some value was".to_owned(),
    };
    format!("a stable latency of {} ms: {values} still missing from a final read", slowest.as_millis())
}
