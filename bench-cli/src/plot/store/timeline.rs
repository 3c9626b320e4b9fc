//! `timeline.html`: a column for each process, a box for each operation, time downwards in the order of
//! events.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::operations::{Operation, Operations};
use crate::harness::history::{Event, History, Kind, OpValue, Process};
use crate::markup::escape;

/// How many operations are drawn, as in jepsen.
const DRAWN: usize = 10_000;
/// How many characters of a value a box and its tooltip show.
const SHOWN: usize = 200;
/// The width of a column and the distance to the next, the height of one event, in pixels.
const WIDTH: usize = 100;
const GUTTER: usize = 106;
const HEIGHT: usize = 16;

const STYLE: &str = "body { font: 12px sans-serif; } .ops { position: absolute; } .op { position: absolute; padding: 2px; \
border-radius: 2px; overflow: hidden; box-shadow: 0 1px 3px rgba(0,0,0,0.25); text-decoration: none; color: black; \
box-sizing: border-box; } .invoke { background: #eeeeee; } .ok { background: #6DB6FE; } .info { background: #FFAA26; } \
.fail { background: #FEB5DA; } .op:target { outline: 3px solid black; }";

/// The page of a history.
pub(super) fn page(history: &History, operations: &Operations, title: &str) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} timeline</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1>"
    );
    let boxes = boxes(history, operations);
    if boxes.len() > DRAWN {
        let _ = write!(page, "<p>Showing only {DRAWN} of {} operations in this history.</p>", boxes.len());
    }
    let mut columns: BTreeMap<Process, usize> = BTreeMap::new();
    for operation in &boxes {
        columns.insert(operation.process, 0);
    }
    for (place, column) in columns.values_mut().enumerate() {
        *column = place;
    }
    page.push_str("<div class=\"ops\">");
    for operation in boxes.iter().take(DRAWN) {
        write_box(&mut page, history, columns[&operation.process], operation);
    }
    page.push_str("</div></body></html>\n");
    page
}

/// The operations of clients and of the nemesis. Each event of the latter is a box of its own.
fn boxes(history: &History, operations: &Operations) -> Vec<Operation> {
    let faults = (0_u32..).zip(history.events()).filter(|(_, event)| event.process == Process::Nemesis);
    let faults = faults.map(|(index, event)| Operation {
        process: Process::Nemesis,
        function: event.function,
        outcome: Kind::Info,
        invoked: event.time as f64 / 1e9,
        completed: None,
        events: (index, None),
    });
    let mut boxes: Vec<Operation> = operations.clients.iter().copied().chain(faults).collect();
    boxes.sort_by_key(|operation| operation.events.0);
    boxes
}

fn write_box(page: &mut String, history: &History, column: usize, operation: &Operation) {
    let (first, last) = operation.events;
    let (first, last) = (first as usize, last.map(|last| last as usize));
    let events = history.events();
    // An operation with unknown outcome may take effect at any later time.
    let is_open = operation.outcome == Kind::Info && operation.process != Process::Nemesis;
    let end = if is_open { events.len() } else { last.unwrap_or(first + 1) };
    let invocation = &events[first];
    let completion = last.map(|last| &events[last]);
    let value = |event: &Event| value(history, event);
    let mut text = format!("{} {} {}", operation.process, operation.function.name(), value(invocation));
    if let Some(completion) = completion.filter(|completion| completion.value != invocation.value) {
        let _ = write!(text, " → {}", value(completion));
    }
    let mut tooltip = operation.latency().map_or(String::new(), |latency| format!("Dur: {latency:.3} ms\n"));
    if let Some(failure) = completion.unwrap_or(invocation).failure.as_ref() {
        let _ = writeln!(tooltip, "Err: {}", cut(&failure.error.to_string()));
    }
    let _ = write!(tooltip, "{text}\nTime: {:.3} s, index {first}", operation.invoked);
    let _ = write!(
        page,
        "<a class=\"op {}\" id=\"i{first}\" href=\"#i{first}\" style=\"width:{WIDTH}px;left:{}px;top:{}px;height:{}px\" \
         title=\"{}\">{}</a>",
        operation.outcome.name(),
        GUTTER * column,
        HEIGHT * first,
        HEIGHT * (end - first).max(1),
        escape(&tooltip),
        escape(&text)
    );
}

/// An event's value, cut if it is long.
fn value(history: &History, event: &Event) -> String {
    let values = |values: &[crate::harness::history::Element]| {
        let mut text = String::from("[");
        for (index, &element) in values.iter().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            if text.len() > SHOWN {
                text.push_str("… ");
                let _ = write!(text, "({} values)", values.len());
                break;
            }
            history.write_element(element, &mut text);
        }
        text + "]"
    };
    match &event.value {
        OpValue::Nil => String::new(),
        OpValue::Element(element) => cut(&history.edn(*element).to_string()),
        OpValue::Read(read) => values(history.values(*read)),
        OpValue::Fault(fault) => cut(&fault.to_string()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
