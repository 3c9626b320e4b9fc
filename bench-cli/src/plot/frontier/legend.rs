//! Which curve is whose, in as many lines as that takes.

use super::Scene;
use super::others::cross;
use crate::plot::canvas::{Area, SCALE};
use crate::plot::pen::{bold, regular, sample, text, text_width};
use crate::plot::style::{INK, Look};

/// Sizes in pixels.
const LINE: i32 = 26;
const SAMPLE: i32 = 52;
const CROSS: i32 = 18;
const GAP: i32 = 28;

/// The entries with their places.
pub(super) struct Legend {
    entries: Vec<Entry>,
    lines: i32,
}

struct Entry {
    /// The look of a curve; a published result has none.
    look: Option<Look>,
    name: String,
    /// The left end in pixels, and the line.
    place: (i32, i32),
}

impl Legend {
    /// Sets the entries side by side, and in a further line where one is longer than `width` pixels.
    ///
    /// # Errors
    /// If the font cannot measure a name.
    pub(super) fn of(scene: &Scene, width: i32) -> anyhow::Result<Legend> {
        let curves = scene.curves.iter().map(|curve| (Some(curve.look), curve.name.clone()));
        let others = (!scene.published.is_empty())
            .then(|| (None, "published by others (25 nodes, 100 op/s, 100 ms)".to_owned()));
        let (mut x, mut line) = (0, 0);
        let mut entries = Vec::new();
        for (look, name) in curves.chain(others) {
            let (start, font) = if look.is_some() { (SAMPLE, bold(14)) } else { (CROSS, regular(14)) };
            let long = start + text_width(&name, &font)?.ceil() as i32;
            if x > 0 && x + long > width {
                (x, line) = (0, line + 1);
            }
            entries.push(Entry { look, name, place: (x, line) });
            x += long + GAP;
        }
        Ok(Legend { entries, lines: line + 1 })
    }

    /// The height of all lines in pixels.
    pub(super) fn height(&self) -> i32 {
        self.lines * LINE + 8
    }

    /// Draws it below `top`, from `left` on.
    pub(super) fn draw(&self, root: &Area<'_>, (left, top): (i32, i32)) -> anyhow::Result<()> {
        for Entry { look, name, place: (x, line) } in &self.entries {
            let (x, y) = (left + x, top + line * LINE + LINE / 2 + 4);
            match look {
                Some(look) => {
                    sample(root, (x, y), *look)?;
                    text(root, (x + SAMPLE, y), name, &bold(14), INK)?;
                }
                None => {
                    cross(root, ((x + 6) * SCALE, y * SCALE))?;
                    text(root, (x + CROSS, y), name, &regular(14), INK)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Series;
    use crate::outcome::Row;
    use crate::outcome::row::tests::example;

    #[test]
    fn many_names_take_further_lines_within_the_width() {
        let row = |node_count| Row { node_count, rate: node_count as f64, ..example(50, 1) };
        let rows: Vec<Row> = (1..=9).map(row).collect();
        let scene = Scene::of(&Series::group(&rows)).unwrap();
        let legend = Legend::of(&scene, 500).unwrap();
        assert!(legend.lines > 2, "{}", legend.lines);
        for Entry { name, place: (x, line), .. } in &legend.entries {
            let end = x + SAMPLE + text_width(name, &bold(14)).unwrap().ceil() as i32;
            assert!(end <= 500 && *line < legend.lines, "{name}: {x}, {line}");
        }
    }
}
