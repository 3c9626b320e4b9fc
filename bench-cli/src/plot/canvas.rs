//! An SVG canvas with plotters' drawing, but finer than whole pixels.

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea as _, SVGBackend};

use super::style::{self, FAMILIES, PLOTTERS_FAMILY};

/// plotters places everything on whole pixels, which makes lines crooked. So drawing is done this much larger, and
/// the SVG's size, not its coordinates, is that of the picture.
pub const SCALE: i32 = 8;

/// An area to draw on, in pixels of `1 / SCALE`.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a picture of `width` × `height` pixels and returns its SVG.
///
/// # Errors
/// If drawing fails.
pub fn draw(
    width: u32,
    height: u32,
    draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    style::register_fonts();
    let scale = SCALE.unsigned_abs();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width * scale, height * scale)).into_drawing_area();
        draw(&root)?;
        root.present()?;
    }
    let fine = format!("<svg width=\"{}\" height=\"{}\"", width * scale, height * scale);
    anyhow::ensure!(svg.starts_with(&fine), "plotters writes another <svg> tag than it used to");
    let sized = format!("<svg width=\"{width}\" height=\"{height}\"");
    let family = format!("font-family=\"{PLOTTERS_FAMILY}\"");
    Ok(svg.replacen(&fine, &sized, 1).replace(&family, &format!("font-family=\"{FAMILIES}\"")))
}
