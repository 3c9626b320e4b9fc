//! Colours, markers, line styles and fonts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use node::StrategyKind;
use plotters::style::{FontStyle, RGBColor, register_font};

use crate::analysis::Series;
use crate::record::Quantile;

/// The font of all text, regular weight.
pub const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Roboto-Regular.ttf");
/// The font of titles.
pub const BOLD: &[u8] = include_bytes!("../../assets/fonts/Roboto-Bold.ttf");
/// The font's family name.
pub const FAMILY: &str = "Roboto";
/// The fonts for a viewer without that font, in order of preference.
pub const FAMILIES: &str = "Roboto, 'Helvetica Neue', Arial, sans-serif";
/// The name under which plotters knows the font, and which it writes into the SVG.
pub const PLOTTERS_FAMILY: &str = "sans-serif";

/// The colour of text.
pub const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Text of less weight, and axes.
pub const MUTED: RGBColor = RGBColor(0x59, 0x59, 0x59);
/// Points in the background.
pub const PALE: RGBColor = RGBColor(0xa8, 0xa8, 0xa8);
/// The colour of grid lines.
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

/// How a curve is drawn. The first few curves of a plot differ in colour, in marker and in dashes. Each of
/// these is enough to distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// For series mostly from the Okabe–Ito palette, whose colours people with any colour vision can tell
    /// apart.
    pub colour: RGBColor,
    /// The points' shape.
    pub marker: Marker,
    /// Length of dashes and of the gaps between them; `None` for a solid line.
    pub dash: Option<(i32, i32)>,
}

const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
const SKY: RGBColor = RGBColor(0x56, 0xb4, 0xe9);
const BROWN: RGBColor = RGBColor(0x7f, 0x4f, 0x24);

/// The look of a quantile: the higher, the darker, in a hue that no series has. Lines are solid, since dashes
/// say that a line does not fit.
pub const fn of(quantile: Quantile) -> Look {
    let (colour, marker) = match quantile {
        Quantile::P50 => (RGBColor(0xc0, 0x92, 0xd6), Marker::Circle),
        Quantile::P95 => (RGBColor(0x93, 0x4f, 0xb5), Marker::Square),
        Quantile::P99 => (RGBColor(0x6c, 0x2d, 0x8c), Marker::Diamond),
        Quantile::Max => (RGBColor(0x3f, 0x0f, 0x5c), Marker::Triangle),
    };
    Look { colour, marker, dash: None }
}

/// The looks of series that share a plot. A strategy has the same look in every plot. A second series of a
/// strategy, and the series of other nodes, have looks by their place among such series.
pub fn of_series<'a>(series: impl IntoIterator<Item = &'a Series<'a>>) -> Vec<Look> {
    let mut taken = BTreeSet::new();
    let mut others = 0;
    let look = |series: &Series<'_>| {
        let own = series.strategy().and_then(of_strategy).filter(|_| taken.insert(series.subject.clone()));
        own.unwrap_or_else(|| {
            others += 1;
            of_other(others - 1)
        })
    };
    series.into_iter().map(look).collect()
}

/// The look of a strategy; `None` for one that has no look of its own.
pub const fn of_strategy(strategy: StrategyKind) -> Option<Look> {
    let (colour, marker, dash) = match strategy {
        StrategyKind::Tree => (VERMILION, Marker::Triangle, Some((12, 4))),
        StrategyKind::Hub => (BLUE, Marker::Circle, None),
        StrategyKind::Direct => (GREEN, Marker::Square, Some((5, 4))),
        StrategyKind::Auto(_) => return None,
    };
    Some(Look { colour, marker, dash })
}

fn of_other(place: usize) -> Look {
    const COLOURS: [RGBColor; 3] = [ORANGE, SKY, BROWN];
    const MARKERS: [Marker; 4] = [Marker::Diamond, Marker::Triangle, Marker::Square, Marker::Circle];
    const DASHES: [Option<(i32, i32)>; 4] = [Some((2, 3)), Some((12, 4)), Some((5, 4)), None];
    let of_four = place % MARKERS.len();
    Look { colour: COLOURS[place % COLOURS.len()], marker: MARKERS[of_four], dash: DASHES[of_four] }
}

/// The ends of a scale of colours.
pub const LIGHT: RGBColor = RGBColor(0x8f, 0xb8, 0xde);
/// The dark end of that scale.
pub const DARK: RGBColor = RGBColor(0x12, 0x2a, 0x54);

/// The colour at a share of the way from one to another.
pub fn between(RGBColor(r, g, b): RGBColor, RGBColor(red, green, blue): RGBColor, share: f64) -> RGBColor {
    let mix = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8;
    RGBColor(mix(r, red), mix(g, green), mix(b, blue))
}

/// A colour dark enough for small text on white.
pub fn darker(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let [red, green, blue] = [red, green, blue].map(|part| (f64::from(part) * 0.72) as u8);
    RGBColor(red, green, blue)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{of_program, of_strategy};
    use crate::record::RunRecord;

    fn looks(records: &[RunRecord]) -> Vec<(String, Look)> {
        let series = Series::group(records);
        let looks = of_series(&series);
        series.into_iter().map(|series| series.name).zip(looks).collect()
    }

    #[test]
    fn a_strategy_looks_the_same_whatever_it_is_drawn_with() {
        let with = |strategy| of_strategy(strategy, 50);
        let [hub, tree, direct] = [StrategyKind::Hub, StrategyKind::Tree, StrategyKind::Direct];
        let all = looks(&[with(direct), of_program("mine.py", 50), with(hub), with(tree)]);
        for alone in [tree, hub, direct] {
            assert!(all.contains(&looks(&[with(alone)])[0]), "{alone:?}: {all:?}");
        }
    }

    #[test]
    fn no_two_series_of_a_picture_and_no_quantile_look_alike() {
        let record = |strategy, node_count| {
            of_strategy(strategy, 50).with(|record| record.run.settings.node_count = node_count)
        };
        let records: Vec<RunRecord> = [StrategyKind::Hub, StrategyKind::Tree, StrategyKind::Direct]
            .into_iter()
            .flat_map(|strategy| (2..6).map(move |node_count| record(strategy, node_count)))
            .collect();
        let all = looks(&records);
        let mut seen: Vec<Look> = Quantile::ALL.map(of).to_vec();
        for (name, look) in all {
            assert!(!seen.contains(&look), "{name}: {look:?}");
            seen.push(look);
        }
        let of_quantile =
            |look: &Look| Quantile::ALL.iter().any(|quantile| of(*quantile).colour == look.colour);
        assert!(!seen[Quantile::ALL.len()..].iter().any(of_quantile));
    }
}
