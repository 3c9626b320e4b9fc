//! The history of a run: every invocation and completion of clients and the nemesis, in order.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::edn::Value;

/// A broadcast value: a small whole number as itself, any other value as an index into the history's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Element(u32);

impl Element {
    /// Element numbers from here on refer to entries of the history's table.
    const FIRST_OTHER: u32 = 1 << 31;

    /// The element for this whole number, if it is small enough.
    #[inline]
    pub fn from_int(value: i64) -> Option<Element> {
        let is_small = (0..i64::from(Self::FIRST_OTHER)).contains(&value);
        is_small.then_some(Element(value as u32))
    }

    /// Its number: its own if it is a small whole number, otherwise one of the largest.
    pub(super) fn number(self) -> usize {
        self.0 as usize
    }
}

/// The values in a read: the first `len` entries of a log. Reads that extend each other share a log. So a
/// history's memory grows with the values delivered, not with the values read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadValue {
    /// The log of this node.
    pub log: LogId,
    /// The number of its entries in the read.
    pub len: u32,
}

/// A log of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(u32);

/// The process that performs an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// A client process. A client that crashes continues under a new number.
    Client(u32),
    /// The process that injects faults.
    Nemesis,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The start of an operation.
    Invoke,
    /// A successful completion.
    Ok,
    /// A failure: the operation did not happen.
    Fail,
    /// An unknown outcome; also both events of a nemesis operation.
    Info,
}

/// The function of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Adds a value.
    Broadcast,
    /// Asks for all values.
    Read,
    /// Cuts links.
    StartPartition,
    /// Heals the network.
    StopPartition,
    /// Kills nodes.
    Kill,
    /// Starts the nodes that do not run.
    Start,
    /// Stops nodes.
    Pause,
    /// Resumes stopped nodes.
    Resume,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 8] = [
        Function::Broadcast,
        Function::Read,
        Function::StartPartition,
        Function::StopPartition,
        Function::Kill,
        Function::Start,
        Function::Pause,
        Function::Resume,
    ];

    /// Maelstrom's keyword for it.
    pub const fn name(self) -> &'static str {
        match self {
            Function::Broadcast => "broadcast",
            Function::Read => "read",
            Function::StartPartition => "start-partition",
            Function::StopPartition => "stop-partition",
            Function::Kill => "kill",
            Function::Start => "start",
            Function::Pause => "pause",
            Function::Resume => "resume",
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info];

    /// Maelstrom's keyword for it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Invoke => "invoke",
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info => "info",
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Process::Client(number) => write!(f, "{number}"),
            Process::Nemesis => f.write_str("nemesis"),
        }
    }
}

/// The value of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum OpValue {
    /// None: a read without a reply, or whose reply had `null` for a list, which counts as an empty one.
    Nil,
    /// The broadcast value.
    Element(Element),
    /// The values in a read.
    Read(ReadValue),
    /// The nemesis's own value.
    Fault(Box<Value>),
}

/// The reason why an operation did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Maelstrom's exception, if the client crashed.
    pub exception: Option<Value>,
    /// Maelstrom's error.
    pub error: Value,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Nanoseconds since operations may begin.
    pub time: u64,
    /// The process.
    pub process: Process,
    /// The kind of event.
    pub kind: Kind,
    /// The operation's function.
    pub function: Function,
    /// The operation's value.
    pub value: OpValue,
    /// Whether it belongs to a read after the recovery.
    pub is_final: bool,
    /// The reason for a failure or an unknown outcome.
    pub failure: Option<Box<Failure>>,
    /// The index of the operation's invocation. For an invocation, its own index.
    pub invocation: u32,
}

/// The events of a run, and the logs that its reads refer to.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
    logs: Vec<Vec<Element>>,
    /// The log that a process's next read may extend.
    last_read: FxHashMap<Process, LogId>,
    /// Values other than small whole numbers, as EDN text.
    others: Vec<Box<str>>,
    other_numbers: FxHashMap<Box<str>, u32>,
}

impl History {
    /// An empty history.
    pub fn new() -> History {
        History::default()
    }

    /// An empty history that will have about so many events.
    pub fn with_room_for(events: usize) -> History {
        History { events: Vec::with_capacity(events), ..History::default() }
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Records an event and returns its index.
    pub fn push(&mut self, event: Event) -> u32 {
        let index = self.events.len() as u32;
        self.events.push(event);
        index
    }

    /// The index that the next event gets.
    pub fn next_index(&self) -> u32 {
        self.events.len() as u32
    }

    /// The element for this whole number.
    pub fn int(&mut self, value: i64) -> Element {
        Element::from_int(value).unwrap_or_else(|| self.other(&value.to_string()))
    }

    /// The element for this EDN text.
    pub fn other(&mut self, text: &str) -> Element {
        if let Some(&number) = self.other_numbers.get(text) {
            return Element(number);
        }
        let number = Element::FIRST_OTHER + self.others.len() as u32;
        self.others.push(text.into());
        self.other_numbers.insert(text.into(), number);
        Element(number)
    }

    /// The element as EDN.
    pub fn edn(&self, element: Element) -> Value {
        match element.0.checked_sub(Element::FIRST_OTHER) {
            None => Value::Int(i64::from(element.0)),
            Some(number) => Value::Symbol(self.others[number as usize].to_string()),
        }
    }

    /// The element as EDN text, appended to `out`.
    pub fn write_element(&self, element: Element, out: &mut String) {
        match element.0.checked_sub(Element::FIRST_OTHER) {
            None => out.push_str(itoa::Buffer::new().format(element.0)),
            Some(number) => out.push_str(&self.others[number as usize]),
        }
    }

    /// Adds an empty log that will have about `room` elements. The driver extends it with a node's values in
    /// the order in which the node learns them.
    pub fn add_log(&mut self, room: usize) -> LogId {
        self.logs.push(Vec::with_capacity(room));
        LogId(self.logs.len() as u32 - 1)
    }

    /// The elements of a log, in their order.
    pub fn log(&self, log: LogId) -> &[Element] {
        &self.logs[log.0 as usize]
    }

    /// Adds to a log.
    pub fn extend_log(&mut self, log: LogId, elements: impl IntoIterator<Item = Element>) {
        self.logs[log.0 as usize].extend(elements);
    }

    /// Stores the values in a process's read. Extends the log of its previous read if possible.
    pub fn add_read(&mut self, process: Process, elements: &[Element]) -> ReadValue {
        let len = elements.len() as u32;
        if let Some(&log) = self.last_read.get(&process) {
            let known = &mut self.logs[log.0 as usize];
            if elements.starts_with(known) {
                known.extend_from_slice(&elements[known.len()..]);
                return ReadValue { log, len };
            }
        }
        let log = self.add_log(elements.len());
        self.extend_log(log, elements.iter().copied());
        self.last_read.insert(process, log);
        ReadValue { log, len }
    }

    /// The values in a read.
    pub fn values(&self, read: ReadValue) -> &[Element] {
        &self.log(read.log)[..read.len as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Process = Process::Client(0);

    fn ints(history: &mut History, values: &[i64]) -> Vec<Element> {
        values.iter().map(|&value| history.int(value)).collect()
    }

    #[test]
    fn reads_that_extend_each_other_share_a_log() {
        let mut history = History::new();
        let all = ints(&mut history, &[3, 1, 2]);
        let first = history.add_read(P, &all[..1]);
        let second = history.add_read(P, &all);
        let other_process = history.add_read(Process::Client(1), &all);
        assert_eq!(first.log, second.log);
        assert_ne!(first.log, other_process.log);
        assert_eq!((history.values(first), history.values(second)), (&all[..1], &all[..]));
    }

    #[test]
    fn reads_that_do_not_extend_keep_their_own_list() {
        let mut history = History::new();
        let sorted = ints(&mut history, &[1, 2, 3]);
        let reversed = ints(&mut history, &[3, 2, 1]);
        let first = history.add_read(P, &sorted);
        let shorter = history.add_read(P, &sorted[..2]);
        let other = history.add_read(P, &reversed);
        assert_eq!(history.values(first), sorted);
        assert_eq!(history.values(shorter), &sorted[..2]);
        assert_eq!(history.values(other), reversed);
    }

    #[test]
    fn any_value_is_an_element() {
        let mut history = History::new();
        let text = history.other("\"seven\"");
        let large = history.int(1 << 40);
        assert_eq!(history.other("\"seven\""), text);
        assert_eq!(history.edn(text).to_string(), "\"seven\"");
        assert_eq!(history.edn(large).to_string(), "1099511627776");
        let small = history.int(7);
        let mut written = String::new();
        for element in [text, large, small] {
            history.write_element(element, &mut written);
        }
        assert_eq!(written, "\"seven\"10995116277767");
    }
}
