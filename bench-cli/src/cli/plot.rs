//! `bench-cli plot`: the pictures of a sweep drawn again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::conclude;
use super::limits::LimitArgs;
use crate::outcome::csv_file;
use crate::plot;

/// Draw a sweep's results again, without running anything
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli plot results/hub/sweep.csv
  bench-cli plot results/hub/sweep.csv -o hub.png
  bench-cli plot results/hub/sweep.csv --limit 3d
  bench-cli plot results/hub/sweep.csv --max-msgs-per-op 2 --max-latency 500ms")]
pub struct PlotArgs {
    /// The rows of a sweep
    #[arg(value_name = "SWEEP.CSV")]
    csv: PathBuf,
    /// Draw this file only, .svg or .png [default: every picture, as .svg and .png, beside the CSV]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
    let folder = args.csv.parent().unwrap_or(Path::new(""));
    conclude::print(&rows, folder, &args.limits);
    match &args.output {
        Some(file) => {
            plot::write(&plot::latency::draw(&rows)?, file)?;
            println!("drew {}", file.display());
        }
        None => conclude::draw_all(&rows, folder)?,
    }
    Ok(ExitCode::SUCCESS)
}
