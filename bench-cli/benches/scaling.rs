//! How the cost of a simulated run grows with the number of nodes: processor time and memory per delivery of
//! a value to a node, with equally many operations per node. Run it with `make scaling`; it writes
//! scaling.csv, .svg and .png into the given folder.
//!
//! Each point is a process of its own, this program itself, so that its peak memory is that of one run.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bench_cli::engine::simulated;
use bench_cli::plot;
use bench_cli::plot::axes::{self, Axes, Axis};
use bench_cli::plot::draw::{marker, path};
use bench_cli::plot::layout::{Layout, MARGIN};
use bench_cli::plot::legend::{Entry, Legend, Symbol};
use bench_cli::plot::style::{self, Look, MUTED, Marker};
use bench_cli::spec::settings::Settings;
use node::StrategyKind;
use rustix::time::{ClockId, clock_gettime};

/// By this argument, the first one, this program becomes the measured one.
const RUN: &str = "run";
const NODES: [usize; 4] = [10, 100, 1_000, 5_000];
/// A node of `direct` has a link to every other one. With this many nodes they take 8 GB.
const MOST_DIRECT_NODES: usize = 1_000;
/// Operations per second on each node, half of them broadcasts.
const RATE_PER_NODE: f64 = 1.0;
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Each point is the fastest of so many runs, if they are short: what disturbs a run only slows it down.
const RUNS: u64 = 5;
const SHORT: Duration = Duration::from_secs(5);

/// One point of the curve.
#[derive(serde::Serialize)]
struct Point {
    strategy: &'static str,
    node_count: usize,
    /// Values times nodes: how often some node learnt a value.
    value_deliveries: u64,
    server_messages: u64,
    cpu_ms: f64,
    peak_mb: f64,
    ns_per_delivery: f64,
    bytes_per_delivery: f64,
    ns_per_message: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [RUN, strategy, node_count] => run(kind(strategy)?, node_count.parse()?),
        [folder] => measure_all(PathBuf::from(folder)),
        _ => bail!("give the folder to write to"),
    }
}

fn kind(name: &str) -> anyhow::Result<StrategyKind> {
    StrategyKind::ALL.into_iter().find(|kind| kind.name() == name).context("no such strategy")
}

/// The measured process: prints the deliveries, the messages between nodes, the fastest run in ns, and by how
/// many kB the runs raised the process's memory.
fn run(strategy: StrategyKind, node_count: usize) -> anyhow::Result<()> {
    let rate = RATE_PER_NODE * node_count as f64;
    let settings = Settings { node_count, rate, time_limit: TIME_LIMIT, ..Settings::default() };
    let config = node::Config { strategy, batch_timeout: Duration::from_millis(200) };
    let memory_before = peak_kb()?;
    let mut fastest = Duration::MAX;
    for seed in 0..RUNS {
        let began = cpu_time();
        let finished = simulated::run(&settings, config, 0)?;
        fastest = fastest.min(cpu_time() - began);
        if seed + 1 < RUNS && fastest < SHORT {
            continue;
        }
        let deliveries = finished.report.workload.attempts * node_count;
        let messages = finished.counts.servers.sent;
        println!("{deliveries} {messages} {} {}", fastest.as_nanos(), peak_kb()? - memory_before);
        break;
    }
    Ok(())
}

/// The processor time that this process has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The most memory that this process has had, in kB.
fn peak_kb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn measure_all(folder: PathBuf) -> anyhow::Result<()> {
    std::fs::create_dir_all(&folder)?;
    let mut points = Vec::new();
    let mut csv = csv::Writer::from_path(folder.join("scaling.csv"))?;
    for strategy in StrategyKind::ALL {
        let most = if strategy == StrategyKind::Direct { MOST_DIRECT_NODES } else { usize::MAX };
        for node_count in NODES.into_iter().filter(|nodes| *nodes <= most) {
            let point = measure(strategy, node_count)?;
            println!(
                "{:6} {node_count:5} nodes: {:9} deliveries {:9.1} ms, {:5.0} ns and {:5.0} bytes per delivery, \
                 {:5.0} ns per message",
                point.strategy,
                point.value_deliveries,
                point.cpu_ms,
                point.ns_per_delivery,
                point.bytes_per_delivery,
                point.ns_per_message
            );
            csv.serialize(&point)?;
            points.push(point);
        }
    }
    csv.flush()?;
    let svg = draw(&points)?;
    plot::write(&svg, &folder.join("scaling.svg"))?;
    plot::write(&svg, &folder.join("scaling.png"))
}

fn measure(strategy: StrategyKind, node_count: usize) -> anyhow::Result<Point> {
    let process = Command::new(std::env::current_exe()?)
        .args([RUN, strategy.name(), &node_count.to_string()])
        .output()?;
    let errors = String::from_utf8_lossy(&process.stderr);
    ensure!(process.status.success(), "{} with {node_count} nodes failed: {errors}", strategy.name());
    let printed = String::from_utf8(process.stdout)?;
    let numbers: Vec<u64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [value_deliveries, server_messages, nanos, kb] = numbers[..] else { bail!("unexpected: {printed}") };
    Ok(Point {
        strategy: strategy.name(),
        node_count,
        value_deliveries,
        server_messages,
        cpu_ms: nanos as f64 / 1e6,
        peak_mb: kb as f64 / 1024.0,
        ns_per_delivery: nanos as f64 / value_deliveries as f64,
        bytes_per_delivery: kb as f64 * 1024.0 / value_deliveries as f64,
        ns_per_message: nanos as f64 / server_messages as f64,
    })
}

fn draw(points: &[Point]) -> anyhow::Result<String> {
    const CHART: (i32, i32) = (780, 460);
    let layout = Layout {
        page: bench_cli::plot::page::Page::SCREEN,
        title: "Processor time of a simulated run per delivery of a value (1 op/s on each node, 5 s)",
        subtitle: &[],
        footer: String::new(),
    };
    let plain = Look { colour: MUTED, marker: Marker::Circle, dash: None };
    let looks =
        StrategyKind::ALL.map(|strategy| (strategy.name(), style::of_strategy(strategy).unwrap_or(plain)));
    let entry = |&(name, look): &(&str, Look)| Entry {
        symbol: Symbol::Points(look),
        name: name.to_owned(),
        remark: String::new(),
    };
    let legend = Legend::row(looks.iter().map(entry), CHART.0)?;
    layout.draw((axes::LEFT + CHART.0, legend.height() + CHART.1 + axes::BELOW), |root, _, top| {
        legend.draw(root, (MARGIN, top))?;
        let axes = Axes {
            left: MARGIN + axes::LEFT,
            top: top + legend.height(),
            width: CHART.0,
            height: CHART.1,
            x: Axis::decades(points.iter().map(|point| point.node_count as f64)).titled("nodes"),
            y: Axis::decades(points.iter().map(|point| point.ns_per_delivery)).titled("ns per delivery"),
        };
        axes.draw(root)?;
        for (name, look) in looks {
            let of_strategy = points.iter().filter(|point| point.strategy == name);
            let places: Vec<_> =
                of_strategy.map(|point| axes.at(point.node_count as f64, point.ns_per_delivery)).collect();
            path(root, &places, look, 1.3)?;
            for place in places {
                marker(root, place, look, 5.0)?;
            }
        }
        Ok(())
    })
}
