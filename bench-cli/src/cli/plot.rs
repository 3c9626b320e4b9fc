//! `bench-cli plot`: the pictures of a sweep drawn again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::conclude::{self, FormatArgs};
use super::limits::LimitArgs;
use crate::outcome::{Row, csv_file};
use crate::plot;

/// Draw a sweep's results again, without running anything: pictures, report.html, and other formats
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli plot results/hub/sweep.csv
  bench-cli plot results/hub/sweep.csv -o hub.png
  bench-cli plot results/hub/sweep.csv --limit 3d
  bench-cli plot results/hub/sweep.csv --format csv,json,markdown
  bench-cli plot results/hub/sweep.csv --max-msgs-per-op 2 --max-latency 500ms")]
pub struct PlotArgs {
    /// The rows of a sweep
    #[arg(value_name = "SWEEP.CSV")]
    csv: PathBuf,
    /// Draw this file only, .svg or .png [default: every picture and report.html, beside the CSV]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    formats: FormatArgs,
    #[command(flatten)]
    limits: LimitArgs,
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
    let folder = args.csv.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    conclude::print(&rows, folder, &args.limits);
    match &args.output {
        Some(file) => {
            plot::write(&plot::latency::draw(&rows)?, file)?;
            println!("drew {}", file.display());
        }
        None => {
            conclude::write_all(&rows, folder, &args.formats)?;
            anyhow::ensure!(rows.iter().any(Row::is_ok), "there is nothing to draw: no run is ok");
        }
    }
    Ok(ExitCode::SUCCESS)
}
