//! What was measured: every run a small point, the means of each timeout large ones, joined in their order.

use super::{Panel, Which};
use crate::analysis::{Figure, Series};
use crate::outcome::Row;
use crate::plot::canvas::Note;
use crate::plot::pen::{RADIUS, marker, note, path};
use crate::plot::style::Look;

/// Of single runs, which are drawn small below their timeout's mean.
const RUN_RADIUS: f64 = 1.8;

/// A series' run: latency, messages, what to say of it.
pub(super) struct Run {
    timeout_ms: u64,
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
}

impl Curve {
    pub(super) fn of(series: &Series<'_>, look: Look) -> Curve {
        let run = |row: &&Row| {
            let run = Run {
                timeout_ms: row.batch_timeout_ms,
                median_ms: Figure::P50.of(row)?,
                max_ms: Figure::Max.of(row)?,
                msgs_per_op: Figure::MsgsPerOp.of(row)?,
                note: note(series, row),
            };
            // Neither has a place on a logarithmic axis.
            (run.median_ms > 0.0 && run.msgs_per_op > 0.0).then_some(run)
        };
        let mut runs: Vec<Run> = series.rows.iter().filter_map(run).collect();
        runs.sort_by_key(|run| run.timeout_ms);
        Curve { name: series.name.clone(), look, runs }
    }

    /// The mean latency and messages of each timeout, shortest first.
    fn means(&self, which: Which) -> Vec<(f64, f64)> {
        let timeouts = self.runs.chunk_by(|a, b| a.timeout_ms == b.timeout_ms);
        let mean = |runs: &[Run], value: &dyn Fn(&Run) -> f64| {
            runs.iter().map(value).sum::<f64>() / runs.len() as f64
        };
        timeouts.map(|runs| (mean(runs, &|run| which.of(run)), mean(runs, &|run| run.msgs_per_op))).collect()
    }
}

/// Draws every curve, and keeps labels off them.
pub(super) fn draw(panel: &mut Panel<'_, '_>, curves: &[Curve]) -> anyhow::Result<()> {
    for curve in curves {
        let line: Vec<(i32, i32)> =
            curve.means(panel.which).iter().map(|&(x, y)| panel.frame.at(x, y)).collect();
        path(panel.root, &line, curve.look, 1.4)?;
        panel.labels.avoid_line(&line);
    }
    for curve in curves {
        for run in &curve.runs {
            let at = panel.frame.at(panel.which.of(run), run.msgs_per_op);
            marker(panel.root, at, curve.look, RUN_RADIUS)?;
            panel.notes.add(at, &run.note);
            panel.labels.avoid(at, 3.0);
        }
    }
    for curve in curves {
        for (x, y) in curve.means(panel.which) {
            let at = panel.frame.at(x, y);
            marker(panel.root, at, curve.look, RADIUS)?;
            panel.labels.avoid(at, 6.0);
        }
    }
    Ok(())
}
