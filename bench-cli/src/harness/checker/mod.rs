//! The checks of a history, as in Maelstrom's checkers.

mod element_set;
mod element_table;
mod missing;
pub mod set_full;
mod validity;

use rustc_hash::{FxHashMap, FxHashSet};

use self::element_set::ElementSet;
pub use self::missing::missing_values;
use self::set_full::SetFull;
pub use self::validity::Validity;
use super::history::{Element, Function, History, Kind, LogId, OpValue, ReadValue};
use super::message_counts::MessageCounts;
use crate::spec::settings::Availability;

/// The report of all checkers.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The outcomes of operations.
    pub stats: Stats,
    /// The share of successful operations.
    pub availability: AvailabilityReport,
    /// The operations that crashed their client.
    pub exceptions: Exceptions,
    /// The fate of the values.
    pub workload: SetFull,
}

impl Report {
    /// The worst verdict of all checkers.
    pub fn validity(&self) -> Validity {
        self.stats.validity().max(self.availability.validity).max(self.workload.validity)
    }
}

/// Checks a history.
pub fn check(history: &History, demanded: Option<Availability>) -> Report {
    let stats = Stats::of(history);
    Report {
        stats,
        availability: AvailabilityReport::of(&stats, demanded),
        exceptions: Exceptions::of(history),
        workload: set_full::check(history),
    }
}

/// The number of operations with each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Operations that succeeded.
    pub ok: u64,
    /// Operations that did not happen.
    pub fail: u64,
    /// Operations whose outcome is unknown.
    pub info: u64,
}

impl Outcomes {
    /// The number of all operations.
    pub const fn count(&self) -> u64 {
        self.ok + self.fail + self.info
    }

    /// Valid if at least one succeeded.
    pub const fn validity(&self) -> Validity {
        Validity::of(self.ok > 0)
    }
}

/// The outcomes of clients' operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Broadcasts.
    pub broadcast: Outcomes,
    /// Reads, the final ones included.
    pub read: Outcomes,
    /// Operations that began, with or without an outcome.
    pub invocations: u64,
}

impl Stats {
    fn of(history: &History) -> Stats {
        let mut counts = [[0; Kind::ALL.len()]; Function::ALL.len()];
        for event in history.events() {
            counts[event.function as usize][event.kind as usize] += 1;
        }
        let count = |function: Function, kind: Kind| counts[function as usize][kind as usize];
        let outcomes = |function| Outcomes {
            ok: count(function, Kind::Ok),
            fail: count(function, Kind::Fail),
            info: count(function, Kind::Info),
        };
        // The other functions are those of the nemesis.
        Stats {
            broadcast: outcomes(Function::Broadcast),
            read: outcomes(Function::Read),
            invocations: count(Function::Broadcast, Kind::Invoke) + count(Function::Read, Kind::Invoke),
        }
    }

    /// Both kinds of operation together.
    pub const fn all(&self) -> Outcomes {
        Outcomes {
            ok: self.broadcast.ok + self.read.ok,
            fail: self.broadcast.fail + self.read.fail,
            info: self.broadcast.info + self.read.info,
        }
    }

    /// The outcomes by function, for functions that were invoked.
    pub fn by_function(&self) -> impl Iterator<Item = (Function, Outcomes)> {
        let all = [(Function::Broadcast, self.broadcast), (Function::Read, self.read)];
        all.into_iter().filter(|(_, outcomes)| outcomes.count() > 0)
    }

    /// Valid if at least one operation of each function succeeded.
    pub fn validity(&self) -> Validity {
        self.by_function().map(|(_, outcomes)| outcomes.validity()).max().unwrap_or(Validity::Valid)
    }
}

/// The share of operations that succeeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AvailabilityReport {
    /// Whether it meets the demanded availability.
    pub validity: Validity,
    /// The share, if there were operations.
    pub ok_fraction: Option<f32>,
}

impl AvailabilityReport {
    fn of(stats: &Stats, demanded: Option<Availability>) -> AvailabilityReport {
        let ok_fraction = ratio(stats.all().ok, stats.invocations);
        let reached = f64::from(ok_fraction.unwrap_or(1.0));
        let holds = match demanded {
            None => true,
            Some(Availability::Total) => reached == 1.0,
            Some(Availability::Fraction(fraction)) => fraction <= reached,
        };
        AvailabilityReport { validity: Validity::of(holds), ok_fraction }
    }
}

/// The operations that crashed their client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// The number of crashed operations.
    pub count: u64,
    /// The index of the first one's completion.
    pub example: Option<u32>,
}

impl Exceptions {
    fn of(history: &History) -> Exceptions {
        let mut exceptions = Exceptions::default();
        for (index, event) in history.events().iter().enumerate() {
            let failure = event.failure.as_ref().filter(|_| event.kind == Kind::Info);
            if failure.is_some_and(|failure| failure.exception.is_some()) {
                exceptions.count += 1;
                exceptions.example.get_or_insert(index as u32);
            }
        }
        exceptions
    }
}

/// The number of values that were acknowledged or in some final read, and that another final read missed.
/// They had not reached some node by then, whatever the checker's verdict on their stability. A value in no
/// final read whose broadcast was not acknowledged does not count.
pub fn missed_by_final_reads(history: &History) -> usize {
    let mut anywhere = ElementSet::default();
    let mut everywhere: Option<ElementSet> = None;
    for event in history.events().iter().filter(|event| event.kind == Kind::Ok) {
        let listed: &[Element] = match event.value {
            OpValue::Element(element) => {
                anywhere.insert(element);
                continue;
            }
            OpValue::Read(read) if event.is_final => history.values(read),
            OpValue::Nil if event.is_final => &[],
            _ => continue,
        };
        let listed: ElementSet = listed.iter().copied().collect();
        anywhere.unite(&listed);
        match &mut everywhere {
            Some(everywhere) => everywhere.intersect(&listed),
            None => everywhere = Some(listed),
        }
    }
    everywhere.map_or(0, |everywhere| anywhere.len() - everywhere.len())
}

/// The values whose broadcasts were acknowledged.
pub fn acknowledged(history: &History) -> impl Iterator<Item = Element> + '_ {
    history.events().iter().filter_map(|event| match event.value {
        OpValue::Element(element) if event.kind == Kind::Ok => Some(element),
        _ => None,
    })
}

/// The values that clients know of: those whose broadcasts were acknowledged, and those that a read showed.
pub fn known_to_clients(history: &History) -> FxHashSet<Element> {
    let mut longest: FxHashMap<LogId, ReadValue> = FxHashMap::default();
    for event in history.events() {
        if let OpValue::Read(read) = event.value {
            let known = longest.entry(read.log).or_insert(read);
            known.len = known.len.max(read.len);
        }
    }
    let shown = longest.into_values().flat_map(|read| history.values(read)).copied();
    acknowledged(history).chain(shown).collect()
}

/// Messages per operation: (all messages, those between nodes). `None` without operations.
pub fn messages_per_operation(counts: MessageCounts, operations: u64) -> Option<(f32, f32)> {
    let all = ratio(counts.clients.sent + counts.servers.sent, operations)?;
    Some((all, ratio(counts.servers.sent, operations)?))
}

/// A ratio of counts as a 32-bit float, as in Maelstrom.
fn ratio(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| (part as f64 / whole as f64) as f32)
}
