//! `bench-cli plot`: redraws the plots of a sweep.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::artifacts::{COMPARISON, LATENCY_FIT};
use super::compare::{self, CompareArgs};
use super::limits::LimitArgs;
use super::output::{self, AxisArgs, Extent, FormatArgs, Outputs, Results};
use super::usage::UsageError;
use crate::analysis::Series;
use crate::campaign::sweep::Recorded;
use crate::plot;
use crate::plot::page::{Page, Width};
use crate::record::RunRecord;

/// Redraw the plots and the report of a sweep
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli plot results/hub/sweep.csv
  bench-cli plot results/hub/sweep.csv -o hub.png
  bench-cli plot results/hub/sweep.csv --plot frontier -o frontier.svg
  bench-cli plot results/hub --width 84mm --font-size 8 --no-title
  bench-cli plot results/hub/sweep.csv --limit 3d
  bench-cli plot results/gossip --x period
  bench-cli plot results/before/sweep.csv results/after/sweep.csv results/best/sweep.csv
  bench-cli plot results/hub/sweep.csv --format csv,json,markdown
  bench-cli plot results/hub/sweep.csv --max-msgs-per-op 2 --max-latency 500ms")]
pub struct PlotArgs {
    /// The folder of a sweep, or its CSV; several are compared with the first one
    #[arg(value_name = "SWEEP", num_args = 1.., required = true)]
    csvs: Vec<PathBuf>,
    /// With several sweeps: exit with status 3 if a later one is significantly worse than the first
    #[arg(long)]
    fail_on_regression: bool,
    /// Draw only this file, .svg, .png or .pdf [default: every plot and report.html, next to the CSV;
    /// comparison.svg next to the last of several]
    #[arg(short, long, value_name = "FILE", conflicts_with = "format")]
    output: Option<PathBuf>,
    /// The plot that -o writes [default: latency-fit]
    #[arg(long, alias = "picture", value_name = "NAME", requires = "output")]
    #[arg(value_parser = PossibleValuesParser::new(plot::PICTURES.map(|(name, ..)| name)))]
    plot: Option<String>,
    /// Print all tables, warnings and recommendations
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    axis: AxisArgs,
    #[command(flatten)]
    formats: FormatArgs,
    #[command(flatten)]
    paper: PaperArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// The flags of figures for a paper.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Figures for a paper")]
struct PaperArgs {
    /// Width of a column, such as 84mm, 17.8cm or 3.3in; writes SVG, PNG (600 dpi) and PDF into the folder
    /// figures next to the CSV, or the file of -o
    #[arg(long, value_name = "WIDTH")]
    width: Option<Width>,
    /// Size of most text in points; the smallest text has at least 6 points [default: 8]
    #[arg(long, value_name = "POINTS", requires = "width")]
    font_size: Option<f64>,
    /// Leave out the title, how to read the plot, and the settings
    #[arg(long)]
    no_title: bool,
}

impl PaperArgs {
    /// Whether the plots are for a paper.
    fn given(&self) -> bool {
        self.width.is_some() || self.no_title
    }

    /// The page that the plots are drawn for.
    fn page(&self) -> Result<Page, UsageError> {
        match self.width {
            None => Ok(Page::screen(!self.no_title)),
            Some(width) => Page::paper(width, self.font_size, !self.no_title)
                .map_err(|error| UsageError::new(error.to_string())),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// If the CSV cannot be read or has nothing to draw, or a plot cannot be written.
pub fn run(args: &PlotArgs) -> anyhow::Result<ExitCode> {
    let path = match args.csvs.as_slice() {
        [one] => one,
        several => return compare_all(args, several),
    };
    ensure!(
        !args.fail_on_regression,
        UsageError::new("--fail-on-regression compares sweeps; give the CSV of a second one")
    );
    args.output.as_deref().map_or(Ok(()), plot::check_output)?;
    let page = args.paper.page()?;
    let Recorded { csv, records, spec, .. } = super::sweep::read(path)?;
    let outputs = Outputs::next_to(&csv);
    let typed = args.axis.of(records.iter().map(|record| &record.run))?;
    let axis = typed.or_else(|| spec.as_ref()?.axis.clone());
    let results = Results { records: &records, spec: spec.as_ref(), axis: axis.as_ref() };
    output::print(results, outputs.folder(), Extent::of(args.verbose), &args.limits);
    ensure!(
        records.iter().any(RunRecord::is_ok),
        "there is nothing to draw: no run in {} is ok",
        csv.display()
    );
    match &args.output {
        Some(file) => {
            plot::write(&args.draw(&Series::group_on(axis.as_ref(), &records), page)?, file)?;
            println!("drew {}", file.display());
        }
        None if args.paper.given() => {
            output::draw_figures(&Series::group_on(axis.as_ref(), &records), &outputs, page)?;
        }
        None => output::write_all(results, &outputs, &args.limits, &args.formats)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl PlotArgs {
    /// The plot that the user asked for.
    fn draw(&self, series: &[Series<'_>], page: Page) -> anyhow::Result<String> {
        let wanted = self.plot.as_deref().unwrap_or(LATENCY_FIT);
        let picture = plot::PICTURES.into_iter().find(|(name, ..)| *name == wanted);
        let (_, _, draw) = picture.with_context(|| format!("there is no plot {wanted}"))?;
        draw(series, page)
    }
}

/// Compares sweeps and draws them into one plot.
fn compare_all(args: &PlotArgs, csvs: &[PathBuf]) -> anyhow::Result<ExitCode> {
    ensure!(
        args.limits.given().is_empty(),
        UsageError::new(
            "limits apply to one sweep; leave them out to compare sweeps, or plot each one by itself"
        )
    );
    ensure!(
        args.plot.is_none() && !args.formats.given() && !args.paper.given(),
        UsageError::new(
            "--plot, --format and figures for a paper apply to one sweep; leave them out to compare sweeps, or plot each \
             one by itself"
        )
    );
    let beside_last = csvs.last().map(|last| compare::csv_of(last).with_file_name(COMPARISON));
    compare::run(&CompareArgs {
        csvs: csvs.to_vec(),
        format: compare::Format::Text,
        output: args.output.clone().or(beside_last),
        fail_on_regression: args.fail_on_regression,
        all: false,
        threshold: None,
    })
}
