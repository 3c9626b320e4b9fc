//! What became of each broadcast value: jepsen's `set-full` checker, in time linear in the values delivered.
//!
//! A value is *known* from the completion of its broadcast or of the first read that saw it. It is *stable* if the
//! last read (by invocation) that missed it began before the last one that saw it; the time from known to just
//! after that miss is its stable latency. It is *lost* if the last read that saw it, if any, began before one that
//! missed it after it was known. Otherwise it was never read.
//!
//! Jepsen visits every value at every read. Here reads of one process that extend each other are taken together:
//! as their lists only grow, the first read that sees a value follows from its place in the list, the last one that
//! missed it is the read before, and one pass over the list settles all its values. Processes whose reads never
//! listed a value are visited from the latest read backwards, and only until one is found that missed it.

#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use super::Validity;
use crate::harness::history::{Element, Function, History, Kind, LogId, OpValue, Process};

/// What became of the values.
#[derive(Clone, Debug, PartialEq)]
pub struct SetFull {
    /// Invalid if values were lost, unknown if none is stable.
    pub validity: Validity,
    /// How many values clients tried to add.
    pub attempts: usize,
    /// How many are stable.
    pub stable: usize,
    /// Those that were known and then missed by the last reads.
    pub lost: Vec<Element>,
    /// Those that no read can tell anything about.
    pub never_read: Vec<Element>,
    /// Stable ones that a read missed after they were known.
    pub stale: Vec<Element>,
    /// The stale ones that took longest, longest first, eight at most.
    pub worst_stale: Vec<Stale>,
    /// From known to stable, in milliseconds; nothing if no value is stable.
    pub stable_latencies: Option<Quantiles>,
    /// From known to last seen, of lost values, in milliseconds.
    pub lost_latencies: Option<Quantiles>,
}

/// A value that was missed after it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The value.
    pub element: Element,
    /// From known to stable, in milliseconds.
    pub stable_latency: u64,
    /// Index of the event since which it was known.
    pub known: u32,
    /// Index of the invocation of the last read that missed it, if any did.
    pub last_absent: Option<u32>,
}

/// Order statistics of latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The smallest.
    pub min: u64,
    /// The median.
    pub median: u64,
    /// 95 %.
    pub p95: u64,
    /// 99 %.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Quantiles {
    /// Those of these values, which get sorted.
    pub fn of(values: &mut [u64]) -> Option<Quantiles> {
        values.sort_unstable();
        let at = |point| quantile(values, point);
        Some(Quantiles { min: at(0.0)?, median: at(0.5)?, p95: at(0.95)?, p99: at(0.99)?, max: at(1.0)? })
    }
}

/// Quantile p of n sorted values is the element at min(n − 1, ⌊n·p⌋), as jepsen has it; nothing if there are none.
pub fn quantile<T: Copy>(sorted: &[T], point: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[last.min((sorted.len() as f64 * point) as usize)])
}

/// What is known of one value; events by index.
#[derive(Clone, Copy, Debug)]
struct State {
    element: Element,
    /// The invocation of its broadcast. What completed before it does not count.
    added: u32,
    known: Option<u32>,
    last_present: Option<u32>,
    last_absent: Option<u32>,
    /// The last series whose list has this value.
    listed_by: usize,
}

/// Successive reads of one process whose lists extend each other.
struct Series {
    /// None if the node answered with no list.
    log: Option<LogId>,
    reads: Vec<Read>,
}

#[derive(Clone, Copy)]
struct Read {
    invoked: u32,
    completed: u32,
    len: u32,
}

impl Series {
    fn last(&self) -> Read {
        *self.reads.last().expect("a series begins with a read")
    }
}

/// Judges the values of a history.
pub fn check(history: &History) -> SetFull {
    let (mut states, mut series) = gather(history);
    series.sort_by_key(|series| std::cmp::Reverse(series.last().invoked));
    observe(history, &mut states, &series);
    states.sort_by_key(|state| state.element);
    summarise(history, &states)
}

/// Every value with its broadcast, and every series of reads.
fn gather(history: &History) -> (Vec<State>, Vec<Series>) {
    let mut states: Vec<State> = Vec::new();
    let mut places: FxHashMap<Element, usize> = FxHashMap::default();
    let mut series: Vec<Series> = Vec::new();
    let mut current: FxHashMap<Process, usize> = FxHashMap::default();
    for (index, event) in history.events().iter().enumerate() {
        let index = index as u32;
        match (event.function, event.kind, &event.value) {
            (Function::Broadcast, Kind::Invoke, &OpValue::Element(element)) => {
                let state = State {
                    element,
                    added: index,
                    known: None,
                    last_present: None,
                    last_absent: None,
                    listed_by: usize::MAX,
                };
                match places.get(&element) {
                    Some(&place) => states[place] = state,
                    None => {
                        places.insert(element, states.len());
                        states.push(state);
                    }
                }
            }
            (Function::Broadcast, Kind::Ok, OpValue::Element(element)) => {
                if let Some(&place) = places.get(element) {
                    states[place].known.get_or_insert(index);
                }
            }
            (Function::Read, Kind::Ok, value) => {
                let (log, len) = match value {
                    OpValue::Read(value) => (Some(value.log), value.len),
                    _ => (None, 0),
                };
                let read = Read { invoked: event.invocation, completed: index, len };
                let extended = current.get(&event.process).copied().filter(|&at| {
                    let series: &Series = &series[at];
                    series.log == log && series.last().len <= len
                });
                match extended {
                    Some(at) => series[at].reads.push(read),
                    None => {
                        current.insert(event.process, series.len());
                        series.push(Series { log, reads: vec![read] });
                    }
                }
            }
            _ => {}
        }
    }
    (states, series)
}

/// Tells every value which reads saw it and which missed it. The series come latest first.
fn observe(history: &History, states: &mut [State], series: &[Series]) {
    let places: FxHashMap<Element, usize> =
        states.iter().enumerate().map(|(place, state)| (state.element, place)).collect();
    let last_completions = last_completions(series);
    let mut undecided: Vec<usize> = (0..states.len()).collect();
    for (number, series) in series.iter().enumerate() {
        observe_listed(history, states, &places, series, number);
        let last = series.last();
        undecided.retain(|&place| {
            let state = &mut states[place];
            if state.added > last_completions[number] {
                return false;
            }
            let was_missed = state.listed_by != number && last.completed > state.added;
            if was_missed {
                state.last_absent = state.last_absent.max(Some(last.invoked));
            }
            !was_missed
        });
    }
}

/// For each series the latest completion of it and of all after it.
fn last_completions(series: &[Series]) -> Vec<u32> {
    let mut completions: Vec<u32> = series.iter().map(|series| series.last().completed).collect();
    for i in (1..completions.len()).rev() {
        completions[i - 1] = completions[i - 1].max(completions[i]);
    }
    completions
}

/// Tells the values that a series lists which of its reads saw and missed them.
fn observe_listed(
    history: &History,
    states: &mut [State],
    places: &FxHashMap<Element, usize>,
    series: &Series,
    number: usize,
) {
    let last = series.last();
    let listed = series.log.map_or(&[][..], |log| &history.log(log)[..last.len as usize]);
    let mut first_seeing = 0;
    for (position, element) in listed.iter().enumerate() {
        while series.reads[first_seeing].len as usize <= position {
            first_seeing += 1;
        }
        let Some(&place) = places.get(element) else { continue };
        let state = &mut states[place];
        if std::mem::replace(&mut state.listed_by, number) == number {
            continue;
        }
        // Only a read that lists values before they are broadcast ends before this.
        let counts_from = series.reads.partition_point(|read| read.completed <= state.added);
        if let Some(read) = series.reads.get(first_seeing.max(counts_from)) {
            state.known = Some(state.known.map_or(read.completed, |known| known.min(read.completed)));
            state.last_present = state.last_present.max(Some(last.invoked));
        }
        if first_seeing > counts_from {
            state.last_absent = state.last_absent.max(Some(series.reads[first_seeing - 1].invoked));
        }
    }
}

fn summarise(history: &History, states: &[State]) -> SetFull {
    let time = |index: u32| history.events()[index as usize].time;
    let mut result = SetFull {
        validity: Validity::Valid,
        attempts: states.len(),
        stable: 0,
        lost: Vec::new(),
        never_read: Vec::new(),
        stale: Vec::new(),
        worst_stale: Vec::new(),
        stable_latencies: None,
        lost_latencies: None,
    };
    let (mut stable_latencies, mut lost_latencies, mut stale) = (Vec::new(), Vec::new(), Vec::new());
    for state in states {
        // From known until just after the later event, in whole milliseconds.
        let latency = |known: u32, until: Option<u32>| {
            until.map_or(0, |until| (time(until) + 1).saturating_sub(time(known)) / 1_000_000)
        };
        match (state.known, state.last_present, state.last_absent) {
            (Some(known), Some(present), absent) if absent.is_none_or(|absent| absent < present) => {
                let stable_latency = latency(known, absent);
                stable_latencies.push(stable_latency);
                if stable_latency > 0 {
                    result.stale.push(state.element);
                    stale.push(Stale { element: state.element, stable_latency, known, last_absent: absent });
                }
            }
            (Some(known), present, Some(absent)) if known < absent => {
                lost_latencies.push(latency(known, present));
                result.lost.push(state.element);
            }
            _ => result.never_read.push(state.element),
        }
    }
    // The longest first and, of equals, the last first: a stable sort, reversed.
    stale.sort_by_key(|stale| stale.stable_latency);
    result.worst_stale = stale.into_iter().rev().take(8).collect();
    result.stable = stable_latencies.len();
    result.stable_latencies = Quantiles::of(&mut stable_latencies);
    result.lost_latencies = Quantiles::of(&mut lost_latencies);
    result.validity = match (result.lost.is_empty(), result.stable) {
        (false, _) => Validity::Invalid,
        (true, 0) => Validity::Unknown,
        (true, _) => Validity::Valid,
    };
    result
}
