//! PNG from SVG, with the bundled font and no other.

use std::sync::Arc;

use anyhow::Context as _;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use super::style::{BOLD, FAMILY, REGULAR};

/// Pixels of the PNG for each of the SVG's: enough for print at the SVG's size.
const PIXELS: f32 = 2.0;

/// Renders `svg`.
///
/// # Errors
/// If it is not a valid SVG, or too large for memory.
pub fn render(svg: &str) -> anyhow::Result<Vec<u8>> {
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options = Options { font_family: FAMILY.to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).context("the picture cannot be rendered")?;
    let size = tree.size().to_int_size().scale_by(PIXELS).context("the picture is too large")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the picture is too large")?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(PIXELS, PIXELS), &mut pixels.as_mut());
    pixels.encode_png().context("the picture cannot be written as PNG")
}
