//! PDF from SVG. Text stays text, which can be searched and scaled.

use anyhow::Context as _;
use krilla::Document;
use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt as _, SvgSettings};

use super::png;

/// Points for each of the SVG's pixels, of which there are 96 in an inch.
const POINTS: f32 = 72.0 / 96.0;

/// Renders `svg` as a document of one page of the same size.
///
/// # Errors
/// If it is not a valid SVG, or the document cannot be written.
pub fn render(svg: &str) -> anyhow::Result<Vec<u8>> {
    let tree = png::tree(svg)?;
    let size = Size::from_wh(tree.size().width() * POINTS, tree.size().height() * POINTS);
    let size = size.context("the plot has no size")?;
    let mut document = Document::new();
    let mut page = document.start_page_with(PageSettings::new(size));
    let mut surface = page.surface();
    surface.draw_svg(&tree, size, SvgSettings::default()).context("the plot cannot be drawn as PDF")?;
    surface.finish();
    page.finish();
    document.finish().map_err(|error| anyhow::anyhow!("the plot cannot be written as PDF: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdf_has_the_size_of_its_drawing() {
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"84mm\" height=\"10mm\" viewBox=\"0 0 84 10\">\
                   <text x=\"1\" y=\"8\">hub</text></svg>";
        let pdf = render(svg).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        let size = text.split("/MediaBox").nth(1).and_then(|rest| rest.split(']').next());
        assert!(text.starts_with("%PDF-") && size.is_some_and(|size| size.contains(" 238.")), "{size:?}");
        assert!(render("no svg").is_err());
    }
}
