//! Entries of a priority queue in the order of their times.

use std::cmp::Ordering;

use node::Time;

/// An entry that concerns message `id` and is due at a time. In a [`std::collections::BinaryHeap`] the
/// earliest comes first. Entries with equal times come in the order in which their messages were sent.
#[derive(Debug)]
pub(super) struct Queued<T> {
    pub(super) at: Time,
    pub(super) id: u64,
    pub(super) item: T,
}

/// Reversed, because the heap returns its greatest element first.
impl<T> Ord for Queued<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.id).cmp(&(self.at, self.id))
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
