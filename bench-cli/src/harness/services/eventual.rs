//! `lww-kv`: two replicas that are merged now and then, in which the last write wins.
//!
//! Each request first merges one replica, chosen at random, into another. Then a replica chosen at random
//! answers. Writes carry Lamport timestamps. Two replicas can give different writes the same timestamp, or a
//! later write an earlier one, so updates can be lost.

use std::collections::BTreeMap;

use super::key_value::KeyValueCall;
use super::{Datum, Reply};
use crate::harness::rng_streams::RngStream;

/// The store.
#[derive(Debug, Default)]
pub(super) struct Eventual {
    replicas: [Replica; 2],
}

#[derive(Clone, Debug, Default)]
struct Replica {
    /// The Lamport time of the next write.
    clock: u64,
    /// Values with the times when they were written.
    values: BTreeMap<Datum, (u64, Datum)>,
}

impl Eventual {
    /// Answers a request.
    pub(super) fn handle(&mut self, call: &KeyValueCall, rng: &mut RngStream) -> Reply {
        let (source, dest) = (rng.index(self.replicas.len()), rng.index(self.replicas.len()));
        if source != dest {
            let source = self.replicas[source].clone();
            self.replicas[dest].merge(source);
        }
        self.replicas[rng.index(self.replicas.len())].handle(call)
    }
}

impl Replica {
    fn handle(&mut self, call: &KeyValueCall) -> Reply {
        let current = self.values.get(call.key()).map(|(_, value)| value);
        // This service does not know `create_if_not_exists`.
        let (reply, change) = call.without_creation().evaluate(current);
        if let Some(value) = change {
            self.values.insert(call.key().clone(), (self.clock, value));
            self.clock += 1;
        }
        reply
    }

    /// Takes over what the other replica knows. At equal times the other replica's value wins.
    fn merge(&mut self, other: Replica) {
        self.clock = self.clock.max(other.clock);
        for (key, (time, value)) in other.values {
            match self.values.get(&key) {
                Some(&(ours, _)) if ours > time => {}
                _ => {
                    self.values.insert(key, (time, value));
                }
            }
        }
    }
}
