//! Plots of a sweep, drawn from its runs alone.
//!
//! [`latency`], [`messages`], [`frontier`], [`distribution`] and [`effects`] are the plots of a sweep,
//! [`overlay`] is that of several. All of them have the same parts:
//!
//! | module | part |
//! |---|---|
//! | [`layout`] | title, subtitle and footer |
//! | [`legend`] | which symbol means what |
//! | [`axes`] | axes, their grid, labels and titles |
//! | [`labels`] | finds room for labels next to points |
//! | [`multiples`] | many series in several panels |
//! | [`runs`] | runs as points, with a note on each |
//! | [`published`] | the results that others published |
//! | [`draw`] | text, markers, lines and areas |
//! | [`style`] | colours, markers and fonts |
//! | [`canvas`] | turns drawing into SVG text |
//! | [`page`] | a screen, or a column of a paper |
//! | [`png`], [`pdf`] | render an SVG |
//!
//! Nothing here depends on the machine: the font is part of the program, so the same runs give the same bytes
//! everywhere.

pub mod axes;
pub mod canvas;
pub mod distribution;
pub mod draw;
pub mod effects;
mod frontier;
mod labels;
pub mod latency;
pub mod layout;
pub mod legend;
mod messages;
mod multiples;
pub mod overlay;
pub mod page;
mod pdf;
mod png;
mod published;
mod runs;
pub mod store;
pub mod style;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use self::page::Page;
use crate::analysis::Series;

/// A plot: its file name without the extension, what it shows, and the function that draws it.
pub type Picture = (&'static str, &'static str, fn(&[Series<'_>], Page) -> anyhow::Result<String>);

/// The name of the plot of effects, which needs two parameters.
pub const EFFECTS: &str = "effects";

/// Every plot of a sweep.
pub const PICTURES: [Picture; 5] = [
    ("latency-fit", "Stable latency with fitted lines", latency::draw),
    ("msgs-per-op", "Messages per operation", messages::draw),
    ("frontier", "Messages per operation against latency", frontier::draw),
    ("latency-distribution", "The distribution of stable latencies", distribution::draw),
    (EFFECTS, "Effects of each parameter on messages and latency", effects::draw),
];

/// Writes the plot in the format of the file's extension: `.svg`, `.png` or `.pdf`.
///
/// # Errors
/// If the extension is none of these, or the file cannot be written.
pub fn write(svg: &str, path: &Path) -> anyhow::Result<()> {
    let bytes = match Format::of(path)? {
        Format::Svg => svg.as_bytes().to_vec(),
        Format::Png => png::render(svg)?,
        Format::Pdf => pdf::render(svg)?,
    };
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Checks that a plot may be written to `path`, which a user gave. A plot there is replaced, anything else is
/// not.
///
/// # Errors
/// [`UnknownFormat`] for another extension; or if the file there is neither a plot nor empty.
pub fn check_output(path: &Path) -> anyhow::Result<()> {
    Format::of(path)?;
    ensure!(!path.is_dir(), "{} is a folder; give the name of a file in it", path.display());
    let mut start = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.and_then(|file| file.take(START).read_to_end(&mut start)),
    }
    .with_context(|| format!("cannot read {}, which would be replaced", path.display()))?;
    let is_svg = || String::from_utf8_lossy(&start).contains("<svg");
    ensure!(
        start.is_empty() || start.starts_with(PNG_SIGNATURE) || start.starts_with(PDF_SIGNATURE) || is_svg(),
        "{} is not a plot, and a plot does not replace it; give another name, or remove it",
        path.display()
    );
    Ok(())
}

/// The first bytes of every PNG.
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The first bytes of every PDF.
const PDF_SIGNATURE: &[u8] = b"%PDF-";
/// The root element of an SVG begins within this many bytes, after declarations and comments.
const START: u64 = 4096;

/// The format of a plot's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
    Pdf,
}

/// The name of a file says no format of a plot.
#[derive(Debug, thiserror::Error)]
#[error("{} should end in .svg, .png or .pdf", .0.display())]
pub struct UnknownFormat(PathBuf);

impl Format {
    /// The format of the file's extension.
    fn of(path: &Path) -> Result<Format, UnknownFormat> {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("svg") => Ok(Format::Svg),
            Some("png") => Ok(Format::Png),
            Some("pdf") => Ok(Format::Pdf),
            _ => Err(UnknownFormat(path.to_owned())),
        }
    }
}
