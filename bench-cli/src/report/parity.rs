//! An engine's figures next to recorded ones, as a table for people and as CSV for programs.

use std::fmt::Write as _;

use anyhow::Context as _;
use node::StrategyKind;
use serde::Serialize;

use super::summary;
use crate::analysis::parity::{Comparison, Parity};
use crate::analysis::tails::{DIFFERENCE, LATE_BEYOND_MS, Late, Tails};
use crate::analysis::{Figure, Series, Warning};
use crate::record::RunRecord;
use crate::stats::median::Spread;

/// One line of `parity.csv`.
#[derive(Debug, Serialize)]
struct Line {
    batch_timeout_ms: u64,
    quantity: &'static str,
    recorded: f64,
    recorded_min: f64,
    recorded_max: f64,
    recorded_runs: usize,
    measured: f64,
    measured_min: f64,
    measured_max: f64,
    measured_runs: usize,
    ratio: f64,
    tolerance: f64,
    within: bool,
    strategy: &'static str,
    ratio_low: Option<f64>,
    ratio_high: Option<f64>,
}

/// The comparisons with the recorded runs of `recorded_name` as text, and how late the engine's timers fired.
pub fn text(
    Parity { comparisons, tails, tolerance }: &Parity,
    recorded_name: &str,
    engine: &str,
    records: &[RunRecord],
) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "recorded: {recorded_name}");
    let _ = writeln!(
        text,
        "{:8} {:>7}  {:7} {:>26} {:>4}  {:>26} {:>4}  {:>5}  {:13}",
        "medians",
        "timeout",
        "",
        "recorded [range]",
        "runs",
        format!("{engine} [range]"),
        "runs",
        "ratio",
        "95 %"
    );
    for comparison in comparisons {
        let figure = comparison.figure;
        let decimals = if figure == Figure::MsgsPerOp { 2 } else { 0 };
        let spread = |Spread { median, min, max }: Spread| {
            format!("{median:.decimals$} [{}]", summary::range(&(min..=max), decimals))
        };
        let interval = comparison
            .interval
            .map_or_else(|| "too few runs".to_owned(), |(low, high)| summary::range(&(low..=high), 3));
        let _ = writeln!(
            text,
            "{:8} {:>5}ms  {:7} {:>26} {:>4}  {:>26} {:>4}  {:.3}  {interval:13}{}",
            strategy(comparison),
            comparison.batch_timeout.as_millis(),
            figure.label(),
            spread(comparison.recorded),
            comparison.recorded_runs,
            spread(comparison.measured),
            comparison.measured_runs,
            comparison.ratio(),
            if comparison.is_within() { "" } else { "  OUTSIDE" },
        );
    }
    let count = |wanted: fn(&Comparison) -> bool| comparisons.iter().filter(|&one| wanted(one)).count();
    let _ = writeln!(
        text,
        "{} of {} medians within the limits (latencies {:.0} %, msgs/op {:.0} %); the whole interval is within them for {}, \
         outside for {}",
        count(Comparison::is_within),
        comparisons.len(),
        100.0 * tolerance.latency,
        100.0 * tolerance.messages,
        count(Comparison::is_reliably_within),
        count(Comparison::is_reliably_outside),
    );
    text.push_str(&tails_table(tails, engine));
    if let Some(worst) = records.iter().filter_map(|record| record.measured.timer_p99).max() {
        let worst = worst.as_micros();
        let _ = writeln!(text, "the engine's timers were at most {worst} µs late (p99 of the worst run)");
    }
    for warning in Warning::lateness(&Series::group(records)) {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

/// How many runs are late, and whether the maxima are of one distribution.
fn tails_table(tails: &[Tails], engine: &str) -> String {
    let mut text = String::new();
    let share = |late: Late| {
        let (low, high) = late.interval();
        let percent = summary::range(&(100.0 * low..=100.0 * high), 1);
        format!("{} of {} ({percent} %)", late.late, late.runs)
    };
    let _ = writeln!(
        text,
        "{:8} {:>7}  {:>10}  {:>24}  {:>24}  {:>6}  {:>6}  {:>6}  to see {:.0} points",
        "tails",
        "timeout",
        "late above",
        "recorded (95 %)",
        format!("{engine} (95 %)"),
        "p late",
        "D",
        "p max",
        100.0 * DIFFERENCE,
    );
    for tail in tails {
        let _ = writeln!(
            text,
            "{:8} {:>5}ms  {:>7.0} ms  {:>24}  {:>24}  {:>6.3}  {:>6.3}  {:>6.3}  {:>4} runs{}",
            tail.strategy.map_or("", StrategyKind::name),
            tail.batch_timeout.as_millis(),
            tail.limit_ms,
            share(tail.recorded),
            share(tail.measured),
            tail.p_late,
            tail.distance,
            tail.p_maxima,
            tail.recorded.runs_to_tell(),
            if tail.differ() { "  DIFFERENT" } else { "" },
        );
    }
    let _ = writeln!(
        text,
        "late: a maximum of more than {LATE_BEYOND_MS} ms above the recorded median, and Fisher's exact test on how many are; D and p \
         max: test of Kolmogorov and Smirnov on the maxima; to see {:.0} points: runs of each kind that show such a difference in the share of late ones",
        100.0 * DIFFERENCE
    );
    text
}

/// The comparisons as CSV, a line each.
///
/// # Errors
/// If a line cannot be written, which no comparison gives a reason for.
pub fn csv(comparisons: &[Comparison]) -> anyhow::Result<String> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for comparison in comparisons {
        csv.serialize(line(comparison))?;
    }
    String::from_utf8(csv.into_inner()?).context("the comparisons are not UTF-8")
}

/// The name of the strategy; empty for another program.
fn strategy(comparison: &Comparison) -> &'static str {
    comparison.strategy.map_or("", StrategyKind::name)
}

fn line(comparison: &Comparison) -> Line {
    let Comparison { recorded, measured, .. } = comparison;
    Line {
        batch_timeout_ms: comparison.batch_timeout.as_millis() as u64,
        quantity: match comparison.figure {
            Figure::MsgsPerOp => "msgs_op",
            Figure::P50 => "p50_ms",
            Figure::P95 => "p95_ms",
            Figure::Max => "max_ms",
        },
        recorded: recorded.median,
        recorded_min: recorded.min,
        recorded_max: recorded.max,
        recorded_runs: comparison.recorded_runs,
        measured: measured.median,
        measured_min: measured.min,
        measured_max: measured.max,
        measured_runs: comparison.measured_runs,
        ratio: comparison.ratio(),
        tolerance: comparison.limit,
        within: comparison.is_within(),
        strategy: strategy(comparison),
        ratio_low: comparison.interval.map(|(low, _)| low),
        ratio_high: comparison.interval.map(|(_, high)| high),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::examples::late;
    use crate::analysis::parity::Tolerance;

    fn comparison(measured: f64) -> Comparison {
        let spread = |median| Spread { median, min: median - 10.0, max: median + 10.0 };
        Comparison {
            strategy: Some(StrategyKind::Tree),
            batch_timeout: Duration::from_millis(50),
            figure: Figure::Max,
            recorded: spread(400.0),
            recorded_runs: 3,
            measured: spread(measured),
            measured_runs: 7,
            interval: None,
            limit: 0.1,
        }
    }

    fn parity(comparisons: impl Into<Vec<Comparison>>) -> Parity {
        let late = |late| Late { late, runs: 30 };
        let tails = Tails {
            strategy: Some(StrategyKind::Hub),
            batch_timeout: Duration::from_millis(200),
            limit_ms: 321.0,
            recorded: late(0),
            measured: late(9),
            distance: 0.3,
            p_late: 0.002,
            p_maxima: 0.2,
        };
        Parity { comparisons: comparisons.into(), tails: vec![tails], tolerance: Tolerance::REAL_TIME }
    }

    #[test]
    fn tails_that_differ_are_marked() {
        let text = text(&parity([comparison(404.0)]), "real Maelstrom", "embedded", &[]);
        let row = text.lines().find(|line| line.starts_with("hub")).unwrap();
        assert!(row.contains("9 of 30 (14.7–49.4 %)") && row.ends_with("DIFFERENT"), "{row}");
    }

    #[test]
    fn medians_outside_the_limits_are_marked() {
        let comparisons = [comparison(404.0), comparison(500.0)];
        let text = text(&parity(comparisons), "real Maelstrom", "embedded", &[]);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("tree")).collect();
        let words: Vec<&str> = rows[0].split_whitespace().collect();
        let expected = "tree 50ms max 400 [390–410] 3 404 [394–414] 7 1.010 too few runs";
        assert_eq!(words.join(" "), expected);
        let equal = Spread { median: 400.0, min: 400.0, max: 400.2 };
        let equal = Comparison { recorded: equal, interval: Some((1.0, 1.0)), ..comparison(404.0) };
        let shown = super::text(&parity([equal]), "real Maelstrom", "embedded", &[]);
        let row = shown.lines().find(|line| line.starts_with("tree")).unwrap();
        assert!(row.contains(" 400 [400] ") && row.trim_end().ends_with(" 1.010  1.000"), "{row}");
        assert!(rows[1].ends_with("OUTSIDE") && text.contains("1 of 2 medians within the limits"), "{text}");
    }

    #[test]
    fn a_busy_machine_is_reported() {
        let text = text(&parity([comparison(404.0)]), "x", "embedded", &[late(50, 1)]);
        assert!(text.contains("\nwarning: hub: in 1 of 1 run this machine was too busy"), "{text}");
    }

    #[test]
    fn the_csv_has_a_line_for_each_comparison() {
        assert_eq!(
            csv(&[comparison(404.0)]).unwrap(),
            "batch_timeout_ms,quantity,recorded,recorded_min,recorded_max,recorded_runs,measured,measured_min,\
             measured_max,measured_runs,ratio,tolerance,within,strategy,ratio_low,ratio_high\n\
             50,max_ms,400.0,390.0,410.0,3,404.0,394.0,414.0,7,1.01,0.1,true,tree,,\n"
        );
    }
}
