//! `bench-cli compare`: sweeps side by side.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use comfy_table::Table;

use super::sweep::read;
use crate::analysis::compare::{Difference, NEGLIGIBLE, SIGNIFICANCE, Scope, compare};
use crate::analysis::{Series, names};
use crate::campaign::sweep::{CSV_FILE, Recorded};
use crate::plot;
use crate::record::RunRecord;
use crate::report::summary;
use crate::spec::Names;

/// The exit status of a regression, unlike that of any error.
const REGRESSION: u8 = 3;

/// Compare sweeps with a first one: is a difference more than noise?
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli compare before/sweep.csv after/sweep.csv
  bench-cli compare main/sweep.csv branch/sweep.csv --fail-on-regression
  bench-cli compare go/sweep.csv rust/sweep.csv zig/sweep.csv -o nodes.svg

Points are compared by Welch's t test on their repetitions, corrected by Holm's method; the row 'all' takes all
timeouts of a series together. Series are compared with their like: the same strategy or node with the same settings,
else the only one that differs in either. With --fail-on-regression the exit status is 3 if a later sweep is worse than
the first.")]
pub struct CompareArgs {
    /// The rows of the sweeps, or their folders; the first is what the others are compared with
    #[arg(value_name = "SWEEP.CSV", num_args = 2.., required = true)]
    pub(super) csvs: Vec<PathBuf>,
    /// Draw all into this file, .svg or .png
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Exit with status 3 if a later sweep is worse than the first beyond noise
    #[arg(long)]
    pub(super) fail_on_regression: bool,
}

/// Runs the command.
///
/// # Errors
/// If a CSV cannot be read, a sweep shares no point with the first, or the picture cannot be written.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    args.output.as_deref().map_or(Ok(()), plot::check_output)?;
    let csvs: Vec<PathBuf> = args.csvs.iter().map(|path| csv_of(path)).collect();
    let sweeps: Vec<Recorded> = csvs.iter().map(|csv| read(csv)).collect::<Result<_, _>>()?;
    let sweeps: Vec<Vec<RunRecord>> = sweeps.into_iter().map(|sweep| sweep.records).collect();
    let labels = labels(&csvs);
    let names = Names::among_sweeps(sweeps.iter().flatten().map(|record| &record.run));
    let mut groups: Vec<Vec<Series<'_>>> =
        sweeps.iter().map(|rows| Series::group_named(&names, rows)).collect();
    let others = groups.split_off(1);
    let compared = compare(&groups[0], &others);
    let mut regressions = 0;
    for ((differences, rows), other) in compared.iter().zip(&sweeps[1..]).zip(&labels[1..]) {
        if differences.is_empty() {
            bail!(nothing_to_compare([(&labels[0], &sweeps[0]), (other, rows)]));
        }
        regressions += report(differences, [&labels[0], other]);
    }
    if let Some(file) = &args.output {
        let all: Vec<(String, Vec<Series<'_>>)> =
            labels.into_iter().zip(groups.into_iter().chain(others)).collect();
        plot::write(&plot::overlay::draw(&all)?, file)?;
        println!("drew {}", file.display());
    }
    let failed = args.fail_on_regression && regressions > 0;
    Ok(if failed { ExitCode::from(REGRESSION) } else { ExitCode::SUCCESS })
}

/// Prints how a sweep differs from the first; returns how many differences are for the worse.
fn report(differences: &[Difference], labels: [&str; 2]) -> usize {
    let [first, other] = labels;
    println!("{first} → {other}\n{}", table(differences, labels));
    let significant = differences.iter().filter(|difference| difference.is_significant()).count();
    let regressions = differences.iter().filter(|difference| difference.is_regression()).count();
    println!(
        "{significant} of {} differences are beyond noise (p < {SIGNIFICANCE} after correction, and more than {} %), \
         {regressions} of them for the worse\n",
        differences.len(),
        NEGLIGIBLE * 100.0
    );
    regressions
}

/// Why two sweeps, each with its name, have nothing in common.
fn nothing_to_compare([(first, before), (other, after)]: [(&str, &[RunRecord]); 2]) -> String {
    let mut text = format!(
        "{first} and {other} share no series and timeout with usable runs, so there is nothing to compare"
    );
    for (rows, name) in [(before, first), (after, other)] {
        if !rows.iter().any(RunRecord::is_ok) {
            let _ = write!(text, "; no run of {name} is ok");
        }
    }
    for (before, after) in names::differences(before, after) {
        let _ = write!(text, "\n  {first}: {before}; {other}: {after}");
    }
    text
}

/// The CSV of a sweep that is given by its folder, or by the CSV itself.
pub(super) fn csv_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(CSV_FILE) } else { path.to_owned() }
}

fn table(differences: &[Difference], [first, other]: [&str; 2]) -> Table {
    let mut table = Table::new();
    table.load_style(summary::PLAIN);
    table.set_header(["series", "timeout", "", first, other, "change (95 %)", "p", "verdict"]);
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
                Scope::At(x) => x.to_string(),
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

/// Names of sweeps: their folders', or their whole paths if some folders have the same.
fn labels(csvs: &[PathBuf]) -> Vec<String> {
    let folder = |path: &PathBuf| Some(path.parent()?.file_name()?.to_string_lossy().into_owned());
    let folders: Option<Vec<String>> = csvs.iter().map(folder).collect();
    let distinct = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == csvs.len();
    let paths = || csvs.iter().map(|path| path.display().to_string()).collect();
    folders.filter(distinct).unwrap_or_else(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::tests::example;

    #[test]
    fn sweeps_are_called_by_their_folders_where_that_tells_them_apart() {
        let labels = |paths: &[&str]| labels(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(labels(&["a/x/sweep.csv", "y/sweep.csv"]), ["x", "y"]);
        assert_eq!(labels(&["a/x/sweep.csv", "b/x/sweep.csv"]), ["a/x/sweep.csv", "b/x/sweep.csv"]);
        assert_eq!(labels(&["one.csv", "two.csv"]), ["one.csv", "two.csv"]);
    }

    #[test]
    fn what_sets_sweeps_apart_is_named() {
        let run = |node_count, timeout| {
            example(timeout, 1).with(|record| record.run.settings.node_count = node_count)
        };
        let (one, other) = ([run(25, 50)], [run(5, 100)]);
        let said = nothing_to_compare([("a", &one), ("b", &other)]);
        assert!(said.ends_with("\n  a: 25 nodes; b: 5 nodes\n  a: 50 ms; b: 100 ms"), "{said}");
        let failed = [run(25, 50).with(|record| record.measured.status = Status::Crashed)];
        assert!(nothing_to_compare([("a", &one), ("b", &failed)]).ends_with("; no run of b is ok"));
    }
}
