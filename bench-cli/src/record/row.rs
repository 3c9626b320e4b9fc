//! One line of `sweep.csv`: the one schema, for writing and for reading back.

use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Quantile, Status};

/// One run. Column names are field names; units are in the names; a figure that a run does not have is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What executed the run: `maelstrom`, `embedded` or `simulated`.
    pub engine: String,
    /// The strategy of this repository's node; empty for any other node.
    pub strategy: String,
    /// How long the node batches.
    pub batch_timeout_ms: u64,
    /// Which repetition of this point, from 1.
    pub repetition: u32,
    /// How the run ended: `ok`, `invalid`, `unknown`, `lost-values`, `bad-arguments`, `crashed`, `timed-out` or
    /// `unreadable`. Only `ok` rows are fitted.
    pub status: Status,
    /// Maelstrom's verdict: `true`, `false` or `unknown`; empty if there were no results.
    pub valid: String,
    /// Operations invoked, reads and final reads included.
    pub operations: Option<u64>,
    /// Messages between nodes for each operation.
    pub msgs_per_op: Option<f64>,
    /// All messages for each operation.
    pub msgs_per_op_all: Option<f64>,
    /// The minimum stable latency.
    pub stable_p0_ms: Option<u64>,
    /// The median stable latency.
    pub stable_p50_ms: Option<u64>,
    /// The 95th percentile of the stable latencies.
    pub stable_p95_ms: Option<u64>,
    /// The 99th percentile of the stable latencies.
    pub stable_p99_ms: Option<u64>,
    /// The maximum stable latency.
    pub stable_max_ms: Option<u64>,
    /// Values lost, by the checker's count.
    pub lost_count: Option<u64>,
    /// The fraction of operations that succeeded.
    pub ok_fraction: Option<f64>,
    /// Values whose broadcast was attempted.
    pub attempt_count: Option<u64>,
    /// Values that became stable.
    pub stable_count: Option<u64>,
    /// Values that no read showed.
    pub never_read_count: Option<u64>,
    /// Operations that failed for certain.
    pub fail_count: Option<u64>,
    /// Operations whose outcome is not known.
    pub info_count: Option<u64>,
    /// How late the engine's timers fired, 99th percentile; empty if the engine does not say.
    pub timer_p99_us: Option<u64>,
    /// The seed of the run; empty if the engine takes none.
    pub seed: Option<u64>,
    /// How many nodes.
    pub node_count: usize,
    /// How many clients: a number, or `2n` for two a node.
    pub concurrency: String,
    /// Operations a second asked for.
    pub rate: f64,
    /// How long operations were generated.
    pub time_limit_s: f64,
    /// The mean latency between nodes.
    pub latency_ms: u64,
    /// The latency's distribution.
    pub latency_dist: String,
    /// The topology that nodes were told.
    pub topology: String,
    /// `none` or `partition`.
    pub nemesis: String,
    /// Mean time between fault operations.
    pub nemesis_interval_s: f64,
    /// The fraction of messages between nodes that were lost at random.
    pub message_loss: f64,
    /// The fraction of messages between nodes that arrived twice.
    pub message_duplication: f64,
    /// The availability asked for; empty if none.
    pub availability: String,
    /// The node's program, as it was given.
    pub node_bin: String,
    /// The node's arguments, quoted as for a shell.
    pub node_args: String,
    /// The version of the engine, where it is known.
    pub engine_version: String,
    /// The version of this program.
    pub bench_version: String,
    /// When the run began (UTC).
    pub started_at: String,
    /// How long it took by the wall clock, start and checks included.
    pub duration_s: f64,
    /// How often the run was tried: more than 1 if something other than the node broke it, or the user asked for
    /// failed runs again.
    #[serde(default = "once")]
    pub attempts: u32,
    /// Why the run is not ok; empty if it is.
    pub reason: String,
    /// The run's log, relative to the CSV file's folder.
    pub log: String,
    /// Whether the engine's timers were so late that figures read too high: `timer_p99_us` above 2.7 ms and above 2.7 %
    /// of the latency; empty if the engine does not say. Such rows are used as all others.
    #[serde(default)]
    pub late: Option<bool>,
}

/// Rows from before there were attempts.
fn once() -> u32 {
    1
}

/// The columns that say what came of a run. All others say what the run was.
pub const MEASURED: [&str; 25] = [
    "status",
    "valid",
    "operations",
    "msgs_per_op",
    "msgs_per_op_all",
    "stable_p0_ms",
    "stable_p50_ms",
    "stable_p95_ms",
    "stable_p99_ms",
    "stable_max_ms",
    "lost_count",
    "ok_fraction",
    "attempt_count",
    "stable_count",
    "never_read_count",
    "fail_count",
    "info_count",
    "timer_p99_us",
    // Which of many equal runs it is, not what it is.
    "seed",
    "started_at",
    "duration_s",
    "attempts",
    "reason",
    "log",
    "late",
];

/// The names of all columns, in order.
pub fn columns(any: &Row) -> &'static [String] {
    static COLUMNS: OnceLock<Vec<String>> = OnceLock::new();
    COLUMNS.get_or_init(|| {
        let text = to_csv(any, true);
        csv::Reader::from_reader(text.as_slice())
            .headers()
            .map_or_else(|_| Vec::new(), |header| header.iter().map(str::to_owned).collect())
    })
}

/// A row's cells by column, as they are written.
pub fn cells(row: &Row) -> Vec<(&'static str, String)> {
    let text = to_csv(row, false);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    columns(row).iter().map(String::as_str).zip(record.iter().map(str::to_owned)).collect()
}

/// A row as a line of the file, below the line of column names `with_header`.
pub(super) fn to_csv(row: &Row, with_header: bool) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().has_headers(with_header).from_writer(Vec::new());
    writer.serialize(one_line(row)).expect("a row is one flat record, and memory takes it");
    writer.into_inner().expect("memory takes everything")
}

/// The row with nothing in it that would break its line, so that a line is a row and a torn one is seen.
fn one_line(row: &Row) -> Row {
    let flat = |text: &str| {
        text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    Row {
        node_bin: flat(&row.node_bin),
        node_args: flat(&row.node_args),
        engine_version: flat(&row.engine_version),
        reason: flat(&row.reason),
        log: flat(&row.log),
        ..row.clone()
    }
}

impl Row {
    /// A quantile of the stable latencies, if the run is ok and has one.
    pub fn latency(&self, quantile: Quantile) -> Option<Duration> {
        let ms = match quantile {
            Quantile::P50 => self.stable_p50_ms,
            Quantile::P95 => self.stable_p95_ms,
            Quantile::P99 => self.stable_p99_ms,
            Quantile::Max => self.stable_max_ms,
        };
        ms.filter(|_| self.is_ok()).map(Duration::from_millis)
    }

    /// Whether the run's figures may be used.
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// What this run is a sample of: the strategy of this repository's node, or another node's program name.
    pub fn series(&self) -> String {
        if self.strategy.is_empty() { program_name(&self.node_bin) } else { self.strategy.clone() }
    }
}

/// The file name of a program without its extension.
pub fn program_name(bin: &str) -> String {
    let path = std::path::Path::new(bin);
    path.file_stem().map_or_else(|| bin.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plausible run of the hub at `batch_timeout_ms`.
    pub(crate) fn example(batch_timeout_ms: u64, repetition: u32) -> Row {
        Row {
            engine: "embedded".to_owned(),
            strategy: "hub".to_owned(),
            batch_timeout_ms,
            repetition,
            status: Status::Ok,
            valid: "true".to_owned(),
            operations: Some(2000),
            msgs_per_op: Some(1.5),
            msgs_per_op_all: Some(3.5),
            stable_p0_ms: Some(0),
            stable_p50_ms: Some(200 + batch_timeout_ms / 2),
            stable_p95_ms: Some(200 + batch_timeout_ms * 9 / 10),
            stable_p99_ms: Some(200 + batch_timeout_ms),
            stable_max_ms: Some(201 + batch_timeout_ms),
            lost_count: Some(0),
            ok_fraction: Some(1.0),
            attempt_count: Some(1000),
            stable_count: Some(1000),
            never_read_count: Some(0),
            fail_count: Some(0),
            info_count: Some(0),
            timer_p99_us: Some(90),
            seed: Some(7),
            node_count: 25,
            concurrency: "1n".to_owned(),
            rate: 100.0,
            time_limit_s: 20.0,
            latency_ms: 100,
            latency_dist: "constant".to_owned(),
            topology: "grid".to_owned(),
            nemesis: "none".to_owned(),
            nemesis_interval_s: 10.0,
            message_loss: 0.0,
            message_duplication: 0.0,
            availability: String::new(),
            node_bin: "node".to_owned(),
            node_args: "--strategy hub".to_owned(),
            engine_version: "0.1.0".to_owned(),
            bench_version: "0.1.0".to_owned(),
            started_at: "2026-01-01T00:00:00Z".to_owned(),
            duration_s: 30.5,
            attempts: 1,
            reason: String::new(),
            log: "runs/hub-50ms-r1/log.txt".to_owned(),
            late: Some(false),
        }
    }

    #[test]
    fn a_run_that_failed_has_no_latency_to_fit() {
        let row = example(100, 1);
        assert_eq!(row.latency(Quantile::P50), Some(Duration::from_millis(250)));
        let lost = Row { status: Status::LostValues, ..row };
        assert_eq!(lost.latency(Quantile::P50), None);
    }

    #[test]
    fn measured_columns_exist() {
        let columns = columns(&example(1, 1));
        for name in MEASURED {
            assert!(columns.iter().any(|column| column == name), "{name}");
        }
        assert_eq!(cells(&example(50, 1)).len(), columns.len());
    }

    #[test]
    fn another_node_is_named_by_its_program() {
        assert_eq!(example(1, 1).series(), "hub");
        let python = Row { strategy: String::new(), node_bin: "nodes/batch.py".to_owned(), ..example(1, 1) };
        assert_eq!(python.series(), "batch");
    }
}
