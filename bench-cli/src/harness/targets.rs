//! The nodes that a fault hits, as jepsen's combined nemesis chooses them.

use super::address::NodeId;
use super::rng_streams::RngStream;
use crate::edn::Value;

/// How nodes are chosen. All are equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Any number of nodes from one to all, each number equally likely.
    Some,
    /// One node.
    One,
    /// The largest number below a third of the nodes, none of fewer than four.
    MinorityThird,
    /// One node less than a majority.
    Minority,
    /// The smallest number above half of the nodes.
    Majority,
    /// Every node.
    All,
}

impl Targets {
    /// Every choice, in jepsen's order.
    pub const ALL: [Targets; 6] = [
        Targets::Some,
        Targets::One,
        Targets::MinorityThird,
        Targets::Minority,
        Targets::Majority,
        Targets::All,
    ];

    /// Jepsen's name for it.
    pub fn edn(self) -> Value {
        match self {
            Targets::Some => Value::Nil,
            Targets::One => Value::keyword("one"),
            Targets::MinorityThird => Value::keyword("minority-third"),
            Targets::Minority => Value::keyword("minority"),
            Targets::Majority => Value::keyword("majority"),
            Targets::All => Value::keyword("all"),
        }
    }

    /// Random nodes of `nodes`, in a random order.
    pub fn choose(self, nodes: usize, rng: &mut RngStream) -> Vec<NodeId> {
        let mut order: Vec<NodeId> = (0..nodes as u32).map(NodeId).collect();
        if self == Targets::All {
            return order;
        }
        rng.shuffle(&mut order);
        let count = match self {
            Targets::Some => 1 + rng.index(nodes),
            Targets::One => 1,
            Targets::MinorityThird => nodes.saturating_sub(1) / 3,
            Targets::Minority => nodes / 2,
            Targets::Majority => nodes / 2 + 1,
            Targets::All => nodes,
        };
        order.truncate(count);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::rng_streams::Purpose;

    #[test]
    fn each_choice_has_its_number_of_different_nodes() {
        let mut rng = RngStream::new(1, Purpose::ProcessFaults);
        for (nodes, counts) in
            [(1, [1, 0, 0, 1, 1]), (3, [1, 0, 1, 2, 3]), (5, [1, 1, 2, 3, 5]), (25, [1, 8, 12, 13, 25])]
        {
            for (targets, count) in Targets::ALL[1..].iter().zip(counts) {
                let mut chosen = targets.choose(nodes, &mut rng);
                chosen.sort_unstable();
                chosen.dedup();
                assert_eq!(chosen.len(), count, "{targets:?} of {nodes}");
            }
        }
        let counts: Vec<usize> = (0..300).map(|_| Targets::Some.choose(3, &mut rng).len()).collect();
        for count in 1..=3 {
            let times = counts.iter().filter(|&&found| found == count).count();
            assert!((70..130).contains(&times), "{count} nodes were chosen {times} times");
        }
    }
}
