//! `seq-kv`: a store with a history, in which clients may read the past.
//!
//! Every change makes a new state. A request that changes nothing is answered from a state chosen at random,
//! not older than the last one that this client saw. Any other request is answered from the newest state.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::key_value::KeyValueCall;
use super::{Datum, Reply};
use crate::harness::address::Address;
use crate::harness::rng_streams::RngStream;

/// How many of the latest states can be read.
const RETAINED: u64 = 32;

/// The store.
#[derive(Debug, Default)]
pub(super) struct Sequential {
    /// Each key's values with the states from which on they are current, oldest first.
    versions: BTreeMap<Datum, VecDeque<(u64, Datum)>>,
    /// The number of the newest state. State 0 is empty.
    newest: u64,
    /// The last state that each client saw.
    seen: FxHashMap<Address, u64>,
}

impl Sequential {
    /// Answers a request.
    pub(super) fn handle(&mut self, client: Address, call: &KeyValueCall, rng: &mut RngStream) -> Reply {
        let seen = self.seen.get(&client).copied().unwrap_or(0);
        let chosen = seen + rng.below(self.newest - seen + 1);
        let past = self.value(call.key(), self.retained(chosen));
        let (reply, change) = call.evaluate(past);
        if change.is_none() || change.as_ref() == past {
            self.seen.insert(client, chosen);
            return reply;
        }
        let (reply, change) = call.evaluate(self.value(call.key(), self.newest));
        self.newest += 1;
        self.seen.insert(client, self.newest);
        if let Some(value) = change {
            self.set(call.key(), value);
        }
        reply
    }

    /// The state that is read for the state `chosen`. They differ when `chosen` is no longer retained.
    /// Maelstrom then wraps around in its ring of states, so a client that has been away may read any of
    /// them.
    fn retained(&self, chosen: u64) -> u64 {
        let count = (self.newest + 1).min(RETAINED);
        let age = self.newest + 1 - chosen;
        let oldest = self.newest + 1 - count;
        oldest + (count - age % count) % count
    }

    fn value(&self, key: &Datum, state: u64) -> Option<&Datum> {
        let versions = self.versions.get(key)?;
        versions.iter().rev().find(|&&(since, _)| since <= state).map(|(_, value)| value)
    }

    /// Sets a value in the newest state.
    fn set(&mut self, key: &Datum, value: Datum) {
        let oldest = (self.newest + 1).saturating_sub(RETAINED);
        let versions = self.versions.entry(key.clone()).or_default();
        versions.push_back((self.newest, value));
        while versions.get(1).is_some_and(|&(since, _)| since <= oldest) {
            versions.pop_front();
        }
    }
}
