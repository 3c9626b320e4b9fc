//! The page's table of runs.

use std::fmt::Write as _;
use std::time::Duration;

use super::html::{self, escape};
use crate::record::columns::{self, Cell};
use crate::record::{RunRecord, StableLatencies};
use crate::spec::setting::{Kind, Setting};
use crate::spec::{Names, Parameter, RunSpec};
use crate::terminal::count;

/// From this many runs on, the table of runs is folded up until it is asked for.
const MANY_RUNS: usize = 100;

/// A column of the table of runs.
struct Column {
    name: String,
    is_text: bool,
    /// Whether the column is shown even if all runs have the same value.
    is_always_shown: bool,
    /// The contents of a cell, as HTML.
    cell: Box<dyn Fn(&RunRecord) -> String>,
}

impl Column {
    fn number(name: &str, cell: impl Fn(&RunRecord) -> String + 'static) -> Column {
        Column { name: name.to_owned(), is_text: false, is_always_shown: false, cell: Box::new(cell) }
    }

    fn text(name: &str, cell: impl Fn(&RunRecord) -> String + 'static) -> Column {
        Column { is_text: true, ..Column::number(name, cell) }
    }

    fn latency(name: &str, latency: fn(&StableLatencies) -> Duration) -> Column {
        Column::number(name, move |record| {
            shown(
                record
                    .figures()
                    .and_then(|figures| figures.stable.as_ref())
                    .map(|stable| latency(stable).as_millis()),
            )
        })
    }

    /// The column of a setting, in the unit that the CSV has.
    fn setting(setting: &'static Setting) -> Column {
        let unit = match setting.unit {
            unit @ ("s" | "ms" | "1/s") => format!(" ({unit})"),
            _ => String::new(),
        };
        let column = columns::all().iter().find(|column| column.name == setting.column);
        let cell = move |record: &RunRecord| match column.map(|column| column.cell(record)) {
            Some(Cell::Number(number)) => number.to_string(),
            Some(other) => escape(&other.text()),
            None => String::new(),
        };
        let name = setting.name.replace('_', " ") + &unit;
        Column { is_text: matches!(setting.kind, Kind::Word | Kind::Set), ..Column::number(&name, cell) }
    }

    /// The column of a parameter of the user's.
    fn user(parameter: Parameter, records: &[RunRecord]) -> Column {
        let runs: Vec<&RunSpec> = records.iter().map(|record| &record.run).collect();
        let is_text = !parameter.is_numeric(&runs);
        let name = runs.first().map_or_else(String::new, |run| parameter.axis_title(run));
        let cell = move |record: &RunRecord| match parameter.number(&record.run) {
            Some(number) => number.to_string(),
            None => escape(&parameter.shown(&record.run)),
        };
        Column { is_text, ..Column::number(&escape(&name), cell) }
    }

    fn always(self) -> Column {
        Column { is_always_shown: true, ..self }
    }
}

fn shown<T: ToString>(figure: Option<T>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

/// The measurements of every run, and the settings that differ between runs.
fn columns(records: &[RunRecord]) -> Vec<Column> {
    let all = Parameter::all(records.iter().map(|record| &record.run));
    let users = all.into_iter().filter(|parameter| matches!(parameter, Parameter::User(_)));
    let users = users.map(|parameter| Column::user(parameter, records).always());
    let figures = [
        Column::text("series", |record| escape(&record.series())),
        Column::number("timeout (ms)", |record| shown(record.batch_timeout_ms())),
        Column::number("repetition", |record| record.run.repetition.to_string()),
        Column::text("status", |record| record.measured.status.to_string()),
        Column::number("msgs/op", |record| shown(record.msgs_per_op().map(|msgs| format!("{msgs:.2}")))),
        Column::latency("p50 (ms)", |stable| stable.p50),
        Column::latency("p95 (ms)", |stable| stable.p95),
        Column::latency("p99 (ms)", |stable| stable.p99),
        Column::latency("max (ms)", |stable| stable.max),
    ];
    let details = [
        Column::number("operations", |record| shown(record.figures().map(|figures| figures.operations))),
        Column::number("lost", |record| shown(record.figures().map(|figures| figures.lost_count))),
        Column::number("ok fraction", |record| {
            shown(record.figures().and_then(|figures| figures.ok_fraction).map(|ok| format!("{ok:.4}")))
        }),
        Column::number("timers late p99 (µs)", |record| {
            shown(record.measured.timer_p99.map(|late| late.as_micros()))
        }),
        Column::text("late", |record| shown(record.measured.late)),
        Column::number("attempts", |record| record.measured.attempts.to_string()),
        Column::number("seed", |record| shown(record.run.seed)),
        Column::number("took (s)", |record| format!("{:.1}", record.measured.duration.as_secs_f64())),
        Column::text("engine", |record| record.run.engine.to_string()),
    ];
    let any_files = records.iter().any(|record| !record.measured.log.is_empty());
    let files = Column { is_always_shown: any_files, ..Column::text("files", files) };
    figures
        .into_iter()
        .map(Column::always)
        .chain(users)
        .chain(details)
        .chain(Setting::ALL.iter().map(Column::setting))
        .chain([files])
        .collect()
}

/// The table, with the names that the plots' points have. `csv` is the name of the file with all columns.
pub(super) fn table(records: &[RunRecord], csv: &str) -> String {
    let mut columns = columns(records);
    columns.retain(|column| {
        let cells = || records.iter().map(|record| (column.cell)(record));
        column.is_always_shown || cells().any(|cell| Some(cell) != cells().next())
    });
    let header: Vec<(&str, bool)> =
        columns.iter().map(|column| (column.name.as_str(), column.is_text)).collect();
    let open = if records.len() < MANY_RUNS { " open" } else { "" };
    let mut html = format!(
        "<details{open}><summary>{}, in the order in which they ended</summary>\n",
        count(records.len(), "run")
    );
    html.push_str(&html::open(
        &format!("Columns without differences are left out; {csv} has all"),
        "sortable",
        &header,
    ));
    let names = Names::among(records.iter().map(|record| &record.run));
    for record in records {
        let _ = write!(html, "<tr data-run=\"{}\">", escape(&names.run(&record.run)));
        for column in &columns {
            let class = match (column.name.as_str(), column.is_text) {
                ("status", _) if !record.is_ok() => " class=\"text bad\"",
                (_, true) => " class=\"text\"",
                (_, false) => "",
            };
            let _ = write!(html, "<td{class}>{}</td>", (column.cell)(record));
        }
        html.push_str("</tr>\n");
    }
    html + html::CLOSE + "</details>\n"
}

/// Links to what a run left: its log, the diagram of its first messages, and its history. A run without
/// figures may have only the first.
fn files(record: &RunRecord) -> String {
    let path = record.measured.log.as_str();
    if path.is_empty() {
        return String::new();
    }
    let mut links = vec![log(path, "log")];
    if let (Some(_), Some((folder, _))) = (record.figures(), path.rsplit_once('/')) {
        let stored = |name: &str, label| html::file_link(&format!("{folder}/store/latest/{name}"), label);
        links.extend([stored("messages.svg", "messages"), stored("history.edn", "history")]);
    }
    links.join(" · ")
}

/// A link to a run's log, or the label alone if none was kept.
pub(super) fn log(path: &str, label: &str) -> String {
    if path.is_empty() { format!("<span>{}</span>", escape(label)) } else { html::file_link(path, label) }
}
