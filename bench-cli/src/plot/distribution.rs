//! The whole distribution of stable latencies: a curve for each batch timeout, a panel for each series. Five
//! quantiles cannot show two humps; here they are two steep pieces with a flat one between.

use anyhow::{bail, ensure};

use super::axes::{self, Axes, Axis};
use super::canvas::Area;
use super::draw::path;
use super::layout::{self, CHART_TITLE, Layout, MARGIN};
use super::legend::{Entry, Legend, Symbol};
use super::page::Page;
use super::style::{self, Look, Marker};
use crate::analysis::Series;
use crate::record::Distribution;
use crate::stats::median::Spread;
use crate::stats::spacing::evenly_spaced;

/// Panels in one row of the plot.
const COLUMNS: usize = 3;
/// The size of a chart in pixels.
const CHART: (i32, i32) = (400, 360);
/// More curves than these hide each other.
const MOST_CURVES: usize = 7;

/// Draws the plot.
///
/// # Errors
/// If the latencies of no run are known.
pub fn draw(series: &[Series<'_>], page: Page) -> anyhow::Result<String> {
    let panels: Vec<Panel> = series.iter().map(Panel::of).filter(|panel| !panel.curves.is_empty()).collect();
    if panels.is_empty() {
        bail!("there is no latencies.csv with the latencies of these runs");
    }
    let layout = Layout {
        page,
        title: "Distribution of stable latencies",
        subtitle: &[
            "How many of the values every node shows after this time, as medians over the runs.",
            "A flat piece between two steep ones means that there are two groups of values. Each panel has its own scale.",
        ],
        footer: layout::settings(series),
    };
    let in_row = if page.width().is_some() { 1 } else { panels.len().min(COLUMNS) };
    let columns = in_row as i32;
    let width = layout::width(page, columns * (axes::LEFT + CHART.0 + MARGIN) - MARGIN);
    let chart = (width + MARGIN) / columns - MARGIN - axes::LEFT;
    let chart = (chart, layout::height(page, chart, CHART.1));
    let legends: Vec<Legend> = panels
        .iter()
        .map(|panel| Legend::row(panel.curves.iter().map(Curve::entry), axes::LEFT + chart.0))
        .collect::<Result<_, _>>()?;
    let legend = legends.iter().map(Legend::height).max().unwrap_or_default();
    let rows = panels.len().div_ceil(in_row) as i32;
    let panel_height = CHART_TITLE + legend + chart.1 + axes::BELOW;
    ensure!(rows * panel_height < 20_000, "{} series are too many for one plot", panels.len());
    layout.draw((width, rows * panel_height), |root, _, top| {
        for (place, (panel, legend_of)) in panels.iter().zip(&legends).enumerate() {
            let (column, row) = ((place % in_row) as i32, (place / in_row) as i32);
            let left = MARGIN + column * (axes::LEFT + chart.0 + MARGIN);
            let top = top + row * panel_height + CHART_TITLE;
            layout::chart_title(root, (left, top), &panel.name)?;
            legend_of.draw(root, (left, top))?;
            let axes = Axes {
                left: left + axes::LEFT,
                top: top + legend,
                width: chart.0,
                height: chart.1,
                x: Axis::linear(panel.longest()).titled(axes::STABLE_LATENCY),
                y: Axis::linear(100.0).titled("values (%)"),
            };
            panel.draw(root, &axes)?;
        }
        Ok(())
    })
}

/// One series.
struct Panel {
    name: String,
    curves: Vec<Curve>,
}

/// One value on the series' axis.
struct Curve {
    label: String,
    look: Look,
    /// The median over runs of each percentile, in milliseconds.
    percentiles: Vec<f64>,
}

impl Panel {
    fn of(series: &Series<'_>) -> Panel {
        let points = series.by_x();
        let known: Vec<(String, Vec<f64>)> = points
            .iter()
            .filter_map(|point| {
                let runs: Vec<&Distribution> =
                    series.at(point.x).filter_map(|record| record.measured.distribution.as_ref()).collect();
                Some((point.label.clone(), medians(&runs)?))
            })
            .collect();
        let shown = evenly_spaced(known.len(), MOST_CURVES);
        let count = shown.len();
        let curves = shown.into_iter().enumerate().map(|(place, index)| {
            let (label, percentiles) = known[index].clone();
            Curve { label, look: look(place, count), percentiles }
        });
        Panel { name: series.name.clone(), curves: curves.collect() }
    }

    /// The longest latency in milliseconds.
    fn longest(&self) -> f64 {
        self.curves.iter().filter_map(|curve| curve.percentiles.last().copied()).fold(0.0, f64::max)
    }

    fn draw(&self, root: &Area<'_>, axes: &Axes) -> anyhow::Result<()> {
        axes.draw(root)?;
        for curve in &self.curves {
            let points = curve.percentiles.iter().enumerate();
            let line: Vec<_> = points.map(|(percent, &ms)| axes.at(ms, percent as f64)).collect();
            path(root, &line, curve.look, 1.8)?;
        }
        Ok(())
    }
}

impl Curve {
    fn entry(&self) -> Entry {
        Entry { symbol: Symbol::Line(self.look), name: self.label.clone(), remark: String::new() }
    }
}

/// The median over runs of each percentile; `None` without runs.
fn medians(runs: &[&Distribution]) -> Option<Vec<f64>> {
    let percentiles = runs.first()?.percentiles().len();
    let median = |percent: usize| {
        Spread::of(runs.iter().map(|run| run.percentiles()[percent] as f64)).map(|spread| spread.median)
    };
    (0..percentiles).map(median).collect()
}

/// From light to dark with the timeout: the order of curves can be read without the legend.
fn look(place: usize, count: usize) -> Look {
    let share = if count > 1 { place as f64 / (count - 1) as f64 } else { 1.0 };
    Look { colour: style::between(style::LIGHT, style::DARK, share), marker: Marker::Circle, dash: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunRecord;
    use crate::record::tests::example;

    fn with_latencies(timeout: u64, repetition: u32, latencies: &[u64]) -> RunRecord {
        let distribution = Distribution::of(latencies);
        example(timeout, repetition).with(|record| record.measured.distribution = distribution)
    }

    #[test]
    fn each_timeout_is_a_curve() {
        let records: Vec<RunRecord> = [50, 100, 200]
            .iter()
            .flat_map(|&timeout| [1, 2].map(|run| with_latencies(timeout, run, &[timeout, 2 * timeout])))
            .collect();
        let svg = draw(&Series::group(&records), Page::SCREEN).unwrap();
        for word in [">50 ms</text>", ">200 ms</text>", "values (%)", "stable latency (ms)"] {
            assert!(svg.replace('\n', "").contains(word), "{word}");
        }
        let none = draw(&Series::group(&[example(50, 1)]), Page::SCREEN).unwrap_err().to_string();
        assert!(none.contains("latencies.csv"), "{none}");
    }

    #[test]
    fn percentiles_are_medians_over_runs_and_curves_are_few() {
        let [low, middle, high] = [1, 5, 9].map(|latency| Distribution::of(&[latency]).unwrap());
        assert_eq!(medians(&[&low, &high, &middle]).unwrap()[50], 5.0);
        assert_eq!(medians(&[]), None);
    }
}
