//! The columns of `sweep.csv`: their names, what they mean, and how a record has them. Nothing else knows
//! them.
//!
//! Names are stable: a column keeps its name, its meaning and its place. New ones come after the others.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use node::StrategyKind;

use super::parameter_columns::{self, ParameterColumns};
use super::{Figures, Measured, RunRecord, StableLatencies, Status, Validity};
use crate::spec::setting::Setting;
use crate::spec::settings::Settings;
use crate::spec::value::Value;
use crate::spec::{EngineKind, Node, RunSpec, file, shell};

/// One field of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The run has no such figure.
    Empty,
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Anything else.
    Text(String),
}

impl Cell {
    /// The field as the CSV has it.
    pub fn text(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Count(count) => count.to_string(),
            // With a fraction even if it is whole, so that readers guess the column's type right.
            Cell::Number(number) => format!("{number:?}"),
            Cell::Flag(flag) => flag.to_string(),
            // Nothing that would break its line, so that a line is a record and a torn one is seen.
            Cell::Text(text) => {
                text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            }
        }
    }

    pub(super) fn count<T: TryInto<u64>>(count: Option<T>) -> Cell {
        count.and_then(|count| count.try_into().ok()).map_or(Cell::Empty, Cell::Count)
    }

    fn number(number: Option<f64>) -> Cell {
        number.map_or(Cell::Empty, Cell::Number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

/// A column.
pub struct Column {
    /// Its name, with the unit where it has one.
    pub name: &'static str,
    /// The unit, for the documentation.
    pub unit: &'static str,
    /// The explanation for readers of the CSV.
    pub meaning: &'static str,
    access: Access,
}

enum Access {
    /// A figure, or what was run.
    Field { write: fn(&RunRecord) -> Cell, read: fn(&mut RunRecord, &str) -> Result<(), String> },
    /// A setting.
    Setting(&'static Setting),
}

impl Column {
    /// A record's field.
    pub fn cell(&self, record: &RunRecord) -> Cell {
        match self.access {
            Access::Field { write, .. } => write(record),
            Access::Setting(setting) => setting_cell(setting, record.settings()),
        }
    }

    /// Whether its fields are numbers.
    pub fn is_number(&self) -> bool {
        !["text", "RFC 3339"].contains(&self.unit)
    }

    /// Whether it is a setting of network, workload or faults.
    pub fn is_setting(&self) -> bool {
        matches!(self.access, Access::Setting(_))
    }

    fn read(&self, record: &mut RunRecord, text: &str) -> Result<(), String> {
        match self.access {
            Access::Field { read, .. } => read(record, text),
            Access::Setting(setting) => {
                let text = setting.left_empty.filter(|_| text.is_empty()).unwrap_or(text);
                setting.apply_cell(&mut record.run.settings, text).map_err(|error| error.to_string())
            }
        }
    }
}

/// A number in the unit that the column's name says.
fn setting_cell(setting: &Setting, settings: &Settings) -> Cell {
    match (setting.get)(settings) {
        Value::Number(number) => match setting.is_count() {
            true => Cell::Count(number.get() as u64),
            false => Cell::Number(number.get()),
        },
        Value::Duration(duration) => match setting.is_in_seconds() {
            true => Cell::Number(duration.as_secs_f64()),
            false => Cell::Count(duration.as_millis() as u64),
        },
        Value::Word(word) if setting.left_empty == Some(word.as_str()) => Cell::Text(String::new()),
        Value::Word(word) => Cell::Text(word),
    }
}

/// All columns, in order.
pub fn all() -> &'static [Column] {
    static ALL: OnceLock<Vec<Column>> = OnceLock::new();
    ALL.get_or_init(|| {
        let setting = |setting: &'static Setting| Column {
            name: setting.column,
            unit: setting.unit,
            meaning: setting.meaning,
            access: Access::Setting(setting),
        };
        let first = SETTINGS.iter().filter_map(|name| Setting::ALL.iter().find(|one| one.column == *name));
        let later = Setting::ALL.iter().filter(|one| !SETTINGS.contains(&one.column));
        outcome()
            .into_iter()
            .chain(first.map(setting))
            .chain(provenance())
            .chain([node_env()])
            .chain(later.map(setting))
            .chain([series(), host()])
            .collect()
    })
}

/// The settings that have had a column from the beginning; those of others come last.
const SETTINGS: [&str; 12] = [
    "node_count",
    "concurrency",
    "rate",
    "time_limit_s",
    "latency_ms",
    "latency_dist",
    "topology",
    "nemesis",
    "nemesis_interval_s",
    "message_loss",
    "message_duplication",
    "availability",
];

/// The columns that say which run it is, other than the user's parameters.
pub(super) fn identity() -> impl Iterator<Item = &'static Column> {
    const FIELDS: [&str; 8] =
        ["engine", "strategy", "batch_timeout_ms", "repetition", "seed", "node_bin", "node_args", "node_env"];
    let is_one =
        |column: &&Column| matches!(column.access, Access::Setting(_)) || FIELDS.contains(&column.name);
    all().iter().filter(is_one)
}

/// A run's fields in [`identity`].
pub(super) fn identity_cells(run: &RunSpec) -> impl Iterator<Item = Cell> {
    let record = RunRecord { run: run.clone(), ..blank() };
    identity().map(move |column| column.cell(&record))
}

/// The columns' names, as a line of the file.
pub fn header(parameters: &ParameterColumns) -> String {
    let fixed = all().iter().map(|column| column.name.to_owned());
    fixed.chain(parameters.names()).collect::<Vec<_>>().join(",")
}

/// Writes lines to memory.
///
/// A line is much shorter than the usual buffer, which would be cleared for every line.
pub(super) fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().buffer_capacity(1 << 10).from_writer(Vec::new())
}

/// A record as a line of the file.
pub fn line(record: &RunRecord, parameters: &ParameterColumns) -> Vec<u8> {
    let mut writer = writer();
    let fixed = all().iter().map(|column| column.cell(record));
    let cells = fixed.chain(parameters.cells(&record.run)).map(|cell| cell.text());
    writer.write_record(cells).expect("memory takes everything");
    writer.into_inner().expect("memory takes everything")
}

/// Reads a line, whose fields are those of `names`.
///
/// # Errors
/// If a field has another type; the message names its column.
pub fn read<'a>(
    names: impl Iterator<Item = &'a str>,
    fields: impl Iterator<Item = &'a str>,
) -> Result<RunRecord, String> {
    let mut record = blank();
    for (name, field) in names.zip(fields) {
        let read = match all().iter().find(|column| column.name == name) {
            Some(column) => column.read(&mut record, field),
            None => parameter_columns::read(&mut record, name, field),
        };
        read.map_err(|problem| format!(", column {name}: {problem}"))?;
    }
    Ok(record)
}

/// A CSV without one of these is not a `sweep.csv`.
const REQUIRED: [&str; 5] = ["batch_timeout_ms", "status", "stable_p50_ms", "engine", "repetition"];

/// The first required column that is not among `names`.
pub fn missing(names: &csv::StringRecord) -> Option<&'static str> {
    REQUIRED.into_iter().find(|required| !names.iter().any(|name| name == *required))
}

/// A record before its fields are read. A field that a CSV does not have stays as it is here.
fn blank() -> RunRecord {
    RunRecord {
        run: RunSpec {
            engine: EngineKind::Maelstrom,
            node: Node::Bundled,
            // The description in the sweep's folder has it.
            label: None,
            strategy: None,
            batch_timeout: None,
            parameters: Vec::new(),
            settings: Settings::default(),
            args: Vec::new(),
            env: Vec::new(),
            repetition: 1,
            seed: None,
        },
        measured: Measured {
            status: Status::Unreadable,
            reason: String::new(),
            figures: None,
            distribution: None,
            timer_p99: None,
            late: None,
            engine_version: String::new(),
            bench_version: String::new(),
            host: String::new(),
            started_at: None,
            duration: Duration::ZERO,
            // Records from before there were attempts.
            attempts: 1,
            log: String::new(),
        },
    }
}

/// A column whose field is a count of the run's figures.
macro_rules! count {
    ($field:ident, $meaning:literal) => {
        Column {
            name: stringify!($field),
            unit: "number",
            meaning: $meaning,
            access: Access::Field {
                write: |record| Cell::count(record.figures().map(|figures| figures.$field)),
                read: |record, text| figure(record, text, |figures, count| figures.$field = count),
            },
        }
    };
}

/// A column whose field is a ratio that the run's figures may have.
macro_rules! ratio {
    ($field:ident, $meaning:literal) => {
        Column {
            name: stringify!($field),
            unit: "ratio",
            meaning: $meaning,
            access: Access::Field {
                write: |record| Cell::number(record.figures().and_then(|figures| figures.$field)),
                read: |record, text| figure(record, text, |figures, ratio| figures.$field = Some(ratio)),
            },
        }
    };
}

/// A column whose field is a quantile of the stable latencies.
macro_rules! quantile {
    ($name:literal, $field:ident, $meaning:literal) => {
        Column {
            name: $name,
            unit: "ms",
            meaning: $meaning,
            access: Access::Field {
                write: |record| {
                    let stable = record.figures().and_then(|figures| figures.stable);
                    Cell::count(stable.map(|stable| stable.$field.as_millis()))
                },
                read: |record, text| {
                    figure(record, text, |figures, ms| {
                        let stable = figures.stable.get_or_insert(StableLatencies::default());
                        stable.$field = Duration::from_millis(ms);
                    })
                },
            },
        }
    };
}

/// Which run it is, and what it measured.
fn outcome() -> Vec<Column> {
    vec![
        Column {
            name: "engine",
            unit: "text",
            meaning: "Engine of the run: `maelstrom`, `embedded` or `simulated`.",
            access: Access::Field {
                write: |record| record.run.engine.name().into(),
                read: |record, text| parse(text).map(|engine| record.run.engine = engine),
            },
        },
        Column {
            name: "strategy",
            unit: "text",
            meaning: "The strategy of this repository's node; empty for any other node.",
            access: Access::Field {
                write: |record| record.strategy().map_or("", StrategyKind::name).into(),
                read: |record, text| {
                    if !text.is_empty() {
                        record.run.strategy = Some(file::strategy(text)?);
                    }
                    Ok(())
                },
            },
        },
        Column {
            name: "batch_timeout_ms",
            unit: "ms",
            meaning: "How long the node batches; empty for a node without a batch timeout.",
            access: Access::Field {
                write: |record| Cell::count(record.batch_timeout_ms()),
                read: |record, text| {
                    optional(text, |ms| record.run.batch_timeout = Some(Duration::from_millis(ms)))
                },
            },
        },
        Column {
            name: "repetition",
            unit: "number",
            meaning: "Which repetition of this point, from 1.",
            access: Access::Field {
                write: |record| Cell::Count(record.run.repetition.into()),
                read: |record, text| parse(text).map(|repetition| record.run.repetition = repetition),
            },
        },
        Column {
            name: "status",
            unit: "text",
            meaning: "How the run ended: `ok`, `invalid`, `unknown`, `lost-values`, `bad-arguments`, `crashed`, \
                      `timed-out`, `unreadable` or `runner-failed`. Only `ok` rows are fitted.",
            access: Access::Field {
                write: |record| record.measured.status.name().into(),
                read: |record, text| parse(text).map(|status| record.measured.status = status),
            },
        },
        Column {
            name: "valid",
            unit: "text",
            meaning: "Maelstrom's verdict: `true`, `false` or `unknown`; empty if there were no results.",
            access: Access::Field {
                write: |record| match record.figures().map(|figures| figures.validity) {
                    None => "".into(),
                    Some(Validity::Valid) => "true".into(),
                    Some(Validity::Invalid) => "false".into(),
                    Some(Validity::Unknown) => "unknown".into(),
                },
                read: |record, text| {
                    let validity = match text {
                        "" => return Ok(()),
                        "true" => Validity::Valid,
                        "false" => Validity::Invalid,
                        "unknown" => Validity::Unknown,
                        _ => return Err(format!("{text:?} is not true, false or unknown")),
                    };
                    figures_of(record).validity = validity;
                    Ok(())
                },
            },
        },
        count!(operations, "Operations invoked, reads and final reads included."),
        ratio!(msgs_per_op, "Messages between nodes for each operation."),
        ratio!(msgs_per_op_all, "All messages for each operation."),
        quantile!("stable_p0_ms", p0, "The minimum stable latency."),
        quantile!("stable_p50_ms", p50, "The median stable latency."),
        quantile!("stable_p95_ms", p95, "The 95th percentile of the stable latencies."),
        quantile!("stable_p99_ms", p99, "The 99th percentile of the stable latencies."),
        quantile!("stable_max_ms", max, "The maximum stable latency."),
        count!(
            lost_count,
            "Values lost, by the checker's count. It looks at the last read of the run, so a node may lack values even if \
             this is 0."
        ),
        ratio!(ok_fraction, "The fraction of operations that succeeded."),
        count!(attempt_count, "Values whose broadcast was attempted."),
        count!(stable_count, "Values that became stable."),
        count!(never_read_count, "Values that no read showed."),
        count!(fail_count, "Operations that failed for certain."),
        count!(info_count, "Operations whose outcome is not known."),
        Column {
            name: "timer_p99_us",
            unit: "µs",
            meaning: "How late messages were delivered, 99th percentile; empty if the engine does not record it.",
            access: Access::Field {
                write: |record| Cell::count(record.measured.timer_p99.map(|late| late.as_micros())),
                read: |record, text| {
                    optional(text, |us| record.measured.timer_p99 = Some(Duration::from_micros(us)))
                },
            },
        },
        Column {
            name: "seed",
            unit: "number",
            meaning: "The seed of the run; empty if the engine takes none.",
            access: Access::Field {
                write: |record| Cell::count(record.run.seed),
                read: |record, text| optional(text, |seed| record.run.seed = Some(seed)),
            },
        },
    ]
}

/// What ran as a node, and how the run was made.
fn provenance() -> Vec<Column> {
    vec![
        Column {
            name: "node_bin",
            unit: "text",
            meaning: "The node's program, as it was given.",
            access: Access::Field {
                write: |record| Cell::Text(record.run.node.shown()),
                read: |record, text| {
                    record.run.node = match record.run.strategy {
                        Some(_) => Node::Bundled,
                        None => Node::Program(text.into()),
                    };
                    Ok(())
                },
            },
        },
        Column {
            name: "node_args",
            unit: "text",
            meaning: "The node's arguments, quoted as for a shell.",
            access: Access::Field {
                write: |record| Cell::Text(record.run.args_shown()),
                read: |record, text| {
                    record.run.args = shlex::split(text).unwrap_or_else(|| vec![text.to_owned()]);
                    Ok(())
                },
            },
        },
        Column {
            name: "engine_version",
            unit: "text",
            meaning: "The version of the engine, where it is known.",
            access: Access::Field {
                write: |record| record.measured.engine_version.as_str().into(),
                read: |record, text| keep(&mut record.measured.engine_version, text),
            },
        },
        Column {
            name: "bench_version",
            unit: "text",
            meaning: "The version of this program.",
            access: Access::Field {
                write: |record| record.measured.bench_version.as_str().into(),
                read: |record, text| keep(&mut record.measured.bench_version, text),
            },
        },
        Column {
            name: "started_at",
            unit: "RFC 3339",
            meaning: "When the run began (UTC).",
            access: Access::Field {
                write: |record| {
                    record.measured.started_at.map_or(Cell::Empty, |at| Cell::Text(to_the_second(at)))
                },
                read: |record, text| optional(text, |at| record.measured.started_at = Some(at)),
            },
        },
        Column {
            name: "duration_s",
            unit: "s",
            meaning: "Wall-clock duration, including start and checks.",
            access: Access::Field {
                write: |record| Cell::Number((record.measured.duration.as_secs_f64() * 10.0).round() / 10.0),
                read: |record, text| {
                    let seconds: f64 = parse(text)?;
                    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
                    record.measured.duration = duration;
                    Ok(())
                },
            },
        },
        Column {
            name: "attempts",
            unit: "number",
            meaning: "Number of attempts: more than 1 after a failure of the harness or with `--retry-failed`.",
            access: Access::Field {
                write: |record| Cell::Count(record.measured.attempts.into()),
                read: |record, text| parse(text).map(|attempts| record.measured.attempts = attempts),
            },
        },
        Column {
            name: "reason",
            unit: "text",
            meaning: "Why the run is not ok; empty if it is.",
            access: Access::Field {
                write: |record| record.measured.reason.as_str().into(),
                read: |record, text| keep(&mut record.measured.reason, text),
            },
        },
        Column {
            name: "log",
            unit: "text",
            meaning: "The run's log, relative to the CSV file's folder.",
            access: Access::Field {
                write: |record| record.measured.log.as_str().into(),
                read: |record, text| keep(&mut record.measured.log, text),
            },
        },
        Column {
            name: "late",
            unit: "text",
            meaning: "Whether messages were delivered so late that latencies are too high: `timer_p99_us` above 2.7 ms \
                      and above 2.7 % of the latency; empty if the engine does not record it. Late rows are used like \
                      all others.",
            access: Access::Field {
                write: |record| record.measured.late.map_or(Cell::Empty, Cell::Flag),
                read: |record, text| optional(text, |late| record.measured.late = Some(late)),
            },
        },
    ]
}

/// What the user added to a node's environment.
fn node_env() -> Column {
    Column {
        name: "node_env",
        unit: "text",
        meaning: "Variables that the user added to the node's environment, quoted as for a shell.",
        access: Access::Field {
            write: |record| {
                let words = record.run.env.iter().map(|(name, value)| format!("{name}={value}"));
                Cell::Text(shell::join(&words.collect::<Vec<_>>()))
            },
            read: |record, text| {
                let words = shlex::split(text).unwrap_or_default();
                let variable =
                    |word: &String| word.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
                record.run.env = words.iter().filter_map(variable).collect();
                Ok(())
            },
        },
    }
}

/// The one name that every run has, for readers that group rows.
fn series() -> Column {
    Column {
        name: "series",
        unit: "text",
        meaning: "Name of the series, never empty: the label, else the strategy or the node's program.",
        access: Access::Field {
            write: |record| Cell::Text(record.series()),
            // It follows from the other columns and the description in the sweep's folder.
            read: |_, _| Ok(()),
        },
    }
}

/// Where a run was made.
fn host() -> Column {
    Column {
        name: "host",
        unit: "text",
        meaning: "Host name of the machine, or Slurm's name for it; empty if it is not known.",
        access: Access::Field {
            write: |record| record.measured.host.as_str().into(),
            read: |record, text| keep(&mut record.measured.host, text),
        },
    }
}

/// A time as the CSV has it.
pub fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn parse<T: std::str::FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn optional<T: std::str::FromStr<Err: ToString>>(text: &str, set: impl FnOnce(T)) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { parse(text).map(set) }
}

fn keep(field: &mut String, text: &str) -> Result<(), String> {
    text.clone_into(field);
    Ok(())
}

/// Sets one of the figures, which a run has all or none of.
fn figure<T: std::str::FromStr<Err: ToString>>(
    record: &mut RunRecord,
    text: &str,
    set: impl FnOnce(&mut Figures, T),
) -> Result<(), String> {
    optional(text, |value| set(figures_of(record), value))
}

fn figures_of(record: &mut RunRecord) -> &mut Figures {
    record.measured.figures.get_or_insert_with(|| Figures {
        validity: Validity::Unknown,
        complaints: Vec::new(),
        operations: 0,
        fail_count: 0,
        info_count: 0,
        ok_fraction: None,
        msgs_per_op: None,
        msgs_per_op_all: None,
        attempt_count: 0,
        stable_count: 0,
        lost_count: 0,
        never_read_count: 0,
        stable: None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::record::tests::example;

    #[test]
    fn every_column_is_documented_in_the_files_order() {
        let expected: Vec<String> = all()
            .iter()
            .map(|Column { name, unit, meaning, .. }| format!("| `{name}` | {unit} | {meaning} |"))
            .collect();
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let table = readme.split_once("| column | unit | meaning |\n|---|---|---|\n").unwrap().1;
        let table: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
        assert!(
            table == expected,
            "the table of columns in results/README.md should be:\n{}",
            expected.join("\n")
        );
    }

    #[test]
    fn the_first_columns_are_those_that_there_have_always_been() {
        assert!(header(&ParameterColumns::default()).starts_with(
            "engine,strategy,batch_timeout_ms,repetition,status,valid,operations,msgs_per_op,msgs_per_op_all,\
             stable_p0_ms,stable_p50_ms,stable_p95_ms,stable_p99_ms,stable_max_ms,lost_count,ok_fraction,attempt_count,\
             stable_count,never_read_count,fail_count,info_count,timer_p99_us,seed,node_count,concurrency,rate,\
             time_limit_s,latency_ms,latency_dist,topology,nemesis,nemesis_interval_s,message_loss,message_duplication,\
             availability,node_bin,node_args,engine_version,bench_version,started_at,duration_s,attempts,reason,log,late"
        ));
    }

    #[test]
    fn fields_are_written_in_their_units() {
        let record = example(50, 1);
        let field =
            |name: &str| all().iter().find(|column| column.name == name).unwrap().cell(&record).text();
        assert_eq!(
            ["node_count", "rate", "time_limit_s", "latency_ms", "availability", "nemesis", "timer_p99_us"]
                .map(field),
            ["25", "100.0", "20.0", "100", "", "none", "90"]
        );
    }
}
