//! Recommendations in words: which timeouts meet limits, which are best, and what to measure next.

use std::fmt;
use std::time::Duration;

use crate::analysis::advice::{Assessed, NextSweep, Predicted, Verdict};
use crate::analysis::{Advice, Figure, Series};
use crate::spec::{Limits, Parameter, RunSpec, SweepSpec};

/// Which settings meet some limits, in words. The terminal, the report and the summary show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question: which settings meet these limits.
    pub question: String,
    /// The best settings. Then, for each series, the timeouts that pass, fail, or are unclear.
    pub findings: Vec<String>,
    /// The next sweep that is worth running, and its command.
    pub next: Vec<(String, String)>,
}

/// A sweep that is described.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// The description of the sweep.
    pub spec: &'a SweepSpec,
    /// Its folder as one would type it, if another sweep can extend it.
    pub folder: Option<&'a str>,
}

/// The answer for each limit. A grid of settings has one for each combination: a user can choose a strategy
/// and a timeout, but not the number of nodes or their distance. `sweep` is the one that was measured, if
/// there is a description of it.
pub fn answers(series: &[Series<'_>], limits: &[Limits], sweep: Option<Described<'_>>) -> Vec<Answer> {
    let mut combinations: Vec<Vec<Series<'_>>> = Vec::new();
    for one in series {
        // The question names the settings, so the series need not.
        let one = Series { name: one.subject.clone(), ..one.clone() };
        match combinations.iter_mut().find(|combination| combination[0].settings == one.settings) {
            Some(combination) => combination.push(one),
            None => combinations.push(vec![one]),
        }
    }
    let of_limits = |limits| combinations.iter().map(move |series| Answer::on(series, limits, sweep));
    limits.iter().flat_map(of_limits).collect()
}

impl Answer {
    /// The answer for series with the same settings.
    fn on(series: &[Series<'_>], limits: &Limits, sweep: Option<Described<'_>>) -> Answer {
        let advice = Advice::on(series, limits.clone());
        let mut findings = best(&advice);
        findings.extend(series.iter().map(|series| of_series(&advice, series)));
        let next = advice.next.iter().filter_map(|next| {
            let series = series.iter().find(|series| series.name == next.series)?;
            Some((format!("To know {} better", next.series), command(next, series, sweep)?))
        });
        let settings = series.first().map(|series| series.settings.as_str()).unwrap_or_default();
        let at = if settings.is_empty() { String::new() } else { format!(" at {settings}") };
        Answer {
            question: format!("What meets {limits}{at}, with 95 % confidence for one more run"),
            findings,
            next: next.collect(),
        }
    }
}

/// The command of the next sweep, which extends this one if the settings are the same.
/// `None` if the node's arguments at other timeouts are not known.
fn command(next: &NextSweep, series: &Series<'_>, sweep: Option<Described<'_>>) -> Option<String> {
    let runs: Vec<&RunSpec> = series.records.iter().map(|record| &record.run).collect();
    let mut like = SweepSpec::like(sweep.map(|sweep| sweep.spec), &runs)?;
    // More runs than before; otherwise the verdict would stay unclear.
    let there = next.timeouts_ms.iter().map(|&timeout| series.at(timeout as f64).count()).max().unwrap_or(0);
    let repetitions = if there < next.repetitions { next.repetitions } else { there + next.repetitions };
    like.grid.batch_timeouts = next.timeouts_ms.iter().copied().map(Duration::from_millis).collect();
    like.grid.repetitions = u32::try_from(repetitions).unwrap_or(u32::MAX);
    Some(match sweep {
        Some(Described { spec, folder: Some(folder) })
            if (&spec.grid.settings, &spec.grid.parameters)
                == (&like.grid.settings, &like.grid.parameters) =>
        {
            like.command_extending(spec, folder)
        }
        _ => like.command_without_seed(),
    })
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

/// The timeouts of one series that pass, fail, or are unclear.
fn of_series(advice: &Advice, series: &Series<'_>) -> String {
    let assessed: Vec<&Assessed> =
        advice.assessed.iter().filter(|assessed| assessed.series == series.name).collect();
    let with = |verdict: Verdict| {
        // Neighbours with the same verdict are one range.
        let ranges =
            assessed.chunk_by(|a, b| a.verdict == b.verdict).filter(|range| range[0].verdict == verdict);
        let shown = ranges.map(|range| match range {
            [one] => one.x.to_string(),
            [first, .., last] => format!("{}–{}", first.x, last.x),
            [] => String::new(),
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    let parts = Verdict::ALL.map(|verdict| (verdict, with(verdict)));
    let unit = series.axis_unit();
    // "hub: pass at 50–100 ms", but "gossip: pass at fanout 2–3".
    let axis = match series.axis {
        Parameter::BatchTimeout => String::new(),
        _ => format!("{} ", series.axis.words()),
    };
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, timeouts)| !timeouts.is_empty())
        .map(|(verdict, values)| format!("{verdict} at {axis}{values}{unit}"))
        .collect();
    format!("{}: {}", series.name, said.join("; "))
}

/// The best settings of those that reliably meet the limits.
fn best(advice: &Advice) -> Vec<String> {
    let recommended = advice.recommended();
    if recommended.is_empty() {
        return vec!["no measured setting passes".to_owned()];
    }
    recommended.iter().map(|(aim, assessed)| format!("{}: {}", aim.name(), describe(assessed))).collect()
}

/// A setting and what one more run of it should measure.
pub fn describe(assessed: &Assessed) -> String {
    let figures = [Figure::MsgsPerOp, Figure::P50, Figure::Max].into_iter().filter_map(|figure| {
        let Predicted { mean, margin } = assessed.figure(figure)?;
        let shown = match (figure, margin) {
            (Figure::MsgsPerOp, Some(margin)) => format!("{mean:.2} ± {margin:.2} msgs/op"),
            (Figure::MsgsPerOp, None) => format!("{mean:.2} msgs/op"),
            (_, Some(margin)) => format!("{} {mean:.0} ± {margin:.0} ms", figure.label()),
            (_, None) => format!("{} {mean:.0} ms", figure.label()),
        };
        Some(shown)
    });
    let figures: Vec<String> = figures.collect();
    let runs = match assessed.runs {
        1 => "1 run".to_owned(),
        runs => format!("means of {runs} runs, ± for one more"),
    };
    format!("{}: {} ({runs})", assessed.setting(), figures.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{with_max, with_nodes};
    use crate::record::RunRecord;
    use crate::spec::limits::Challenge;

    /// The record with the arguments that the node is given for its strategy and timeout.
    fn with_args(record: RunRecord) -> RunRecord {
        record.with(|record| {
            let timeout = format!("{}ms", record.batch_timeout_ms().unwrap());
            record.run.args = ["--batch-timeout", &timeout, "--strategy", "hub"].map(str::to_owned).into();
        })
    }

    #[test]
    fn advice_names_timeouts_the_best_and_the_next_sweep() {
        let run = |timeout: u64, (repetition, percent): (u32, u64)| {
            with_args(with_max(timeout, repetition, (200 + timeout) * percent / 100)).with(|record| {
                record.figures_mut().msgs_per_op = Some(300.0 / timeout as f64 * percent as f64 / 100.0);
            })
        };
        let records: Vec<RunRecord> = [100, 200, 300, 380, 800]
            .into_iter()
            .flat_map(|timeout| [(1, 98), (2, 100), (3, 102)].map(|sample| run(timeout, sample)))
            .collect();
        let answers = answers(&Series::group(&records), &[Challenge::ALL[0].into()], None);
        insta::assert_snapshot!(answers[0]);
    }

    /// Runs that pass, that cannot tell, and that fail, at 100, 380 and 800 ms.
    #[test]
    fn tables_and_advice_have_the_same_verdict() {
        let runs = |timeout: u64| {
            [98, 100, 102]
                .map(|percent| with_max(timeout, percent, (200 + timeout) * u64::from(percent) / 100))
        };
        let records: Vec<RunRecord> = [100, 380, 800].into_iter().flat_map(runs).collect();
        let series = Series::group(&records);
        let limits = [Limits { max: Some(Duration::from_millis(600)), ..Limits::default() }];
        let table = super::super::summary::points(&series, &limits);
        assert_eq!(table.header.last().map(String::as_str), Some("max < 600 ms"));
        let last: Vec<&str> = table.rows.iter().filter_map(|row| row.last()).map(String::as_str).collect();
        assert_eq!(last, ["pass", "unclear", "fail"]);
        let answer = &answers(&series, &limits, None)[0];
        assert_eq!(answer.findings[2], "hub: pass at 100 ms; unclear at 380 ms; fail at 800 ms");
    }

    #[test]
    fn each_combination_of_settings_has_an_answer_of_its_own() {
        let run = |node_count, repetition| with_args(with_nodes(node_count, 100, repetition));
        let records = [run(5, 1), run(5, 2), run(25, 1), run(25, 2)];
        let answers = answers(&Series::group(&records), &[Challenge::ALL[0].into()], None);
        assert_eq!(answers.len(), 2);
        assert!(answers[1].question.contains("at 25 nodes, with 95 %"), "{}", answers[1]);
        assert!(answers[1].findings.last().unwrap().starts_with("hub: "), "{}", answers[1]);
        assert!(!answers[0].next.is_empty());
        assert!(
            answers[0].next.iter().all(|(_, command)| command.ends_with(" --node-count 5")),
            "{}",
            answers[0]
        );
    }
}
