//! What others published: crosses with their names.

use plotters::prelude::{PathElement, WHITE};
use plotters::style::RGBColor;

use super::Panel;
use crate::plot::canvas::{Area, Note, SCALE};
use crate::plot::pen::stroke;
use crate::plot::published::Published;
use crate::plot::style::INK;

/// Draws every published result, and keeps labels off them.
pub(super) fn draw(panel: &mut Panel<'_, '_>, published: &[Published]) -> anyhow::Result<()> {
    for one in published {
        let at = place(panel, one);
        cross(panel.root, at)?;
        panel.labels.avoid(at, 6.0);
        let Published { name, language, msgs_per_op, median_ms, max_ms, protocol, source } = one;
        let said = format!(
            "{name} ({language}): {protocol}\nmedian {median_ms}, max {max_ms} ms\n{msgs_per_op} msgs/op\n{source}"
        );
        panel.notes.add(at, &Note { run: None, text: said });
    }
    Ok(())
}

/// Writes the name of every published result where there is room.
pub(super) fn label(panel: &mut Panel<'_, '_>, published: &[Published]) -> anyhow::Result<()> {
    for one in published {
        let at = place(panel, one);
        panel.labels.write(panel.root, at, &one.name, 11, INK)?;
    }
    Ok(())
}

fn place(panel: &Panel<'_, '_>, one: &Published) -> (i32, i32) {
    panel.frame.at(panel.which.published(one), one.msgs_per_op)
}

/// The marker of a published result.
pub(super) fn cross(root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
    const ARM: i32 = 4 * SCALE;
    const COLOURS: [(RGBColor, f64); 2] = [(WHITE, 3.4), (INK, 1.6)];
    for (colour, width) in COLOURS {
        for (dx, dy) in [(ARM, ARM), (ARM, -ARM)] {
            root.draw(&PathElement::new([(x - dx, y - dy), (x + dx, y + dy)], stroke(colour, width)))?;
        }
    }
    Ok(())
}
