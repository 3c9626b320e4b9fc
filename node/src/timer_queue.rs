//! A deadline for each of many things, with the earliest of all at hand.

use crate::time::Time;

/// A point in time at which something is due.
pub trait Deadline: Copy + Ord {
    /// Later than every deadline: nothing is due.
    const NEVER: Self;
}

impl Deadline for Time {
    const NEVER: Time = Time::from_nanos(u64::MAX);
}

/// A time and a number that puts equal times in order.
impl Deadline for (Time, u64) {
    const NEVER: (Time, u64) = (<Time as Deadline>::NEVER, u64::MAX);
}

/// A tournament over the deadlines of numbered things, such as peers.
///
/// Setting a deadline costs at most the tournament's height, and the earliest is at the root. Among equal
/// deadlines the lowest number comes first, so that a run is deterministic.
///
/// The entries are bare deadlines without numbers. Most changes end after two levels, at an entry that stays
/// the same. The number of the earliest deadline is found on the way down from the root, which is needed less
/// often.
#[derive(Clone, Debug)]
pub struct TimerQueue<D> {
    /// The number of leaves, a power of two.
    width: usize,
    /// The earliest deadline below each inner entry (the root is at 1), then the leaves: the deadlines
    /// themselves.
    tree: Vec<D>,
}

impl<D: Deadline> Default for TimerQueue<D> {
    fn default() -> TimerQueue<D> {
        TimerQueue::new(0)
    }
}

impl<D: Deadline> TimerQueue<D> {
    /// No deadlines. Has room for numbers below `count`, and grows for larger ones.
    pub fn new(count: usize) -> TimerQueue<D> {
        let width = count.next_power_of_two();
        TimerQueue { width, tree: vec![D::NEVER; 2 * width] }
    }

    /// The earliest deadline.
    pub fn earliest(&self) -> Option<D> {
        Some(self.tree[1]).filter(|earliest| *earliest < D::NEVER)
    }

    /// The number that the earliest deadline belongs to.
    pub fn first(&self) -> Option<usize> {
        let earliest = self.earliest()?;
        let mut entry = 1;
        while entry < self.width {
            entry *= 2;
            if self.tree[entry] != earliest {
                entry += 1;
            }
        }
        Some(entry - self.width)
    }

    /// The deadline of `number`.
    pub fn get(&self, number: usize) -> Option<D> {
        self.tree[self.width..].get(number).copied().filter(|deadline| *deadline < D::NEVER)
    }

    /// Sets or clears the deadline of `number`.
    pub fn set(&mut self, number: usize, deadline: Option<D>) {
        let mut earliest = deadline.unwrap_or(D::NEVER);
        if number >= self.width {
            self.grow(number + 1);
        }
        let mut entry = self.width + number;
        while self.tree[entry] != earliest {
            self.tree[entry] = earliest;
            if entry == 1 {
                return;
            }
            earliest = earliest.min(self.tree[entry ^ 1]);
            entry /= 2;
        }
    }

    fn grow(&mut self, count: usize) {
        let mut larger = TimerQueue::new(count);
        for (number, deadline) in self.tree[self.width..].iter().enumerate() {
            larger.set(number, Some(*deadline));
        }
        *self = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_first_is_the_earliest(
            nodes in 1_usize..40,
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(0_u64..50)), 0..200),
        ) {
            let mut timers = TimerQueue::new(nodes / 4);
            let mut deadlines = vec![None; nodes];
            for (node, at) in changes {
                let node = node.index(nodes);
                deadlines[node] = at.map(Time::from_nanos);
                timers.set(node, deadlines[node]);
                let expected = deadlines.iter().enumerate().filter_map(|(n, at)| at.map(|at| (at, n))).min();
                prop_assert_eq!(timers.earliest().zip(timers.first()), expected);
                prop_assert_eq!(timers.get(node), deadlines[node]);
            }
        }
    }
}
