//! The values that a peer has not acknowledged.

/// A queue has room for this many values from the start. Mostly that is enough.
const FIRST_CAPACITY: usize = 4;

/// An empty queue keeps room for this many values.
pub(super) const KEPT_CAPACITY: usize = 1024;

/// Log indices of unacknowledged values, oldest first.
///
/// All in one slice, because most messages carry and most acknowledgements cover a queue's whole content.
/// Acknowledged values are dropped when they are half of the vector, so each is moved at most once.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    log_indices: Vec<u32>,
    /// So many of them are acknowledged.
    acknowledged: usize,
}

impl Default for Unacknowledged {
    fn default() -> Unacknowledged {
        Unacknowledged { log_indices: Vec::with_capacity(FIRST_CAPACITY), acknowledged: 0 }
    }
}

impl Unacknowledged {
    pub(super) fn as_slice(&self) -> &[u32] {
        &self.log_indices[self.acknowledged..]
    }

    pub(super) fn len(&self) -> usize {
        self.log_indices.len() - self.acknowledged
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn push(&mut self, log_indices: impl IntoIterator<Item = u32>) {
        self.log_indices.extend(log_indices);
    }

    /// The first `count` values are acknowledged.
    pub(super) fn acknowledge(&mut self, count: usize) {
        self.acknowledged += count;
        if self.is_empty() {
            self.log_indices.clear();
            self.acknowledged = 0;
            // A partition may have filled the queues of many links; do not keep that memory for good.
            self.log_indices.shrink_to(KEPT_CAPACITY);
        } else if 2 * self.acknowledged >= self.log_indices.len() {
            self.log_indices.drain(..self.acknowledged);
            self.acknowledged = 0;
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.log_indices.capacity()
    }
}

impl FromIterator<u32> for Unacknowledged {
    fn from_iter<I: IntoIterator<Item = u32>>(log_indices: I) -> Unacknowledged {
        Unacknowledged { log_indices: log_indices.into_iter().collect(), acknowledged: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_acknowledged_first() {
        let mut queue: Unacknowledged = (0..10).collect();
        for (count, left) in [(3, 3..10), (1, 4..10), (2, 6..10), (4, 10..10)] {
            queue.acknowledge(count);
            assert_eq!(queue.as_slice(), left.collect::<Vec<_>>());
        }
        queue.push(10..12);
        assert_eq!((queue.as_slice(), queue.len()), (&[10, 11][..], 2));
    }
}
