//! The measured runs: every run a small point, the median of each setting a large one. Lines join the medians
//! in the order of the horizontal axis's parameter, and a few of them are labelled.

use super::Panel;
use crate::analysis::pareto::{Fronts, Latency, Standing};
use crate::analysis::{Figure, Series};
use crate::plot::canvas::Note;
use crate::plot::draw::{RADIUS, marker, path, ring};
use crate::plot::runs::note;
use crate::plot::style::{self, Look, Marker};
use crate::record::RunRecord;
use crate::stats::median::Spread;
use crate::stats::spacing::evenly_spaced;

/// The radius of single runs, which are drawn below their timeout's median.
const RUN_RADIUS: f64 = 1.8;
/// How many points of a curve are labelled: more would hide the curve.
const MOST_LABELS: usize = 5;

/// A series' run: latency, messages, what to say of it.
pub(super) struct Run {
    x: f64,
    /// The value on the series' horizontal axis, in words.
    label: String,
    pub(super) median_ms: f64,
    pub(super) max_ms: f64,
    pub(super) msgs_per_op: f64,
    note: Note,
}

/// A series to draw.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) look: Look,
    pub(super) runs: Vec<Run>,
    /// The fronts that each setting is on, by its place on the horizontal axis; empty if they are not drawn.
    fronts: Vec<(f64, Fronts)>,
}

impl Curve {
    pub(super) fn of(series: &Series<'_>, look: Look, standings: &[Standing<'_>]) -> Curve {
        let run = |record: &&RunRecord| {
            let run = Run {
                x: series.x(record)?,
                label: series.axis.label(&record.run),
                median_ms: Figure::P50.of(record)?,
                max_ms: Figure::Max.of(record)?,
                msgs_per_op: Figure::MsgsPerOp.of(record)?,
                note: note(series, record),
            };
            // No messages have no place on a logarithmic axis.
            (run.msgs_per_op > 0.0).then_some(run)
        };
        let mut runs: Vec<Run> = series.records.iter().filter_map(run).collect();
        runs.sort_by(|a, b| a.x.total_cmp(&b.x));
        let own = standings.iter().filter(|standing| standing.series == series.name);
        let fronts = own.filter_map(|standing| Some((standing.point.x, standing.fronts?))).collect();
        Curve { name: series.name.clone(), look, runs, fronts }
    }

    /// Whether a run has a latency of 0.
    pub(super) fn has_zero(&self) -> bool {
        self.runs.iter().any(|run| run.median_ms < 1.0 || run.max_ms < 1.0)
    }

    /// Whether the fronts are drawn.
    pub(super) fn has_fronts(&self) -> bool {
        !self.fronts.is_empty()
    }

    /// The medians of the settings on the front of messages and this latency.
    fn front(&self, which: Latency) -> impl Iterator<Item = (f64, f64)> {
        let is_on = move |x: f64| self.fronts.iter().any(|(at, fronts)| *at == x && fronts.of(which));
        let xs = self.runs.chunk_by(|a, b| a.x == b.x).map(|runs| runs[0].x);
        xs.zip(self.medians(which)).filter(move |(x, _)| is_on(*x)).map(|(_, (_, at))| at)
    }

    /// The median latency and messages of each setting, in the order of the horizontal axis.
    fn medians(&self, which: Latency) -> Vec<(&str, (f64, f64))> {
        let timeouts = self.runs.chunk_by(|a, b| a.x == b.x);
        let median = |runs: &[Run], value: &dyn Fn(&Run) -> f64| {
            Spread::of(runs.iter().map(value)).map(|one| one.median)
        };
        let at =
            |runs: &[Run]| Some((median(runs, &|run| which.of(run))?, median(runs, &|run| run.msgs_per_op)?));
        timeouts.filter_map(|runs| Some((runs.first()?.label.as_str(), at(runs)?))).collect()
    }
}

/// Draws the settings of other panels in the background.
pub(super) fn draw_pale(panel: &Panel<'_, '_>, curves: &[Curve]) -> anyhow::Result<()> {
    let pale = Look { colour: style::PALE, marker: Marker::Circle, dash: None };
    let medians = curves.iter().flat_map(|curve| curve.medians(panel.which));
    medians.map(|(_, (x, y))| panel.axes.at(x, y)).try_for_each(|at| marker(panel.root, at, pale, RUN_RADIUS))
}

/// Writes a few timeouts next to each curve, where there is room.
pub(super) fn label(panel: &mut Panel<'_, '_>, curves: &[Curve]) -> anyhow::Result<()> {
    /// So far (pixels) from their points: the ends need a label most.
    const REACH: [f64; 2] = [48.0, 26.0];
    for curve in curves {
        let medians = curve.medians(panel.which);
        let colour = style::darker(curve.look.colour);
        for place in evenly_spaced(medians.len(), MOST_LABELS) {
            let (label, (x, y)) = medians[place];
            let at = panel.axes.at(x, y);
            let reach = REACH[usize::from(place > 0 && place + 1 < medians.len())];
            panel.labels.write_within(panel.root, reach, at, label, 11, colour)?;
        }
    }
    Ok(())
}

/// Draws every curve, and keeps labels off them.
pub(super) fn draw(panel: &mut Panel<'_, '_>, curves: &[Curve]) -> anyhow::Result<()> {
    for curve in curves {
        let line: Vec<(i32, i32)> =
            curve.medians(panel.which).iter().map(|&(_, (x, y))| panel.axes.at(x, y)).collect();
        path(panel.root, &line, curve.look, 1.4)?;
        panel.labels.avoid_line(&line);
    }
    for curve in curves {
        for run in &curve.runs {
            let at = panel.axes.at(panel.which.of(run), run.msgs_per_op);
            marker(panel.root, at, curve.look, RUN_RADIUS)?;
            panel.notes.add(at, &run.note);
            panel.labels.avoid(at, 3.0);
        }
    }
    for curve in curves {
        for (_, (x, y)) in curve.medians(panel.which) {
            let at = panel.axes.at(x, y);
            marker(panel.root, at, curve.look, RADIUS)?;
            panel.labels.avoid(at, 6.0);
        }
        for (x, y) in curve.front(panel.which) {
            let at = panel.axes.at(x, y);
            ring(panel.root, at)?;
            panel.labels.avoid(at, 8.0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::with_max;

    #[test]
    fn large_points_are_the_medians_of_the_tables() {
        let run =
            |msgs, max| with_max(100, 1, max).with(|record| record.figures_mut().msgs_per_op = Some(msgs));
        let records = [run(1.0, 300), run(2.0, 310), run(9.0, 900)];
        let series = Series::group(&records);
        let look = style::of_series(&series)[0];
        assert_eq!(Curve::of(&series[0], look, &[]).medians(Latency::Max), [("100 ms", (310.0, 2.0))]);
    }
}
