//! Runs as points with a note that says which run it is.

use super::axes::Axes;
use super::canvas::{Area, Note, Notes};
use super::draw::marker;
use super::style::Look;
use crate::analysis::{Series, names};
use crate::record::RunRecord;
use crate::spec::names::run_name;

/// A run as a point.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its place on the axes.
    pub at: (f64, f64),
    /// What a viewer sees when the pointer rests on the point.
    pub note: Note,
}

/// Draws a marker of this radius (pixels) for each run.
///
/// # Errors
/// If drawing fails.
pub fn draw(
    root: &Area<'_>,
    notes: &mut Notes,
    axes: &Axes,
    (look, radius): (Look, f64),
    runs: &[Run],
) -> anyhow::Result<()> {
    for run in runs {
        let at = axes.at(run.at.0, run.at.1);
        marker(root, at, look, radius)?;
        notes.add(at, &run.note);
    }
    Ok(())
}

/// The note on a run.
pub fn note(series: &Series<'_>, record: &RunRecord) -> Note {
    let Series { axis, subject, settings, .. } = series;
    Note {
        run: Some(run_name(axis, subject, settings, &record.run)),
        text: names::describe(settings, record),
    }
}

/// Why there is no plot.
pub fn nothing_to_draw<'a>(series: impl IntoIterator<Item = &'a Series<'a>>) -> String {
    let records: Vec<&RunRecord> =
        series.into_iter().flat_map(|series| series.records.iter().copied()).collect();
    match records.iter().filter(|record| record.is_ok()).count() {
        0 => format!("there is nothing to draw: none of the {} runs is ok", records.len()),
        ok => format!(
            "there is nothing to draw: none of the {ok} ok runs has figures for both axes (a logarithmic one has no 0)"
        ),
    }
}
