//! Which of the peer's numbered values arrived.

use std::ops::Range;

/// The most ranges beyond a gap that a receiver remembers. It hands on the values beyond them too, but
/// forgets their numbers, so the peer will send them again.
const MAX_RANGES: usize = 1024;

/// The numbers that arrived.
#[derive(Debug, Default)]
pub(super) struct ReceivedRanges {
    /// All numbers below this arrived.
    pub(super) contiguous: u64,
    /// So did these ranges, in ascending order. They touch neither each other nor `contiguous`.
    pub(super) beyond: Vec<Range<u64>>,
}

impl ReceivedRanges {
    pub(super) fn has_gap(&self) -> bool {
        !self.beyond.is_empty()
    }

    pub(super) fn insert(&mut self, mut range: Range<u64>) {
        if range.end <= self.contiguous {
            return;
        }
        if range.start > self.contiguous {
            let first = self.beyond.partition_point(|r| r.end < range.start);
            let last = self.beyond.partition_point(|r| r.start <= range.end);
            for touched in &self.beyond[first..last] {
                range = range.start.min(touched.start)..range.end.max(touched.end);
            }
            self.beyond.splice(first..last, [range]);
            self.beyond.truncate(MAX_RANGES);
            return;
        }
        self.contiguous = range.end;
        if self.beyond.is_empty() {
            return;
        }
        let reached = self.beyond.partition_point(|r| r.start <= range.end);
        if let Some(last) = self.beyond.drain(..reached).next_back() {
            self.contiguous = self.contiguous.max(last.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_stay_bounded() {
        let mut received = ReceivedRanges::default();
        for i in (0..2 * MAX_RANGES as u64).rev() {
            received.insert(2 * i + 1..2 * i + 2);
        }
        assert_eq!(received.beyond.len(), MAX_RANGES);
        received.insert(2..5);
        assert_eq!(received.beyond[0], 1..6);
        received.insert(0..1);
        assert_eq!((received.contiguous, received.beyond[0].clone()), (6, 7..8));
        received.insert(3..3000);
        assert_eq!((received.contiguous, received.beyond.len()), (3000, 0));
    }
}
