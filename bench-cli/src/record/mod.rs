//! What a run measured, and whether it may be used.
//!
//! [`RunRecord`] is a run's description with what it [`Measured`]. [`results`] reads figures from a
//! `results.edn`, [`csv_file`] keeps records in `sweep.csv`, whose columns only [`columns`] and
//! [`parameter_columns`] know.

pub mod columns;
pub mod csv_file;
pub mod distribution;
pub mod parameter_columns;
pub mod results;

use std::time::Duration;

use jiff::Timestamp;
use node::StrategyKind;

pub use crate::harness::checker::Validity;
use crate::spec::RunSpec;
use crate::spec::settings::{Settings, named};
use crate::terminal::{count, were};
pub use distribution::Distribution;
pub use results::Figures;

/// A run and what it measured: one line of `sweep.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// The settings of the run.
    pub run: RunSpec,
    /// The measurements and the status.
    pub measured: Measured,
}

/// What a run measured, and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// How the run ended.
    pub status: Status,
    /// Why it is not ok, in one sentence; empty if it is.
    pub reason: String,
    /// What it measured, if it got that far.
    pub figures: Option<Figures>,
    /// The distribution of its stable latencies, if it is known. `sweep.csv` does not have it.
    pub distribution: Option<Distribution>,
    /// How late the engine's timers fired (99th percentile), if it says.
    pub timer_p99: Option<Duration>,
    /// Whether that is so late that latencies read too high, if the engine says.
    pub late: Option<bool>,
    /// The version of the engine; empty if it is not known.
    pub engine_version: String,
    /// The version of this program.
    pub bench_version: String,
    /// The name of the machine that it was made on; empty if it is not known.
    pub host: String,
    /// When the run began.
    pub started_at: Option<Timestamp>,
    /// How long it took by the wall clock, start and checks included.
    pub duration: Duration,
    /// How often the run was tried: more than once if something other than the node broke it, or the user
    /// asked for failed runs again.
    pub attempts: u32,
    /// The run's log, relative to the folder of the CSV; empty if none was kept.
    pub log: String,
}

impl RunRecord {
    /// Whether the run's figures may be used.
    pub fn is_ok(&self) -> bool {
        self.measured.status == Status::Ok
    }

    /// Network, workload and faults.
    pub fn settings(&self) -> &Settings {
        &self.run.settings
    }

    /// The strategy of this repository's node, if that ran.
    pub fn strategy(&self) -> Option<StrategyKind> {
        self.run.strategy
    }

    /// The batch timeout in milliseconds, if the node has one.
    pub fn batch_timeout_ms(&self) -> Option<u64> {
        self.run.batch_timeout_ms()
    }

    /// What this run is a sample of: a label, a strategy, or another node's program name.
    pub fn series(&self) -> String {
        self.run.series()
    }

    /// The figures, whether they may be used or not.
    pub fn figures(&self) -> Option<&Figures> {
        self.measured.figures.as_ref()
    }

    /// Messages between nodes for each operation, whether the run is ok or not.
    pub fn msgs_per_op(&self) -> Option<f64> {
        self.figures()?.msgs_per_op
    }

    /// A quantile of the stable latencies, if the run is ok and has one.
    pub fn latency(&self, quantile: Quantile) -> Option<Duration> {
        let stable = self.figures()?.stable.as_ref()?;
        self.is_ok().then(|| quantile.of(stable))
    }
}

/// From this stable latency on, a value may have been lost: final reads come 10 s after the last operation,
/// so a value that a final read misses seems to take at least that long to become stable. So does one that a
/// partition of that length held up; only the history tells them apart.
pub const LOST_LATENCY: Duration = Duration::from_secs(10);

/// The quantiles of the stable latencies that Maelstrom reports, in milliseconds as it measures them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The embedded runner could not continue, through no fault of the node.
    RunnerFailed,
}

named!(Status, "status",
    Ok => "ok", Invalid => "invalid", Unknown => "unknown", LostValues => "lost-values", BadArguments => "bad-arguments",
    Crashed => "crashed", TimedOut => "timed-out", Unreadable => "unreadable",
    RunnerFailed => "runner-failed");

/// The outcome of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    status: Status,
    reason: String,
    figures: Option<Figures>,
    transient: bool,
}

impl Outcome {
    /// The outcome of a run that ended by itself. If some value took suspiciously long, `missed` says
    /// how many values final reads missed; without an answer, they count as lost.
    pub fn of(figures: Figures, missed: impl FnOnce() -> Option<usize>) -> Outcome {
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

    /// The same with what else explains the failure.
    pub fn explained(mut self, detail: &str) -> Outcome {
        if !self.reason.is_empty() {
            self.reason.push_str("; ");
        }
        self.reason.push_str(detail);
        self
    }

    /// The same, for a `reason` that has nothing to do with the node and may not happen again.
    pub fn excused(self, reason: String) -> Outcome {
        Outcome { reason, ..self.transient() }
    }

    /// Whether to retry the run: its failure was not caused by the node.
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
        Some(missed) => format!("{} {}", count(missed, "value"), were(missed)),
        None => "some value was".to_owned(),
    };
    format!("a stable latency of {} ms: {values} still missing from a final read", slowest.as_millis())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::spec::{EngineKind, Node};

    /// A plausible run of the hub at `batch_timeout_ms`.
    pub(crate) fn example(batch_timeout_ms: u64, repetition: u32) -> RunRecord {
        let ms = Duration::from_millis;
        RunRecord {
            run: RunSpec {
                engine: EngineKind::Embedded,
                node: Node::Bundled,
                label: None,
                strategy: Some(StrategyKind::Hub),
                batch_timeout: Some(ms(batch_timeout_ms)),
                parameters: Vec::new(),
                settings: Settings::default(),
                args: ["--strategy", "hub"].map(str::to_owned).into(),
                env: Vec::new(),
                repetition,
                seed: Some(7),
            },
            measured: Measured {
                status: Status::Ok,
                reason: String::new(),
                figures: Some(Figures {
                    validity: Validity::Valid,
                    complaints: Vec::new(),
                    operations: 2000,
                    fail_count: 0,
                    info_count: 0,
                    ok_fraction: Some(1.0),
                    msgs_per_op: Some(1.5),
                    msgs_per_op_all: Some(3.5),
                    attempt_count: 1000,
                    stable_count: 1000,
                    lost_count: 0,
                    never_read_count: 0,
                    stable: Some(StableLatencies {
                        p0: ms(0),
                        p50: ms(200 + batch_timeout_ms / 2),
                        p95: ms(200 + batch_timeout_ms * 9 / 10),
                        p99: ms(200 + batch_timeout_ms),
                        max: ms(201 + batch_timeout_ms),
                    }),
                }),
                distribution: None,
                timer_p99: Some(Duration::from_micros(90)),
                late: Some(false),
                engine_version: "0.1.0".to_owned(),
                bench_version: "0.1.0".to_owned(),
                host: "here".to_owned(),
                started_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
                duration: Duration::from_millis(30_500),
                attempts: 1,
                log: "runs/hub-50ms-r1/log.txt".to_owned(),
            },
        }
    }

    impl RunRecord {
        /// The record with something changed.
        pub(crate) fn with(mut self, change: impl FnOnce(&mut RunRecord)) -> RunRecord {
            change(&mut self);
            self
        }

        /// The figures, of a record that has some.
        pub(crate) fn figures_mut(&mut self) -> &mut Figures {
            self.measured.figures.as_mut().unwrap()
        }

        /// The stable latencies, of a record that has some.
        pub(crate) fn stable_mut(&mut self) -> &mut StableLatencies {
            self.figures_mut().stable.as_mut().unwrap()
        }
    }

    #[test]
    fn a_run_that_failed_has_no_latency_to_fit() {
        let failed = example(100, 1).with(|record| record.measured.status = Status::LostValues);
        assert_eq!(failed.latency(Quantile::Max), None);
        assert_eq!(example(100, 1).latency(Quantile::Max), Some(Duration::from_millis(301)));
    }
}
