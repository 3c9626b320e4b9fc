//! `history.edn` and `history.txt`, which have one line for each event.

use std::fmt;
use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::history::{Element, Event, Failure, Function, History, Kind, OpValue, Process};
use crate::edn::{self, Value};

/// One event as Maelstrom's map, with `function` for its function's name.
pub fn event(history: &History, index: u32, function: &'static str) -> Value {
    let event = &history.events()[index as usize];
    let value = match &event.value {
        OpValue::Read(read) => {
            Value::Vector(history.values(*read).iter().map(|&element| history.edn(element)).collect())
        }
        value => flat(history, value, usize::MAX),
    };
    map(event, index, function, value)
}

fn map(event: &Event, index: u32, function: &'static str, value: Value) -> Value {
    let process = match event.process {
        Process::Client(number) => Value::Int(i64::from(number)),
        Process::Nemesis => Value::keyword("nemesis"),
    };
    let mut entries = vec![
        (Value::keyword("index"), Value::Int(i64::from(index))),
        (Value::keyword("time"), Value::Int(event.time as i64)),
        (Value::keyword("type"), Value::keyword(event.kind.name())),
        (Value::keyword("process"), process),
        (Value::keyword("f"), Value::keyword(function)),
        (Value::keyword("value"), value),
    ];
    if event.is_final {
        entries.push((Value::keyword("final?"), Value::Bool(true)));
    }
    if let Some(failure) = &event.failure {
        if let Some(exception) = &failure.exception {
            entries.push((Value::keyword("exception"), exception.clone()));
        }
        entries.push((Value::keyword("error"), failure.error.clone()));
    }
    Value::Map(entries)
}

/// The value for one line, with at most `shown` values of a read. Values of reads are most of a history, so
/// this writes them as one text and builds no [`Value`] for each.
fn flat(history: &History, value: &OpValue, shown: usize) -> Value {
    match value {
        OpValue::Nil => Value::Nil,
        OpValue::Element(element) => history.edn(*element),
        OpValue::Read(read) => {
            let values = history.values(*read);
            let mut text = String::from("[");
            for (i, &element) in values.iter().take(shown).enumerate() {
                if i > 0 {
                    text.push(' ');
                }
                history.write_element(element, &mut text);
            }
            if values.len() > shown {
                let _ = fmt::Write::write_fmt(&mut text, format_args!(" … {} values", values.len()));
            }
            text.push(']');
            Value::Symbol(text)
        }
        OpValue::Fault(value) => (**value).clone(),
    }
}

/// Writes `history.edn`.
///
/// # Errors
/// Those of the writer.
pub fn write_edn(history: &History, out: &mut impl Write) -> io::Result<()> {
    for (index, event) in history.events().iter().enumerate() {
        let value = flat(history, &event.value, usize::MAX);
        writeln!(out, "{}", map(event, index as u32, event.function.name(), value))?;
    }
    Ok(())
}

/// Writes `history.txt`: process, type, function and value, separated by tabs.
///
/// # Errors
/// Those of the writer.
pub fn write_text(history: &History, out: &mut impl Write) -> io::Result<()> {
    for event in history.events() {
        write_event(history, event, usize::MAX, out)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes one event as in Maelstrom's log, without a newline, and with at most `shown` values of a read.
///
/// # Errors
/// Those of the writer.
pub fn write_event(history: &History, event: &Event, shown: usize, out: &mut impl Write) -> io::Result<()> {
    let Event { process, kind, function, .. } = event;
    let colon = if *process == Process::Nemesis { ":" } else { "" };
    let value = flat(history, &event.value, shown);
    write!(out, "{colon}{process}\t:{}\t:{}\t{value}", kind.name(), function.name())?;
    match event.failure.as_deref() {
        Some(Failure { error: Value::Str(text), .. }) => write!(out, "\t{text}"),
        Some(Failure { error, .. }) => write!(out, "\t{error}"),
        None => Ok(()),
    }
}

/// An error in a history file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct HistoryError {
    /// The line, counted from 1.
    pub line: usize,
    /// The problem.
    pub problem: String,
}

/// Reads `history.edn`.
///
/// # Errors
/// If a line is not an event of this workload.
pub fn read_edn(text: &str) -> Result<History, HistoryError> {
    let mut reader = Reader { history: History::new(), open: FxHashMap::default() };
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        reader.line(line).map_err(|problem| HistoryError { line: number + 1, problem })?;
    }
    Ok(reader.history)
}

struct Reader {
    history: History,
    /// The invocation of each process that has not completed.
    open: FxHashMap<Process, u32>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let map = edn::parse(line).map_err(|error| error.to_string())?;
        let index = self.history.next_index();
        let written = whole(&map, ":index")?;
        if written != i64::from(index) {
            return Err(format!("the index is {written} where {index} is expected; is a line missing?"));
        }
        let time = u64::try_from(whole(&map, ":time")?).map_err(|_| "the time is negative".to_owned())?;
        let kind = named(&map, ":type", &[Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info], Kind::name)?;
        let function = named(&map, ":f", &Function::ALL, Function::name)?;
        let process = self.process(&map)?;
        let invocation = match (process, kind) {
            (Process::Nemesis, _) => index,
            (process, Kind::Invoke) => {
                self.open.insert(process, index);
                index
            }
            (process, _) => self
                .open
                .remove(&process)
                .ok_or_else(|| format!("process {process} completes an operation that it has not begun"))?,
        };
        let value = self.value(&map, function, process)?;
        let failure = failure(&map);
        let is_final = map.get(":final?").is_some_and(|flag| *flag == Value::Bool(true));
        self.history.push(Event { time, process, kind, function, value, is_final, failure, invocation });
        Ok(())
    }

    fn process(&self, map: &Value) -> Result<Process, String> {
        match map.get(":process") {
            Some(Value::Keyword(name)) if name == "nemesis" => Ok(Process::Nemesis),
            _ => u32::try_from(whole(map, ":process")?)
                .map(Process::Client)
                .map_err(|_| "the process is not a small whole number".to_owned()),
        }
    }

    fn value(&mut self, map: &Value, function: Function, process: Process) -> Result<OpValue, String> {
        let value = map.get(":value").ok_or(":value is missing")?;
        Ok(match (function, value) {
            (Function::Broadcast, value) => OpValue::Element(self.element(value)),
            (Function::Read, Value::Nil) => OpValue::Nil,
            (Function::Read, Value::Vector(items) | Value::List(items)) => {
                let elements: Vec<Element> = items.iter().map(|item| self.element(item)).collect();
                OpValue::Read(self.history.add_read(process, &elements))
            }
            (Function::Read, other) => return Err(format!("a read's value is {other} and not a list")),
            // What the nemesis did.
            (_, value) => OpValue::Fault(Box::new(value.clone())),
        })
    }

    fn element(&mut self, value: &Value) -> Element {
        match value.as_int() {
            Some(int) => self.history.int(int),
            None => self.history.other(&value.to_string()),
        }
    }
}

fn failure(map: &Value) -> Option<Box<Failure>> {
    let error = map.get(":error")?;
    Some(Box::new(Failure { exception: map.get(":exception").cloned(), error: error.clone() }))
}

fn whole(map: &Value, key: &str) -> Result<i64, String> {
    let value = map.get(key).ok_or_else(|| format!("{key} is missing"))?;
    value.as_int().ok_or_else(|| format!("{key} is {value} and not a whole number"))
}

fn named<T: Copy>(map: &Value, key: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let value = map.get(key).ok_or_else(|| format!("{key} is missing"))?;
    let found = match value {
        Value::Keyword(written) => all.iter().copied().find(|&item| written == name(item)),
        _ => None,
    };
    found.ok_or_else(|| format!("{key} is {value}, which the broadcast workload does not have"))
}
