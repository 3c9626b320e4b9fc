//! Runs as points that say which run they are.

use super::canvas::{Area, Note, Notes};
use super::frame::Frame;
use super::pen::marker;
use super::style::Look;

/// A run: timeout and figure, and what to say of it.
pub struct Run {
    /// Where it lies on the axes.
    pub at: (f64, f64),
    /// What is shown over its point.
    pub note: Note,
}

/// Draws a marker of this radius (pixels) for each run.
///
/// # Errors
/// If drawing fails.
pub fn draw(
    root: &Area<'_>,
    notes: &mut Notes,
    frame: &Frame,
    (look, radius): (Look, f64),
    runs: &[Run],
) -> anyhow::Result<()> {
    for run in runs {
        let at = frame.at(run.at.0, run.at.1);
        marker(root, at, look, radius)?;
        notes.add(at, &run.note);
    }
    Ok(())
}
