//! A priority queue of messages in the order of their times.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use node::Time;

/// A queue that returns the earliest entry first. Entries with equal times come in the order in which their
/// messages were sent.
///
/// With a constant latency, messages between nodes are sent in the order in which they are due, and wait in a
/// plain queue. Only others, such as clients' requests, need a heap, in which entries move several times.
#[derive(Debug)]
pub(super) struct Queue<T> {
    in_order: VecDeque<Queued<T>>,
    others: BinaryHeap<Queued<T>>,
}

/// An entry that concerns message `id` and is due at a time.
#[derive(Debug)]
pub(super) struct Queued<T> {
    pub(super) at: Time,
    pub(super) id: u64,
    pub(super) item: T,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        Queue { in_order: VecDeque::new(), others: BinaryHeap::new() }
    }

    pub(super) fn push(&mut self, entry: Queued<T>) {
        if self.in_order.back().is_none_or(|last| last.key() <= entry.key()) {
            self.in_order.push_back(entry);
        } else {
            self.others.push(entry);
        }
    }

    /// Removes the earliest entry.
    pub(super) fn pop(&mut self) -> Option<Queued<T>> {
        match (self.in_order.front(), self.others.peek()) {
            (Some(first), Some(other)) if first.key() <= other.key() => self.in_order.pop_front(),
            (_, Some(_)) => self.others.pop(),
            (_, None) => self.in_order.pop_front(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.in_order.clear();
        self.others.clear();
    }
}

impl<T> Queued<T> {
    fn key(&self) -> (Time, u64) {
        (self.at, self.id)
    }
}

/// Reversed, because [`BinaryHeap`] returns its greatest element first.
impl<T> Ord for Queued<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<T> PartialOrd for Queued<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Queued<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Queued<T> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_earliest_comes_first(
            pushes in prop::collection::vec(prop::option::weighted(0.6, 0_u64..20), 0..100),
        ) {
            let (mut queue, mut expected) = (Queue::new(), Vec::new());
            for (id, push) in (0..).zip(pushes) {
                if let Some(nanos) = push {
                    queue.push(Queued { at: Time::from_nanos(nanos), id, item: () });
                    expected.push((Time::from_nanos(nanos), id));
                    expected.sort();
                } else {
                    let first = (!expected.is_empty()).then(|| expected.remove(0));
                    prop_assert_eq!(queue.pop().map(|entry| entry.key()), first);
                }
            }
        }
    }
}
