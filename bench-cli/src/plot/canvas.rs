//! An SVG canvas with plotters' drawing, but finer than whole pixels, and with notes that show on hover.

use std::borrow::Cow;
use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea as _, SVGBackend};

use super::page::Page;
use super::style::{self, FAMILIES, PLOTTERS_FAMILY};
use crate::markup::escape;

/// plotters places everything on whole pixels, which makes lines crooked. So drawing is done this much
/// larger, and the SVG's size, not its coordinates, is the size of the plot.
pub const SCALE: i32 = 8;

/// The radius, in pixels, within which the pointer is on a point.
const NOTE_RADIUS: i32 = 6;

/// An area to draw on, in pixels of `1 / SCALE`.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The text that a viewer shows when the pointer rests on a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The name of the run, if the point is one: a page that shows the plot can mark the run elsewhere.
    pub run: Option<String>,
    /// The note.
    pub text: String,
}

/// How every note in an SVG begins.
const NOTE: &str = "<circle class=\"note\"";

/// The notes of a plot. Only viewers of the SVG see them.
#[derive(Debug, Default)]
pub struct Notes(String);

impl Notes {
    /// Adds a note for the point at `(x, y)`, in the canvas's finer unit.
    pub fn add(&mut self, (x, y): (i32, i32), note: &Note) {
        let radius = NOTE_RADIUS * SCALE;
        let run = note.run.as_ref().map(|run| format!(" data-run=\"{}\"", escape(run))).unwrap_or_default();
        let text = escape(&note.text);
        let _ = write!(
            self.0,
            "{NOTE}{run} cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill-opacity=\"0\"><title>{text}</title></circle>"
        );
    }
}

/// Draws a plot of `width` × `height` pixels for a page and returns its SVG.
///
/// # Errors
/// If drawing fails.
pub fn draw(
    page: Page,
    (width, height): (i32, i32),
    draw: impl FnOnce(&Area<'_>, &mut Notes) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    style::register_fonts();
    let (fine_width, fine_height) = ((width * SCALE).unsigned_abs(), (height * SCALE).unsigned_abs());
    let mut svg = String::new();
    let mut notes = Notes::default();
    {
        let root = SVGBackend::with_string(&mut svg, (fine_width, fine_height)).into_drawing_area();
        draw(&root, &mut notes)?;
        root.present()?;
    }
    let fine = format!("<svg width=\"{fine_width}\" height=\"{fine_height}\"");
    anyhow::ensure!(svg.starts_with(&fine), "plotters writes another <svg> tag than it used to");
    let shown = width - 2 * page.crop();
    let sized = format!("<svg width=\"{}\" height=\"{}\"", page.length(shown), page.length(height));
    let whole = format!("viewBox=\"0 0 {fine_width} {fine_height}\"");
    let cropped = format!("viewBox=\"{} 0 {} {fine_height}\"", page.crop() * SCALE, shown * SCALE);
    anyhow::ensure!(svg.contains(&whole), "plotters writes another viewBox than it used to");
    let family = format!("font-family=\"{PLOTTERS_FAMILY}\"");
    let svg = svg
        .replacen(&fine, &sized, 1)
        .replacen(&whole, &cropped, 1)
        .replace(&family, &format!("font-family=\"{FAMILIES}\""));
    // Last in the file, so that no drawing covers them.
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    Ok(format!("{}{}{}", &svg[..end], notes.0, &svg[end..]))
}

/// A plot without its notes, for formats that cannot show them: a plot may have thousands.
pub(super) fn without_notes(svg: &str) -> Cow<'_, str> {
    match svg.find(NOTE) {
        Some(notes) => Cow::Owned(format!("{}</svg>", &svg[..notes])),
        None => Cow::Borrowed(svg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_last_and_are_escaped() {
        let svg = draw(Page::SCREEN, (10, 10), |_, notes| {
            notes.add((8, 16), &Note { run: Some("a\"b".to_owned()), text: "a < b & c\u{1b}".to_owned() });
            Ok(())
        })
        .unwrap();
        assert!(svg.contains("data-run=\"a&quot;b\""), "{svg}");
        assert!(svg.trim_end().ends_with("<title>a &lt; b &amp; c\u{fffd}</title></circle></svg>"), "{svg}");
        let bare = draw(Page::SCREEN, (10, 10), |_, _| Ok(())).unwrap();
        assert_eq!(without_notes(&svg).trim_end(), bare.trim_end());
        assert_eq!(without_notes(&bare), bare);
    }
}
