//! Which node lacks which values at the end of a run, in words for the author of the node.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::harness::history::{Element, Event, Function, History, Kind, OpValue, Process};
use crate::terminal::count;

/// How many values, and how many nodes, are named.
const SHOWN_VALUES: usize = 5;
const SHOWN_NODES: usize = 2;

/// The values that final reads of one node did not have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gap {
    /// The node's number, from 0.
    node: usize,
    /// The values in the order of their broadcasts, each with the place of its broadcast among all.
    values: Vec<(usize, Element)>,
}

/// A sentence on the nodes that lacked values in their final reads: which, how many, and when those were
/// broadcast. `None` if none lacked any, or there were no final reads.
///
/// A value counts if its broadcast was acknowledged or if it is in some final read. `clients` and `nodes` are
/// the numbers of both: client `c` asks node `c` modulo `nodes`, under process numbers that are `c` modulo
/// `clients`.
pub fn missing_values(history: &History, clients: usize, nodes: usize) -> Option<String> {
    if super::missed_by_final_reads(history) == 0 {
        return None;
    }
    let node_of = |process| match process {
        Process::Client(number) => Some(number as usize % clients.max(1) % nodes.max(1)),
        Process::Nemesis => None,
    };
    let mut seen: FxHashMap<usize, FxHashSet<Element>> = FxHashMap::default();
    for event in history.events().iter().filter(|event| event.is_final && event.kind == Kind::Ok) {
        let Some(node) = node_of(event.process) else { continue };
        let values = seen.entry(node).or_default();
        if let OpValue::Read(read) = event.value {
            values.extend(history.values(read));
        }
    }
    let acknowledged: FxHashSet<Element> = super::acknowledged(history).collect();
    let counts =
        |value: &Element| acknowledged.contains(value) || seen.values().any(|own| own.contains(value));
    let broadcasts: Vec<(u64, Element)> =
        history.events().iter().filter_map(broadcast).filter(|(_, value)| counts(value)).collect();
    let gap = |(&node, own): (&usize, &FxHashSet<Element>)| {
        let all = broadcasts.iter().enumerate().map(|(place, &(_, value))| (place, value));
        Gap { node, values: all.filter(|(_, value)| !own.contains(value)).collect() }
    };
    let mut gaps: Vec<Gap> = seen.iter().map(gap).filter(|gap| !gap.values.is_empty()).collect();
    // The worst first.
    gaps.sort_by_key(|gap| (std::cmp::Reverse(gap.values.len()), gap.node));
    let shown: Vec<String> =
        gaps.iter().take(SHOWN_NODES).map(|gap| gap.explained(history, &broadcasts)).collect();
    if shown.is_empty() {
        return None;
    }
    let others = match gaps.len().saturating_sub(SHOWN_NODES) {
        0 => String::new(),
        1 => "; 1 other node lacks values, too".to_owned(),
        others => format!("; {others} other nodes lack values, too"),
    };
    Some(shown.join("; ") + &others)
}

/// The time and the value of a broadcast that begins.
fn broadcast(event: &Event) -> Option<(u64, Element)> {
    match event.value {
        OpValue::Element(value) if event.kind == Kind::Invoke && event.function == Function::Broadcast => {
            Some((event.time, value))
        }
        _ => None,
    }
}

impl Gap {
    /// `n3 lacks 57 of 1000 values, broadcast from 12.4 s on (612, 618, …)`
    fn explained(&self, history: &History, broadcasts: &[(u64, Element)]) -> String {
        let seconds = |place: usize| format!("{:.1}", broadcasts[place].0 as f64 / 1e9);
        let (first, last) = (self.values[0].0, self.values[self.values.len() - 1].0);
        let when = match (seconds(first), seconds(last)) {
            (first, last) if first == last => format!("at {first} s"),
            (first, _) if last + 1 == broadcasts.len() => format!("from {first} s on"),
            (first, last) => format!("from {first} to {last} s"),
        };
        let named = self.values.iter().take(SHOWN_VALUES);
        let mut shown: Vec<String> = named.map(|&(_, value)| history.edn(value).to_string()).collect();
        if self.values.len() > SHOWN_VALUES {
            shown.push("…".to_owned());
        }
        format!(
            "n{} lacks {} of {}, broadcast {when} ({})",
            self.node,
            self.values.len(),
            count(broadcasts.len(), "value"),
            shown.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::history_file;

    /// A history in which values 0, 1, … are broadcast a second apart, and each node's final read has some.
    fn history(values: usize, finals: &[&[usize]]) -> History {
        let mut text = String::new();
        let mut index = 0;
        let mut line = |time: usize, kind: &str, process: usize, function: &str, value: &str, more: &str| {
            text.push_str(&format!(
                "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f :{function}, :value {value}{more}}}\n"
            ));
            index += 1;
        };
        for value in 0..values {
            let shown = value.to_string();
            line(value * 1_000_000_000, "invoke", 0, "broadcast", &shown, "");
            line(value * 1_000_000_000 + 1, "ok", 0, "broadcast", &shown, "");
        }
        for (process, values) in finals.iter().enumerate() {
            let values: Vec<String> = values.iter().map(usize::to_string).collect();
            line(100_000_000_000, "invoke", process, "read", "nil", ", :final? true");
            line(
                100_000_000_001,
                "ok",
                process,
                "read",
                &format!("[{}]", values.join(" ")),
                ", :final? true",
            );
        }
        history_file::read_edn(&text).unwrap()
    }

    #[test]
    fn the_nodes_that_lack_values_are_named_with_the_times() {
        let all: Vec<usize> = (0..10).collect();
        let said = |finals: &[&[usize]]| missing_values(&history(10, finals), finals.len(), finals.len());
        assert_eq!(said(&[&all, &all]), None);
        assert_eq!(said(&[]), None);
        assert_eq!(
            said(&[&all, &all[..7]]).unwrap(),
            "n1 lacks 3 of 10 values, broadcast from 7.0 s on (7, 8, 9)"
        );
        assert_eq!(
            said(&[&all, &[0, 1, 4, 5, 6, 7, 8, 9]]).unwrap(),
            "n1 lacks 2 of 10 values, broadcast from 2.0 to 3.0 s (2, 3)"
        );
        let without =
            |missing: usize| all.iter().copied().filter(|&value| value != missing).collect::<Vec<_>>();
        for (missing, when) in [(2, "2.0 s (2)"), (9, "9.0 s (9)")] {
            assert_eq!(
                said(&[&all, &without(missing)]).unwrap(),
                format!("n1 lacks 1 of 10 values, broadcast at {when}")
            );
        }
        assert_eq!(
            said(&[&all[..9], &[], &all[..1], &all[..9]]).unwrap(),
            "n1 lacks 10 of 10 values, broadcast from 0.0 s on (0, 1, 2, 3, 4, …); \
             n2 lacks 9 of 10 values, broadcast from 1.0 s on (1, 2, 3, 4, 5, …); 2 other nodes lack values, too"
        );
    }

    #[test]
    fn a_crashed_client_asks_the_same_node_under_another_number() {
        let all: Vec<usize> = (0..3).collect();
        let finals: [&[usize]; 4] = [&all, &all, &all, &all[..2]];
        // Processes 2 and 3 are the clients 0 and 1 again.
        let said = missing_values(&history(3, &finals), 2, 2);
        assert_eq!(said, None, "an earlier read had all");
        let finals: [&[usize]; 4] = [&all, &all[..2], &all, &all[..2]];
        assert!(missing_values(&history(3, &finals), 2, 2).unwrap().starts_with("n1 lacks 1 of 3 values"));
    }
}
