//! The differences between sweeps as text, JSON and Markdown.

use std::fmt::Write as _;

use anyhow::Context as _;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::summary;
use crate::analysis::compare::{Difference, NEGLIGIBLE, SIGNIFICANCE, Scope};

/// How one sweep differs from the first.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The name of the first sweep.
    pub first: &'a str,
    /// The name of the other one.
    pub other: &'a str,
    /// Every difference.
    pub differences: &'a [Difference],
}

impl Comparison<'_> {
    /// How many differences are beyond noise and for the worse.
    pub fn regressions(&self) -> usize {
        self.differences.iter().filter(|difference| difference.is_regression()).count()
    }

    fn title(&self) -> String {
        format!("{} → {}", self.first, self.other)
    }

    /// One sentence about all differences.
    fn conclusion(&self) -> String {
        let significant = self.differences.iter().filter(|difference| difference.is_significant()).count();
        format!(
            "{significant} of {} differences are beyond noise (p < {SIGNIFICANCE} after correction, and more than {} %), \
             {} of them for the worse",
            self.differences.len(),
            NEGLIGIBLE * 100.0,
            self.regressions()
        )
    }

    fn columns(&self) -> [&str; COLUMNS] {
        ["series", "timeout", "", self.first, self.other, "change (95 %)", "p", "verdict"]
    }
}

const COLUMNS: usize = 8;
/// The columns with numbers.
const NUMBERS: std::ops::Range<usize> = 3..7;

/// Tables for the terminal.
pub fn text(comparisons: &[Comparison<'_>]) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        let mut table = Table::new();
        table.load_style(summary::PLAIN);
        table.set_header(comparison.columns());
        for column in NUMBERS {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for difference in comparison.differences {
            table.add_row(cells(difference));
        }
        let _ = writeln!(text, "{}\n{table}\n{}\n", comparison.title(), comparison.conclusion());
    }
    text
}

/// Tables for a README or a pull request.
pub fn markdown(comparisons: &[Comparison<'_>]) -> String {
    let escaped = |cell: &str| cell.replace('|', "\\|");
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = String::new();
    for comparison in comparisons {
        let _ = write!(text, "### {}\n\n", comparison.title());
        text.push_str(&line(&comparison.columns().map(escaped)));
        let rule = |column: usize| if NUMBERS.contains(&column) { "--:" } else { "---" };
        text.push_str(&line(&(0..COLUMNS).map(|column| rule(column).to_owned()).collect::<Vec<_>>()));
        for difference in comparison.differences {
            text.push_str(&line(&cells(difference).map(|cell| escaped(&cell))));
        }
        let _ = write!(text, "\n{}\n\n", comparison.conclusion());
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// A difference in JSON. Latencies are in milliseconds.
#[derive(Serialize)]
struct JsonDifference<'a> {
    series: &'a str,
    /// `null` for all timeouts together.
    x: Option<f64>,
    figure: &'static str,
    /// The means before and after; `null` for all timeouts together.
    first: Option<f64>,
    other: Option<f64>,
    /// The change as a fraction of the value before, and half the width of its 95 % interval.
    change: f64,
    margin: Option<f64>,
    p: Option<f64>,
    verdict: &'static str,
}

impl<'a> From<&'a Difference> for JsonDifference<'a> {
    fn from(difference: &'a Difference) -> JsonDifference<'a> {
        JsonDifference {
            series: &difference.series,
            x: match difference.scope {
                Scope::Overall => None,
                Scope::At(x) => Some(x.get()),
            },
            figure: difference.figure.label(),
            first: difference.means.map(|(first, _)| first),
            other: difference.means.map(|(_, other)| other),
            change: difference.relative,
            margin: difference.margin,
            p: difference.p,
            verdict: verdict(difference),
        }
    }
}

#[derive(Serialize)]
struct JsonComparison<'a> {
    first: &'a str,
    other: &'a str,
    regressions: usize,
    differences: Vec<JsonDifference<'a>>,
}

/// A list with an object for each sweep but the first.
///
/// # Errors
/// If a number cannot be written.
pub fn json(comparisons: &[Comparison<'_>]) -> anyhow::Result<String> {
    let all = comparisons.iter().map(|comparison| JsonComparison {
        first: comparison.first,
        other: comparison.other,
        regressions: comparison.regressions(),
        differences: comparison.differences.iter().map(JsonDifference::from).collect(),
    });
    let all: Vec<JsonComparison<'_>> = all.collect();
    let text = serde_json::to_string_pretty(&all).context("the differences cannot be written as JSON")?;
    Ok(text + "\n")
}

fn cells(difference: &Difference) -> [String; COLUMNS] {
    let shown = |mean: f64| difference.figure.show(mean);
    let margin = difference.margin.map(|margin| format!(" ± {:.1}", margin * 100.0)).unwrap_or_default();
    [
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
    ]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Figure;

    fn differences() -> [Difference; 2] {
        let worse = Difference {
            series: "hub | 25 nodes".to_owned(),
            scope: Scope::At("50".parse().unwrap()),
            figure: Figure::Max,
            means: Some((100.0, 150.0)),
            relative: 0.5,
            margin: Some(0.1),
            p: Some(0.0001),
        };
        let single =
            Difference { scope: Scope::Overall, means: None, margin: None, p: None, ..worse.clone() };
        [worse, single]
    }

    #[test]
    fn markdown_is_tables_with_escaped_bars() {
        let differences = differences();
        let text = markdown(&[Comparison { first: "main", other: "branch", differences: &differences }]);
        assert_eq!(
            text,
            "### main → branch\n\n\
             | series | timeout |  | main | branch | change (95 %) | p | verdict |\n\
             | --- | --- | --- | --: | --: | --: | --: | --- |\n\
             | hub \\| 25 nodes | 50 | max | 100 ms | 150 ms | +50.0 ± 10.0 % | < 0.001 | worse |\n\
             | hub \\| 25 nodes | all | max |  |  | +50.0 % | – | single runs |\n\n\
             1 of 2 differences are beyond noise (p < 0.01 after correction, and more than 2 %), 1 of them for the worse\n"
        );
    }

    #[test]
    fn json_has_numbers_and_nulls() {
        let differences = differences();
        let text = json(&[Comparison { first: "main", other: "branch", differences: &differences }]);
        let read: serde_json::Value = serde_json::from_str(&text.expect("JSON")).expect("JSON");
        assert_eq!(read[0]["regressions"], 1);
        let [worse, single] = [&read[0]["differences"][0], &read[0]["differences"][1]];
        assert_eq!((&worse["x"], &worse["other"]), (&50.0.into(), &150.0.into()));
        assert_eq!((&worse["change"], &worse["verdict"]), (&0.5.into(), &"worse".into()));
        assert!(single["x"].is_null() && single["p"].is_null() && single["first"].is_null());
    }
}
