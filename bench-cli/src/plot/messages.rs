//! Messages for each operation against the batch timeout, with what the model of each strategy says.

use std::time::Duration;

use anyhow::bail;
use plotters::prelude::WHITE;

use super::canvas::{self, Area, Notes};
use super::frame::{Frame, Scale};
use super::pen::{RADIUS, bold, footer, legend_entry, note, nothing_to_draw, path, regular, text};
use super::runs::{self, Run};
use super::style::{self, INK, Look, MUTED};
use crate::analysis::{Figure, Series};
use crate::model::MessageModel;
use crate::record::Row;

/// Sizes in pixels.
const MARGIN: i32 = 28;
const HEADER: i32 = 76;
const SUBTITLE: i32 = 20;
const LEGEND_ROW: i32 = 24;
const AXIS_LEFT: i32 = 64;
const CHART: (i32, i32) = (760, 440);
const BELOW: i32 = 104;
const STEPS: u32 = 200;

/// Draws the picture.
///
/// # Errors
/// If no run is ok, so that there is nothing to draw.
pub fn draw(series: &[Series<'_>]) -> anyhow::Result<String> {
    let curves: Vec<Curve> =
        series.iter().zip(style::of_series(series)).map(|(series, look)| Curve::of(series, look)).collect();
    let points = || curves.iter().flat_map(|curve| &curve.runs).map(|run| run.at);
    if points().next().is_none() {
        bail!(nothing_to_draw(series));
    }
    let models = curves.iter().flat_map(|curve| curve.model_at(points().map(|p| p.0).fold(0.0, f64::max)));
    let values = points().map(|p| p.1).chain(models);
    let range = values.fold(f64::INFINITY..=0.0, |range, v| range.start().min(v)..=range.end().max(v));
    let subtitle: &[&str] = if curves.iter().any(|curve| curve.model.is_some()) {
        &[
            "Points are runs. Curves are models for clients that take turns, not fits.",
            "Requests that wait behind a message in flight are batched for free, so short timeouts fall below.",
        ]
    } else {
        &["Points are runs."]
    };
    let header = HEADER + SUBTITLE * (subtitle.len() as i32 - 1);
    let top = header + LEGEND_ROW * curves.len() as i32 + 12;
    let frame = Frame {
        left: MARGIN + AXIS_LEFT,
        top,
        width: CHART.0,
        height: CHART.1,
        x: Scale::linear(points().map(|p| p.0).fold(0.0, f64::max)),
        y: Scale::logarithmic(range),
    };
    let (width, height) = (frame.left + CHART.0 + MARGIN, top + CHART.1 + BELOW);
    canvas::draw(width, height, |root, notes| {
        root.fill(&WHITE)?;
        text(root, (MARGIN, 34), "Messages against batch timeout", &bold(24), INK)?;
        for (line, subtitle) in (0..).zip(subtitle) {
            text(root, (MARGIN, 60 + line * SUBTITLE), subtitle, &regular(15), MUTED)?;
        }
        frame.draw(root, "batch timeout (ms)", "messages between nodes per operation")?;
        for (row, curve) in (0..).zip(&curves) {
            curve.draw_legend(root, (MARGIN, header + 10 + row * LEGEND_ROW))?;
            curve.draw(root, notes, &frame)?;
        }
        text(root, (MARGIN, height - 20), &footer(series), &regular(12), MUTED)
    })
}

struct Curve {
    name: String,
    look: Look,
    runs: Vec<Run>,
    model: Option<MessageModel>,
}

impl Curve {
    fn of(series: &Series<'_>, look: Look) -> Curve {
        let run = |row: &&Row| {
            let msgs = Figure::MsgsPerOp.of(row).filter(|&msgs| msgs > 0.0)?;
            Some(Run { at: (row.batch_timeout_ms as f64, msgs), note: note(series, row) })
        };
        Curve {
            name: series.name.clone(),
            look,
            runs: series.rows.iter().filter_map(run).collect(),
            model: series.message_model(),
        }
    }

    fn model_at(&self, timeout_ms: f64) -> Option<f64> {
        self.model.as_ref().map(|model| model.msgs_per_op(Duration::from_secs_f64(timeout_ms / 1e3)))
    }

    fn draw_legend(&self, root: &Area<'_>, at: (i32, i32)) -> anyhow::Result<()> {
        let model = self.model.as_ref().map_or("no model", |model| model.name());
        legend_entry(root, at, self.look, &self.name, model)
    }

    fn draw(&self, root: &Area<'_>, notes: &mut Notes, frame: &Frame) -> anyhow::Result<()> {
        if self.model.is_some() {
            let points = frame.x.steps(STEPS).filter_map(|x| Some((x, self.model_at(x)?)));
            let line: Vec<_> =
                points.filter(|&(x, y)| frame.contains(x, y)).map(|(x, y)| frame.at(x, y)).collect();
            path(root, &line, self.look, 1.6)?;
        }
        runs::draw(root, notes, frame, (self.look, RADIUS - 0.7), &self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::tests::example;

    #[test]
    fn only_strategies_with_a_model_have_a_curve() {
        let tree = |timeout| Row { strategy: "tree".to_owned(), ..example(timeout, 1) };
        let rows = [example(50, 1), example(400, 1), tree(50), tree(400)];
        let svg = draw(&Series::group(&rows)).unwrap();
        for word in
            ["two hops, one period for all", "no model", "batch timeout (ms)", "tree, 400 ms, repetition 1"]
        {
            assert!(svg.contains(word), "{word}");
        }
        let without = draw(&Series::group(&rows[2..])).unwrap();
        assert!(!without.contains("models for clients"));
    }
}
