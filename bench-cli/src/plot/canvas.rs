//! An SVG canvas with plotters' drawing, but finer than whole pixels.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea as _, SVGBackend};

use super::style::{self, FAMILIES, PLOTTERS_FAMILY};

/// plotters places everything on whole pixels, which makes lines crooked. So drawing is done this much larger, and
/// the SVG's size, not its coordinates, is that of the picture.
pub const SCALE: i32 = 8;

/// How far from its middle a note can be pointed at, in pixels.
const NOTE_RADIUS: i32 = 7;

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

/// What a viewer says of a spot of a picture while the pointer is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The spot's middle, in pixels of `1 / SCALE`.
    pub at: (i32, i32),
    /// What the spot stands for: equal for all spots of one run ([`Row::key`](crate::outcome::Row::key)).
    pub key: String,
    /// What to say, in lines.
    pub text: String,
}

/// Lays notes over a picture. plotters has no way to give what it draws a title, so each note is a spot of its own
/// that cannot be seen; browsers show its text on hovering, other viewers ignore it.
pub fn annotate(svg: &str, notes: &[Note]) -> String {
    let body = svg.trim_end().strip_suffix("</svg>").unwrap_or(svg);
    let mut annotated = body.to_owned();
    let radius = NOTE_RADIUS * SCALE;
    annotated.push_str("<g fill-opacity=\"0\" pointer-events=\"all\">\n");
    for Note { at: (x, y), key, text } in notes {
        let (key, text) = (escape(key), escape(text));
        let _ = writeln!(
            annotated,
            "<circle data-run=\"{key}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"><title>{text}</title></circle>"
        );
    }
    annotated.push_str("</g>\n</svg>\n");
    annotated
}

/// Text as it must be written in XML and HTML, within elements and within attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to write the other control characters.
            control if control.is_control() && !"\n\t".contains(control) => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_lie_on_top_and_say_anything() {
        let note = Note { at: (8, 16), key: "a\"b".to_owned(), text: "<x> & 'y'\u{1b}\nz".to_owned() };
        let svg = annotate("<svg>\n<rect/>\n</svg>\n", &[note]);
        let title = "<title>&lt;x&gt; &amp; &#39;y&#39;\u{fffd}\nz</title>";
        let circle = format!("<circle data-run=\"a&quot;b\" cx=\"8\" cy=\"16\" r=\"56\">{title}</circle>");
        let group = format!("<g fill-opacity=\"0\" pointer-events=\"all\">\n{circle}\n</g>");
        assert_eq!(svg, format!("<svg>\n<rect/>\n{group}\n</svg>\n"));
    }
}
