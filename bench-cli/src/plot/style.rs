//! Colours, markers, line styles and fonts.

use std::sync::LazyLock;

use plotters::style::{FontStyle, RGBColor, register_font};

use crate::outcome::Quantile;

/// The font of all text, regular weight.
pub const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Roboto-Regular.ttf");
/// The font of titles.
pub const BOLD: &[u8] = include_bytes!("../../assets/fonts/Roboto-Bold.ttf");
/// The font's family name.
pub const FAMILY: &str = "Roboto";
/// What a viewer without that font should take.
pub const FAMILIES: &str = "Roboto, 'Helvetica Neue', Arial, sans-serif";
/// The name under which plotters knows the font, and which it writes into the SVG.
pub const PLOTTERS_FAMILY: &str = "sans-serif";

/// Text.
pub const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Text of less weight, and axes.
pub const MUTED: RGBColor = RGBColor(0x59, 0x59, 0x59);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xe3, 0xe3, 0xe3);

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A square on its tip.
    Diamond,
    /// A triangle on its base.
    Triangle,
}

/// How a curve is drawn. Those of one picture differ in colour, in marker and in dashes, so that any one of them is
/// enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// From the Okabe–Ito palette, which people with any colour vision can tell apart.
    pub colour: RGBColor,
    /// The points' shape.
    pub marker: Marker,
    /// Length of dashes and of the gaps between them; `None` for a solid line.
    pub dash: Option<(i32, i32)>,
}

const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const PURPLE: RGBColor = RGBColor(0xcc, 0x79, 0xa7);
const SKY: RGBColor = RGBColor(0x56, 0xb4, 0xe9);

/// The look of a quantile.
pub const fn of(quantile: Quantile) -> Look {
    let (colour, marker, dash) = match quantile {
        Quantile::P50 => (BLUE, Marker::Circle, None),
        Quantile::P95 => (GREEN, Marker::Square, Some((5, 4))),
        Quantile::P99 => (ORANGE, Marker::Diamond, Some((2, 3))),
        Quantile::Max => (VERMILION, Marker::Triangle, Some((15, 5))),
    };
    Look { colour, marker, dash }
}

/// The look of a series by its place in the sweep.
pub fn of_series(place: usize) -> Look {
    const COLOURS: [RGBColor; 6] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY];
    const MARKERS: [Marker; 4] = [Marker::Circle, Marker::Triangle, Marker::Square, Marker::Diamond];
    const DASHES: [Option<(i32, i32)>; 4] = [None, Some((12, 4)), Some((5, 4)), Some((2, 3))];
    let of_four = place % 4;
    Look { colour: COLOURS[place % COLOURS.len()], marker: MARKERS[of_four], dash: DASHES[of_four] }
}

/// Makes the font known to plotters, which measures text with it.
pub fn register_fonts() {
    static REGISTERED: LazyLock<()> = LazyLock::new(|| {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
            assert!(register_font(PLOTTERS_FAMILY, style, bytes).is_ok(), "the bundled font is a font");
        }
    });
    LazyLock::force(&REGISTERED);
}
