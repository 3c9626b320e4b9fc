//! What others published: crosses with their names.

use plotters::prelude::{PathElement, WHITE};
use plotters::style::RGBColor;

use super::Panel;
use crate::plot::canvas::{Area, Note, SCALE};
use crate::plot::pen::stroke;
use crate::plot::published::Published;
use crate::plot::style::INK;

/// Draws every published result, and its name where there is room.
pub(super) fn draw(panel: &mut Panel<'_, '_>, published: &[Published]) -> anyhow::Result<()> {
    let (frame, which) = (panel.frame.clone(), panel.which);
    let place = |one: &Published| frame.at(which.published(one), one.msgs_per_op);
    for one in published {
        panel.labels.avoid(place(one), 5.0);
    }
    for one in published {
        cross(panel.root, place(one))?;
        let Published { name, language, msgs_per_op, median_ms, max_ms, protocol, source } = one;
        let said = format!(
            "{name} ({language}): {protocol}\nmedian {median_ms}, max {max_ms} ms\n{msgs_per_op} msgs/op\n{source}"
        );
        panel.notes.add(place(one), &Note { run: None, text: said });
        panel.labels.write(panel.root, place(one), name, 11, INK)?;
    }
    Ok(())
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
