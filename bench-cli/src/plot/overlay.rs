//! Two or more sweeps on the same axes: median and maximum stable latency, and messages, against the batch timeout.

use anyhow::bail;
use plotters::prelude::WHITE;

use super::canvas::{self, Area, Note, Notes};
use super::frame::{Frame, Scale};
use super::pen::{RADIUS, bold, footer, legend_entry, note, path, regular, text};
use super::runs::{self, Run};
use super::style::{self, INK, Look, MUTED};
use crate::analysis::{Figure, Series};
use crate::record::Row;
use crate::stats::groups::Groups;

/// Sizes in pixels.
const MARGIN: i32 = 28;
const HEADER: i32 = 76;
const LEGEND_ROW: i32 = 24;
const PANEL_TITLE: i32 = 34;
const AXIS_LEFT: i32 = 64;
const CHART: (i32, i32) = (420, 420);
const BELOW: i32 = 104;

/// What is drawn, a panel each.
const FIGURES: [Figure; 3] = [Figure::P50, Figure::Max, Figure::MsgsPerOp];

/// Draws sweeps, each with its name.
///
/// # Errors
/// If no row is ok, so that there is nothing to draw.
pub fn draw(sweeps: &[(String, Vec<Series<'_>>)]) -> anyhow::Result<String> {
    let looks = style::of_series(sweeps.iter().flat_map(|(_, series)| series));
    let series = sweeps.iter().flat_map(|(sweep, series)| {
        series.iter().map(move |series| (format!("{} ({sweep})", series.name), series))
    });
    let curves: Vec<Curve> =
        series.zip(looks).map(|((name, series), look)| Curve::of(name, series, look)).collect();
    if curves.iter().all(|curve| curve.panels.iter().all(Vec::is_empty)) {
        bail!("there is nothing to draw: no run of these sweeps is ok");
    }
    let axes = Axes::around(&curves);
    let top = HEADER + LEGEND_ROW * curves.len() as i32 + PANEL_TITLE;
    let panels = FIGURES.len() as i32;
    let (width, height) = (panels * (MARGIN + AXIS_LEFT + CHART.0) + MARGIN, top + CHART.1 + BELOW);
    let all: Vec<Series<'_>> = sweeps.iter().flat_map(|(_, series)| series).cloned().collect();
    canvas::draw(width, height, |root, notes| {
        root.fill(&WHITE)?;
        text(root, (MARGIN, 34), "Sweeps compared", &bold(24), INK)?;
        text(
            root,
            (MARGIN, 60),
            "Points are runs; lines join the means of each timeout.",
            &regular(15),
            MUTED,
        )?;
        for (row, curve) in (0..).zip(&curves) {
            curve.draw_legend(root, (MARGIN, HEADER + 10 + row * LEGEND_ROW))?;
        }
        for (place, figure) in FIGURES.into_iter().enumerate() {
            let left = MARGIN + AXIS_LEFT + place as i32 * (MARGIN + AXIS_LEFT + CHART.0);
            let (x, y) = (axes.x.clone(), axes.y(figure).clone());
            let frame = Frame { left, top, width: CHART.0, height: CHART.1, x, y };
            let (title, unit) = titles(figure);
            text(root, (left, top - 14), &title, &bold(16), INK)?;
            frame.draw(root, "batch timeout (ms)", unit)?;
            for curve in &curves {
                curve.draw(root, notes, &frame, place)?;
            }
        }
        text(root, (MARGIN, height - 20), &footer(&all), &regular(12), MUTED)
    })
}

/// A panel's title, and that of its vertical axis.
fn titles(figure: Figure) -> (String, &'static str) {
    match figure {
        Figure::MsgsPerOp => ("messages per operation".to_owned(), "messages between nodes per operation"),
        latency => (format!("{} stable latency", latency.label()), "stable latency (ms)"),
    }
}

/// The axes: one for both latencies, so that they can be compared. The vertical ones are logarithmic: equal distances
/// are equal ratios, and a slow series leaves room for the others.
struct Axes {
    x: Scale,
    latency: Scale,
    messages: Scale,
}

impl Axes {
    fn around(curves: &[Curve]) -> Axes {
        let points = |figures: &[Figure]| -> Vec<(f64, f64)> {
            let places = (0..FIGURES.len()).filter(|&place| figures.contains(&FIGURES[place]));
            let runs = places.flat_map(|place| curves.iter().flat_map(move |curve| &curve.panels[place]));
            runs.map(|run| run.at).collect()
        };
        let y = |figures: &[Figure]| {
            let around = points(figures)
                .iter()
                .fold(f64::INFINITY..=0.0, |range, at| range.start().min(at.1)..=range.end().max(at.1));
            // Without a run any axis will do.
            Scale::logarithmic(if around.is_empty() { 1.0..=10.0 } else { around })
        };
        Axes {
            x: Scale::linear(points(&FIGURES).iter().map(|at| at.0).fold(0.0, f64::max)),
            latency: y(&[Figure::P50, Figure::Max]),
            messages: y(&[Figure::MsgsPerOp]),
        }
    }

    fn y(&self, figure: Figure) -> &Scale {
        if figure == Figure::MsgsPerOp { &self.messages } else { &self.latency }
    }
}

struct Curve {
    name: String,
    look: Look,
    /// The runs as each panel shows them.
    panels: [Vec<Run>; FIGURES.len()],
}

impl Curve {
    fn of(name: String, series: &Series<'_>, look: Look) -> Curve {
        let panels = FIGURES.map(|figure| {
            let run = |row: &&Row| {
                // Nothing else has a place on a logarithmic axis.
                let value = figure.of(row).filter(|&value| value > 0.0)?;
                let at = (row.batch_timeout_ms as f64, value);
                // Runs of several sweeps have the same settings, so the note says which sweep it is.
                let note = Note { run: None, text: format!("{name}\n{}", note(series, row).text) };
                Some(Run { at, note })
            };
            series.rows.iter().filter_map(run).collect()
        });
        Curve { name, look, panels }
    }

    fn draw_legend(&self, root: &Area<'_>, at: (i32, i32)) -> anyhow::Result<()> {
        legend_entry(root, at, self.look, &self.name, &format!("{} runs", self.panels[0].len()))
    }

    fn draw(&self, root: &Area<'_>, notes: &mut Notes, frame: &Frame, panel: usize) -> anyhow::Result<()> {
        let runs = &self.panels[panel];
        let points: Vec<(f64, f64)> = runs.iter().map(|run| run.at).collect();
        let means = Groups::of(&points);
        let line: Vec<_> = means.as_slice().iter().map(|group| frame.at(group.x, group.mean())).collect();
        path(root, &line, self.look, 1.6)?;
        runs::draw(root, notes, frame, (self.look, RADIUS - 1.0), runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::row::tests::example;

    #[test]
    fn every_sweep_is_a_curve_in_both_panels() {
        let slower = |timeout| Row { stable_max_ms: Some(900), ..example(timeout, 1) };
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
        let failed = [Row { status: Status::Crashed, ..example(50, 1) }];
        assert!(draw(&[("x".to_owned(), Series::group(&failed))]).is_err());
    }
}
