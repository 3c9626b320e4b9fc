//! The tables of a sweep, as [`Sheet`]s and as text for the terminal.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Row, Table,
    TableStyle, Width,
};

use super::{failures, pass_rate};
use crate::analysis::advice::{Assessed, assess};
use crate::analysis::effects::{Effects, Term, Verdict};
use crate::analysis::hosts::Host;
use crate::analysis::pareto::{self, Standing};
use crate::analysis::series::Point;
use crate::analysis::{Figure, Fit, Series, Warning};
use crate::model::MessageModel;
use crate::record::{Quantile, RunRecord};
use crate::spec::durations::milliseconds;
use crate::spec::{Limits, Parameter};
use crate::stats::median::Spread;

/// A table before it has a form: the terminal, the report and Markdown each show it in their own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The columns' names. The first column names things, the others hold numbers.
    pub header: Vec<String>,
    /// The cells, as many in a row as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A table without rows.
    pub fn new(header: &[&str]) -> Sheet {
        Sheet { header: header.iter().copied().map(String::from).collect(), rows: Vec::new() }
    }
}

/// The tables, the warnings and the failed runs of a sweep, as text. Logs are shown relative to `directory`.
pub fn text(records: &[RunRecord], axis: Option<&Parameter>, limits: &[Limits], directory: &Path) -> String {
    let series = Series::group_on(axis, records);
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", table(points(&series, limits)).trim_fmt());
    let _ = writeln!(text, "{}", points_legend(limits));
    for limits in limits {
        let _ = writeln!(text, "  {limits}");
    }
    if let Some(front) = front(&series) {
        let _ = writeln!(text, "\n{}", front_legend(&series));
        let _ = writeln!(text, "{}", table(front).trim_fmt());
    }
    if let Some(effects) = effects(&series) {
        let _ = writeln!(text, "\n{EFFECTS_LEGEND}");
        let _ = writeln!(text, "{}", table(effects).trim_fmt());
    }
    let fits = fits(&series);
    if !fits.rows.is_empty() {
        let _ = writeln!(text, "\n{}", fits_legend(&series));
        let _ = writeln!(text, "{}", table(fits).trim_fmt());
    }
    for warning in Warning::on(&series) {
        let _ = writeln!(text, "warning: {warning}");
    }
    let _ = writeln!(text, "\n{}", pass_rate::sentences(&series).join("\n  "));
    failures(&mut text, records, directory);
    text
}

/// How to read [`points`]; the limits follow.
pub fn points_legend(limits: &[Limits]) -> String {
    let mut legend =
        "Latencies in ms; medians over ok runs, and their range; above model: messages above those of a model for as \
        many hops and this timeout. Requests that wait behind a message in flight are batched at no extra cost, which the \
        model leaves out, so short timeouts fall below it."
            .to_owned();
    if !limits.is_empty() {
        legend.push_str(
            " pass: one more run would stay below these limits, with 95 % confidence; fail: it would not, every run \
             reached a limit, or a run failed:",
        );
    }
    legend
}

/// How to read [`fits`].
pub fn fits_legend(series: &[Series<'_>]) -> String {
    let axis = series.first().map_or_else(String::new, |series| series.axis.words());
    format!("stable latency = k · {axis} + b (least squares, 95 % intervals; robust: Theil–Sen)")
}

/// The style of tables on a terminal: no lines but one below the header.
pub const PLAIN: TableStyle = TableStyle::new()
    .content_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'));

/// A table on the terminal.
pub fn table(sheet: Sheet) -> Table {
    let mut table = Table::new();
    table.load_style(PLAIN).set_header(sheet.header);
    table.add_rows(sheet.rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A table in lines of up to `width` columns, if its numbers have room in them. Where it is too wide, the
/// column `words` breaks into several lines, and so do long titles.
pub fn fitted(mut table: Table, words: usize, width: usize) -> String {
    /// Longer titles break: the first of these that leaves room for words.
    const TITLES: [usize; 3] = [20, 12, 8];
    /// Room for words.
    const WORDS: usize = 16;
    /// Spaces between columns.
    const SPACES: usize = 3;
    let text = table.trim_fmt();
    if text.lines().all(|line| line.chars().count() <= width) {
        return text;
    }
    let columns = |cell: &Cell| cell.content().chars().count();
    let titles = table.header().into_iter().flat_map(Row::cell_iter).map(columns).collect::<Vec<_>>();
    let widest = |column| table.column_cells_iter(column).flatten().map(columns).max().unwrap_or_default();
    let least = |longest: usize| -> Vec<usize> {
        let of_column = |(column, title): (usize, &usize)| widest(column).max(*title.min(&longest));
        titles.iter().enumerate().map(of_column).collect()
    };
    let taken = |least: &[usize]| least.iter().sum::<usize>() - least[words] + SPACES * least.len();
    let [long, middle, short] = TITLES.map(least);
    let has_room = |least: &Vec<usize>| taken(least) + WORDS <= width;
    let mut least = [long, middle].into_iter().find(has_room).unwrap_or(short);
    least[words] = least[words].min(width.saturating_sub(taken(&least))).max(1);
    for (column, least) in table.column_iter_mut().zip(least) {
        let least = least as u16 + column.padding_width();
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
    }
    let width = u16::try_from(width).unwrap_or(u16::MAX);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width).trim_fmt()
}

/// Medians and ranges of each series at each timeout, and the verdict on each of some limits.
pub fn points(series: &[Series<'_>], limits: &[Limits]) -> Sheet {
    let axis = axis_title(series);
    let mut header = vec!["series", axis.as_str(), "msgs/op", "above model"];
    header.extend(Quantile::ALL.map(Quantile::name));
    header.push("ok");
    let names: Vec<String> = limits.iter().map(Limits::short).collect();
    header.extend(names.iter().map(String::as_str));
    let mut sheet = Sheet::new(&header);
    for series in series {
        let model = series.message_model();
        let verdicts: Vec<Vec<Assessed>> = limits.iter().map(|limits| assess(series, limits)).collect();
        sheet.rows.extend(series.by_x().iter().enumerate().map(|(place, point)| {
            let mut cells = point_cells(&series.name, model, point);
            cells.extend(verdicts.iter().map(|assessed| assessed[place].verdict.to_string()));
            cells
        }));
    }
    sheet
}

/// Runs, lateness and latencies of each host.
pub fn hosts(hosts: &[Host]) -> Sheet {
    let mut sheet = Sheet::new(&["host", "ok", "late", "worst delay p99 (ms)", "max against medians (%)"]);
    let number = |number: Option<f64>, text: fn(f64) -> String| number.map_or_else(|| "–".to_owned(), text);
    sheet.rows.extend(hosts.iter().map(|host| {
        vec![
            if host.name.is_empty() { "not known".to_owned() } else { host.name.clone() },
            format!("{}/{}", host.ok, host.runs),
            host.late.to_string(),
            number(host.worst_p99.map(milliseconds), |ms| format!("{ms:.1}")),
            number(host.deviation, |deviation| format!("{:+.1}", 100.0 * deviation)),
        ]
    }));
    sheet
}

fn point_cells(name: &str, model: Option<MessageModel>, point: &Point) -> Vec<String> {
    let mut cells = vec![name.to_owned(), point.x.to_string(), spread(point.msgs_per_op, 2)];
    let above = model.zip(point.msgs_per_op).and_then(|(model, msgs_per_op)| {
        let modelled = model.msgs_per_op(Duration::from_secs_f64(point.x / 1e3));
        (modelled > 0.0).then(|| format!("{:+.0} %", 100.0 * (msgs_per_op.median / modelled - 1.0)))
    });
    cells.push(above.unwrap_or_else(|| "–".to_owned()));
    cells.extend(point.latencies.map(|latency| spread(latency, 0)));
    cells.push(format!("{}/{}", point.ok, point.runs));
    cells
}

/// The settings on a Pareto front, fewest messages first; `None` if there is nothing to choose from.
pub fn front(series: &[Series<'_>]) -> Option<Sheet> {
    let standings = pareto::standings(series);
    if standings.iter().filter(|one| one.fronts.is_some()).count() < 2 {
        return None;
    }
    let on_one = |one: &Standing<'_>| one.fronts.is_some_and(|fronts| fronts.median || fronts.max);
    let mut front: Vec<Standing<'_>> = standings.into_iter().filter(on_one).collect();
    let messages = |one: &Standing<'_>| one.point.msgs_per_op.map_or(0.0, |spread| spread.median);
    front.sort_by(|a, b| messages(a).total_cmp(&messages(b)));
    let mut sheet = Sheet::new(&["series", &axis_title(series), "msgs/op", "p50", "max", "front of"]);
    sheet.rows.extend(front.iter().map(|Standing { series, point, fronts, .. }| {
        let latency = |quantile: Quantile| spread(point.latency(quantile), 0);
        vec![
            series.clone(),
            point.x.to_string(),
            spread(point.msgs_per_op, 2),
            latency(Quantile::P50),
            latency(Quantile::Max),
            fronts.map_or("", pareto::Fronts::name).to_owned(),
        ]
    }));
    Some(sheet)
}

/// How to read [`front`].
pub fn front_legend(series: &[Series<'_>]) -> String {
    let is_repeated = series.iter().any(|series| series.by_x().iter().any(|point| point.runs > 1));
    let noise = if is_repeated {
        "beyond noise (t tests, 95 % confidence)"
    } else {
        "as measured; without repetitions noise is unknown"
    };
    let standings = pareto::standings(series);
    let repetitions = standings.iter().map(|one| one.point.runs).min().unwrap_or_default();
    let kept = match pareto::kept_by_noise(&standings) {
        0 => String::new(),
        1 => format!(
            " One of these settings is behind another by less than noise: {repetitions} repetitions cannot tell them \
             apart, and more would narrow the front."
        ),
        more => format!(
            " {more} of these settings are behind others by less than noise: {repetitions} repetitions cannot tell them \
             apart, and more would narrow the front."
        ),
    };
    format!(
        "Pareto front of messages and median latency, of messages and maximum latency, or both: no other setting has \
         less of one and no more of the other, {noise}.{kept}"
    )
}

/// How to read [`effects`].
pub const EFFECTS_LEGEND: &str = "How much of the variance each parameter explains, and each pair beyond its two \
    parameters (analysis of variance of logarithms, sums of squares of type II); noise: not significant (F test, 5 % \
    after Bonferroni's correction).";

/// What each parameter and each pair explains of the figures; `None` if fewer than two parameters vary.
pub fn effects(series: &[Series<'_>]) -> Option<Sheet> {
    let figures = [Figure::MsgsPerOp, Figure::P50, Figure::Max];
    let effects: Vec<Effects> =
        figures.into_iter().filter_map(|figure| Effects::of(series, figure)).collect();
    let first = effects.first()?;
    let mut sheet = Sheet::new(&["parameter"]);
    sheet.header.extend(effects.iter().map(|effects| effects.figure.label().to_owned()));
    // All figures are of the same runs, so that their terms are the same.
    sheet.rows = first.terms.iter().map(|term| vec![first.name(term)]).collect();
    for effects in &effects {
        let cells = effects.terms.iter().map(share);
        sheet.rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
    }
    let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let mut rest = |name: &str, share: fn(&Effects) -> Option<f64>| {
        if effects.iter().any(|effects| share(effects).is_some()) {
            let cells = effects.iter().map(|effects| percent(share(effects)));
            sheet.rows.push([name.to_owned()].into_iter().chain(cells).collect());
        }
    };
    rest("three or more together", |effects| effects.others);
    rest("repetitions", |effects| effects.noise);
    Some(sheet)
}

/// What a term explains, and whether that is more than noise.
fn share(term: &Term) -> String {
    let share = percent(term.share);
    match term.verdict {
        Verdict::Effect => share,
        Verdict::Noise => format!("noise ({share})"),
        Verdict::Untested => format!("{share}, not tested"),
        Verdict::Confounded => "not separable".to_owned(),
    }
}

/// Nothing explains exactly 0.
fn percent(share: f64) -> String {
    if share < 0.0005 { "less than 0.1 %".to_owned() } else { format!("{:.1} %", 100.0 * share) }
}

/// The title of the column of the horizontal axis.
pub(super) fn axis_title(series: &[Series<'_>]) -> String {
    match series.first() {
        Some(series) if series.axis != Parameter::BatchTimeout => series.axis_title(),
        _ => "timeout".to_owned(),
    }
}

/// A median, with its range where there is one.
pub fn spread(spread: Option<Spread>, decimals: usize) -> String {
    match spread {
        None => "–".to_owned(),
        Some(Spread { median, min, max }) => {
            let median = format!("{median:.decimals$}");
            let range = range(&(min..=max), decimals);
            if range == median { median } else { format!("{median} ({range})") }
        }
    }
}

/// The line of each series and quantile that has one; a [`Warning`] says why others have none.
pub fn fits(series: &[Series<'_>]) -> Sheet {
    let header =
        ["series", "", "k", "theory", "b (ms)", "theory", "R²", "robust k", "robust b", "linear", "runs"];
    let mut sheet = Sheet::new(&header);
    if let Some(series) = series.first().filter(|series| !series.axis_unit().is_empty()) {
        sheet.header[9] = format!("linear ({})", series.axis_unit().trim());
    }
    for series in series {
        for quantile in Quantile::ALL {
            if let Ok(fit) = Fit::of(series, quantile) {
                let mut cells = vec![series.name.clone(), quantile.name().to_owned()];
                cells.extend(fit_cells(&fit));
                sheet.rows.push(cells);
            }
        }
    }
    sheet
}

fn fit_cells(fit: &Fit) -> [String; 9] {
    let Fit { line, robust, model, linear, .. } = fit;
    let model = model.as_ref();
    [
        format!("{:.3} ± {:.3}", line.slope, line.slope_margin()),
        model.map_or_else(String::new, |model| range(&model.slope, 2)),
        format!("{:.0} ± {:.0}", line.intercept, line.intercept_margin()),
        model.map_or_else(String::new, |model| range(&model.intercept_ms, 0)),
        format!("{:.4}", line.r_squared),
        format!("{:.3}", robust.slope),
        format!("{:.0}", robust.intercept),
        linear.as_ref().map_or_else(|| "–".to_owned(), |(linear, _)| range(linear, 0)),
        line.count.to_string(),
    ]
}

/// A range, or its one value if both ends read the same.
pub fn range(range: &RangeInclusive<f64>, decimals: usize) -> String {
    let (start, end) = (format!("{:.decimals$}", range.start()), format!("{:.decimals$}", range.end()));
    if start == end { start } else { format!("{start}–{end}") }
}

/// A warning as a sentence of a document.
pub fn sentence(warning: &Warning) -> String {
    format!("Warning: {warning}.")
}

fn failures(text: &mut String, records: &[RunRecord], directory: &Path) {
    let failures = failures::by_reason(records);
    if !failures.is_empty() {
        let _ = writeln!(text, "\n{}:", failures::headline(records));
    }
    for failure in failures {
        let _ = writeln!(text, "  {}: {}: {}", failure.names(), failure.status, failure.reason);
        if let Some((_, record)) = failure.runs.first() {
            let _ = writeln!(text, "    {}", directory.join(&record.measured.log).display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{failed, with_max, with_nodes};
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;

    #[test]
    fn a_summary_shows_points_fits_and_failures() {
        let slow = with_max(400, 2, 700).with(|record| record.stable_mut().p99 = Duration::from_millis(650));
        let crashed = failed(100, 2, Status::Crashed)
            .with(|record| record.measured.reason = "Node n1 crashed with exit status 3.".to_owned());
        let records = [example(100, 1), crashed, example(200, 1), example(200, 2), example(400, 1), slow];
        let limits = Challenge::ALL.map(Limits::from);
        insta::assert_snapshot!(text(&records, None, &limits, Path::new("results/x")));
    }

    #[test]
    fn challenges_are_no_matter_of_other_settings() {
        let records =
            [with_nodes(5, 100, 1).with(|record| record.run.settings.time_limit = Duration::from_secs(1))];
        let sheet = points(&Series::group(&records), &[]);
        assert_eq!(sheet.header.last().map(String::as_str), Some("ok"));
        assert_eq!(sheet.rows[0].len(), sheet.header.len());
        let text = text(&records, None, &[], Path::new("x"));
        assert!(!text.contains("3d") && !text.contains("challenge"), "{text}");
    }

    #[test]
    fn a_sweep_too_small_for_a_fit_says_so() {
        let text = text(&[example(100, 1)], None, &[], Path::new("x"));
        assert!(
            text.contains("warning: no line for hub: a fit needs at least 3 usable runs; there are 1\n"),
            "{text}"
        );
    }
}
