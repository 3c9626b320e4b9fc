//! The operations of a history: invocations with their completions, and the times of faults.

use crate::harness::history::{Function, History, Kind, Process};

/// Nanoseconds per second.
const SECOND: f64 = 1e9;

/// An operation of a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) process: Process,
    pub(super) function: Function,
    /// `Ok`, `Fail` or `Info`; `Invoke` if the history ends before.
    pub(super) outcome: Kind,
    /// When it was invoked, in seconds.
    pub(super) invoked: f64,
    /// When it completed, in seconds.
    pub(super) completed: Option<f64>,
    /// The indices of both events.
    pub(super) events: (u32, Option<u32>),
}

impl Operation {
    /// How long it took, in ms.
    pub(super) fn latency(&self) -> Option<f64> {
        Some((self.completed? - self.invoked) * 1e3)
    }

    /// Time and latency.
    pub(super) fn latency_point(&self) -> Option<(f64, f64)> {
        Some((self.invoked, self.latency()?))
    }
}

/// A kind of fault: its name, the operations that begin and end it, and its colour in jepsen's plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FaultKind {
    pub(super) name: &'static str,
    starts: &'static str,
    stops: &'static str,
    pub(super) colour: &'static str,
}

const FAULTS: [FaultKind; 3] = [
    FaultKind { name: "partition", starts: "start-partition", stops: "stop-partition", colour: "#E9DCA0" },
    FaultKind { name: "kill", starts: "kill", stops: "start", colour: "#E9A4A0" },
    FaultKind { name: "pause", starts: "pause", stops: "resume", colour: "#A0B1E9" },
];

/// The times of one kind of fault, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// From its first operation to the end of the operation that stops it.
    pub(super) intervals: Vec<(f64, f64)>,
    /// All its operations.
    pub(super) events: Vec<f64>,
}

/// The operations of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operations {
    /// Those of clients, by invocation.
    pub(super) clients: Vec<Operation>,
    /// The faults of the run.
    pub(super) faults: Vec<Fault>,
    /// The time of the last event, in seconds.
    pub(super) end: f64,
}

impl Operations {
    /// The operations of a history.
    pub(super) fn of(history: &History) -> Operations {
        let events = history.events();
        let end = events.last().map_or(0.0, |event| event.time as f64 / SECOND);
        let mut clients = Vec::new();
        // The place in `clients` of each event that is an invocation.
        let mut places = vec![usize::MAX; events.len()];
        for (index, event) in (0_u32..).zip(events) {
            let at = event.time as f64 / SECOND;
            match (event.process, event.kind) {
                (Process::Nemesis, _) => {}
                (process, Kind::Invoke) => {
                    places[index as usize] = clients.len();
                    clients.push(Operation {
                        process,
                        function: event.function,
                        outcome: Kind::Invoke,
                        invoked: at,
                        completed: None,
                        events: (index, None),
                    });
                }
                (_, outcome) => {
                    let place = places.get(event.invocation as usize).copied().unwrap_or(usize::MAX);
                    if let Some(operation) = clients.get_mut(place) {
                        (operation.outcome, operation.completed) = (outcome, Some(at));
                        operation.events.1 = Some(index);
                    }
                }
            }
        }
        let faults = FAULTS.into_iter().map(|kind| Fault::of(history, kind, end));
        Operations { clients, faults: faults.filter(|fault| !fault.events.is_empty()).collect(), end }
    }

    /// The operations that completed, with their latencies in ms.
    pub(super) fn completed(&self) -> impl Iterator<Item = (&Operation, f64)> {
        self.clients.iter().filter_map(|operation| Some((operation, operation.latency()?)))
    }

    /// The length in seconds of one of so many windows, at least a second.
    pub(super) fn window(&self, count: f64) -> f64 {
        (self.end / count).ceil().max(1.0)
    }
}

impl Fault {
    fn of(history: &History, kind: FaultKind, end: f64) -> Fault {
        let (mut intervals, mut events) = (Vec::new(), Vec::new());
        let mut since = None;
        for event in history.events().iter().filter(|event| event.process == Process::Nemesis) {
            let at = event.time as f64 / SECOND;
            let name = event.function.name();
            if name == kind.starts {
                since = since.or(Some(at));
            } else if name == kind.stops {
                // The first of the two events of a stop ends the interval.
                intervals.extend(since.take().map(|since| (since, at)));
            } else {
                continue;
            }
            events.push(at);
        }
        // What nothing stopped lasted to the end.
        intervals.extend(since.map(|since| (since, end)));
        Fault { kind, intervals, events }
    }
}
