//! Judging a history as Maelstrom's checkers do.

pub mod set_full;

use std::fmt;

use rustc_hash::FxHashSet;

use self::set_full::SetFull;
use super::history::{Element, Function, History, Kind, OpValue, Process};
use super::message_counts::MessageCounts;
use crate::spec::settings::Availability;

/// Whether something holds. Of several, the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Validity {
    /// It holds.
    Valid,
    /// Nobody can tell.
    Unknown,
    /// It does not hold.
    Invalid,
}

impl Validity {
    /// Valid or invalid.
    pub const fn of(holds: bool) -> Validity {
        if holds { Validity::Valid } else { Validity::Invalid }
    }

    /// The exit status of a run of Maelstrom's that ended so.
    pub const fn exit_status(self) -> u8 {
        match self {
            Validity::Valid => 0,
            Validity::Invalid => 1,
            Validity::Unknown => 2,
        }
    }

    /// What a run of Maelstrom's with this exit status says; nothing if it has no results.
    pub fn of_exit_status(status: i32) -> Option<Validity> {
        let all = [Validity::Valid, Validity::Unknown, Validity::Invalid];
        all.into_iter().find(|validity| i32::from(validity.exit_status()) == status)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Validity::Valid => "valid",
            Validity::Unknown => "unknown",
            Validity::Invalid => "invalid",
        })
    }
}

/// What the checkers found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How operations ended.
    pub stats: Stats,
    /// What share of them succeeded.
    pub availability: AvailabilityReport,
    /// The operations that crashed their client.
    pub exceptions: Exceptions,
    /// What became of the values.
    pub workload: SetFull,
}

impl Report {
    /// The worst of all.
    pub fn validity(&self) -> Validity {
        self.stats.validity().max(self.availability.validity).max(self.workload.validity)
    }
}

/// Judges a history.
pub fn check(history: &History, demanded: Option<Availability>) -> Report {
    Report {
        stats: Stats::of(history),
        availability: AvailabilityReport::of(history, demanded),
        exceptions: Exceptions::of(history),
        workload: set_full::check(history),
    }
}

/// How many operations ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// They succeeded.
    pub ok: u64,
    /// They did not happen.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

impl Outcomes {
    /// All of them.
    pub const fn count(&self) -> u64 {
        self.ok + self.fail + self.info
    }

    /// Valid if at least one succeeded.
    pub const fn validity(&self) -> Validity {
        Validity::of(self.ok > 0)
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Ok => self.ok += 1,
            Kind::Fail => self.fail += 1,
            Kind::Info => self.info += 1,
            Kind::Invoke => {}
        }
    }
}

/// How clients' operations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Broadcasts.
    pub broadcast: Outcomes,
    /// Reads, the final ones included.
    pub read: Outcomes,
}

impl Stats {
    fn of(history: &History) -> Stats {
        let mut stats = Stats::default();
        for event in history.events().iter().filter(|event| event.process != Process::Nemesis) {
            match event.function {
                Function::Broadcast => stats.broadcast.add(event.kind),
                Function::Read => stats.read.add(event.kind),
                Function::StartPartition | Function::StopPartition => {}
            }
        }
        stats
    }

    /// Both kinds of operation together.
    pub const fn all(&self) -> Outcomes {
        Outcomes {
            ok: self.broadcast.ok + self.read.ok,
            fail: self.broadcast.fail + self.read.fail,
            info: self.broadcast.info + self.read.info,
        }
    }

    /// The kinds of operation that there were.
    pub fn by_function(&self) -> impl Iterator<Item = (Function, Outcomes)> {
        let all = [(Function::Broadcast, self.broadcast), (Function::Read, self.read)];
        all.into_iter().filter(|(_, outcomes)| outcomes.count() > 0)
    }

    /// Valid if of each kind at least one succeeded.
    pub fn validity(&self) -> Validity {
        self.by_function().map(|(_, outcomes)| outcomes.validity()).max().unwrap_or(Validity::Valid)
    }
}

/// What share of the operations succeeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AvailabilityReport {
    /// Whether that is what was demanded.
    pub validity: Validity,
    /// The share, if there were operations.
    pub ok_fraction: Option<f32>,
}

impl AvailabilityReport {
    fn of(history: &History, demanded: Option<Availability>) -> AvailabilityReport {
        let count = |kind| history.events().iter().filter(|event| event.kind == kind).count() as u64;
        let ok_fraction = ratio(count(Kind::Ok), invocations(history));
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
    /// How many.
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

/// How many values, acknowledged or seen by some final read, at least one of the final reads missed: they had not
/// reached some node by then, whatever the checker says of their stability. A value that no final read saw and whose
/// broadcast was not acknowledged is not counted.
pub fn missed_by_final_reads(history: &History) -> usize {
    let events = history.events().iter();
    let final_reads: Vec<FxHashSet<Element>> = events
        .clone()
        .filter(|event| event.is_final && event.kind == Kind::Ok)
        .filter_map(|event| match event.value {
            OpValue::Read(read) => Some(history.values(read).iter().copied().collect()),
            OpValue::Nil => Some(FxHashSet::default()),
            _ => None,
        })
        .collect();
    let acknowledged = events.filter_map(|event| match event.value {
        OpValue::Element(element) if event.kind == Kind::Ok => Some(element),
        _ => None,
    });
    let known: FxHashSet<Element> = acknowledged.chain(final_reads.iter().flatten().copied()).collect();
    known.iter().filter(|value| final_reads.iter().any(|read| !read.contains(*value))).count()
}

/// Clients' invocations, final reads included.
pub fn invocations(history: &History) -> u64 {
    let is_invocation = |kind, process| kind == Kind::Invoke && process != Process::Nemesis;
    history.events().iter().filter(|event| is_invocation(event.kind, event.process)).count() as u64
}

/// Messages for each operation: (all messages, those between nodes); nothing if there were no operations.
pub fn messages_per_operation(counts: MessageCounts, operations: u64) -> Option<(f32, f32)> {
    let all = ratio(counts.clients.sent + counts.servers.sent, operations)?;
    Some((all, ratio(counts.servers.sent, operations)?))
}

/// A ratio of counts as Maelstrom gives it: a 32-bit float.
fn ratio(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| (part as f64 / whole as f64) as f32)
}
