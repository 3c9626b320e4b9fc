//! Which curve is whose, in as many lines as that takes.

use plotters::prelude::FontDesc;

use super::others::cross;
use super::{Scene, models};
use crate::plot::canvas::{Area, SCALE};
use crate::plot::pen::{bold, regular, sample, text, text_width};
use crate::plot::style::{INK, Look};

/// Sizes in pixels.
const LINE: i32 = 26;
const SAMPLE: i32 = 52;
const CROSS: i32 = 18;
const GAP: i32 = 28;

/// What an entry explains.
#[derive(Clone, Copy)]
enum Symbol {
    Curve(Look),
    Model,
    Published,
}

impl Symbol {
    /// The width of its picture in pixels.
    const fn width(self) -> i32 {
        match self {
            Symbol::Curve(_) | Symbol::Model => SAMPLE,
            Symbol::Published => CROSS,
        }
    }

    /// Series are what a reader looks for.
    fn font(self) -> FontDesc<'static> {
        match self {
            Symbol::Curve(_) => bold(14),
            Symbol::Model | Symbol::Published => regular(14),
        }
    }

    fn draw(self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        match self {
            Symbol::Curve(look) => sample(root, (x, y), look),
            Symbol::Model => models::sample(root, (x, y)),
            Symbol::Published => cross(root, ((x + 6) * SCALE, y * SCALE)),
        }
    }
}

/// The entries with their places.
pub(super) struct Legend {
    entries: Vec<Entry>,
    lines: i32,
}

struct Entry {
    symbol: Symbol,
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
        let curves = scene.curves.iter().map(|curve| (Symbol::Curve(curve.look), curve.name.clone()));
        let models = scene.cluster.map(|_| (Symbol::Model, "model, and up to one hop less".to_owned()));
        let others = (!scene.published.is_empty())
            .then(|| (Symbol::Published, "published by others (25 nodes, 100 op/s, 100 ms)".to_owned()));
        let (mut x, mut line) = (0, 0);
        let mut entries = Vec::new();
        for (symbol, name) in curves.chain(models).chain(others) {
            let long = symbol.width() + text_width(&name, &symbol.font())?.ceil() as i32;
            if x > 0 && x + long > width {
                (x, line) = (0, line + 1);
            }
            entries.push(Entry { symbol, name, place: (x, line) });
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
        for Entry { symbol, name, place: (x, line) } in &self.entries {
            let (x, y) = (left + x, top + line * LINE + LINE / 2 + 4);
            symbol.draw(root, (x, y))?;
            text(root, (x + symbol.width(), y), name, &symbol.font(), INK)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Series;
    use crate::record::Row;
    use crate::record::row::tests::example;

    #[test]
    fn many_names_take_further_lines_within_the_width() {
        let row = |node_count| Row { node_count, rate: node_count as f64, ..example(50, 1) };
        let rows: Vec<Row> = (1..=9).map(row).collect();
        let scene = Scene::of(&Series::group(&rows)).unwrap();
        let legend = Legend::of(&scene, 500).unwrap();
        assert!(legend.lines > 2, "{}", legend.lines);
        for Entry { symbol, name, place: (x, line) } in &legend.entries {
            let end = x + symbol.width() + text_width(name, &symbol.font()).unwrap().ceil() as i32;
            assert!(end <= 500 && *line < legend.lines, "{name}: {x}, {line}");
        }
    }
}
