//! What a plot is drawn for: a screen, or a column of a paper.

use std::fmt;
use std::str::FromStr;

/// plotters writes a font so much smaller than it was asked for.
const PLOTTERS_FONT: f64 = 1.24;
/// The size of most texts of a plot, in pixels.
const TEXT: f64 = 14.0 / PLOTTERS_FONT;
/// The size of the smallest ones.
const SMALLEST_TEXT: f64 = 11.0 / PLOTTERS_FONT;
/// Pixels on either side that a screen has and paper does not: a page has margins of its own.
const CROP: i32 = 24;
/// No text of a paper is smaller than this, in points.
const LEGIBLE: f64 = 6.0;
/// The default size of most text in points.
const DEFAULT_FONT_SIZE: f64 = 8.0;
const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// What a plot is drawn for. Everything is placed in pixels; on paper a pixel is as large as the font asks
/// for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Page {
    paper: Option<Paper>,
    /// Whether there are a title, how to read the plot, and the settings around it.
    is_titled: bool,
}

/// A width on paper, and how large a pixel is there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Paper {
    width_mm: f64,
    points_per_pixel: f64,
}

/// A width on paper: `84mm`, `8.4cm`, `3.3in`, `240pt`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Width {
    mm: f64,
}

/// Why a plot cannot be drawn for a paper.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PageError {
    /// The width is not a length.
    #[error("{0:?} is not a width; write 84mm, 8.4cm, 3.3in or 240pt")]
    Width(String),
    /// Some text would be too small.
    #[error(
        "with a font size of {font_size} pt the smallest text would have {smallest:.1} pt; use at least {least:.1}"
    )]
    TooSmall {
        /// What was asked for.
        font_size: f64,
        /// What would come out.
        smallest: f64,
        /// What can be asked for.
        least: f64,
    },
    /// The plot would have no room for its axes.
    #[error("{0} is too narrow for a font size of {1} pt")]
    TooNarrow(Width, f64),
}

impl Page {
    /// A screen, with everything around the plot.
    pub const SCREEN: Page = Page::screen(true);

    /// A page for a screen.
    pub const fn screen(is_titled: bool) -> Page {
        Page { paper: None, is_titled }
    }

    /// A column of this width, with texts of about `font_size` points.
    ///
    /// # Errors
    /// If some text would be smaller than 6 points, or the width is too small for the font.
    pub fn paper(width: Width, font_size: Option<f64>, is_titled: bool) -> Result<Page, PageError> {
        /// Axes, their labels and a chart that still shows something.
        const LEAST_PIXELS: f64 = 250.0;
        let font_size = font_size.unwrap_or(DEFAULT_FONT_SIZE);
        let points_per_pixel = font_size / TEXT;
        let smallest = SMALLEST_TEXT * points_per_pixel;
        if smallest < LEGIBLE {
            // Rounded up, so that this width is enough.
            let least = (LEGIBLE * TEXT / SMALLEST_TEXT * 10.0).ceil() / 10.0;
            return Err(PageError::TooSmall { font_size, smallest, least });
        }
        let page = Page { paper: Some(Paper { width_mm: width.mm, points_per_pixel }), is_titled };
        if page.width().is_some_and(|pixels| f64::from(pixels) < LEAST_PIXELS) {
            return Err(PageError::TooNarrow(width, font_size));
        }
        Ok(page)
    }

    /// Whether there are a title, how to read the plot, and the settings around it.
    pub const fn is_titled(self) -> bool {
        self.is_titled
    }

    /// The plot's width in pixels, with the margins of a screen; `None` if it is as wide as suits it.
    pub fn width(self) -> Option<i32> {
        let paper = self.paper?;
        Some((paper.width_mm * POINTS_PER_MM / paper.points_per_pixel).round() as i32 + 2 * CROP)
    }

    /// The pixels that are cut off on either side.
    pub(super) const fn crop(self) -> i32 {
        if self.paper.is_some() { CROP } else { 0 }
    }

    /// A number of pixels as the SVG says it.
    pub(super) fn length(self, pixels: i32) -> String {
        match self.paper {
            None => pixels.to_string(),
            Some(paper) => {
                format!("{:.3}mm", f64::from(pixels) * paper.points_per_pixel / POINTS_PER_MM)
            }
        }
    }
}

impl FromStr for Width {
    type Err = PageError;

    fn from_str(text: &str) -> Result<Width, PageError> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let mm_per_unit = match unit.trim() {
            "mm" => 1.0,
            "cm" => 10.0,
            "in" => 25.4,
            "pt" => 1.0 / POINTS_PER_MM,
            _ => return Err(PageError::Width(text.to_owned())),
        };
        let number: f64 = number.parse().map_err(|_| PageError::Width(text.to_owned()))?;
        let mm = number * mm_per_unit;
        if (1.0..=2000.0).contains(&mm) { Ok(Width { mm }) } else { Err(PageError::Width(text.to_owned())) }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} mm", self.mm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(text: &str) -> Width {
        text.parse().unwrap()
    }

    #[test]
    fn a_column_has_its_width_and_no_text_below_six_points() {
        let page = Page::paper(width("84mm"), Some(8.0), false).unwrap();
        let pixels = page.width().unwrap() - 2 * page.crop();
        assert_eq!(pixels, 336);
        let mm: f64 = page.length(pixels).trim_end_matches("mm").parse().unwrap();
        assert!((mm - 84.0).abs() < 0.1, "{mm}");
        let error = Page::paper(width("84mm"), Some(7.0), true).unwrap_err().to_string();
        assert!(error.contains("the smallest text would have 5.5 pt; use at least 7.7"), "{error}");
        assert!(Page::paper(width("84mm"), Some(7.7), true).is_ok());
        assert!(Page::paper(width("20mm"), None, true).unwrap_err().to_string().contains("too narrow"));
        assert_eq!((Page::SCREEN.width(), Page::SCREEN.length(20)), (None, "20".to_owned()));
    }

    #[test]
    fn widths_have_units() {
        assert_eq!(width("8.4cm"), width("84mm"));
        assert!((width("3in").mm - 76.2).abs() < 1e-9 && (width("72pt").mm - 25.4).abs() < 1e-9);
        for wrong in ["84", "mm", "84px", "-3mm", "0mm", "1e9mm"] {
            assert!(wrong.parse::<Width>().is_err(), "{wrong}");
        }
    }
}
