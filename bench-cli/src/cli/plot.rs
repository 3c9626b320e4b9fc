//! `bench-cli plot`: the pictures and the report of a sweep made again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::report::{FormatArgs, write_report};
use crate::analysis::Series;
use crate::outcome::{Row, csv_file};
use crate::plot;
use crate::report::Picture;
use crate::sweep::plan::plain_name;
use crate::sweep::summary;

/// The fits' picture; each series has one of its own, too.
const LATENCY_FIT: &str = "latency-fit";

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
            let pictures = draw_all(&rows, folder)?;
            write_report(&rows, &pictures, folder, &args.formats)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws every picture of a sweep into `folder`: all series side by side on the same axes, and if there are
/// several, each by itself too, since a slow one leaves the others little of the common axis.
///
/// # Errors
/// If there is nothing to draw or a file cannot be written.
pub fn draw_all(rows: &[Row], folder: &Path) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (name, draw) in plot::PICTURES {
        pictures.push(write_both(draw(rows)?, folder, name)?);
    }
    let series = Series::group(rows);
    for series in series.iter().filter(|one| series.len() > 1 && one.rows.iter().any(|row| row.is_ok())) {
        let rows: Vec<Row> = series.rows.iter().copied().cloned().collect();
        let name = format!("{LATENCY_FIT}-{}", plain_name(&series.name));
        pictures.push(write_both(plot::latency::draw(&rows)?, folder, &name)?);
    }
    Ok(pictures)
}

/// Writes a picture as SVG and as PNG.
fn write_both(svg: String, folder: &Path, name: &str) -> anyhow::Result<Picture> {
    for extension in ["svg", "png"] {
        let file = folder.join(format!("{name}.{extension}"));
        plot::write(&svg, &file)?;
        println!("drew {}", file.display());
    }
    Ok(Picture { name: name.to_owned(), svg })
}
