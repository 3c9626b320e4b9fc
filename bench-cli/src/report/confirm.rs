//! How recommended settings fared, as a table.

use std::fmt::Write as _;

use super::markdown;
use super::summary::Sheet;
use crate::analysis::advice::Predicted;
use crate::analysis::confirm::Held;
use crate::analysis::{Envelope, Figure};

/// A row for each recommendation: what was predicted for one more run, and what was measured.
pub fn sheet(held: &[Held]) -> Sheet {
    let mut header = vec!["limits".to_owned(), "best for".to_owned(), "setting".to_owned()];
    for figure in SHOWN {
        header.extend([format!("{} predicted", figure.label()), "measured".to_owned()]);
    }
    header.push("below the limits".to_owned());
    Sheet { header, rows: held.iter().map(cells).collect() }
}

/// The figures of the table: those that can be limited.
const SHOWN: [Figure; 3] = [Figure::MsgsPerOp, Figure::P50, Figure::Max];

fn cells(held: &Held) -> Vec<String> {
    let Held { recommended, runs, below, figures, .. } = held;
    let judged = &recommended.judged;
    let mut cells = vec![
        limits(&recommended.envelope),
        recommended.aim.name().to_owned(),
        format!("{} at {} ms", judged.series, judged.timeout_ms),
    ];
    for figure in SHOWN {
        let predicted = judged.figure(figure).map(|Predicted { mean, margin }| {
            let margin = margin.map(|margin| format!(" ± {}", number(figure, margin))).unwrap_or_default();
            format!("{}{margin}", number(figure, mean))
        });
        let measured = figures[figure as usize].map(|spread| {
            let [median, min, max] =
                [spread.median, spread.min, spread.max].map(|value| number(figure, value));
            format!("{median} ({min}–{max})")
        });
        cells.extend([predicted, measured].map(|cell| cell.unwrap_or_else(|| "–".to_owned())));
    }
    cells.push(format!("{below} of {runs} runs"));
    cells
}

/// The name of limits, or the limits themselves if they have none.
fn limits(envelope: &Envelope) -> String {
    if envelope.name.is_empty() { envelope.to_string() } else { envelope.name.clone() }
}

/// A value without its unit, which the legend says.
fn number(figure: Figure, value: f64) -> String {
    if figure == Figure::MsgsPerOp { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// How to read [`sheet`].
pub const LEGEND: &str = "Latencies in ms. Predicted: from the sweep that was asked, for one more run, with 95 % \
    confidence for all limits together. Measured: medians and ranges of runs made afterwards.";

/// What was measured on a busy machine, each setting once.
fn warnings(held: &[Held]) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    for Held { recommended, runs, late, .. } in held.iter().filter(|held| held.late > 0) {
        let judged = &recommended.judged;
        let warning = format!(
            "{} at {} ms: in {late} of {runs} runs this machine was too busy to deliver messages in time, so latencies \
             read too high.",
            judged.series, judged.timeout_ms
        );
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

/// The table as Markdown, with the limits in words and the commands that made it.
pub fn markdown(held: &[Held], commands: &[String]) -> String {
    let mut text = markdown::table(&sheet(held));
    let _ = writeln!(text, "\n{LEGEND}\n");
    let mut seen: Vec<String> = Vec::new();
    for envelope in held.iter().map(|held| &held.recommended.envelope) {
        if !seen.contains(&envelope.to_string()) {
            seen.push(envelope.to_string());
        }
    }
    for envelope in seen {
        let _ = writeln!(text, "- {}", markdown::escape(&envelope));
    }
    for warning in warnings(held) {
        let _ = writeln!(text, "- Warning: {}", markdown::escape(&warning));
    }
    let _ = writeln!(text, "\n```sh\n{}\n```", commands.join("\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::confirm::Recommended;
    use crate::analysis::{Advice, Challenge, Series};
    use crate::record::Row;
    use crate::record::row::tests::example;

    #[test]
    fn runs_on_a_busy_machine_are_told_once_a_setting() {
        let rows = [1, 2].map(|repetition| example(100, repetition));
        let advice = Advice::on(&Series::group(&rows), Challenge::ALL[0].into());
        let late = [1, 2].map(|repetition| Row { late: Some(repetition == 2), ..example(100, repetition) });
        let held: Vec<Held> = advice
            .recommended()
            .into_iter()
            .map(|(aim, judged)| (aim, judged.clone()))
            .map(|(aim, judged)| Recommended { envelope: advice.envelope.clone(), aim, judged })
            .map(|recommended| Held::against(recommended, &Series::group(&late)))
            .collect();
        assert_eq!(held.len(), 2);
        let said = markdown(&held, &["bench-cli confirm x".to_owned()]);
        let warning = "- Warning: hub at 100 ms: in 1 of 2 runs this machine was too busy";
        assert_eq!(said.matches(warning).count(), 1, "{said}");
    }
}
