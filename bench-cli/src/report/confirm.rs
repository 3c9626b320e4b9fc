//! Recommended settings and further runs of them, as a table.

use std::fmt::Write as _;

use super::markdown;
use super::summary::{self, Sheet};
use crate::analysis::advice::Predicted;
use crate::analysis::confirm::Confirmation;
use crate::analysis::{Figure, Warning};
use crate::terminal::count;

/// Three rows for each recommendation, which fit a narrow terminal: one for each figure, with what is
/// recommended next to them.
pub fn narrow_sheet(confirmations: &[Confirmation]) -> Sheet {
    let mut sheet = Sheet::new(&["recommended", "figure", "predicted", "measured"]);
    for confirmation in confirmations {
        let [limits, aim, setting] = subject(confirmation);
        let below = format!("{} below limits", below(confirmation));
        let titles = [format!("{limits}, {aim}:"), setting, below];
        sheet.rows.extend(titles.into_iter().zip(SHOWN).map(|(title, figure)| {
            let [predicted, measured] = predicted_and_measured(confirmation, figure);
            vec![title, figure.label().to_owned(), predicted, measured]
        }));
    }
    sheet
}

/// A row for each recommendation: the prediction for one more run, and the measurements.
pub fn sheet(confirmations: &[Confirmation]) -> Sheet {
    let mut header = vec!["limits".to_owned(), "best for".to_owned(), "setting".to_owned()];
    for figure in SHOWN {
        header.extend([format!("{} predicted", figure.label()), "measured".to_owned()]);
    }
    header.push("below the limits".to_owned());
    Sheet { header, rows: confirmations.iter().map(cells).collect() }
}

/// The figures of the table: those that can be limited.
const SHOWN: [Figure; 3] = [Figure::MsgsPerOp, Figure::P50, Figure::Max];

fn cells(confirmation: &Confirmation) -> Vec<String> {
    let mut cells: Vec<String> = subject(confirmation).into();
    cells.extend(SHOWN.into_iter().flat_map(|figure| predicted_and_measured(confirmation, figure)));
    cells.push(below(confirmation));
    cells
}

/// How many of the further runs were below the limits.
fn below(confirmation: &Confirmation) -> String {
    format!("{} of {}", confirmation.below, count(confirmation.runs, "run"))
}

/// The limits, what the setting is best for, and the setting.
fn subject(confirmation: &Confirmation) -> [String; 3] {
    let recommended = &confirmation.recommended;
    [recommended.limits.short(), recommended.aim.name().to_owned(), recommended.assessed.setting()]
}

fn predicted_and_measured(confirmation: &Confirmation, figure: Figure) -> [String; 2] {
    let predicted = confirmation.recommended.assessed.figure(figure).map(|Predicted { mean, margin }| {
        let margin = margin.map(|margin| format!(" ± {}", number(figure, margin))).unwrap_or_default();
        format!("{}{margin}", number(figure, mean))
    });
    let measured = summary::spread(confirmation.figures[figure as usize], decimals(figure));
    [predicted.unwrap_or_else(|| "–".to_owned()), measured]
}

/// A value without its unit, which the legend says.
fn number(figure: Figure, value: f64) -> String {
    format!("{value:.0$}", decimals(figure))
}

fn decimals(figure: Figure) -> usize {
    if figure == Figure::MsgsPerOp { 2 } else { 0 }
}

/// How to read [`sheet`].
pub const LEGEND: &str = "Latencies in ms. Predicted: means of the sweep that was asked, ± for one more run, with \
    95 % confidence for all limits together. Measured: medians and ranges of runs made afterwards.";

/// The warnings, each once: a setting may be recommended for several limits.
fn warnings(confirmations: &[Confirmation]) -> Vec<&Warning> {
    let mut warnings: Vec<&Warning> = Vec::new();
    for warning in confirmations.iter().filter_map(|confirmation| confirmation.lateness.as_ref()) {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

/// The table as Markdown, with the limits in words and the commands that made it.
pub fn markdown(confirmations: &[Confirmation], commands: &[String]) -> String {
    let mut text = markdown::table(&sheet(confirmations));
    let _ = writeln!(text, "\n{LEGEND}\n");
    let mut seen: Vec<String> = Vec::new();
    for limits in confirmations.iter().map(|confirmation| confirmation.recommended.limits.to_string()) {
        if !seen.contains(&limits) {
            seen.push(limits);
        }
    }
    for limits in seen {
        let _ = writeln!(text, "- {}", markdown::escape(&limits));
    }
    for warning in warnings(confirmations) {
        let _ = writeln!(text, "- {}", markdown::escape(&summary::sentence(warning)));
    }
    let _ = writeln!(text, "\n```sh\n{}\n```", commands.join("\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::confirm::Recommended;
    use crate::analysis::examples::late;
    use crate::analysis::{Advice, Series};
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;

    #[test]
    fn a_busy_machine_is_reported_once_for_each_setting() {
        let records = [1, 2].map(|repetition| example(100, repetition));
        let advice = Advice::on(&Series::group(&records), Challenge::ALL[0].into());
        let further = [example(100, 1), late(100, 2)];
        let confirmations: Vec<Confirmation> = advice
            .recommended()
            .into_iter()
            .map(|(aim, assessed)| (aim, assessed.clone()))
            .map(|(aim, assessed)| Recommended { limits: advice.limits.clone(), aim, assessed })
            .map(|recommended| Confirmation::against(recommended, &Series::group(&further)))
            .collect();
        assert_eq!(confirmations.len(), 2);
        let narrow = summary::table(narrow_sheet(&confirmations)).trim_fmt();
        assert!(
            narrow.contains(" 3d, fewest messages:") && narrow.contains(" of 2 runs below limits "),
            "{narrow}"
        );
        // Equal figures are shown once, not as a range.
        assert!(!narrow.contains('–'), "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
        let said = markdown(&confirmations, &["bench-cli confirm x".to_owned()]);
        let warning = "- Warning: hub at 100 ms: in 1 of 2 runs this machine was too busy";
        assert_eq!(said.matches(warning).count(), 1, "{said}");
    }
}
