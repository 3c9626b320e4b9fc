//! Two or more sweeps on the same axes: median and maximum stable latency, and messages, against the batch
//! timeout.

use anyhow::bail;

use super::axes::{self, Axes, Axis};
use super::canvas::{Area, Note, Notes};
use super::draw::{RADIUS, path};
use super::layout::{self, CHART_TITLE, Layout, MARGIN};
use super::legend::{Entry, Legend, Symbol};
use super::page::Page;
use super::runs::{self, Run, note};
use super::style::{self, Look};
use crate::analysis::{Figure, Series};
use crate::record::RunRecord;
use crate::stats::groups::{Group, Groups};
use crate::stats::median::Spread;
use crate::terminal::count;

/// The size of each chart in pixels.
const CHART: (i32, i32) = (420, 420);
/// The figures, a chart each.
const FIGURES: [Figure; 3] = [Figure::P50, Figure::Max, Figure::MsgsPerOp];

/// Draws sweeps, each with its name.
///
/// # Errors
/// If no run is ok.
pub fn draw(sweeps: &[(String, Vec<Series<'_>>)]) -> anyhow::Result<String> {
    let all = || sweeps.iter().flat_map(|(_, series)| series);
    let series = sweeps.iter().flat_map(|(sweep, series)| {
        series.iter().map(move |series| (format!("{} ({sweep})", series.name), series))
    });
    let curves: Vec<Curve> = series
        .zip(style::of_series(all()))
        .map(|((name, series), look)| Curve::of(name, series, look))
        .collect();
    if curves.iter().all(|curve| curve.charts.iter().all(Vec::is_empty)) {
        bail!("there is nothing to draw: no run of these sweeps is ok");
    }
    let layout = Layout {
        page: Page::SCREEN,
        title: "Sweeps compared",
        subtitle: &["Points are runs; lines join the medians."],
        footer: layout::settings(all()),
    };
    let legend = Legend::column(curves.iter().map(Curve::entry));
    let x_title = all().next().map_or_else(String::new, Series::axis_title);
    let size = (
        FIGURES.len() as i32 * (axes::LEFT + CHART.0 + MARGIN) - MARGIN,
        legend.height() + CHART_TITLE + CHART.1 + axes::BELOW,
    );
    layout.draw(size, |root, notes, top| {
        legend.draw(root, (MARGIN, top))?;
        let top = top + legend.height() + CHART_TITLE;
        let charts = charts(&curves, top, &x_title);
        for (place, (title, axes)) in charts.iter().enumerate() {
            layout::chart_title(root, (axes.left, top), title)?;
            axes.draw(root)?;
            for curve in &curves {
                curve.draw(root, notes, axes, place)?;
            }
        }
        Ok(())
    })
}

/// The title and the axes of each chart. Both latencies share an axis, so that they can be compared. The
/// vertical axes are logarithmic: equal distances are equal ratios, and a slow series leaves room for the
/// others.
fn charts(curves: &[Curve], top: i32, x_title: &str) -> [(String, Axes); FIGURES.len()] {
    let values = |figures: &[Figure]| -> Vec<(f64, f64)> {
        let places = (0..FIGURES.len()).filter(|&place| figures.contains(&FIGURES[place]));
        places
            .flat_map(|place| curves.iter().flat_map(move |curve| &curve.charts[place]))
            .map(|run| run.at)
            .collect()
    };
    let longest = values(&FIGURES).iter().map(|at| at.0).fold(0.0, f64::max);
    let y = |figures: &[Figure]| Axis::logarithmic(values(figures).into_iter().map(|at| at.1));
    std::array::from_fn(|place| {
        let (title, y) = match FIGURES[place] {
            figure @ Figure::MsgsPerOp => {
                ("messages per operation".to_owned(), y(&[figure]).titled(axes::MESSAGES))
            }
            latency @ (Figure::P50 | Figure::P95 | Figure::Max) => (
                format!("{} stable latency", latency.label()),
                y(&[Figure::P50, Figure::Max]).titled(axes::STABLE_LATENCY),
            ),
        };
        let left = MARGIN + axes::LEFT + place as i32 * (MARGIN + axes::LEFT + CHART.0);
        let x = Axis::linear(longest).titled(x_title);
        (title, Axes { left, top, width: CHART.0, height: CHART.1, x, y })
    })
}

/// A series of one of the sweeps.
struct Curve {
    name: String,
    look: Look,
    /// The runs as each chart shows them.
    charts: [Vec<Run>; FIGURES.len()],
}

impl Curve {
    fn of(name: String, series: &Series<'_>, look: Look) -> Curve {
        let charts = FIGURES.map(|figure| {
            let run = |record: &&RunRecord| {
                // A logarithmic axis has no 0.
                let value = figure.of(record).filter(|&value| value > 0.0)?;
                let at = (series.x(record)?, value);
                // Runs of several sweeps have the same settings, so the note says which sweep it is.
                let note = Note { run: None, text: format!("{name}\n{}", note(series, record).text) };
                Some(Run { at, note })
            };
            series.records.iter().filter_map(run).collect()
        });
        Curve { name, look, charts }
    }

    fn entry(&self) -> Entry {
        let remark = count(self.charts[0].len(), "run");
        Entry { symbol: Symbol::Series(self.look), name: self.name.clone(), remark }
    }

    fn draw(&self, root: &Area<'_>, notes: &mut Notes, axes: &Axes, chart: usize) -> anyhow::Result<()> {
        let runs = &self.charts[chart];
        let points: Vec<(f64, f64)> = runs.iter().map(|run| run.at).collect();
        let groups = Groups::of(&points);
        let median = |group: &Group| Spread::of(group.ys.iter().copied()).map(|spread| spread.median);
        let line: Vec<_> =
            groups.as_slice().iter().filter_map(|group| Some(axes.at(group.x, median(group)?))).collect();
        path(root, &line, self.look, 1.6)?;
        runs::draw(root, notes, axes, (self.look, RADIUS - 1.0), runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{failed, with_max};
    use crate::record::Status;
    use crate::record::tests::example;

    #[test]
    fn every_sweep_is_a_curve_in_both_panels() {
        let slower = |timeout| with_max(timeout, 1, 900);
        let [before, after] = [[example(50, 1), example(400, 1)], [slower(50), slower(400)]];
        let sweeps =
            [("before".to_owned(), Series::group(&before)), ("after".to_owned(), Series::group(&after))];
        let svg = draw(&sweeps).unwrap();
        for word in [
            "hub (before)",
            "hub (after)",
            "median stable latency",
            "max stable latency",
            "max 900 ms",
            "messages per operation",
        ] {
            assert!(svg.contains(word), "{word}");
        }
        let failed = [failed(50, 1, Status::Crashed)];
        assert!(draw(&[("x".to_owned(), Series::group(&failed))]).is_err());
    }
}
