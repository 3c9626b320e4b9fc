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
use crate::sweep::summary;

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
    pub(super) first: PathBuf,
    /// The rows of the second sweep
    #[arg(value_name = "SECOND.CSV")]
    pub(super) second: PathBuf,
    /// Draw both into this file, .svg or .png
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Exit with status 3 if the second sweep is worse beyond noise
    #[arg(long)]
    pub(super) fail_on_regression: bool,
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
        plot::write(&plot::overlay::draw(&named(args, first, second))?, file)?;
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
    table.load_style(summary::PLAIN);
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
            difference.p.map_or_else(|| "–".to_owned(), shown_probability),
            verdict(difference).to_owned(),
        ]);
    }
    table
}

fn shown_probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

fn verdict(difference: &Difference) -> &'static str {
    match difference.p {
        None => "single runs",
        Some(_) if difference.is_regression() => "worse",
        Some(_) if difference.is_significant() => "better",
        Some(_) => "noise",
    }
}

/// Both sweeps with the names of their folders, or of their places if those are the same.
fn named(args: &CompareArgs, first: Vec<Row>, second: Vec<Row>) -> [(String, Vec<Row>); 2] {
    let folder = |path: &Path| path.parent()?.file_name().map(|name| name.to_string_lossy().into_owned());
    let names = match (folder(&args.first), folder(&args.second)) {
        (Some(one), Some(other)) if one != other => [one, other],
        _ => ["first", "second"].map(String::from),
    };
    let [one, other] = names;
    [(one, first), (other, second)]
}
