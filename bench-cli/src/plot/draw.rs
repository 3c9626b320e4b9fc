//! What every plot draws: text, markers, lines and areas. Sizes and places are in pixels, unless a function
//! says that it takes the canvas's finer unit.

use plotters::prelude::{
    Circle, FontDesc, FontStyle, IntoFont as _, PathElement, Polygon, Rectangle, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBColor, ShapeStyle, TextStyle};

use super::canvas::{Area, SCALE};
use super::style::{self, INK, Look, Marker, PLOTTERS_FAMILY};

/// The radius of a point.
pub const RADIUS: f64 = 4.2;

/// Pixels in the canvas's finer unit.
pub fn scaled(pixels: f64) -> i32 {
    (pixels * f64::from(SCALE)).round() as i32
}

/// A line of this width.
pub fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    colour.stroke_width(scaled(width).unsigned_abs())
}

/// The regular font.
pub fn regular(size: i32) -> FontDesc<'static> {
    // plotters looks the family up as soon as a font is made.
    style::register_fonts();
    (PLOTTERS_FAMILY, size * SCALE).into_font()
}

/// The bold font.
pub fn bold(size: i32) -> FontDesc<'static> {
    style::register_fonts();
    (PLOTTERS_FAMILY, size * SCALE, FontStyle::Bold).into_font()
}

/// Writes text with its left end and its middle height at `(x, y)`.
///
/// # Errors
/// If drawing fails.
pub fn text(
    root: &Area<'_>,
    (x, y): (i32, i32),
    text: &str,
    font: &FontDesc<'static>,
    colour: RGBColor,
) -> anyhow::Result<()> {
    let style = TextStyle::from(font.clone()).color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
    root.draw(&Text::new(text.to_owned(), (x * SCALE, y * SCALE), style))?;
    Ok(())
}

/// The width of a text.
///
/// # Errors
/// If the font cannot measure it.
pub fn text_width(text: &str, font: &FontDesc<'static>) -> anyhow::Result<f64> {
    let (width, _) = font.box_size(text)?;
    Ok(f64::from(width) / f64::from(SCALE))
}

/// Draws a marker with a white rim, which keeps overlapping points apart. Its middle is in the canvas's finer
/// unit.
///
/// # Errors
/// If drawing fails.
pub fn marker(root: &Area<'_>, (x, y): (i32, i32), look: Look, radius: f64) -> anyhow::Result<()> {
    for (fill, radius) in [(WHITE, radius + 1.1), (look.colour, radius)] {
        let fill = fill.filled();
        match outline(look.marker, radius) {
            None => root.draw(&Circle::new((x, y), scaled(radius), fill))?,
            Some(corners) => {
                let moved: Vec<_> = corners.iter().map(|&(dx, dy)| (x + dx, y + dy)).collect();
                root.draw(&Polygon::new(moved, fill))?;
            }
        }
    }
    Ok(())
}

/// Draws a ring that a marker fits into: a setting on the Pareto front. Its middle is in the canvas's finer
/// unit.
///
/// # Errors
/// If drawing fails.
pub fn ring(root: &Area<'_>, at: (i32, i32)) -> anyhow::Result<()> {
    root.draw(&Circle::new(at, scaled(RADIUS + 2.8), stroke(INK, 1.2)))?;
    Ok(())
}

/// The corners of a marker around the origin, or `None` for the disc. All markers cover about the same area.
fn outline(marker: Marker, radius: f64) -> Option<Vec<(i32, i32)>> {
    let corners: &[(f64, f64)] = match marker {
        Marker::Circle => return None,
        Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Marker::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
        Marker::Triangle => &[(0.0, -1.3), (1.2, 0.85), (-1.2, 0.85)],
    };
    Some(corners.iter().map(|&(x, y)| (scaled(x * radius), scaled(y * radius))).collect())
}

/// Draws a line of corners, dashed if the look is. Corners are in the canvas's finer unit.
///
/// # Errors
/// If drawing fails.
pub fn path(root: &Area<'_>, corners: &[(i32, i32)], look: Look, width: f64) -> anyhow::Result<()> {
    let style = stroke(look.colour, width);
    match look.dash {
        None => root.draw(&PathElement::new(corners.to_vec(), style))?,
        Some((dash, gap)) => {
            for piece in dashes(corners, f64::from(dash * SCALE), f64::from(gap * SCALE)) {
                root.draw(&PathElement::new(piece, style))?;
            }
        }
    }
    Ok(())
}

/// Cuts a line into dashes of this length with gaps between them.
fn dashes(corners: &[(i32, i32)], dash: f64, gap: f64) -> Vec<Vec<(i32, i32)>> {
    let mut pieces = vec![corners.first().copied().into_iter().collect::<Vec<_>>()];
    let (mut inside, mut left) = (true, dash);
    for pair in corners.windows(2) {
        let (from, to) =
            ((f64::from(pair[0].0), f64::from(pair[0].1)), (f64::from(pair[1].0), f64::from(pair[1].1)));
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |done: f64| {
            let share = done / length;
            (
                (from.0 + (to.0 - from.0) * share).round() as i32,
                (from.1 + (to.1 - from.1) * share).round() as i32,
            )
        };
        let mut done = 0.0;
        while done + left < length {
            done += left;
            match inside {
                true => pieces.last_mut().into_iter().for_each(|piece| piece.push(at(done))),
                false => pieces.push(vec![at(done)]),
            }
            inside = !inside;
            left = if inside { dash } else { gap };
        }
        left -= length - done;
        if inside {
            pieces.last_mut().into_iter().for_each(|piece| piece.push(pair[1]));
        }
    }
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// Fills the area between two corners, in the canvas's finer unit.
///
/// # Errors
/// If drawing fails.
pub fn shade(
    root: &Area<'_>,
    corners: [(i32, i32); 2],
    colour: RGBColor,
    opacity: f64,
) -> anyhow::Result<()> {
    root.draw(&Rectangle::new(corners, colour.mix(opacity).filled()))?;
    Ok(())
}

/// Fills a polygon with these corners, in the canvas's finer unit.
///
/// # Errors
/// If drawing fails.
pub fn fill(root: &Area<'_>, corners: Vec<(i32, i32)>, colour: RGBColor, opacity: f64) -> anyhow::Result<()> {
    root.draw(&Polygon::new(corners, colour.mix(opacity).filled()))?;
    Ok(())
}

/// Draws a cross with a white rim. Its middle is in the canvas's finer unit.
///
/// # Errors
/// If drawing fails.
pub fn cross(root: &Area<'_>, at: (i32, i32)) -> anyhow::Result<()> {
    const ARM: i32 = 4 * SCALE;
    arms(root, at, [(ARM, ARM), (ARM, -ARM)])
}

/// Draws an upright cross: a result of others that was measured side by side.
///
/// # Errors
/// If drawing fails.
pub fn upright_cross(root: &Area<'_>, at: (i32, i32)) -> anyhow::Result<()> {
    const ARM: i32 = 5 * SCALE;
    arms(root, at, [(ARM, 0), (0, ARM)])
}

/// Draws lines through a point, each to both sides of it.
fn arms(root: &Area<'_>, (x, y): (i32, i32), arms: [(i32, i32); 2]) -> anyhow::Result<()> {
    const COLOURS: [(RGBColor, f64); 2] = [(WHITE, 3.4), (INK, 1.6)];
    for (colour, width) in COLOURS {
        for (dx, dy) in arms {
            root.draw(&PathElement::new([(x - dx, y - dy), (x + dx, y + dy)], stroke(colour, width)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_run_on_over_corners() {
        let pieces = dashes(&[(0, 0), (10, 0), (10, 10)], 4.0, 4.0);
        assert_eq!(pieces, [vec![(0, 0), (4, 0)], vec![(8, 0), (10, 0), (10, 2)], vec![(10, 6), (10, 10)]]);
    }
}
