//! `bench-cli compare`: sweeps side by side.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::output;
use super::sweep::read;
use crate::analysis::compare::{NEGLIGIBLE, Question, compare};
use crate::analysis::{Series, names};
use crate::campaign::sweep::{CSV_FILE, Recorded};
use crate::plot;
use crate::record::RunRecord;
use crate::report::comparison::{self, Comparison, Shown};
use crate::spec::Names;

/// The exit status of a regression, unlike that of any error.
const REGRESSION: u8 = 3;

/// Compare sweeps with the first one, and show significant differences
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli compare before/sweep.csv after/sweep.csv
  bench-cli compare main/sweep.csv branch/sweep.csv --fail-on-regression --format markdown
  bench-cli compare go/sweep.csv rust/sweep.csv zig/sweep.csv -o nodes.svg

The primary differences decide the exit status; all others are exploratory. The values that the first sweep's limits \
name are primary, over all timeouts of a series (row 'all'). Without limits, messages, median and max are primary. \
Welch's t test on the repetitions compares means. Holm's method corrects for the number of tests, separately for \
primary and exploratory ones. Each series is compared with the one of the same node, strategy and settings, or with the only one that \
differs in either.

Exit status: 3 with --fail-on-regression if a primary difference is a regression, else 0; 1 if the sweeps cannot be read \
or compared; 2 if the flags are wrong.")]
pub struct CompareArgs {
    /// The folders of the sweeps, or their CSVs; the others are compared with the first
    #[arg(value_name = "SWEEP", num_args = 2.., required = true)]
    pub(super) csvs: Vec<PathBuf>,
    /// Format of the differences
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Draw all sweeps into this file, .svg, .png or .pdf
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Exit with status 3 if a later sweep is significantly worse than the first
    #[arg(long)]
    pub(super) fail_on_regression: bool,
    /// Show every difference, not only the significant ones
    #[arg(long)]
    pub(super) all: bool,
    /// Ignore differences up to this, such as 5% [default: 2%]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(super) threshold: Option<f64>,
}

/// A percentage as a fraction.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let fraction =
        number.map(|percent: f64| percent / 100.0).filter(|fraction| (0.0..1e3).contains(fraction));
    fraction.ok_or_else(|| "write a percentage of at least 0, such as 5%".to_owned())
}

/// The values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables for the terminal
    Text,
    /// For other programs
    Json,
    /// Tables for a README or a pull request
    Markdown,
}

/// Runs the command.
///
/// # Errors
/// If a CSV cannot be read, a sweep shares no point with the first, or the plot cannot be written.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    args.output.as_deref().map_or(Ok(()), plot::check_output)?;
    let csvs: Vec<PathBuf> = args.csvs.iter().map(|path| csv_of(path)).collect();
    let sweeps: Vec<Recorded> = csvs.iter().map(|csv| read(csv)).collect::<Result<_, _>>()?;
    let limits = sweeps.first().and_then(|first| first.spec.as_ref()).map(|spec| spec.limits.as_slice());
    let question = Question::of_limits(limits.unwrap_or_default(), args.threshold.unwrap_or(NEGLIGIBLE));
    let sweeps: Vec<Vec<RunRecord>> = sweeps.into_iter().map(|sweep| sweep.records).collect();
    let labels = labels(&csvs);
    let names = Names::among_sweeps(sweeps.iter().flatten().map(|record| &record.run));
    let mut groups: Vec<Vec<Series<'_>>> =
        sweeps.iter().map(|rows| Series::group_named(&names, rows)).collect();
    let others = groups.split_off(1);
    let compared = compare(&question, &groups[0], &others);
    for ((differences, rows), other) in compared.iter().zip(&sweeps[1..]).zip(&labels[1..]) {
        if differences.is_empty() {
            bail!(nothing_to_compare([(&labels[0], &sweeps[0]), (other, rows)]));
        }
    }
    let comparisons: Vec<Comparison<'_>> = labels[1..]
        .iter()
        .zip(&compared)
        .map(|(other, differences)| Comparison { first: &labels[0], other, question: &question, differences })
        .collect();
    let regressions: usize = comparisons.iter().map(Comparison::regressions).sum();
    let shown = if args.all { Shown::All } else { Shown::Relevant };
    let text = match args.format {
        Format::Text => comparison::text(&comparisons, shown, output::prose_width()),
        Format::Json => comparison::json(&comparisons)?,
        Format::Markdown => comparison::markdown(&comparisons, shown),
    };
    print!("{text}");
    if let Some(file) = &args.output {
        let all: Vec<(String, Vec<Series<'_>>)> =
            labels.into_iter().zip(groups.into_iter().chain(others)).collect();
        plot::write(&plot::overlay::draw(&all)?, file)?;
        let drew = format!("drew {}", file.display());
        match args.format {
            Format::Text => println!("{drew}"),
            // Stdout holds one document.
            Format::Json | Format::Markdown => eprintln!("{drew}"),
        }
    }
    let failed = args.fail_on_regression && regressions > 0;
    Ok(if failed { ExitCode::from(REGRESSION) } else { ExitCode::SUCCESS })
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
    fn a_threshold_is_a_percentage() {
        assert_eq!((percent("5%"), percent("0.5 %")), (Ok(0.05), Ok(0.005)));
        for wrong in ["5", "0.05", "-1%", "x%"] {
            assert!(percent(wrong).unwrap_err().contains("such as 5%"), "{wrong}");
        }
    }

    #[test]
    fn the_difference_between_sweeps_is_named() {
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
