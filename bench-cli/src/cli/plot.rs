//! `bench-cli plot`: the pictures of a sweep drawn again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::analysis::Series;
use crate::outcome::{Row, csv_file};
use crate::plot;
use crate::sweep::plan::plain_name;
use crate::sweep::summary;

/// The fits' picture; each series has one of its own, too.
const LATENCY_FIT: &str = "latency-fit";

/// Draw a sweep's results again, without running anything
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli plot results/hub/sweep.csv
  bench-cli plot results/hub/sweep.csv -o hub.png")]
pub struct PlotArgs {
    /// The rows of a sweep
    #[arg(value_name = "SWEEP.CSV")]
    csv: PathBuf,
    /// Draw this file only, .svg or .png [default: latency-fit.svg and .png beside the CSV]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
    let folder = args.csv.parent().unwrap_or(Path::new(""));
    println!("{}", summary::text(&rows, folder));
    match &args.output {
        Some(file) => {
            plot::write(&plot::latency::draw(&rows)?, file)?;
            println!("drew {}", file.display());
        }
        None => draw_all(&rows, folder)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws every picture of a sweep into `folder`: all series side by side on the same axes, and if there are
/// several, each by itself too, since a slow one leaves the others little of the common axis.
///
/// # Errors
/// If there is nothing to draw or a file cannot be written.
pub fn draw_all(rows: &[Row], folder: &Path) -> anyhow::Result<()> {
    for (name, draw) in plot::PICTURES {
        write_both(&draw(rows)?, folder, name)?;
    }
    let series = Series::group(rows);
    for series in series.iter().filter(|one| series.len() > 1 && one.rows.iter().any(|row| row.is_ok())) {
        let rows: Vec<Row> = series.rows.iter().copied().cloned().collect();
        let name = format!("{LATENCY_FIT}-{}", plain_name(&series.name));
        write_both(&plot::latency::draw(&rows)?, folder, &name)?;
    }
    Ok(())
}

/// Writes a picture as SVG and as PNG.
fn write_both(svg: &str, folder: &Path, name: &str) -> anyhow::Result<()> {
    for extension in ["svg", "png"] {
        let file = folder.join(format!("{name}.{extension}"));
        plot::write(svg, &file)?;
        println!("drew {}", file.display());
    }
    Ok(())
}
