//! `bench-cli compare`: two sweeps side by side.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use comfy_table::Table;

use crate::analysis::Series;
use crate::analysis::compare::{Difference, NEGLIGIBLE, SIGNIFICANCE, Scope, compare};
use crate::outcome::{Row, csv_file};
use crate::plot;

/// The exit status of a regression, unlike that of any error.
const REGRESSION: u8 = 3;

/// Compare two sweeps: is a difference more than noise?
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli compare before/sweep.csv after/sweep.csv
  bench-cli compare embedded/sweep.csv simulated/sweep.csv -o engines.svg
  bench-cli compare main/sweep.csv branch/sweep.csv --fail-on-regression

Points are compared by Welch's t test on their repetitions, corrected by Holm's method; the row 'all' takes all
timeouts of a series together. With --fail-on-regression the exit status is 3 if the second sweep is worse.")]
pub struct CompareArgs {
    /// The rows of the first sweep
    #[arg(value_name = "FIRST.CSV")]
    first: PathBuf,
    /// The rows of the second sweep
    #[arg(value_name = "SECOND.CSV")]
    second: PathBuf,
    /// Draw both into this file, .svg or .png
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with status 3 if the second sweep is worse beyond noise
    #[arg(long)]
    fail_on_regression: bool,
}

/// Runs the command.
///
/// # Errors
/// If a CSV cannot be read, the sweeps share no point, or the picture cannot be written.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let [first, second] = [read(&args.first)?, read(&args.second)?];
    let differences = compare(&Series::group(&first), &Series::group(&second));
    if differences.is_empty() {
        bail!("the two sweeps share no series and timeout with usable runs, so there is nothing to compare");
    }
    println!("{}", table(&differences));
    let significant = differences.iter().filter(|difference| difference.is_significant()).count();
    let regressions = differences.iter().filter(|difference| difference.is_regression()).count();
    println!(
        "\n{significant} of {} differences are beyond noise (p < {SIGNIFICANCE} after correction, and more than {} %), \
         {regressions} of them for the worse",
        differences.len(),
        NEGLIGIBLE * 100.0
    );
    if let Some(file) = &args.output {
        plot::write(&plot::latency::draw(&labelled(args, first, second))?, file)?;
        println!("drew {}", file.display());
    }
    let failed = args.fail_on_regression && regressions > 0;
    Ok(if failed { ExitCode::from(REGRESSION) } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let csv_file::Rows { rows, torn_line } = csv_file::read(path)?;
    if let Some(line) = torn_line {
        eprintln!("warning: line {line} of {} is cut off and left out", path.display());
    }
    Ok(rows)
}

fn table(differences: &[Difference]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["series", "timeout", "", "first", "second", "change (95 %)", "p", "verdict"]);
    for column in 3..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    for difference in differences {
        let shown = |mean: f64| difference.figure.show(mean);
        let margin = difference.margin.map(|margin| format!(" ± {:.1}", margin * 100.0)).unwrap_or_default();
        table.add_row([
            difference.series.clone(),
            match difference.scope {
                Scope::Overall => "all".to_owned(),
                Scope::Timeout(ms) => ms.to_string(),
            },
            difference.figure.label().to_owned(),
            difference.means.map(|(first, _)| shown(first)).unwrap_or_default(),
            difference.means.map(|(_, second)| shown(second)).unwrap_or_default(),
            format!("{:+.1}{margin} %", difference.relative * 100.0),
            difference.p.map_or_else(|| "–".to_owned(), |p| format!("{p:.3}")),
            verdict(difference).to_owned(),
        ]);
    }
    table
}

fn verdict(difference: &Difference) -> &'static str {
    match difference.p {
        None => "single runs",
        Some(_) if difference.is_regression() => "worse",
        Some(_) if difference.is_significant() => "better",
        Some(_) => "noise",
    }
}

/// The rows of both sweeps, their series named after where they come from.
fn labelled(args: &CompareArgs, first: Vec<Row>, second: Vec<Row>) -> Vec<Row> {
    let sides = [(&args.first, "first", first), (&args.second, "second", second)];
    let rows = sides.into_iter().flat_map(|(path, side, rows)| {
        let folder = path.parent().and_then(Path::file_name);
        let label = folder.map_or_else(|| side.to_owned(), |name| name.to_string_lossy().into_owned());
        rows.into_iter().map(move |row| Row { strategy: format!("{} ({label})", row.series()), ..row })
    });
    rows.collect()
}
