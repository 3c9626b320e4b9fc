//! PNG from SVG, with the bundled font and no other.

use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use png::{ColorType, Encoder, EncodingError, Filter};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use super::canvas::without_notes;
use super::style::{BOLD, FAMILY, REGULAR};

/// Pixels of the PNG for each of the SVG's, of which there are 96 in an inch.
const PIXELS: f32 = 2.0;
/// The same for a drawing whose size is one on paper: 600 in an inch.
const PIXELS_IN_PRINT: f32 = 600.0 / 96.0;

/// Renders `svg`.
///
/// # Errors
/// If it is not a valid SVG, or too large for memory.
pub fn render(svg: &str) -> anyhow::Result<Vec<u8>> {
    let tree = tree(svg)?;
    let scale = if svg.split('>').next().is_some_and(|root| root.contains("mm\"")) {
        PIXELS_IN_PRINT
    } else {
        PIXELS
    };
    let scaled = |length: f32| (length * scale).ceil() as u32;
    let mut pixels = Pixmap::new(scaled(tree.size().width()), scaled(tree.size().height()))
        .context("the plot is too large")?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    encode(&pixels).context("the plot cannot be written as PNG")
}

/// Encodes pixels, of which all are opaque: without their opacity, which all viewers assume.
///
/// Most pixels are like their neighbours, and lines are repeated. So filters, which help with photographs,
/// make a plot's file larger: the plot of `results/reference/frontier.png` takes 316 KB with them and 285 KB
/// without. zlib-rs takes 21 ms for it, miniz_oxide 40.
fn encode(pixels: &Pixmap) -> Result<Vec<u8>, EncodingError> {
    let colours: Vec<u8> = pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, pixels.width(), pixels.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_filter(Filter::NoFilter);
    encoder.write_header()?.write_image_data(&colours)?;
    Ok(file)
}

/// Reads an SVG without its notes, with the bundled font and no other.
pub(super) fn tree(svg: &str) -> anyhow::Result<Tree> {
    let fontdb = Arc::clone(&FONTS);
    let options = Options { font_family: FAMILY.to_owned(), fontdb, ..Options::default() };
    Tree::from_str(&without_notes(svg), &options).context("the plot cannot be rendered")
}

/// The bundled font.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for font in [REGULAR, BOLD] {
        fonts.load_font_source(Source::Binary(Arc::new(font)));
    }
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});
