//! `results.edn`: the checkers' report with Maelstrom's keys, shapes and conventions.

use super::checker::set_full::{Quantiles, SetFull, Stale};
use super::checker::{
    AvailabilityReport, Exceptions, Outcomes, Report, Stats, Validity, messages_per_operation,
};
use super::history::{Element, Function, History};
use super::history_file;
use super::message_counts::{Count, MessageCounts};
use crate::edn::{self, Value};

/// Whether a run's store gets plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plots {
    /// `latency-raw.png`, `latency-quantiles.png`, `rate.png` and `timeline.html` are drawn.
    #[default]
    Drawn,
    /// Plots were not drawn.
    Skipped,
}

/// The whole of `results.edn`.
pub fn results(history: &History, counts: MessageCounts, report: &Report, plots: Plots) -> Value {
    let plot = || match plots {
        Plots::Drawn => Value::record([("valid?", Value::Bool(true))]),
        Plots::Skipped => Value::record([("valid?", Value::Bool(true)), ("skipped?", Value::Bool(true))]),
    };
    Value::record([
        (
            "perf",
            Value::record([("latency-graph", plot()), ("rate-graph", plot()), ("valid?", Value::Bool(true))]),
        ),
        ("timeline", plot()),
        ("exceptions", exceptions(history, &report.exceptions)),
        ("stats", stats(&report.stats)),
        ("availability", availability(&report.availability)),
        ("net", net(counts, report.stats.invocations)),
        ("workload", workload(history, &report.workload)),
        ("valid?", validity(report.validity())),
    ])
}

/// The output of `bench-cli check`: the part that follows from the history alone.
pub fn from_history(history: &History, report: &Report) -> Value {
    Value::record([
        ("stats", stats(&report.stats)),
        ("availability", availability(&report.availability)),
        ("workload", workload(history, &report.workload)),
        ("valid?", validity(report.validity())),
    ])
}

/// `true`, `false` or `:unknown`.
pub fn validity(validity: Validity) -> Value {
    match validity {
        Validity::Valid => Value::Bool(true),
        Validity::Unknown => Value::keyword("unknown"),
        Validity::Invalid => Value::Bool(false),
    }
}

fn exceptions(history: &History, exceptions: &Exceptions) -> Value {
    let mut entries = vec![(Value::keyword("valid?"), Value::Bool(true))];
    if let Some(example) = exceptions.example {
        let one = Value::record([
            ("count", Value::Int(exceptions.count as i64)),
            ("class", Value::Symbol("clojure.lang.ExceptionInfo".to_owned())),
            ("example", op(history, example, None)),
        ]);
        entries.push((Value::keyword("exceptions"), Value::List(vec![one])));
    }
    Value::Map(entries)
}

fn stats(stats: &Stats) -> Value {
    let by_function = stats.by_function().map(|(function, outcomes)| {
        let counts = counts(&outcomes, outcomes.validity());
        (Value::keyword(function.name()), Value::Map(counts))
    });
    let mut entries = counts(&stats.all(), stats.validity());
    entries.push((Value::keyword("by-f"), Value::Map(by_function.collect())));
    Value::Map(entries)
}

fn counts(outcomes: &Outcomes, valid: Validity) -> Vec<(Value, Value)> {
    vec![
        (Value::keyword("valid?"), validity(valid)),
        (Value::keyword("count"), Value::Int(outcomes.count() as i64)),
        (Value::keyword("ok-count"), Value::Int(outcomes.ok as i64)),
        (Value::keyword("fail-count"), Value::Int(outcomes.fail as i64)),
        (Value::keyword("info-count"), Value::Int(outcomes.info as i64)),
    ]
}

fn availability(report: &AvailabilityReport) -> Value {
    Value::record([
        ("valid?", validity(report.validity)),
        ("ok-fraction", report.ok_fraction.map_or(Value::Int(1), float)),
    ])
}

fn net(counts: MessageCounts, operations: u64) -> Value {
    let MessageCounts { clients, servers, .. } = counts;
    let all = Count { sent: clients.sent + servers.sent, received: clients.received + servers.received };
    let per_operation = messages_per_operation(counts, operations);
    Value::record([
        ("all", count(all, per_operation.map(|(all, _)| all))),
        ("clients", count(clients, None)),
        ("servers", count(servers, per_operation.map(|(_, servers)| servers))),
        ("valid?", Value::Bool(true)),
    ])
}

fn count(count: Count, per_operation: Option<f32>) -> Value {
    let mut entries = vec![
        (Value::keyword("send-count"), Value::Int(count.sent as i64)),
        (Value::keyword("recv-count"), Value::Int(count.received as i64)),
        (Value::keyword("msg-count"), Value::Int(count.sent as i64)),
    ];
    if let Some(per_operation) = per_operation {
        entries.push((Value::keyword("msgs-per-op"), float(per_operation)));
    }
    Value::Map(entries)
}

fn workload(history: &History, set: &SetFull) -> Value {
    let elements =
        |elements: &[Element]| Value::List(elements.iter().map(|&element| history.edn(element)).collect());
    let worst = set.worst_stale.iter().map(|stale| worst_stale(history, stale)).collect();
    let size = |count: usize| Value::Int(count as i64);
    let entries = [
        ("worst-stale", Some(Value::List(worst))),
        ("duplicated-count", Some(Value::Int(0))),
        ("valid?", Some(validity(set.validity))),
        ("lost-count", Some(size(set.lost.len()))),
        ("lost", Some(elements(&set.lost))),
        ("stable-count", Some(size(set.stable))),
        ("stale-count", Some(size(set.stale.len()))),
        ("stale", Some(elements(&set.stale))),
        ("never-read-count", Some(size(set.never_read.len()))),
        ("stable-latencies", set.stable_latencies.map(quantiles)),
        ("attempt-count", Some(size(set.attempts))),
        ("lost-latencies", set.lost_latencies.map(quantiles)),
        ("never-read", Some(elements(&set.never_read))),
        ("duplicated", Some(Value::Map(Vec::new()))),
    ];
    let present = entries.into_iter().filter_map(|(key, value)| Some((Value::keyword(key), value?)));
    Value::Map(present.collect())
}

fn quantiles(quantiles: Quantiles) -> Value {
    let Quantiles { min, median, p95, p99, max } = quantiles;
    let ms = |latency: u64| Value::Int(latency as i64);
    Value::Map(vec![
        (Value::Int(0), ms(min)),
        (Value::Float(0.5), ms(median)),
        (Value::Float(0.95), ms(p95)),
        (Value::Float(0.99), ms(p99)),
        (Value::Int(1), ms(max)),
    ])
}

fn worst_stale(history: &History, stale: &Stale) -> Value {
    Value::record([
        ("element", history.edn(stale.element)),
        ("outcome", Value::keyword("stable")),
        ("stable-latency", Value::Int(stale.stable_latency as i64)),
        ("lost-latency", Value::Nil),
        ("known", op(history, stale.known, Some("add"))),
        ("last-absent", stale.last_absent.map_or(Value::Nil, |index| op(history, index, Some("add")))),
    ])
}

/// A number that Maelstrom prints as a 32-bit float.
fn float(value: f32) -> Value {
    Value::Float(edn::shortest(value))
}

/// An operation as a record. `broadcast_as` is the checker's own name for broadcasts, if it has one.
fn op(history: &History, index: u32, broadcast_as: Option<&'static str>) -> Value {
    let event = &history.events()[index as usize];
    let renamed = broadcast_as.filter(|_| event.function == Function::Broadcast);
    let function = renamed.unwrap_or(event.function.name());
    Value::Tagged("jepsen.history.Op", Box::new(history_file::event(history, index, function)))
}
