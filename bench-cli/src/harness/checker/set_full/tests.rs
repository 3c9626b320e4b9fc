//! The checker against the plain algorithm, which visits every value at every read, and against worked
//! examples.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Latest, Quantiles, SetFull, Stale, State, check, summarise};
use crate::harness::checker::Validity;
use crate::harness::history::{Element, Event, Function, History, Kind, OpValue, Process};

/// What jepsen does, word for word: one pass over the history that updates every value at every read.
fn plain(history: &History) -> SetFull {
    let mut states: BTreeMap<Element, State> = BTreeMap::new();
    for (index, event) in history.events().iter().enumerate() {
        let index = index as u32;
        match (&event.value, event.kind) {
            (&OpValue::Element(element), Kind::Invoke) => {
                states.insert(element, State::added(element, index));
            }
            (OpValue::Element(element), Kind::Ok) => {
                if let Some(state) = states.get_mut(element) {
                    state.learn(index);
                }
            }
            (&OpValue::Read(read), Kind::Ok) => {
                let seen = history.values(read);
                for (element, state) in &mut states {
                    if seen.contains(element) {
                        state.learn(index);
                        state.last_present = state.last_present.max(Latest::at(event.invocation));
                    } else {
                        state.last_absent = state.last_absent.max(Latest::at(event.invocation));
                    }
                }
            }
            (OpValue::Nil, Kind::Ok) => {
                for state in states.values_mut() {
                    state.last_absent = state.last_absent.max(Latest::at(event.invocation));
                }
            }
            _ => {}
        }
    }
    summarise(history, states.values())
}

/// What one process does next.
#[derive(Clone, Debug)]
enum Step {
    /// Begins to add a value.
    Add(u8),
    /// Begins to read.
    Read,
    /// Completes a read with this list, or a broadcast.
    Succeed(List),
    /// Fails.
    Fail,
    /// Crashes.
    Crash,
}

/// What a read sees of a node's values.
#[derive(Clone, Debug)]
enum List {
    /// A beginning of the list that all processes on a node share, in per cent of its length.
    Prefix(u8),
    /// The same, but as the log of the node.
    Recorded(u8),
    /// Anything.
    Any(Vec<u8>),
    /// No list at all.
    Nil,
}

fn list() -> impl Strategy<Value = List> {
    prop_oneof![
        4 => (50..=100_u8).prop_map(List::Prefix),
        4 => (50..=100_u8).prop_map(List::Recorded),
        1 => prop::collection::vec(0..20_u8, 0..12).prop_map(List::Any),
        1 => Just(List::Nil),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..20_u8).prop_map(Step::Add),
        3 => Just(Step::Read),
        8 => list().prop_map(Step::Succeed),
        1 => Just(Step::Fail),
        1 => Just(Step::Crash),
    ]
}

/// A history of these steps, each by one of five processes on two nodes. Values spread to nodes as they are
/// begun.
fn history_of(steps: &[(u8, Step)]) -> History {
    let mut history = History::new();
    let logs = [history.add_log(0), history.add_log(0)];
    let mut numbers: Vec<u32> = (0..5).collect();
    let mut pending: Vec<Option<(u32, Function, OpValue)>> = vec![None; 5];
    for (time, (thread, step)) in steps.iter().enumerate() {
        let thread = usize::from(*thread);
        let log = logs[thread % 2];
        let process = Process::Client(numbers[thread]);
        let index = history.next_index();
        let (kind, function, value, invocation) = match (step, pending[thread].clone()) {
            (Step::Add(value), None) => {
                let element = history.int(i64::from(*value));
                // Every third value never reaches the other node.
                let reached = if value % 3 == 0 { &logs[..1] } else { &logs[..] };
                for &log in reached {
                    if !history.log(log).contains(&element) {
                        history.extend_log(log, [element]);
                    }
                }
                (Kind::Invoke, Function::Broadcast, OpValue::Element(element), index)
            }
            (Step::Read, None) => (Kind::Invoke, Function::Read, OpValue::Nil, index),
            (Step::Succeed(list), Some((invocation, Function::Read, _))) => {
                let value = read_value(&mut history, process, log, list);
                (Kind::Ok, Function::Read, value, invocation)
            }
            (Step::Succeed(_), Some((invocation, function, value))) => {
                (Kind::Ok, function, value, invocation)
            }
            (Step::Fail, Some((invocation, function, value))) => (Kind::Fail, function, value, invocation),
            (Step::Crash, Some((invocation, function, value))) => (Kind::Info, function, value, invocation),
            _ => continue,
        };
        pending[thread] = (kind == Kind::Invoke).then(|| (index, function, value.clone()));
        if kind == Kind::Info {
            numbers[thread] += 5;
        }
        let time = time as u64 * 700_000;
        history.push(Event {
            time,
            process,
            kind,
            function,
            value,
            is_final: false,
            failure: None,
            invocation,
        });
    }
    history
}

fn read_value(
    history: &mut History,
    process: Process,
    log: crate::harness::history::LogId,
    list: &List,
) -> OpValue {
    let length = history.log(log).len();
    let share = |per_cent: u8| length * usize::from(per_cent) / 100;
    OpValue::Read(match list {
        List::Recorded(per_cent) => crate::harness::history::ReadValue { log, len: share(*per_cent) as u32 },
        List::Prefix(per_cent) => {
            let elements = history.log(log)[..share(*per_cent)].to_vec();
            history.add_read(process, &elements)
        }
        List::Any(values) => {
            let elements: Vec<Element> = values.iter().map(|&value| history.int(i64::from(value))).collect();
            history.add_read(process, &elements)
        }
        List::Nil => return OpValue::Nil,
    })
}

proptest! {
    #![proptest_config(crate::props::config(1_000))]

    #[test]
    fn the_fast_checker_agrees_with_the_plain_one(
        steps in prop::collection::vec((0..5_u8, step()), 0..120)
    ) {
        let history = history_of(&steps);
        prop_assert_eq!(check(&history), plain(&history));
    }
}

/// A history of (milliseconds, process, kind, value or list).
fn worked(events: &[(u64, u32, Kind, What)]) -> History {
    let mut history = History::new();
    let mut open = BTreeMap::new();
    for (ms, process, kind, what) in events {
        let index = history.next_index();
        if *kind == Kind::Invoke {
            open.insert(*process, index);
        }
        let client = Process::Client(*process);
        let (function, value) = match what {
            What::Add(value) => (Function::Broadcast, OpValue::Element(history.int(*value))),
            What::Read => (Function::Read, OpValue::Nil),
            What::Saw(values) => {
                let elements: Vec<Element> = values.iter().map(|&value| history.int(value)).collect();
                (Function::Read, OpValue::Read(history.add_read(client, &elements)))
            }
        };
        history.push(Event {
            time: ms * 1_000_000,
            process: client,
            kind: *kind,
            function,
            value,
            is_final: false,
            failure: None,
            invocation: open[process],
        });
    }
    history
}

enum What {
    Add(i64),
    Read,
    Saw(&'static [i64]),
}

use Kind::{Invoke, Ok as Done};
use What::{Add, Read, Saw};

#[test]
fn a_value_missed_after_it_was_known_is_stale_until_then() {
    let history = worked(&[
        (0, 0, Invoke, Add(7)),
        (10, 0, Done, Add(7)),
        (300, 1, Invoke, Read),
        (310, 1, Done, Saw(&[])),
        (400, 1, Invoke, Read),
        (410, 1, Done, Saw(&[7])),
    ]);
    let seven = Element::from_int(7).expect("a small number");
    let result = check(&history);
    assert_eq!((result.validity, result.stable, &result.stale[..]), (Validity::Valid, 1, &[seven][..]));
    let stale = Stale { element: seven, stable_latency: 290, known: 1, last_absent: Some(2) };
    assert_eq!(result.worst_stale, [stale]);
}

#[test]
fn a_read_may_know_a_value_before_its_broadcast_completes() {
    let history = worked(&[
        (0, 0, Invoke, Add(1)),
        (5, 1, Invoke, Read),
        (6, 1, Done, Saw(&[1])),
        (10, 2, Invoke, Read),
        (11, 2, Done, Saw(&[])),
        (20, 0, Done, Add(1)),
    ]);
    let result = check(&history);
    assert_eq!((result.validity, result.lost.len()), (Validity::Invalid, 1));
    // Lost from the last read that saw it: that one began before the value was known.
    assert_eq!(result.lost_latencies.expect("a lost value").max, 0);
}

#[test]
fn a_value_that_is_missed_only_while_it_is_added_was_never_read() {
    let history = worked(&[
        (0, 0, Invoke, Add(1)),
        (5, 1, Invoke, Read),
        (6, 1, Done, Saw(&[])),
        (20, 0, Done, Add(1)),
    ]);
    let result = check(&history);
    assert_eq!((result.validity, result.never_read.len()), (Validity::Unknown, 1));
    assert_eq!((result.stable_latencies, result.lost_latencies), (None, None));
}

#[test]
fn quantiles_are_order_statistics() {
    assert_eq!(Quantiles::of(&mut []), None);
    let mut values: Vec<u64> = (0..200).rev().collect();
    let expected = Quantiles { min: 0, median: 100, p95: 190, p99: 198, max: 199 };
    assert_eq!(Quantiles::of(&mut values), Some(expected));
}

#[test]
fn values_of_any_size_are_sorted() {
    let small: Vec<u64> = (0..200).map(|i| i * 37 % 101).collect();
    let large: Vec<u64> = small.iter().map(|value| value << 50).collect();
    for values in [small, large, vec![u64::MAX, 0], vec![0], Vec::new()] {
        let (mut sorted, mut expected) = (values.clone(), values);
        super::sort(&mut sorted);
        expected.sort_unstable();
        assert_eq!(sorted, expected);
    }
}
