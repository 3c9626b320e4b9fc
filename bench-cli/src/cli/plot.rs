//! `bench-cli plot`: the pictures and the report of a sweep made again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::analysis::Series;
use crate::outcome::{Row, csv_file};
use crate::plot;
use crate::report::{self, Picture, Report};
use crate::sweep::plan::plain_name;
use crate::sweep::summary;

/// The picture's file name without its extension.
const LATENCY_FIT: &str = "latency-fit";
/// The report's file name.
const REPORT: &str = "report.html";

/// Draw a sweep's results again, without running anything: pictures, report.html, and other formats
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli plot results/hub/sweep.csv
  bench-cli plot results/hub/sweep.csv -o hub.png
  bench-cli plot results/hub/sweep.csv --format csv,json,markdown")]
pub struct PlotArgs {
    /// The rows of a sweep
    #[arg(value_name = "SWEEP.CSV")]
    csv: PathBuf,
    /// Draw this file only, .svg or .png [default: every picture and report.html beside the CSV]
    #[arg(short, long, value_name = "FILE", conflicts_with = "format")]
    output: Option<PathBuf>,
    #[command(flatten)]
    formats: FormatArgs,
}

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

/// Runs the command.
///
/// # Errors
/// If the CSV cannot be read or has nothing to draw, or a picture cannot be written.
pub fn run(args: &PlotArgs) -> anyhow::Result<ExitCode> {
    let csv_file::Rows { rows, torn_line } = csv_file::read(&args.csv)?;
    if let Some(line) = torn_line {
        eprintln!("warning: line {line} of {} is cut off and left out", args.csv.display());
    }
    // The folder of a plain file name is this one, which a path has to name to exist.
    let folder = args.csv.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    println!("{}", summary::text(&rows, folder));
    match &args.output {
        Some(file) => {
            plot::write(&plot::latency::draw(&rows)?, file)?;
            println!("drew {}", file.display());
        }
        None => {
            write_all(&rows, folder, &args.formats)?;
            anyhow::ensure!(rows.iter().any(Row::is_ok), "there is nothing to draw: no run is ok");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves in `folder` all that can be made of a sweep's rows: pictures, the report, and what `formats` says.
///
/// # Errors
/// If a file cannot be written.
pub fn write_all(rows: &[Row], folder: &Path, formats: &FormatArgs) -> anyhow::Result<()> {
    let pictures = if rows.iter().any(Row::is_ok) { draw_all(rows, folder)? } else { Vec::new() };
    if formats.format.contains(&Format::Json) {
        write(&folder.join("sweep.json"), &report::json::rows(rows)?)?;
    }
    if formats.format.contains(&Format::Markdown) {
        write(&folder.join("summary.md"), &report::markdown::summary(rows))?;
    }
    let report = Report { title: &title(folder), rows, pictures: &pictures };
    write(&folder.join(REPORT), &report::page::page(&report))
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

/// Draws every picture of a sweep into `folder`: all series side by side on the same axes, and if there are
/// several, each by itself too, since a slow one leaves the others little of the common axis.
fn draw_all(rows: &[Row], folder: &Path) -> anyhow::Result<Vec<Picture>> {
    let caption = "Stable latency against batch timeout";
    let mut pictures = vec![draw_into(rows, folder, LATENCY_FIT, caption)?];
    let series = Series::group(rows);
    for series in series.iter().filter(|one| series.len() > 1 && one.rows.iter().any(|row| row.is_ok())) {
        let rows: Vec<Row> = series.rows.iter().copied().cloned().collect();
        let name = format!("{LATENCY_FIT}-{}", plain_name(&series.name));
        pictures.push(draw_into(&rows, folder, &name, &format!("{caption}: {} alone", series.name))?);
    }
    Ok(pictures)
}

fn draw_into(rows: &[Row], folder: &Path, name: &str, caption: &str) -> anyhow::Result<Picture> {
    let svg = plot::latency::draw(rows)?;
    for extension in ["svg", "png"] {
        let file = folder.join(format!("{name}.{extension}"));
        plot::write(&svg, &file)?;
        println!("drew {}", file.display());
    }
    Ok(Picture { caption: caption.to_owned(), svg })
}
