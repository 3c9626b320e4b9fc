//! The fate of each broadcast value: jepsen's `set-full` checker, in time linear in the values delivered.
//!
//! A value is *known* from the completion of its broadcast or of the first read that saw it. It is *stable*
//! if the last read (by invocation) that missed it began before the last one that saw it; the time from known
//! to just after that miss is its stable latency. It is *lost* if the last read that saw it, if any, began
//! before one that missed it after it was known. Otherwise it was never read.
//!
//! Jepsen visits every value at every read. This checker groups reads of one process that extend each other.
//! Their lists only grow. So a value's place in the list gives the first read that saw it, and the previous
//! read is the last one that missed it. One pass over the list settles all its values. For values that a
//! process's reads never listed, the checker visits reads from the latest backwards, until one missed the
//! value.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::element_table::ElementTable;
use super::validity::Validity;
use crate::harness::history::{Element, Function, History, Kind, LogId, OpValue, Process};

/// The fate of all values.
#[derive(Clone, Debug, PartialEq)]
pub struct SetFull {
    /// Invalid if values were lost, unknown if none is stable.
    pub validity: Validity,
    /// The number of values that clients tried to add.
    pub attempts: usize,
    /// The number of stable values.
    pub stable: usize,
    /// Values that were known and that the last reads missed.
    pub lost: Vec<Element>,
    /// Values that were neither stable nor lost.
    pub never_read: Vec<Element>,
    /// Stable values that a read missed after they were known.
    pub stale: Vec<Element>,
    /// The stale values with the longest latencies, longest first, at most eight.
    pub worst_stale: Vec<Stale>,
    /// The times from known to stable, in milliseconds. `None` if no value is stable.
    pub stable_latencies: Option<Quantiles>,
    /// How long each stable value took to become stable, in milliseconds, shortest first.
    pub sorted_stable_latencies: Vec<u64>,
    /// The times from known to last seen, of lost values, in milliseconds.
    pub lost_latencies: Option<Quantiles>,
}

/// A value that a read missed after it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The value.
    pub element: Element,
    /// From known to stable, in milliseconds.
    pub stable_latency: u64,
    /// The index of the event that made it known.
    pub known: u32,
    /// The index of the invocation of the last read that missed it, if any did.
    pub last_absent: Option<u32>,
}

/// Order statistics of latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The smallest.
    pub min: u64,
    /// The median.
    pub median: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Quantiles {
    /// The quantiles of these values, which this sorts. `None` without values.
    pub fn of(values: &mut [u64]) -> Option<Quantiles> {
        sort(values);
        let at = |point| quantile(values, point);
        Some(Quantiles { min: at(0.0)?, median: at(0.5)?, p95: at(0.95)?, p99: at(0.99)?, max: at(1.0)? })
    }
}

/// Sorts the values. Latencies are mostly so small that counting those of each size is faster than comparing
/// them.
fn sort(values: &mut [u64]) {
    let largest = values.iter().copied().max().unwrap_or_default();
    if largest > 4 * values.len() as u64 {
        return values.sort_unstable();
    }
    let mut counts = vec![0_usize; largest as usize + 1];
    values.iter().for_each(|&value| counts[value as usize] += 1);
    let mut place = 0;
    for (value, count) in (0..).zip(counts) {
        values[place..place + count].fill(value);
        place += count;
    }
}

/// Quantile p of n sorted values: the element at min(n − 1, ⌊n·p⌋), as in jepsen. `None` without values.
pub fn quantile<T: Copy>(sorted: &[T], point: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[last.min((sorted.len() as f64 * point) as usize)])
}

/// The state of one value. Events are given by their indices.
#[derive(Clone, Copy, Debug)]
struct State {
    element: Element,
    /// The invocation of its broadcast, or [`NEVER`]. Reads that completed before it do not count.
    added: u32,
    /// The event that made it known, or [`NEVER`].
    known: u32,
    last_present: Latest,
    last_absent: Latest,
    /// Of the series visited so far, the last one whose list has this value, or [`NEVER`].
    listed_by: u32,
}

/// Room for the reads of a process's first series, enough for those of a challenge run. Few processes have
/// more series, except where lists do not extend each other; then a series has one read.
const READS: usize = 64;

/// The index of what did not happen: after those of all events.
const NEVER: u32 = u32::MAX;

/// The index of the latest of some events. If there are none, it is less than every other.
///
/// The checker updates it for each value of each series. One number is cheaper to compare than an `Option`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Latest {
    /// One more than the index, or 0.
    end: u32,
}

impl Latest {
    fn at(index: u32) -> Latest {
        Latest { end: index + 1 }
    }

    fn index(self) -> Option<u32> {
        self.end.checked_sub(1)
    }
}

/// Successive reads of one process whose lists extend each other.
struct Series {
    /// `None` if the node replied without a list.
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

/// Checks the values of a history.
pub fn check(history: &History) -> SetFull {
    let (mut states, mut series) = gather(history);
    series.sort_by_key(|series| Reverse(series.last().invoked));
    observe(history, &mut states, &series);
    summarise(history, states.values())
}

/// About how many broadcasts there are: every second operation is one, and has two events.
fn expected_broadcasts(history: &History) -> usize {
    history.events().len() / 4
}

/// Every value with its broadcast, and every series of reads.
fn gather(history: &History) -> (ElementTable<State>, Vec<Series>) {
    let mut states: ElementTable<State> = ElementTable::with_room_for(expected_broadcasts(history));
    let mut series: Vec<Series> = Vec::new();
    let mut current: FxHashMap<Process, usize> = FxHashMap::default();
    for (index, event) in history.events().iter().enumerate() {
        let index = index as u32;
        match (event.function, event.kind, &event.value) {
            (Function::Broadcast, Kind::Invoke, &OpValue::Element(element)) => {
                *states.entry(element) = State::added(element, index);
            }
            (Function::Broadcast, Kind::Ok, &OpValue::Element(element)) => {
                if let Some(state) = states.get_mut(element) {
                    state.learn(index);
                }
            }
            (Function::Read, Kind::Ok, value) => {
                let (log, len) = match value {
                    OpValue::Read(value) => (Some(value.log), value.len),
                    _ => (None, 0),
                };
                let extended = current.get(&event.process).copied().filter(|&at| {
                    let series: &Series = &series[at];
                    series.log == log && series.last().len <= len
                });
                let at = extended.unwrap_or_else(|| {
                    let is_first = current.insert(event.process, series.len()).is_none();
                    let room = if is_first { READS } else { 1 };
                    series.push(Series { log, reads: Vec::with_capacity(room) });
                    series.len() - 1
                });
                series[at].reads.push(Read { invoked: event.invocation, completed: index, len });
            }
            _ => {}
        }
    }
    (states, series)
}

/// Records for every value which reads saw it and which missed it. The series come latest first.
fn observe(history: &History, states: &mut ElementTable<State>, series: &[Series]) {
    let last_completions = last_completions(series);
    let mut undecided: Vec<Element> = broadcast(states.values()).map(|state| state.element).collect();
    let attempts = undecided.len();
    for (number, series) in series.iter().enumerate() {
        if observe_listed(history, states, series, number as u32) == attempts {
            // None was missed, so nothing is decided.
            continue;
        }
        let last = series.last();
        undecided.retain(|&element| {
            let Some(state) = states.get_mut(element) else { return false };
            if state.added > last_completions[number] {
                return false;
            }
            let was_missed = state.listed_by != number as u32 && last.completed > state.added;
            if was_missed {
                state.miss(last);
            }
            !was_missed
        });
    }
}

/// The states of values that were broadcast.
fn broadcast<'a>(states: impl Iterator<Item = &'a State>) -> impl Iterator<Item = &'a State> {
    states.filter(|state| state.added != NEVER)
}

/// For each series the latest completion of it and of all after it.
fn last_completions(series: &[Series]) -> Vec<u32> {
    let mut completions: Vec<u32> = series.iter().map(|series| series.last().completed).collect();
    for i in (1..completions.len()).rev() {
        completions[i - 1] = completions[i - 1].max(completions[i]);
    }
    completions
}

/// Records for each value in a series which of its reads saw it and which missed it. Returns how many of the
/// broadcast values the series lists.
fn observe_listed(
    history: &History,
    states: &mut ElementTable<State>,
    series: &Series,
    number: u32,
) -> usize {
    let Some(log) = series.log.map(|log| history.log(log)) else { return 0 };
    let last = Latest::at(series.last().invoked);
    // No value was added before this, so it counts as a miss for none.
    let mut missing = Read { invoked: 0, completed: 0, len: 0 };
    let mut listed = 0;
    for (place, &seeing) in series.reads.iter().enumerate() {
        let new = &log[missing.len as usize..seeing.len as usize];
        listed += observe_new(states, number, new, missing, &series.reads[place..], last);
        missing = seeing;
    }
    listed
}

/// Records that a series lists these values in the first of `reads` and in all after it, but not in
/// `missing`, the read before. Returns how many different ones were broadcast and are new in this series.
///
/// Not inlined, so that the loop's variables stay in registers.
#[inline(never)]
fn observe_new(
    states: &mut ElementTable<State>,
    number: u32,
    new: &[Element],
    missing: Read,
    reads: &[Read],
    last: Latest,
) -> usize {
    let seeing = reads[0];
    let mut listed = 0;
    for &element in new {
        let Some(state) = states.get_mut(element) else { continue };
        if state.listed_by == number {
            continue;
        }
        state.listed_by = number;
        if state.added < seeing.completed {
            state.observe(seeing, missing, last);
        } else if !state.observe_early(reads, last) {
            continue;
        }
        listed += 1;
    }
    listed
}

impl State {
    /// The state when the broadcast of the value begins.
    fn added(element: Element, index: u32) -> State {
        State { element, added: index, ..State::default() }
    }

    /// `seeing` is the first read of a series that lists the value, `missing` the one before, and `last` the
    /// invocation of the last one.
    #[inline]
    fn observe(&mut self, seeing: Read, missing: Read, last: Latest) {
        self.learn(seeing.completed);
        // The series come latest first, so this is rare.
        if self.last_present < last {
            self.last_present = last;
        }
        if missing.completed > self.added {
            self.miss(missing);
        }
    }

    /// The first of these reads lists the value although it ended before the broadcast: only later ones
    /// count. Returns whether there was a broadcast at all.
    #[cold]
    fn observe_early(&mut self, reads: &[Read], last: Latest) -> bool {
        let counting = reads.partition_point(|read| read.completed <= self.added);
        if let Some(read) = reads.get(counting) {
            self.learn(read.completed);
            self.last_present = self.last_present.max(last);
        }
        self.added != NEVER
    }

    /// At this index, its broadcast was acknowledged, or a read that saw it completed.
    fn learn(&mut self, completed: u32) {
        // Mostly the value was known before.
        if completed < self.known {
            self.known = completed;
        }
    }

    /// This read missed it.
    fn miss(&mut self, read: Read) {
        self.last_absent = self.last_absent.max(Latest::at(read.invoked));
    }
}

impl Default for State {
    /// The state of a value that nobody has broadcast.
    fn default() -> State {
        State {
            element: Element::default(),
            added: NEVER,
            known: NEVER,
            last_present: Latest::default(),
            last_absent: Latest::default(),
            listed_by: NEVER,
        }
    }
}

fn summarise<'a>(history: &History, states: impl Iterator<Item = &'a State>) -> SetFull {
    let time = |index: u32| history.events()[index as usize].time;
    let broadcasts = expected_broadcasts(history);
    let mut result = SetFull {
        validity: Validity::Valid,
        attempts: 0,
        stable: 0,
        lost: Vec::new(),
        never_read: Vec::new(),
        stale: Vec::with_capacity(broadcasts),
        worst_stale: Vec::new(),
        stable_latencies: None,
        sorted_stable_latencies: Vec::new(),
        lost_latencies: None,
    };
    let (mut stable_latencies, mut stale) = (Vec::with_capacity(broadcasts), Vec::with_capacity(broadcasts));
    let mut lost_latencies = Vec::new();
    for state in broadcast(states) {
        result.attempts += 1;
        // From known until just after the later event, in whole milliseconds.
        let latency = |known: u32, until: Option<u32>| {
            until.map_or(0, |until| (time(until) + 1).saturating_sub(time(known)) / 1_000_000)
        };
        let known = Some(state.known).filter(|&known| known != NEVER);
        match (known, state.last_present.index(), state.last_absent.index()) {
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
    result.worst_stale = worst(stale);
    result.stable = stable_latencies.len();
    result.stable_latencies = Quantiles::of(&mut stable_latencies);
    result.sorted_stable_latencies = stable_latencies;
    result.lost_latencies = Quantiles::of(&mut lost_latencies);
    result.validity = match (result.lost.is_empty(), result.stable) {
        (false, _) => Validity::Invalid,
        (true, 0) => Validity::Unknown,
        (true, _) => Validity::Valid,
    };
    result
}

/// Up to eight values with the longest latencies, longest first; among equals, the last value first.
fn worst(mut stale: Vec<Stale>) -> Vec<Stale> {
    const SHOWN: usize = 8;
    let longest_first = |stale: &Stale| Reverse((stale.stable_latency, stale.element));
    if stale.len() > SHOWN {
        stale.select_nth_unstable_by_key(SHOWN, longest_first);
        stale.truncate(SHOWN);
    }
    stale.sort_unstable_by_key(longest_first);
    stale
}
