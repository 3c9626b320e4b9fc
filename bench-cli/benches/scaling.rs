//! How the cost of a simulated run grows: wall time against deliveries of values, from 25 nodes at 100 op/s
//! up to 1,000 nodes at 10,000 op/s. Run it with `make scaling`; it writes scaling.csv, .svg and .png into
//! the given folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bench_cli::engine::simulated;
use bench_cli::plot;
use bench_cli::plot::axes::{self, Axes, Axis};
use bench_cli::plot::draw::{marker, path};
use bench_cli::plot::layout::{Layout, MARGIN};
use bench_cli::plot::legend::{Entry, Legend, Symbol};
use bench_cli::plot::style::{self, Look, MUTED, Marker};
use bench_cli::spec::settings::Settings;
use node::StrategyKind;

const NODES: [usize; 5] = [25, 50, 100, 300, 1_000];
const RATES: [f64; 3] = [100.0, 1_000.0, 10_000.0];
const STRATEGIES: [StrategyKind; 2] = [StrategyKind::Hub, StrategyKind::Tree];
/// Each point is the fastest of so many runs: what disturbs a run only slows it down.
const RUNS: u64 = 3;

/// One point of the curve.
#[derive(serde::Serialize)]
struct Point {
    strategy: &'static str,
    node_count: usize,
    rate: f64,
    time_limit_s: u64,
    /// Values times nodes: how often some node learnt a value.
    value_deliveries: u64,
    server_messages: u64,
    wall_ms: f64,
    ns_per_delivery: f64,
}

fn measure(
    strategy: StrategyKind,
    node_count: usize,
    rate: f64,
) -> Result<Point, Box<dyn std::error::Error>> {
    let time_limit_s = 5;
    let settings =
        Settings { node_count, rate, time_limit: Duration::from_secs(time_limit_s), ..Settings::default() };
    let config = node::Config { strategy, batch_timeout: Duration::from_millis(200) };
    let mut fastest: Option<(Duration, simulated::Finished)> = None;
    for seed in 0..RUNS {
        let began = Instant::now();
        let finished = simulated::run(&settings, config, seed)?;
        let took = began.elapsed();
        if fastest.as_ref().is_none_or(|(fastest, _)| took < *fastest) {
            fastest = Some((took, finished));
        }
    }
    let (took, finished) = fastest.ok_or("no run")?;
    let value_deliveries = finished.report.workload.attempts as u64 * node_count as u64;
    Ok(Point {
        strategy: strategy.name(),
        node_count,
        rate,
        time_limit_s,
        value_deliveries,
        server_messages: finished.counts.servers.sent,
        wall_ms: took.as_secs_f64() * 1e3,
        ns_per_delivery: took.as_secs_f64() * 1e9 / value_deliveries as f64,
    })
}

fn draw(points: &[Point]) -> anyhow::Result<String> {
    const CHART: (i32, i32) = (780, 460);
    let layout = Layout {
        title: "Wall time of a simulated run: 25 to 1,000 nodes, 100 to 10,000 op/s, 5 s",
        subtitle: &[],
        footer: String::new(),
    };
    // What linear growth would look like at the lowest cost that was measured.
    let least = points.iter().map(|point| point.ns_per_delivery).fold(f64::INFINITY, f64::min);
    let linear = Look { colour: MUTED, marker: Marker::Circle, dash: None };
    let looks = STRATEGIES.map(|strategy| (strategy.name(), style::of_strategy(strategy).unwrap_or(linear)));
    let entry = |symbol, name: String| Entry { symbol, name, remark: String::new() };
    let legend = Legend::row(
        looks.iter().map(|&(name, look)| entry(Symbol::Points(look), name.to_owned())).chain([entry(
            Symbol::Line(linear),
            format!("linear: {least:.0} ns per delivery (cheapest run)"),
        )]),
        CHART.0,
    )?;
    let axes = Axes {
        left: MARGIN + axes::LEFT,
        top: layout.top() + legend.height(),
        width: CHART.0,
        height: CHART.1,
        x: Axis::decades(points.iter().map(|point| point.value_deliveries as f64))
            .titled("value deliveries (values × nodes)"),
        y: Axis::decades(points.iter().map(|point| point.wall_ms)).titled("wall time (ms)"),
    };
    layout.draw((axes::LEFT + CHART.0, legend.height() + CHART.1 + axes::BELOW), |root, _| {
        legend.draw(root, (MARGIN, layout.top()))?;
        axes.draw(root)?;
        let line: Vec<_> = axes
            .x
            .steps(200)
            .map(|deliveries| (deliveries, deliveries * least * 1e-6))
            .filter(|&(x, y)| axes.contains(x, y))
            .map(|(x, y)| axes.at(x, y))
            .collect();
        path(root, &line, linear, 1.3)?;
        for (name, look) in looks {
            for point in points.iter().filter(|point| point.strategy == name) {
                marker(root, axes.at(point.value_deliveries as f64, point.wall_ms), look, 5.0)?;
            }
        }
        Ok(())
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = PathBuf::from(folder.ok_or("give the folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    let mut points = Vec::new();
    let mut csv = csv::Writer::from_path(folder.join("scaling.csv"))?;
    for strategy in STRATEGIES {
        for node_count in NODES {
            for rate in RATES {
                let point = measure(strategy, node_count, rate)?;
                println!(
                    "{:6} {node_count:5} nodes {rate:6} op/s: {:9} deliveries {:9.1} ms {:5.0} ns per delivery",
                    point.strategy, point.value_deliveries, point.wall_ms, point.ns_per_delivery
                );
                csv.serialize(&point)?;
                points.push(point);
            }
        }
    }
    csv.flush()?;
    let svg = draw(&points)?;
    plot::write(&svg, &folder.join("scaling.svg"))?;
    plot::write(&svg, &folder.join("scaling.png"))?;
    Ok(())
}
