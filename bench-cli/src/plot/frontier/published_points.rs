//! Others' results: crosses with their names, upright ones for those that were measured side by side.

use super::Panel;
use crate::plot::canvas::Note;
use crate::plot::draw::{cross, upright_cross};
use crate::plot::published::{By, Published};
use crate::plot::style::INK;

/// Draws every published result, and keeps labels off them.
pub(super) fn draw(panel: &mut Panel<'_, '_>, published: &[Published]) -> anyhow::Result<()> {
    for one in published {
        let at = place(panel, one);
        match one.by {
            By::Author => cross(panel.root, at)?,
            By::Us => upright_cross(panel.root, at)?,
        }
        panel.labels.avoid(at, 6.0);
        let Published {
            name, language, by, engine, msgs_per_op, median_ms, max_ms, protocol, source, ..
        } = one;
        let by = match by {
            By::Author => "published by its author".to_owned(),
            By::Us => format!("measured side by side, {engine}"),
        };
        let said = format!(
            "{name} ({language}): {protocol}\nmedian {median_ms}, max {max_ms} ms\n{msgs_per_op} msgs/op, {by}\n{source}"
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
    panel.axes.at(panel.which.published(one), one.msgs_per_op)
}
