//! Pictures of a sweep, drawn from its rows alone.
//!
//! [`latency`], [`messages`] and [`frontier`] are the pictures of a sweep, [`overlay`] that of several; [`frame`] draws
//! axes, [`labels`] finds room for labels, [`pen`] draws text and markers, [`canvas`] turns drawing into SVG text,
//! [`style`] holds colours, markers and fonts, [`published`] the results of others, [`png`] renders an SVG. Nothing here
//! depends on the machine: the font is part of the program, so the same rows give the same bytes everywhere.

pub mod canvas;
pub mod frame;
pub mod frontier;
pub mod labels;
pub mod latency;
pub mod messages;
pub mod overlay;
pub mod pen;
pub mod png;
pub mod published;
pub mod style;

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::analysis::Series;

/// A picture's file name without its extension, what it shows, and what draws it.
pub type Picture = (&'static str, &'static str, fn(&[Series<'_>]) -> anyhow::Result<String>);

/// Every picture of a sweep.
pub const PICTURES: [Picture; 3] = [
    ("latency-fit", "Stable latency against batch timeout", latency::draw),
    ("msgs-per-op", "Messages per operation against batch timeout", messages::draw),
    ("frontier", "Messages per operation against latency", frontier::draw),
];

/// Writes the picture as the file's extension says: `.svg` or `.png`.
///
/// # Errors
/// If the extension is neither, or the file cannot be written.
pub fn write(svg: &str, path: &Path) -> anyhow::Result<()> {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let bytes = match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("svg") => svg.as_bytes().to_vec(),
        Some("png") => png::render(svg)?,
        _ => bail!("{} should end in .svg or .png", path.display()),
    };
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
