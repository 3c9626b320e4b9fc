//! The differences between sweeps as text, JSON and Markdown.

use std::fmt::Write as _;
use std::ops::Range;

use anyhow::Context as _;
use comfy_table::{CellAlignment, Row, Table};
use serde::Serialize;

use super::brief::{WIDEST, wrapped};
use super::summary;
use crate::analysis::Figure;
use crate::analysis::compare::{Conclusion, Difference, Question, SIGNIFICANCE, Scope};
use crate::terminal::{are, count};

/// How one sweep differs from the first.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The name of the first sweep.
    pub first: &'a str,
    /// The name of the other one.
    pub other: &'a str,
    /// The question that the comparison answers.
    pub question: &'a Question,
    /// Every difference.
    pub differences: &'a [Difference],
}

/// Which differences tables show. JSON has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those that answer the question, and other significant ones.
    Relevant,
    /// Every difference.
    All,
}

impl Comparison<'_> {
    /// How many answers are significant and for the worse.
    pub fn regressions(&self) -> usize {
        self.primary().filter(|difference| difference.is_regression()).count()
    }

    fn primary(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.is_primary())
    }

    fn shown(&self, shown: Shown) -> impl Iterator<Item = &Difference> {
        let is_shown =
            move |one: &&Difference| shown == Shown::All || one.is_primary() || one.is_significant();
        self.differences.iter().filter(is_shown)
    }

    fn title(&self) -> String {
        format!("{} → {}", self.first, self.other)
    }

    /// The change of each series in one line: `hub: 8.8 × fewer messages, 1.4 × the median latency`.
    fn ratios(&self) -> Vec<String> {
        let primary: Vec<&Difference> = self.primary().collect();
        let of_series = primary.chunk_by(|one, other| one.series == other.series);
        let line = |of_series: &[&Difference]| {
            let ratios: Vec<String> = of_series.iter().map(|one| ratio(one)).collect();
            format!("{}: {}", of_series[0].series, ratios.join(", "))
        };
        of_series.map(line).collect()
    }

    /// How many differences are significant, and how many the table leaves out.
    fn conclusion(&self, shown: Shown) -> String {
        let primary = self.primary().count();
        let significant = self.primary().filter(|one| one.is_significant()).count();
        let mut text = format!(
            "{significant} of {} {} significant (p < {SIGNIFICANCE} after Holm's correction, and more than {} %), {} of them \
             for the worse. Values are means over runs.",
            count(primary, "primary difference"),
            are(significant),
            self.question.threshold * 100.0,
            self.regressions()
        );
        let hidden = self.differences.len() - self.shown(shown).count();
        if hidden > 0 {
            let (differences, them) =
                (count(hidden, "exploratory difference"), if hidden == 1 { "it" } else { "them" });
            let _ = write!(text, " {differences} {} not significant; --all shows {them}.", are(hidden));
        }
        text
    }

    fn columns(&self) -> [&str; COLUMNS] {
        ["series", "timeout", "", self.first, self.other, "change (95 %)", "p", "verdict"]
    }
}

const COLUMNS: usize = 8;
/// The columns with numbers.
const NUMBERS: Range<usize> = 3..7;

/// Tables for the terminal, and sentences in lines of up to `width` columns.
pub fn text(comparisons: &[Comparison<'_>], shown: Shown, width: usize) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        text.push_str(&wrapped(&comparison.title(), width));
        for line in comparison.ratios() {
            text.push_str(&wrapped(&format!("  {line}"), width));
        }
        let table = table(comparison, shown, width.min(WIDEST));
        let _ = writeln!(text, "\n{table}");
        let _ = writeln!(text, "{}", wrapped(&comparison.conclusion(shown), width));
    }
    text
}

/// A row for each difference. If the names of series make that too wide, each is a line above its rows.
fn table(comparison: &Comparison<'_>, shown: Shown, width: usize) -> String {
    let rows = comparison.shown(shown).map(cells);
    let text = table_of(&comparison.columns(), NUMBERS, rows).trim_fmt();
    if text.lines().all(|line| line.chars().count() <= width) {
        return text;
    }
    let shown: Vec<&Difference> = comparison.shown(shown).collect();
    let of_series = || shown.chunk_by(|one, other| one.series == other.series);
    let rows = of_series().flat_map(|rows| {
        // A row without text is the line of the name.
        let rows = rows.iter().map(|one| cells(one).into_iter().skip(1).collect::<Vec<_>>());
        [vec![String::new(); COLUMNS - 1]].into_iter().chain(rows)
    });
    let numbers = NUMBERS.start - 1..NUMBERS.end - 1;
    let table = table_of(&comparison.columns()[1..], numbers, rows);
    let mut names = of_series().map(|rows| wrapped(&rows[0].series, width));
    let text = summary::fitted(table, COLUMNS - 2, width);
    let line = |line: &str| match line {
        "" => names.next().unwrap_or_default(),
        line => format!("{line}\n"),
    };
    text.lines().map(line).collect::<String>().trim_end().to_owned()
}

fn table_of<R: Into<Row>>(header: &[&str], numbers: Range<usize>, rows: impl Iterator<Item = R>) -> Table {
    let mut table = Table::new();
    table.load_style(summary::PLAIN).set_header(header.to_vec());
    table.add_rows(rows);
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Tables for a README or a pull request.
pub fn markdown(comparisons: &[Comparison<'_>], shown: Shown) -> String {
    let escaped = |cell: &str| cell.replace('|', "\\|");
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = String::new();
    for comparison in comparisons {
        let _ = write!(text, "### {}\n\n", comparison.title());
        for line in comparison.ratios() {
            let _ = writeln!(text, "- {}", escaped(&line));
        }
        text.push('\n');
        text.push_str(&line(&comparison.columns().map(escaped)));
        let rule = |column: usize| if NUMBERS.contains(&column) { "--:" } else { "---" };
        text.push_str(&line(&(0..COLUMNS).map(|column| rule(column).to_owned()).collect::<Vec<_>>()));
        for difference in comparison.shown(shown) {
            text.push_str(&line(&cells(difference).map(|cell| escaped(&cell))));
        }
        let _ = write!(text, "\n{}\n\n", comparison.conclusion(shown));
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
    role: &'static str,
    /// How many runs there were before and after.
    runs: (usize, usize),
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
            role: difference.role.name(),
            runs: difference.runs,
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
    let role = if difference.is_primary() { "" } else { ", exploratory" };
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
        match difference.conclusion {
            Conclusion::NotSignificant => {
                format!("{} ({}){role}", verdict(difference), sample_sizes(difference.runs))
            }
            _ => format!("{}{role}", verdict(difference)),
        },
    ]
}

/// `n = 3`, or the runs of both sides if they differ.
fn sample_sizes((before, after): (usize, usize)) -> String {
    if before == after { format!("n = {before}") } else { format!("n = {before} and {after}") }
}

fn shown_probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

fn verdict(difference: &Difference) -> &'static str {
    match difference.conclusion {
        Conclusion::SingleRuns => "single runs",
        Conclusion::Worse => "worse",
        Conclusion::Better => "better",
        Conclusion::NotSignificant => "not significant",
    }
}

/// A change in words: `8.8 × fewer messages`, `+3 % max latency (not significant, n = 3)`.
fn ratio(difference: &Difference) -> String {
    /// From this ratio on a factor is easier to read than a percentage.
    const FACTOR: f64 = 1.15;
    let ratio = 1.0 + difference.relative;
    let what = match difference.figure {
        Figure::MsgsPerOp => "messages",
        Figure::P50 => "median latency",
        Figure::P95 => "p95 latency",
        Figure::Max => "max latency",
    };
    let less = if difference.figure == Figure::MsgsPerOp { "fewer" } else { "lower" };
    let change = if ratio >= FACTOR {
        format!("{} × the {what}", two_digits(ratio))
    } else if ratio > 0.0 && 1.0 / ratio >= FACTOR {
        format!("{} × {less} {what}", two_digits(1.0 / ratio))
    } else {
        format!("{:+.1} % {what}", difference.relative * 100.0)
    };
    match difference.conclusion {
        Conclusion::NotSignificant => {
            format!("{change} (not significant, {})", sample_sizes(difference.runs))
        }
        Conclusion::SingleRuns => format!("{change} (single runs)"),
        Conclusion::Better | Conclusion::Worse => change,
    }
}

/// A factor with two significant digits.
fn two_digits(factor: f64) -> String {
    if factor < 9.95 { format!("{factor:.1}") } else { format!("{factor:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::Role;

    fn comparison<'a>(differences: &'a [Difference], question: &'a Question) -> Comparison<'a> {
        Comparison { first: "main", other: "branch", question, differences }
    }

    fn differences() -> [Difference; 2] {
        let worse = Difference {
            series: "hub | 25 nodes".to_owned(),
            scope: Scope::At("50".parse().unwrap()),
            figure: Figure::Max,
            role: Role::Primary,
            runs: (3, 3),
            means: Some((100.0, 150.0)),
            relative: 0.5,
            margin: Some(0.1),
            p: Some(0.0001),
            conclusion: Conclusion::Worse,
        };
        let conclusion = Conclusion::SingleRuns;
        let scope = Scope::Overall;
        let single = Difference { scope, means: None, margin: None, p: None, conclusion, ..worse.clone() };
        [worse, single]
    }

    #[test]
    fn markdown_is_tables_with_escaped_bars() {
        let text = markdown(&[comparison(&differences(), &Question::default())], Shown::Relevant);
        assert_eq!(
            text,
            "### main → branch\n\n\
             - hub \\| 25 nodes: 1.5 × the max latency, 1.5 × the max latency (single runs)\n\n\
             | series | timeout |  | main | branch | change (95 %) | p | verdict |\n\
             | --- | --- | --- | --: | --: | --: | --: | --- |\n\
             | hub \\| 25 nodes | 50 | max | 100 ms | 150 ms | +50.0 ± 10.0 % | < 0.001 | worse |\n\
             | hub \\| 25 nodes | all | max |  |  | +50.0 % | – | single runs |\n\n\
             1 of 2 primary differences is significant (p < 0.01 after Holm's correction, and more than 2 %), \
             1 of them for the worse. Values are means over runs.\n"
        );
    }

    #[test]
    fn insignificant_differences_are_shown_on_request() {
        let [worse, _] = differences();
        let quiet = Difference {
            relative: 0.42,
            p: Some(0.025),
            role: Role::Exploratory,
            conclusion: Conclusion::NotSignificant,
            ..worse.clone()
        };
        let (differences, question) = ([worse, quiet], Question::default());
        let text = |shown| text(&[comparison(&differences, &question)], shown, usize::MAX);
        assert!(!text(Shown::Relevant).contains("not significant ("), "{}", text(Shown::Relevant));
        assert!(
            text(Shown::Relevant).contains("1 exploratory difference is not significant; --all shows it.")
        );
        // The whole row has 107 columns, so that the name of the series is a line of its own.
        let all = text(Shown::All);
        assert!(all.contains("\nhub | 25 nodes\n"), "{all}");
        assert!(all.contains("not significant (n = 3), exploratory"), "{all}");
    }

    #[test]
    fn long_names_break_and_numbers_do_not() {
        let name = "hub (5 nodes, latency 50 ms exponential, partition every 2 s) → gossip (5 nodes)";
        let named = |one: Difference| Difference {
            series: name.to_owned(),
            conclusion: Conclusion::NotSignificant,
            role: Role::Exploratory,
            ..one
        };
        let (differences, question) = (differences().map(named), Question::default());
        let first = "results/long-names/of-some-folder/before/sweep.csv";
        let other = "results/long-names/of-some-folder/after/sweep.csv";
        let comparison = Comparison { first, other, question: &question, differences: &differences };
        for width in [80, 100] {
            let shown = table(&comparison, Shown::All, width);
            assert!(shown.lines().all(|line| line.chars().count() <= width), "{shown}");
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let numbers = "50 max 100 ms 150 ms +50.0 ± 10.0 % < 0.001 not";
            assert_eq!(shown.lines().filter(|line| words(line).starts_with(numbers)).count(), 1, "{shown}");
            // The name of each series is there once, in as many lines as it takes.
            assert_eq!(words(&shown).matches(name).count(), 1, "{shown}");
        }
        let shown = table(&comparison, Shown::All, 100);
        assert!(shown.lines().any(|line| line == name), "{shown}");
        let verdict = "   not significant (n = 3),";
        assert!(shown.lines().any(|line| line.ends_with(verdict)), "{shown}");
    }

    #[test]
    fn ratios_are_written_as_people_say_them() {
        let said = |figure, relative: f64, conclusion, runs| {
            let [worse, _] = differences();
            ratio(&Difference { figure, relative, conclusion, runs, ..worse })
        };
        let better = |figure, relative| said(figure, relative, Conclusion::Better, (3, 3));
        assert_eq!(better(Figure::MsgsPerOp, 1.0 / 8.8 - 1.0), "8.8 × fewer messages");
        assert_eq!(better(Figure::MsgsPerOp, 1.0 / 24.0 - 1.0), "24 × fewer messages");
        assert_eq!(better(Figure::P50, 1.0 / 1.4 - 1.0), "1.4 × lower median latency");
        assert_eq!(
            said(Figure::Max, 0.42, Conclusion::NotSignificant, (3, 5)),
            "1.4 × the max latency (not significant, n = 3 and 5)"
        );
        assert_eq!(said(Figure::Max, 0.031, Conclusion::Worse, (3, 3)), "+3.1 % max latency");
    }

    #[test]
    fn json_has_numbers_and_nulls() {
        let differences = differences();
        let text = json(&[comparison(&differences, &Question::default())]);
        let read: serde_json::Value = serde_json::from_str(&text.expect("JSON")).expect("JSON");
        assert_eq!(read[0]["regressions"], 1);
        let [worse, single] = [&read[0]["differences"][0], &read[0]["differences"][1]];
        assert_eq!((&worse["x"], &worse["other"]), (&50.0.into(), &150.0.into()));
        assert_eq!((&worse["change"], &worse["verdict"]), (&0.5.into(), &"worse".into()));
        assert!(single["x"].is_null() && single["p"].is_null() && single["first"].is_null());
    }
}
