//! The legend of a plot: which symbol means what.

use plotters::prelude::FontDesc;

use super::canvas::{Area, SCALE};
use super::draw::{RADIUS, bold, cross, marker, path, regular, ring, shade, text, text_width, upright_cross};
use super::style::{INK, Look, MUTED};

/// Pixels from one line to the next.
const LINE: i32 = 24;
/// Pixels below the last line.
const BELOW: i32 = 12;
/// Pixels between entries on one line.
const GAP: i32 = 28;
/// The length of a sample of a line in pixels.
const SAMPLE: i32 = 44;

/// What an entry explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Symbol {
    /// A measured series: a line with a marker.
    Series(Look),
    /// A model's curve above the band of messages that it may overstate.
    Model {
        /// The curve.
        look: Look,
        /// How opaque the band is, from 0 to 1.
        band: f64,
    },
    /// Points without a line.
    Points(Look),
    /// A line without points.
    Line(Look),
    /// Points on the Pareto front.
    Front,
    /// Published points.
    Published,
    /// Points of others that were measured side by side.
    Measured,
}

impl Symbol {
    /// The width of the symbol and the gap after it, in pixels.
    const fn width(self) -> i32 {
        match self {
            Symbol::Series(_) | Symbol::Model { .. } | Symbol::Line(_) => SAMPLE + 8,
            Symbol::Points(_) | Symbol::Published | Symbol::Measured => 18,
            Symbol::Front => 22,
        }
    }

    /// The font of the name: readers look for series first.
    fn font(self) -> FontDesc<'static> {
        match self {
            Symbol::Series(_) | Symbol::Points(_) => bold(14),
            Symbol::Model { .. } | Symbol::Line(_) => regular(14),
            Symbol::Front | Symbol::Published | Symbol::Measured => regular(14),
        }
    }

    /// Draws the symbol with its left end and its middle height at `(x, y)`.
    fn draw(self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        let ends = [(x * SCALE, y * SCALE), ((x + SAMPLE) * SCALE, y * SCALE)];
        match self {
            Symbol::Series(look) => sample(root, (x, y), look),
            Symbol::Model { look, band } => {
                shade(root, [ends[0], (ends[1].0, ends[1].1 + 8 * SCALE)], MUTED, band)?;
                path(root, &ends, look, 1.3)
            }
            Symbol::Points(look) => marker(root, ((x + 6) * SCALE, y * SCALE), look, RADIUS),
            Symbol::Line(look) => path(root, &ends, look, 1.3),
            Symbol::Front => ring(root, ((x + 6) * SCALE, y * SCALE)),
            Symbol::Published => cross(root, ((x + 6) * SCALE, y * SCALE)),
            Symbol::Measured => upright_cross(root, ((x + 6) * SCALE, y * SCALE)),
        }
    }
}

/// Draws a line with a marker, [`SAMPLE`] pixels long, with its left end and its middle height at `(x, y)`.
///
/// # Errors
/// If drawing fails.
pub fn sample(root: &Area<'_>, (x, y): (i32, i32), look: Look) -> anyhow::Result<()> {
    let (start, end, y) = (x * SCALE, (x + SAMPLE) * SCALE, y * SCALE);
    path(root, &[(start, y), (end, y)], look, 2.0)?;
    marker(root, (i32::midpoint(start, end), y), look, RADIUS)
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The symbol that the entry explains.
    pub symbol: Symbol,
    /// Its name.
    pub name: String,
    /// More on it; may be empty.
    pub remark: String,
}

impl Entry {
    /// Pixels from the left end to the end of the name.
    fn name_end(&self) -> anyhow::Result<i32> {
        Ok(self.symbol.width() + text_width(&self.name, &self.symbol.font())?.ceil() as i32)
    }

    /// Pixels from the left end to the remark.
    fn remark_at(&self) -> anyhow::Result<i32> {
        Ok(self.name_end()? + 14)
    }

    /// The width in pixels.
    fn width(&self) -> anyhow::Result<i32> {
        if self.remark.is_empty() {
            return self.name_end();
        }
        Ok(self.remark_at()? + text_width(&self.remark, &regular(14))?.ceil() as i32)
    }

    fn draw(&self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        self.symbol.draw(root, (x, y))?;
        text(root, (x + self.symbol.width(), y), &self.name, &self.symbol.font(), INK)?;
        if self.remark.is_empty() {
            return Ok(());
        }
        text(root, (x + self.remark_at()?, y), &self.remark, &regular(14), MUTED)
    }
}

/// Entries with their places.
#[derive(Clone, Debug)]
pub struct Legend {
    /// Each with its left end in pixels, and its line.
    entries: Vec<(Entry, (i32, i32))>,
    lines: i32,
}

impl Legend {
    /// One entry on each line.
    pub fn column(entries: impl IntoIterator<Item = Entry>) -> Legend {
        let entries: Vec<_> = entries.into_iter().zip(0..).map(|(entry, line)| (entry, (0, line))).collect();
        Legend { lines: entries.len() as i32, entries }
    }

    /// Entries side by side, with a new line before one that would reach beyond `width` pixels.
    ///
    /// # Errors
    /// If the font cannot measure a name.
    pub fn row(entries: impl IntoIterator<Item = Entry>, width: i32) -> anyhow::Result<Legend> {
        let (mut x, mut line) = (0, 0);
        let mut placed = Vec::new();
        for entry in entries {
            let long = entry.width()?;
            if x > 0 && x + long > width {
                (x, line) = (0, line + 1);
            }
            placed.push((entry, (x, line)));
            x += long + GAP;
        }
        Ok(Legend { entries: placed, lines: line + 1 })
    }

    /// The height of all lines in pixels.
    pub fn height(&self) -> i32 {
        self.lines * LINE + BELOW
    }

    /// Draws the legend with its upper left corner at these pixels.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn draw(&self, root: &Area<'_>, (left, top): (i32, i32)) -> anyhow::Result<()> {
        for (entry, (x, line)) in &self.entries {
            entry.draw(root, (left + x, top + line * LINE + LINE / 2))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::style::{INK, Marker};

    #[test]
    fn many_names_take_further_lines_within_the_width() {
        let look = Look { colour: INK, marker: Marker::Circle, dash: None };
        let entry = |nodes| Entry {
            symbol: Symbol::Series(look),
            name: format!("hub, {nodes} nodes, {nodes} op/s"),
            remark: String::new(),
        };
        let legend = Legend::row((1..=9).map(entry), 500).unwrap();
        assert!(legend.lines > 2, "{}", legend.lines);
        for (entry, (x, line)) in &legend.entries {
            let end = x + entry.width().unwrap();
            assert!(end <= 500 && *line < legend.lines, "{}: {x}, {line}", entry.name);
        }
    }
}
