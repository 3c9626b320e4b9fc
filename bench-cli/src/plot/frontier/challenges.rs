//! The boxes of what passes a challenge.

use plotters::prelude::PathElement;

use super::Panel;
use crate::plot::draw::{self, stroke};
use crate::plot::style::MUTED;
use crate::spec::limits::Challenge;

/// Fills the area in which settings pass the challenge.
pub(super) fn shade(panel: &Panel<'_, '_>, challenge: &Challenge) -> anyhow::Result<()> {
    let (corner, base) = corners(panel, challenge);
    draw::shade(panel.root, [(base.0, corner.1), (corner.0, base.1)], MUTED, 0.05)
}

/// Outlines what passes, and keeps labels off the outline.
pub(super) fn outline(panel: &mut Panel<'_, '_>, challenge: &Challenge) -> anyhow::Result<()> {
    let (corner, base) = corners(panel, challenge);
    let edge = [(base.0, corner.1), corner, (corner.0, base.1)];
    panel.labels.avoid_line(&edge);
    panel.root.draw(&PathElement::new(edge.to_vec(), stroke(MUTED, 1.0)))?;
    Ok(())
}

/// Names what passes at its upper right corner.
pub(super) fn label(panel: &mut Panel<'_, '_>, challenge: &Challenge) -> anyhow::Result<()> {
    let (corner, _) = corners(panel, challenge);
    panel.labels.write_in_corner(panel.root, corner, &format!("{} passes", challenge.name), 13, MUTED)
}

/// The upper right and the lower left corner, in the canvas's finer unit.
fn corners(panel: &Panel<'_, '_>, challenge: &Challenge) -> ((i32, i32), (i32, i32)) {
    let axes = &panel.axes;
    (axes.at(panel.which.limit(challenge), challenge.msgs_per_op), axes.at(axes.x.start(), axes.y.start()))
}
