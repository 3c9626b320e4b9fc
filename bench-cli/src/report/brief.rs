//! The results of a sweep on the terminal, as much as fits a screen of 24 lines. The summary has the rest.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::path::Path;

use super::advice::describe;
use super::summary::{self, Sheet};
use super::{failures, pass_rate};
use crate::analysis::advice::{Aim, Assessed, assess};
use crate::analysis::{Advice, Fit, Series, Warning};
use crate::record::{Quantile, RunRecord};
use crate::spec::{Limits, Parameter};
use crate::stats::median::Spread;
use crate::terminal::count;
use crate::wrap;

/// The most rows of the table, lines of fits, and reasons of failures.
const MOST_ROWS: usize = 10;
const MOST_FITS: usize = 3;
const MOST_FAILURES: usize = 2;
/// The columns of the widest lines, however wide the terminal is.
pub const WIDEST: usize = 100;

/// The medians of the most important settings, the fits of the slowest values, one recommendation for each
/// limit, and the failures. Logs are shown relative to `directory`. Lines of text have up to `width`
/// columns.
pub fn text(
    records: &[RunRecord],
    axis: Option<&Parameter>,
    limits: &[Limits],
    directory: &Path,
    width: usize,
) -> String {
    let series = Series::group_on(axis, records);
    let (sheet, all) = points(&series, limits);
    let shown = sheet.rows.len();
    let mut text = summary::fitted(summary::table(sheet), 0, width.min(WIDEST)) + "\n";
    if shown < all {
        let _ = writeln!(text, "{shown} of {all} settings; all are in summary.md, or with -v");
    }
    let _ = writeln!(text, "medians over ok runs, latencies in ms");
    fits(&mut text, &series, width);
    for limits in limits {
        recommendation(&mut text, &Series::group(records), limits, width);
    }
    warnings(&mut text, &series, width);
    if let Some(rate) = pass_rate::sentences(&series).first() {
        let _ = writeln!(text, "{rate}");
    }
    failed(&mut text, records, directory, width);
    text
}

/// The table with as many rows as fit, and how many there are.
fn points(series: &[Series<'_>], limits: &[Limits]) -> (Sheet, usize) {
    let axis = summary::axis_title(series);
    let mut header = vec!["series", axis.as_str(), "msgs/op"];
    header.extend(Quantile::ALL.map(Quantile::name));
    header.push("ok");
    let names: Vec<String> = limits.iter().map(Limits::short).collect();
    header.extend(names.iter().map(String::as_str));
    let mut rows: Vec<(Vec<String>, Weight)> = Vec::new();
    for one in series {
        let verdicts: Vec<Vec<Assessed>> = limits.iter().map(|limits| assess(one, limits)).collect();
        let points = one.by_x();
        for (place, point) in points.iter().enumerate() {
            let median = |spread: Option<Spread>, decimals: usize| {
                spread.map_or_else(|| "–".to_owned(), |spread| format!("{:.decimals$}", spread.median))
            };
            let mut cells = vec![one.name.clone(), point.x.to_string(), median(point.msgs_per_op, 2)];
            cells.extend(point.latencies.map(|latency| median(latency, 0)));
            cells.push(format!("{}/{}", point.ok, point.runs));
            cells.extend(verdicts.iter().map(|assessed| assessed[place].verdict.to_string()));
            rows.push((cells, Weight::of(place, points.len(), &verdicts)));
        }
    }
    let all = rows.len();
    let kept = weightiest(&rows.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), MOST_ROWS);
    let mut sheet = Sheet::new(&header);
    sheet.rows = kept.into_iter().map(|place| rows[place].0.clone()).collect();
    (sheet, all)
}

/// How informative a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Its neighbours have the same verdict.
    Inside,
    /// It is the first or last row of its series.
    End,
    /// A neighbour has another verdict: here limits begin to be met or missed.
    Boundary,
}

impl Weight {
    fn of(place: usize, count: usize, verdicts: &[Vec<Assessed>]) -> Weight {
        let differs = |other: usize| {
            verdicts
                .iter()
                .any(|assessed| assessed.get(other).is_some_and(|one| one.verdict != assessed[place].verdict))
        };
        if place.checked_sub(1).is_some_and(differs) || differs(place + 1) {
            Weight::Boundary
        } else if place == 0 || place + 1 == count {
            Weight::End
        } else {
            Weight::Inside
        }
    }
}

/// The places of the `most` weightiest rows; of rows with the same weight, some at even distances.
fn weightiest(weights: &[Weight], most: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for weight in [Weight::Boundary, Weight::End, Weight::Inside] {
        let of_weight: Vec<usize> = (0..weights.len()).filter(|&place| weights[place] == weight).collect();
        let room = most.saturating_sub(kept.len()).min(of_weight.len());
        kept.extend((0..room).map(|one| of_weight[one * of_weight.len() / room]));
    }
    kept.sort_unstable();
    kept
}

/// The lines of the median and of the maximum, the figures that limits name.
fn fits(text: &mut String, series: &[Series<'_>], width: usize) {
    let line = |one: &Series<'_>, quantile: Quantile| {
        let line = Fit::of(one, quantile).ok()?.line;
        let axis = match one.axis {
            Parameter::BatchTimeout => "timeout".to_owned(),
            _ => one.axis.words(),
        };
        let sign = if line.intercept < 0.0 { '−' } else { '+' };
        Some(format!(
            "{} = ({:.3} ± {:.3}) · {axis} {sign} {:.0} ms",
            quantile.name(),
            line.slope,
            line.slope_margin(),
            line.intercept.abs()
        ))
    };
    let of_series = series.iter().filter_map(|one| {
        let lines: Vec<String> =
            [Quantile::P50, Quantile::Max].into_iter().filter_map(|quantile| line(one, quantile)).collect();
        (!lines.is_empty()).then(|| format!("fit, {}: {}", one.name, lines.join("; ")))
    });
    for line in of_series.take(MOST_FITS) {
        text.push_str(&wrapped(&line, width));
    }
}

/// The setting with the fewest messages that passes.
fn recommendation(text: &mut String, series: &[Series<'_>], limits: &Limits, width: usize) {
    let advice = Advice::on(series, limits.clone());
    let name = limits.short();
    match advice.best(Aim::FewestMessages.figure()) {
        Some(assessed) => {
            let described = describe(assessed);
            let (setting, figures) = described.split_once(": ").unwrap_or((&described, ""));
            let _ = writeln!(text, "{name}: {setting} passes with the fewest messages:");
            text.push_str(&wrapped(&format!("  {figures}"), width));
        }
        None => {
            let _ = writeln!(text, "{name}: no measured setting passes; -v says what to measure next");
        }
    }
}

/// The warnings about wrong measurements, and the number of other warnings.
fn warnings(text: &mut String, series: &[Series<'_>], width: usize) {
    let (grave, others): (Vec<Warning>, Vec<Warning>) =
        Warning::on(series).into_iter().partition(|warning| match warning {
            Warning::Unit { .. } | Warning::LongTimeout { .. } | Warning::Late { .. } | Warning::Host(_) => {
                true
            }
            Warning::NotLinear { .. } | Warning::RobustDisagrees { .. } | Warning::NoLine { .. } => false,
        });
    for warning in grave {
        text.push_str(&wrapped(&format!("warning: {warning}"), width));
    }
    match others.as_slice() {
        [] => {}
        [only] => text.push_str(&wrapped(&format!("warning: {only}"), width)),
        several => {
            let _ = writeln!(text, "{} warnings on the fits are in summary.md, or with -v", several.len());
        }
    }
}

fn failed(text: &mut String, records: &[RunRecord], directory: &Path, width: usize) {
    let failures = failures::by_reason(records);
    if failures.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}:", failures::headline(records));
    for failure in failures.iter().take(MOST_FAILURES) {
        let reason = format!("  {}: {}: {}", failure.names(), failure.status, failure.reason);
        text.push_str(&wrapped(&reason, width));
        let logged = failure.runs.iter().find(|(_, record)| !record.measured.log.is_empty());
        if let Some((_, record)) = logged {
            let _ = writeln!(text, "    log: {}", directory.join(&record.measured.log).display());
        }
    }
    if failures.len() > MOST_FAILURES {
        let others = count(failures.len() - MOST_FAILURES, "other reason");
        let _ = writeln!(text, "  and {others}, with -v");
    }
}

/// A text in lines of up to `width` columns, those after the first one indented.
pub fn wrapped(text: &str, width: usize) -> String {
    const INDENT: &str = "    ";
    let room = |line| if line == 0 { width } else { width.saturating_sub(INDENT.len()) };
    let fits = |line, text: &str| Ok::<_, Infallible>(text.chars().count() <= room(line));
    let Ok(lines) = wrap::lines(text, fits);
    lines.join(&format!("\n{INDENT}")) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{failed as failed_run, late, of_strategy};
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;
    use node::StrategyKind;

    fn shown(records: &[RunRecord]) -> String {
        shown_in(records, WIDEST)
    }

    fn shown_in(records: &[RunRecord], width: usize) -> String {
        let text = text(records, None, &Challenge::ALL.map(Limits::from), Path::new("results/x"), width);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{line}");
        }
        text
    }

    fn fits_a_screen(text: &str) {
        // Two lines are for the files and the prompt.
        assert!(text.lines().count() <= 22, "{} lines:\n{text}", text.lines().count());
    }

    #[test]
    fn the_default_sweep_fits_a_screen() {
        let timeouts = [50, 100, 200, 400, 600, 800];
        let mut records: Vec<RunRecord> =
            timeouts.iter().flat_map(|&timeout| [1, 2, 3].map(|run| example(timeout, run))).collect();
        records[0] = late(50, 1);
        let text = shown(&records);
        fits_a_screen(&text);
        insta::assert_snapshot!(text);
        fits_a_screen(&shown_in(&records, 80));
    }

    #[test]
    fn a_large_sweep_shows_where_limits_begin_to_be_missed() {
        let mut records: Vec<RunRecord> = Vec::new();
        for strategy in StrategyKind::ALL {
            for timeout in (0..40).map(|step| 25 * step) {
                let run = |run| of_strategy(strategy, timeout).with(|record| record.run.repetition = run);
                records.extend([run(1), run(2), run(3)]);
            }
        }
        records.extend([1, 2, 3].map(|run| {
            failed_run(5000, run, Status::Crashed).with(|record| {
                record.measured.reason =
                    format!("Node n{run} crashed with exit status 3. {}", "It said so. ".repeat(9));
            })
        }));
        let text = shown(&records);
        assert!(text.contains("10 of 121 settings; all are in summary.md, or with -v"), "{text}");
        // 3d is met below 400 ms.
        assert!(text.contains(" 375 ") && text.contains(" 400 "), "{text}");
        assert!(text.contains("  and 1 other reason, with -v"), "{text}");
    }

    #[test]
    fn rows_of_equal_weight_are_thinned_evenly() {
        let inside = [Weight::Inside; 9];
        assert_eq!(weightiest(&inside, 3), [0, 3, 6]);
        assert_eq!(weightiest(&inside[..2], 3), [0, 1]);
        let mixed = [Weight::End, Weight::Inside, Weight::Boundary, Weight::Boundary, Weight::End];
        assert_eq!(weightiest(&mixed, 3), [0, 2, 3]);
    }
}
