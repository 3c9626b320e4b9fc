//! The failures of a completed run, in sentences for the author of the node.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::output_tail::OutputTail;
use crate::harness::checker::{Report, Validity};
use crate::harness::history::{Element, Function, History, Kind, Process};
use crate::terminal::{count, were};

/// How many values or lines are shown as examples.
const SHOWN: usize = 5;
/// How many characters of a text are shown.
const TEXT: usize = 200;

/// Describes the nodes' failures, and quotes the last lines of the first node that failed. Empty if nothing
/// failed. `nodes` are the nodes' names and last lines, in order.
pub(super) fn diagnose(
    history: &History,
    report: &Report,
    clients: usize,
    nodes: &[(String, OutputTail)],
) -> String {
    let mut text = String::new();
    let mut suspect = None;
    for ((function, error), failures) in failures(history) {
        let node = nodes.get((failures.first as usize % clients.max(1)) % nodes.len().max(1));
        let name = node.map_or("?", |(name, _)| name);
        let total = report.stats.by_function().find(|(of, _)| *of == function);
        let total = total.map_or(0, |(_, outcomes)| outcomes.count());
        let _ = writeln!(
            text,
            "- {} of {} failed, the first on {name}: {}",
            failures.count,
            count(total as usize, function.name()),
            explain(&error)
        );
        suspect = suspect.or(node);
    }
    let workload = &report.workload;
    values(&mut text, history, &workload.lost, "read or acknowledged, and later missing from reads");
    values(&mut text, history, &workload.never_read, "never read");
    if report.availability.validity == Validity::Invalid {
        let reached = report.availability.ok_fraction.unwrap_or(1.0);
        let _ = writeln!(text, "- {reached} of all requests succeeded, less than --availability demands");
    }
    if report.workload.attempts == 0 {
        text.push_str("- there were no broadcasts, so there was nothing to check\n");
    }
    if text.is_empty() {
        return text;
    }
    if report.validity() != Validity::Valid
        && let Some((name, OutputTail { stdout, stderr })) = suspect.or(nodes.first())
    {
        let _ = write!(text, "Last lines of {name} on stdout:\n{}", last(stdout));
        let _ = write!(text, "and on stderr:\n{}", last(stderr));
    }
    format!("What the nodes did:\n{text}")
}

/// Failures of one kind.
struct Failures {
    count: u64,
    /// The first client process that saw one.
    first: u32,
}

fn failures(history: &History) -> BTreeMap<(Function, String), Failures> {
    let mut failures: BTreeMap<(Function, String), Failures> = BTreeMap::new();
    for event in history.events() {
        let (Some(failure), Process::Client(first)) = (&event.failure, event.process) else { continue };
        if matches!(event.kind, Kind::Fail | Kind::Info) {
            let error = if failure.exception.is_some() {
                "an answer that is not what the protocol asks for".to_owned()
            } else {
                failure.error.to_string()
            };
            failures.entry((event.function, error)).or_insert(Failures { count: 0, first }).count += 1;
        }
    }
    failures
}

fn explain(error: &str) -> String {
    match error {
        ":net-timeout" => "no answer within 5 s".to_owned(),
        error => error.chars().take(TEXT).collect(),
    }
}

fn values(text: &mut String, history: &History, elements: &[Element], fate: &str) {
    if elements.is_empty() {
        return;
    }
    let shown: Vec<String> =
        elements.iter().take(SHOWN).map(|&element| history.edn(element).to_string()).collect();
    let more = if elements.len() > SHOWN { ", …" } else { "" };
    let (values, were) = (count(elements.len(), "value"), were(elements.len()));
    let _ = writeln!(text, "- {values} {were} {fate}: {}{more}", shown.join(", "));
}

fn last(lines: &str) -> String {
    let all: Vec<&str> = lines.lines().collect();
    let shown = &all[all.len().saturating_sub(SHOWN)..];
    if shown.is_empty() {
        return "  (nothing)\n".to_owned();
    }
    shown.iter().fold(String::new(), |mut text, line| {
        let cut: String = line.chars().take(TEXT).collect();
        let _ = writeln!(text, "  {cut}");
        text
    })
}
