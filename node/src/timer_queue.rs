//! A deadline for each of many things, with the earliest of all at hand.

use std::cmp::Ordering;

use crate::time::Time;

/// A point in time at which something is due.
pub trait Deadline: Copy + Ord {
    /// Later than every deadline: nothing is due.
    const NEVER: Self;
}

impl Deadline for Time {
    const NEVER: Time = Time::NEVER;
}

/// A deadline for each of many numbered things, such as nodes. Among equal deadlines the lowest number comes
/// first, so that a run is deterministic.
///
/// A deadline that is the earliest when it is set is kept apart, because it mostly is the next to change. A
/// message arrives, its node wakes, and what it sends is read before anything else is due. All other
/// deadlines compete in a [`Tournament`].
#[derive(Clone, Debug)]
pub struct TimerQueue<D> {
    /// The deadline kept apart, or [`Deadline::NEVER`]. As long as one is, the tournament's entry for its
    /// number is out of date, and later.
    next: D,
    next_number: usize,
    others: Tournament<D>,
    /// The earliest of all.
    earliest: D,
}

impl<D: Deadline> TimerQueue<D> {
    /// No deadlines. Has room for numbers below `count`, and grows for larger ones.
    pub fn new(count: usize) -> TimerQueue<D> {
        TimerQueue { next: D::NEVER, next_number: 0, others: Tournament::new(count), earliest: D::NEVER }
    }

    /// The earliest deadline, or [`Deadline::NEVER`].
    #[inline]
    pub fn earliest(&self) -> D {
        self.earliest
    }

    /// The number of the earliest deadline.
    pub fn first(&self) -> Option<usize> {
        match self.next.cmp(&self.others.earliest()) {
            Ordering::Less => Some(self.next_number),
            Ordering::Equal => self.others.first().map(|other| other.min(self.next_number)),
            Ordering::Greater => self.others.first(),
        }
    }

    /// The number of the earliest deadline, if that is not after `now`.
    #[inline]
    pub fn due(&self, now: D) -> Option<usize> {
        if self.earliest <= now { self.first() } else { None }
    }

    /// The deadline of `number`, or [`Deadline::NEVER`].
    #[inline]
    pub fn get(&self, number: usize) -> D {
        let other = self.others.get(number);
        if self.next_number == number { self.next.min(other) } else { other }
    }

    /// Sets the deadline of `number`, or clears it with [`Deadline::NEVER`].
    #[inline]
    pub fn set(&mut self, number: usize, deadline: D) {
        if self.next_number == number && deadline < self.others.earliest() {
            // It stays apart.
            self.next = deadline;
            self.earliest = deadline;
        } else if deadline < self.earliest {
            // It takes the place of the one that is apart now.
            if self.next < D::NEVER {
                self.others.set(self.next_number, self.next);
            }
            (self.next, self.next_number, self.earliest) = (deadline, number, deadline);
        } else {
            // It competes with the others.
            if self.next_number == number {
                self.next = D::NEVER;
            }
            self.others.set(number, deadline);
            self.earliest = self.next.min(self.others.earliest());
        }
    }
}

/// A tournament over the deadlines of numbered things.
///
/// Setting a deadline costs at most the tournament's height, and finding the earliest costs nothing. Among
/// equal deadlines the lowest number comes first.
///
/// The entries are bare deadlines without numbers. Most changes end after two levels, at an entry that stays
/// the same. The number of the earliest deadline is found on the way down from the root, which is needed less
/// often. Four entries compete at a time: three levels are enough for 64 deadlines.
#[derive(Clone, Debug)]
pub(crate) struct Tournament<D> {
    /// Deadlines that compete with each other. The children of the entry at `slot` of group `g` are in group
    /// `4 * g + slot + 1`.
    groups: Vec<[D; 4]>,
    /// The earliest of the first group, and so of all.
    earliest: D,
    /// The first of the last groups, which hold the deadlines themselves. Each entry of the other groups is
    /// the earliest of its children.
    leaves: usize,
}

impl<D: Deadline> Default for Tournament<D> {
    fn default() -> Tournament<D> {
        Tournament::new(0)
    }
}

impl<D: Deadline> Tournament<D> {
    /// No deadlines. Has room for numbers below `count`, and grows for larger ones.
    pub(crate) fn new(count: usize) -> Tournament<D> {
        let (mut leaves, mut width) = (0, 1);
        while 4 * width < count {
            leaves += width;
            width *= 4;
        }
        Tournament { groups: vec![[D::NEVER; 4]; leaves + width], leaves, earliest: D::NEVER }
    }

    /// The earliest deadline, or [`Deadline::NEVER`].
    pub(crate) fn earliest(&self) -> D {
        self.earliest
    }

    /// The number of the earliest deadline.
    pub(crate) fn first(&self) -> Option<usize> {
        let earliest = self.earliest;
        if earliest == D::NEVER {
            return None;
        }
        let mut group = 0;
        loop {
            let slot = self.groups[group].iter().position(|entry| *entry == earliest)?;
            if group >= self.leaves {
                return Some(4 * (group - self.leaves) + slot);
            }
            group = 4 * group + slot + 1;
        }
    }

    /// The number of the earliest deadline, if that is not after `now`.
    pub(crate) fn due(&self, now: D) -> Option<usize> {
        if self.earliest <= now { self.first() } else { None }
    }

    /// The deadline of `number`, or [`Deadline::NEVER`].
    pub(crate) fn get(&self, number: usize) -> D {
        self.groups.get(self.leaves + number / 4).map_or(D::NEVER, |group| group[number % 4])
    }

    /// Sets the deadline of `number`, or clears it with [`Deadline::NEVER`].
    pub(crate) fn set(&mut self, number: usize, deadline: D) {
        if self.leaves + number / 4 >= self.groups.len() {
            self.grow(number + 1);
        }
        let (mut group, mut slot) = (self.leaves + number / 4, number % 4);
        let mut entry = deadline;
        loop {
            let entries = &mut self.groups[group];
            if entries[slot] == entry {
                return;
            }
            entries[slot] = entry;
            entry = earliest(entries);
            if group == 0 {
                self.earliest = entry;
                return;
            }
            (group, slot) = ((group - 1) / 4, (group - 1) % 4);
        }
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let mut larger = Tournament::new(count);
        for (number, deadline) in self.groups[self.leaves..].iter().flatten().enumerate() {
            larger.set(number, *deadline);
        }
        *self = larger;
    }
}

fn earliest<D: Deadline>(&[a, b, c, d]: &[D; 4]) -> D {
    a.min(b).min(c.min(d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_first_is_the_earliest(
            nodes in 1_usize..90,
            changes in prop::collection::vec(
                (any::<prop::sample::Index>(), prop::option::of(0_u64..50)),
                0..200
            ),
        ) {
            let mut timers = TimerQueue::new(nodes / 4);
            let mut deadlines = vec![None; nodes];
            for (node, at) in changes {
                let node = node.index(nodes);
                deadlines[node] = at.map(Time::from_nanos);
                timers.set(node, deadlines[node].unwrap_or(Time::NEVER));
                let expected = deadlines.iter().enumerate().filter_map(|(n, at)| at.map(|at| (at, n))).min();
                prop_assert_eq!(timers.first().map(|number| (timers.earliest(), number)), expected);
                if let Some((at, number)) = expected {
                    prop_assert_eq!(timers.due(at), Some(number));
                    let before = at.as_nanos().checked_sub(1).map(Time::from_nanos);
                    prop_assert_eq!(before.and_then(|before| timers.due(before)), None);
                }
                for (number, at) in deadlines.iter().enumerate() {
                    prop_assert_eq!(timers.get(number), at.unwrap_or(Time::NEVER));
                }
            }
        }
    }
}
