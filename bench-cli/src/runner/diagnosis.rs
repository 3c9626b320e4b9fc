//! What went wrong in a run that came to its end, in sentences for whoever wrote the node.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::harness::checker::{Report, Validity};
use crate::harness::history::{Element, Function, History, Kind, Process};

/// How many values or lines are shown as examples.
const SHOWN: usize = 5;
/// How much of a text is shown.
const TEXT: usize = 200;

/// The last lines that a node wrote.
#[derive(Clone, Debug)]
pub(super) struct OutputTail {
    pub(super) node: String,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Says what the nodes did wrong, and what the first one that failed wrote last; nothing if all went well.
pub(super) fn diagnose(history: &History, report: &Report, clients: usize, nodes: &[OutputTail]) -> String {
    let mut text = String::new();
    let mut suspect = None;
    for ((function, error), failures) in failures(history) {
        let node = nodes.get((failures.first as usize % clients.max(1)) % nodes.len().max(1));
        let name = node.map_or("?", |node| node.node.as_str());
        let total = report.stats.by_function().find(|(of, _)| *of == function);
        let total = total.map_or(0, |(_, outcomes)| outcomes.count());
        let _ = writeln!(
            text,
            "- {} of {total} {}s failed, the first on {name}: {}",
            failures.count,
            function.name(),
            explain(&error)
        );
        suspect = suspect.or(node);
    }
    let workload = &report.workload;
    values(&mut text, history, &workload.lost, "were read or acknowledged, and later missing from reads");
    values(&mut text, history, &workload.never_read, "were never read");
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
        && let Some(OutputTail { node, stdout, stderr }) = suspect.or(nodes.first())
    {
        let _ = write!(text, "Last lines of {node} on stdout:\n{}", last(stdout));
        let _ = write!(text, "and on stderr:\n{}", last(stderr));
    }
    format!("What the nodes did:\n{text}")
}

/// Failures of one kind.
struct Failures {
    count: u64,
    /// The first process that met it.
    first: u32,
}

fn failures(history: &History) -> BTreeMap<(Function, String), Failures> {
    let mut failures: BTreeMap<(Function, String), Failures> = BTreeMap::new();
    for event in history.events() {
        let (Some(failure), Process::Client(first)) = (&event.failure, event.process) else { continue };
        if matches!(event.kind, Kind::Fail | Kind::Info) {
            let what = if failure.exception.is_some() {
                "an answer that is not what the protocol asks for".to_owned()
            } else {
                failure.error.to_string()
            };
            failures.entry((event.function, what)).or_insert(Failures { count: 0, first }).count += 1;
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

fn values(text: &mut String, history: &History, elements: &[Element], what: &str) {
    if elements.is_empty() {
        return;
    }
    let shown: Vec<String> =
        elements.iter().take(SHOWN).map(|&element| history.edn(element).to_string()).collect();
    let more = if elements.len() > SHOWN { ", …" } else { "" };
    let _ = writeln!(text, "- {} values {what}: {}{more}", elements.len(), shown.join(", "));
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
