//! How the cost of a simulated run grows: wall time against deliveries of values, from 25 nodes at 100 op/s up to
//! 1,000 nodes at 10,000 op/s. Run it with `make scaling`; it writes scaling.csv, .svg and .png into the folder that
//! it is given.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bench_cli::engine::simulated;
use bench_cli::plot;
use bench_cli::plot::canvas::{self, SCALE};
use bench_cli::plot::style::{GRID, INK, MUTED, PLOTTERS_FAMILY};
use bench_cli::spec::settings::Settings;
use node::StrategyKind;
use plotters::prelude::*;

const NODES: [usize; 5] = [25, 50, 100, 300, 1_000];
const RATES: [f64; 3] = [100.0, 1_000.0, 10_000.0];
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
    let font = |size: i32| (PLOTTERS_FAMILY, size * SCALE).into_font();
    let colours = [RGBColor(0x00, 0x72, 0xb2), RGBColor(0xd5, 0x5e, 0x00)];
    canvas::draw(900, 620, |root, _| {
        root.fill(&WHITE)?;
        let area = root.margin(24 * SCALE, 24 * SCALE, 24 * SCALE, 24 * SCALE);
        let title = "Wall time of a simulated run: 25 to 1,000 nodes, 100 to 10,000 op/s, 5 s";
        let bold = (PLOTTERS_FAMILY, 24 * SCALE, FontStyle::Bold).into_font();
        area.draw(&Text::new(title, (0, 0), bold.color(&INK)))?;
        let mut chart = ChartBuilder::on(&area)
            .margin_top(52 * SCALE)
            .margin_right(12 * SCALE)
            .x_label_area_size(56 * SCALE)
            .y_label_area_size(76 * SCALE)
            .build_cartesian_2d((1e3_f64..1e7).log_scale(), decades(points).log_scale())?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.stroke_width(SCALE as u32))
            .light_line_style(TRANSPARENT)
            .set_all_tick_mark_size(5 * SCALE)
            .axis_style(MUTED.stroke_width(SCALE as u32))
            .label_style(font(14).color(&INK))
            .axis_desc_style(font(15).color(&INK))
            .x_desc("value deliveries (values × nodes)")
            .y_desc("wall time (ms)")
            .x_label_formatter(&power)
            .y_label_formatter(&power)
            .draw()?;
        for (place, (strategy, colour)) in ["hub", "tree"].into_iter().zip(colours).enumerate() {
            let shown = points.iter().filter(|point| point.strategy == strategy);
            let markers = shown.map(|point| {
                let at = (point.value_deliveries as f64, point.wall_ms);
                match place {
                    0 => EmptyElement::at(at) + Circle::new((0, 0), 5 * SCALE, colour.filled()).into_dyn(),
                    _ => {
                        EmptyElement::at(at)
                            + TriangleMarker::new((0, 0), 6 * SCALE, colour.filled()).into_dyn()
                    }
                }
            });
            chart.draw_series(markers)?;
            let y = decades(points).end * 0.6 / 1.9_f64.powi(place as i32);
            let label = EmptyElement::at((1.4e3, y))
                + Text::new(strategy, (12 * SCALE, -8 * SCALE), font(15).color(&INK));
            chart.draw_series([label])?;
            match place {
                0 => chart.draw_series([Circle::new((1.4e3, y), 5 * SCALE, colour.filled())])?,
                _ => chart.draw_series([TriangleMarker::new((1.4e3, y), 6 * SCALE, colour.filled())])?,
            };
        }
        // What linear growth would look like at the lowest cost that was measured.
        let least = points.iter().map(|point| point.ns_per_delivery).fold(f64::INFINITY, f64::min);
        let linear = [1e5, 1e7].map(|x| (x, x * least * 1e-6));
        chart.draw_series(LineSeries::new(linear, MUTED.stroke_width(SCALE as u32)))?;
        let note = format!("linear: {least:.0} ns a delivery (cheapest run)");
        let at = (5e5, 5e5 * least * 1e-6);
        let note = EmptyElement::at(at) + Text::new(note, (14 * SCALE, 10 * SCALE), font(14).color(&MUTED));
        chart.draw_series([note])?;
        Ok(())
    })
}

/// The whole powers of ten around the wall times: machines differ by more than that.
fn decades(points: &[Point]) -> std::ops::Range<f64> {
    let powers = || points.iter().map(|point| point.wall_ms.log10());
    let least = powers().fold(f64::INFINITY, f64::min).floor();
    10_f64.powf(least)..10_f64.powf(powers().fold(least, f64::max).ceil())
}

/// `1`, `1,000`, `10⁶`: powers of ten as people write them.
fn power(value: &f64) -> String {
    let exponent = value.log10().round() as i32;
    match exponent {
        -1 => "0.1".to_owned(),
        0..=3 => format!("{value:.0}"),
        _ => format!("10{}", char::from_digit(exponent as u32, 10).map(superscript).unwrap_or_default()),
    }
}

fn superscript(digit: char) -> char {
    match digit {
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        other => other,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = PathBuf::from(folder.ok_or("give the folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    let mut points = Vec::new();
    let mut csv = csv::Writer::from_path(folder.join("scaling.csv"))?;
    for strategy in [StrategyKind::Hub, StrategyKind::Tree] {
        for node_count in NODES {
            for rate in RATES {
                let point = measure(strategy, node_count, rate)?;
                println!(
                    "{:6} {node_count:5} nodes {rate:6} op/s: {:9} deliveries {:9.1} ms {:5.0} ns a delivery",
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
