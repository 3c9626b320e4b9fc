//! Advice in words: which timeouts meet limits, the best of them, and what to measure next.

use std::fmt;

use super::repeat;
use crate::analysis::advice::{Judged, Predicted, Verdict};
use crate::analysis::{Advice, Envelope, Figure, Series};

/// What the runs say of one limit. The terminal, the report and the summary show the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is asked: which settings meet these limits.
    pub question: String,
    /// For each series, which timeouts do, which do not, and which may; then the best.
    pub findings: Vec<String>,
    /// What is worth measuring next, and the command that does.
    pub next: Vec<(String, String)>,
}

/// The answer for every limit; in a grid of settings one for each combination, since a strategy and a timeout can be
/// chosen, but not how many nodes there are or how far apart.
pub fn answers(series: &[Series<'_>], envelopes: &[Envelope]) -> Vec<Answer> {
    let mut combinations: Vec<Vec<Series<'_>>> = Vec::new();
    for one in series {
        // The question says the settings, so the series need not.
        let one = Series { name: one.subject(), ..one.clone() };
        match combinations.iter_mut().find(|combination| combination[0].settings == one.settings) {
            Some(combination) => combination.push(one),
            None => combinations.push(vec![one]),
        }
    }
    let of_envelope =
        |envelope: &Envelope| combinations.iter().map(|series| Answer::on(series, envelope)).collect();
    envelopes.iter().flat_map(|envelope| -> Vec<Answer> { of_envelope(envelope) }).collect()
}

impl Answer {
    /// For series of the same settings.
    fn on(series: &[Series<'_>], envelope: &Envelope) -> Answer {
        let advice = Advice::on(series, envelope.clone());
        let mut findings: Vec<String> = series.iter().map(|series| of_series(&advice, series)).collect();
        findings.extend(best(&advice));
        let next = advice.next.iter().filter_map(|next| {
            let rows = &series.iter().find(|series| series.name == next.series)?.rows;
            let command = repeat::further(rows, &next.timeouts_ms, next.repetitions)?;
            Some((format!("To know {} better", next.series), command))
        });
        let settings = series.first().map(|series| series.settings.as_str()).unwrap_or_default();
        let at = if settings.is_empty() { String::new() } else { format!(" at {settings}") };
        Answer {
            question: format!("What meets {envelope}{at}, with 95 % confidence for one more run"),
            findings,
            next: next.collect(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.question)?;
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        for (aim, command) in &self.next {
            writeln!(f, "  {aim}:\n    {command}")?;
        }
        Ok(())
    }
}

/// Which timeouts of one series meet the limits, which do not, and which may.
fn of_series(advice: &Advice, series: &Series<'_>) -> String {
    let judged: Vec<&Judged> = advice.judged.iter().filter(|judged| judged.series == series.name).collect();
    let with = |verdict: Verdict| {
        // Neighbours with the same verdict are one range.
        let ranges =
            judged.chunk_by(|a, b| a.verdict == b.verdict).filter(|range| range[0].verdict == verdict);
        let shown = ranges.map(|range| match range {
            [one] => format!("{}", one.timeout_ms),
            [first, .., last] => format!("{}–{}", first.timeout_ms, last.timeout_ms),
            [] => String::new(),
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    let parts = [(Verdict::Meets, "yes"), (Verdict::Open, "open"), (Verdict::Misses, "no")];
    let parts = parts.map(|(verdict, word)| (word, with(verdict)));
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, timeouts)| !timeouts.is_empty())
        .map(|(word, timeouts)| format!("{word} at {timeouts} ms"))
        .collect();
    format!("{}: {}", series.name, said.join("; "))
}

/// The best settings of those that surely meet the limits.
fn best(advice: &Advice) -> Vec<String> {
    let recommended = advice.recommended();
    if recommended.is_empty() {
        return vec!["nothing that was measured surely meets it".to_owned()];
    }
    recommended.iter().map(|(aim, judged)| format!("{}: {}", aim.name(), describe(judged))).collect()
}

/// A setting and what one more run of it should measure.
pub fn describe(judged: &Judged) -> String {
    let figures = [Figure::MsgsPerOp, Figure::P50, Figure::Max].into_iter().filter_map(|figure| {
        let Predicted { mean, margin } = judged.figure(figure)?;
        let shown = match (figure, margin) {
            (Figure::MsgsPerOp, Some(margin)) => format!("{mean:.2} ± {margin:.2} msgs/op"),
            (Figure::MsgsPerOp, None) => format!("{mean:.2} msgs/op"),
            (_, Some(margin)) => format!("{} {mean:.0} ± {margin:.0} ms", figure.label()),
            (_, None) => format!("{} {mean:.0} ms", figure.label()),
        };
        Some(shown)
    });
    let figures: Vec<String> = figures.collect();
    format!("{} at {} ms: {} ({} runs)", judged.series, judged.timeout_ms, figures.join(", "), judged.runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Challenge;
    use crate::record::Row;
    use crate::record::row::tests::example;

    #[test]
    fn advice_names_timeouts_the_best_and_the_next_sweep() {
        let run = |timeout: u64, (repetition, percent): (u32, u64)| Row {
            stable_max_ms: Some((200 + timeout) * percent / 100),
            msgs_per_op: Some(300.0 / timeout as f64 * percent as f64 / 100.0),
            node_args: format!("--batch-timeout {timeout}ms --strategy hub"),
            ..example(timeout, repetition)
        };
        let rows: Vec<Row> = [100, 200, 300, 380, 800]
            .into_iter()
            .flat_map(|timeout| [(1, 98), (2, 100), (3, 102)].map(|sample| run(timeout, sample)))
            .collect();
        let answers = answers(&Series::group(&rows), &[Challenge::ALL[0].into()]);
        insta::assert_snapshot!(answers[0]);
    }

    #[test]
    fn each_combination_of_settings_has_an_answer_of_its_own() {
        let run = |node_count, repetition| Row { node_count, ..example(100, repetition) };
        let rows = [run(5, 1), run(5, 2), run(25, 1), run(25, 2)];
        let answers = answers(&Series::group(&rows), &[Challenge::ALL[0].into()]);
        assert_eq!(answers.len(), 2);
        assert!(answers[1].question.contains("at 25 nodes, with 95 %"), "{}", answers[1]);
        assert!(answers[1].findings[0].starts_with("hub: "), "{}", answers[1]);
        assert!(
            answers[0].next.iter().all(|(_, command)| command.ends_with(" --node-count 5")),
            "{}",
            answers[0]
        );
    }
}
