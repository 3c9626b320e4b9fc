//! The report and the other forms in which `sweep` and `plot` leave results.

use std::path::Path;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::outcome::Row;
use crate::report::{self, Picture, Report};

/// In which forms a sweep's results are left.
#[derive(Clone, Debug, Args)]
pub struct FormatArgs {
    /// Forms of the results: csv (sweep.csv, always there), json (sweep.json, the same rows), markdown (summary.md,
    /// tables for a README)
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', default_value = "csv")]
    format: Vec<Format>,
}

/// The values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
    Markdown,
}

/// Leaves `report.html` in `folder`, and what `formats` says.
///
/// # Errors
/// If a file cannot be written.
pub fn write_report(
    rows: &[Row],
    pictures: &[Picture],
    folder: &Path,
    formats: &FormatArgs,
) -> anyhow::Result<()> {
    if formats.format.contains(&Format::Json) {
        write(&folder.join("sweep.json"), &report::json::rows(rows)?)?;
    }
    if formats.format.contains(&Format::Markdown) {
        write(&folder.join("summary.md"), &report::markdown::summary(rows))?;
    }
    let report = Report { title: &title(folder), rows, pictures };
    write(&folder.join("report.html"), &report::page::page(&report))
}

/// The name of a sweep: that of its folder.
fn title(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.file_name().map_or_else(|| "Sweep".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}
