//! The next deadline of each node, with the earliest of all at hand.

use node::Time;

/// A tournament tree over the nodes' deadlines. Setting a deadline costs the tree's height; the earliest is at the
/// root. Among equal deadlines the lowest node number comes first, so that a run is deterministic.
#[derive(Debug)]
pub(super) struct TimerQueue {
    /// The number of leaves, a power of two.
    width: usize,
    /// The winner below each inner node (the root is at 1), then the leaves with the deadlines themselves.
    tree: Vec<(Option<Time>, u32)>,
}

impl TimerQueue {
    /// No deadlines.
    pub(super) fn new(nodes: usize) -> TimerQueue {
        let width = nodes.next_power_of_two().max(1);
        let tree = (0..2 * width).map(|slot| (None, (slot % width) as u32)).collect();
        TimerQueue { width, tree }
    }

    /// The earliest deadline and the node that it belongs to.
    pub(super) fn first(&self) -> Option<(Time, usize)> {
        let (at, node) = self.tree[1];
        at.map(|at| (at, node as usize))
    }

    /// A node's deadline.
    pub(super) fn of(&self, node: usize) -> Option<Time> {
        self.tree[self.width + node].0
    }

    /// Sets or clears a node's deadline.
    pub(super) fn set(&mut self, node: usize, at: Option<Time>) {
        let mut slot = self.width + node;
        if self.tree[slot].0 == at {
            return;
        }
        self.tree[slot] = (at, node as u32);
        while slot > 1 {
            slot /= 2;
            let (left, right) = (self.tree[2 * slot], self.tree[2 * slot + 1]);
            self.tree[slot] = if precedes(right.0, left.0) { right } else { left };
        }
    }
}

/// Whether `a` is strictly before `b`. `None` comes last.
fn precedes(a: Option<Time>, b: Option<Time>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (a, None) => a.is_some(),
        (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::props::config(256))]

        #[test]
        fn the_first_is_the_earliest(
            nodes in 1_usize..40,
            changes in prop::collection::vec(
                (any::<prop::sample::Index>(), prop::option::of(0_u64..50)),
                0..200
            ),
        ) {
            let mut timers = TimerQueue::new(nodes);
            let mut deadlines = vec![None; nodes];
            for (node, at) in changes {
                let node = node.index(nodes);
                deadlines[node] = at.map(Time::from_nanos);
                timers.set(node, deadlines[node]);
                let expected = deadlines.iter().enumerate().filter_map(|(n, at)| at.map(|at| (at, n))).min();
                prop_assert_eq!(timers.first(), expected);
            }
        }
    }
}
