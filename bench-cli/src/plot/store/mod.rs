//! The plots of one run, as jepsen leaves them in its store: `latency-raw.png`, `latency-quantiles.png`,
//! `rate.png` and `timeline.html`.
//!
//! [`operations`] pairs the events of a history, [`chart`] draws axes, faults and a legend, [`timeline`] is
//! the page.

mod chart;
mod operations;
#[cfg(test)]
mod tests;
mod timeline;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use self::chart::{Chart, Marker, Scale};
use self::operations::{Operation, Operations};
use crate::harness::history::{Function, History, Kind};

/// The least latency that a logarithmic axis can show, in ms.
const LEAST_LATENCY: f64 = 0.001;
/// The number of windows over which curves average. No window is shorter than a second.
const WINDOWS: f64 = 20.0;
/// The quantiles of latency that are drawn, with jepsen's colours.
const QUANTILES: [(f64, &str); 4] = [(0.5, "blue"), (0.95, "purple"), (0.99, "orange"), (1.0, "red")];

/// Times in seconds with a value each.
type Curve = Vec<(f64, f64)>;

/// Draws all plots of a run into its store.
///
/// # Errors
/// If a plot cannot be rendered or written.
pub fn write(history: &History, title: &str, store: &Path) -> anyhow::Result<()> {
    let operations = Operations::of(history);
    for (name, svg) in [
        ("latency-raw.png", latency_raw(&operations, title)),
        ("latency-quantiles.png", latency_quantiles(&operations, title)),
        ("rate.png", rate(&operations, title)),
    ] {
        put(&store.join(name), &super::png::render(&svg)?)?;
    }
    put(&store.join("timeline.html"), timeline::page(history, &operations, title).as_bytes())
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The axis for the latencies of these operations.
fn latency_scale(operations: &Operations) -> Scale {
    let latencies = || operations.completed().map(|(_, latency)| latency.max(LEAST_LATENCY));
    let (least, highest) = (latencies().fold(1.0, f64::min), latencies().fold(10.0, f64::max));
    Scale::Logarithmic { least, highest }
}

/// Each operation's latency over the time of its invocation.
fn latency_raw(operations: &Operations, title: &str) -> String {
    let mut chart =
        Chart::new(&format!("{title} latency (raw)"), "Latency (ms)", latency_scale(operations), operations);
    for ((function, outcome), group) in by_outcome(operations) {
        let points: Curve = group.iter().filter_map(|operation| operation.latency_point()).collect();
        let name = format!("{} {}", function.name(), outcome.name());
        chart.points(&name, colour(outcome), marker(function), &points);
    }
    chart.finish()
}

/// Quantiles of latency in successive windows.
fn latency_quantiles(operations: &Operations, title: &str) -> String {
    let mut chart = Chart::new(
        &format!("{title} latency (quantiles)"),
        "Latency (ms)",
        latency_scale(operations),
        operations,
    );
    let mut by_function: BTreeMap<Function, Curve> = BTreeMap::new();
    for (operation, latency) in operations.completed() {
        by_function.entry(operation.function).or_default().push((operation.invoked, latency));
    }
    for (function, points) in by_function {
        let windows = windows(&points, operations.window(WINDOWS));
        for (quantile, colour) in QUANTILES {
            let curve: Curve =
                windows.iter().map(|(at, values)| (*at, nearest_rank(values, quantile))).collect();
            chart.curve(&format!("{} {quantile}", function.name()), colour, marker(function), &curve);
        }
    }
    chart.finish()
}

/// Completed operations per second in successive windows.
fn rate(operations: &Operations, title: &str) -> String {
    let window = operations.window(WINDOWS);
    let groups = by_outcome(operations);
    let curves: Vec<(&(Function, Kind), Curve)> = groups
        .iter()
        .map(|(kind, group)| {
            let completions: Curve =
                group.iter().filter_map(|operation| Some((operation.completed?, 0.0))).collect();
            let rates = windows(&completions, window);
            (kind, rates.into_iter().map(|(at, values)| (at, values.len() as f64 / window)).collect())
        })
        .collect();
    let highest = curves.iter().flat_map(|(_, curve)| curve).map(|&(_, rate)| rate).fold(1.0, f64::max);
    let mut chart =
        Chart::new(&format!("{title} rate"), "Throughput (hz)", Scale::Linear { highest }, operations);
    for (&(function, outcome), curve) in curves {
        let name = format!("{} {}", function.name(), outcome.name());
        chart.curve(&name, colour(outcome), marker(function), &curve);
    }
    chart.finish()
}

/// The clients' operations by function and outcome.
fn by_outcome(operations: &Operations) -> BTreeMap<(Function, Kind), Vec<&Operation>> {
    let mut groups: BTreeMap<(Function, Kind), Vec<&Operation>> = BTreeMap::new();
    for operation in &operations.clients {
        groups.entry((operation.function, operation.outcome)).or_default().push(operation);
    }
    groups
}

/// The values of points in windows of this length, sorted, with the middle of each window that has any.
fn windows(points: &[(f64, f64)], length: f64) -> Vec<(f64, Vec<f64>)> {
    let mut windows: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for &(at, value) in points {
        windows.entry((at / length) as u64).or_default().push(value);
    }
    let middle = |number: u64| (number as f64 + 0.5) * length;
    windows
        .into_iter()
        .map(|(number, mut values)| {
            values.sort_unstable_by(f64::total_cmp);
            (middle(number), values)
        })
        .collect()
}

/// The quantile of sorted values as jepsen takes it.
fn nearest_rank(sorted: &[f64], quantile: f64) -> f64 {
    let index = (sorted.len() as f64 * quantile).floor() as usize;
    sorted[index.min(sorted.len() - 1)]
}

/// Jepsen's colour of an outcome.
const fn colour(outcome: Kind) -> &'static str {
    match outcome {
        Kind::Ok => "#81BFFC",
        Kind::Fail => "#FF1E90",
        Kind::Info | Kind::Invoke => "#FFA400",
    }
}

const fn marker(function: Function) -> Marker {
    match function {
        Function::Read => Marker::Disc,
        _ => Marker::Square,
    }
}
