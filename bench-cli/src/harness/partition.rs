//! Network partitions: the links that are cut, and the kinds of partition that jepsen's nemesis chooses from.

use super::address::NodeId;
use super::rng_streams::RngStream;

/// The links that are cut, by receiver and sender.
#[derive(Clone, Debug)]
pub struct Partitions {
    nodes: usize,
    /// Whether the receiver (row) drops what the sender (column) sent.
    drops: Vec<bool>,
    any: bool,
}

impl Partitions {
    /// No link is cut.
    pub fn new(nodes: usize) -> Partitions {
        Partitions { nodes, drops: vec![false; nodes * nodes], any: false }
    }

    /// Whether a message from `src` is lost at `dest`.
    pub fn drops(&self, src: NodeId, dest: NodeId) -> bool {
        self.any && self.drops[dest.index() * self.nodes + src.index()]
    }

    /// From now on `dest` drops what `src` sends.
    pub fn cut(&mut self, src: NodeId, dest: NodeId) {
        self.any = true;
        self.drops[dest.index() * self.nodes + src.index()] = true;
    }

    /// Cuts all links of the grudge, in addition to those that are cut already.
    pub fn apply(&mut self, grudge: &Grudge) {
        for (dest, sources) in &grudge.0 {
            for &src in sources {
                self.cut(src, *dest);
            }
        }
    }

    /// Opens all links.
    pub fn heal(&mut self) {
        self.any = false;
        self.drops.fill(false);
    }
}

/// For each node, the nodes whose messages it drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grudge(pub Vec<(NodeId, Vec<NodeId>)>);

/// The kinds of partition that jepsen's combined nemesis chooses from. All are equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One node is alone.
    One,
    /// Less than a third of the nodes is split from the rest.
    MinorityThird,
    /// Two halves; the smaller has ⌊n/2⌋ nodes.
    Majority,
    /// Every node sees a majority, and no two the same.
    MajoritiesRing,
}

impl Kind {
    /// Every kind, in jepsen's order.
    pub const ALL: [Kind; 4] = [Kind::One, Kind::MinorityThird, Kind::Majority, Kind::MajoritiesRing];

    /// Jepsen's keyword for it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::One => "one",
            Kind::MinorityThird => "minority-third",
            Kind::Majority => "majority",
            Kind::MajoritiesRing => "majorities-ring",
        }
    }

    /// A random partition of this kind among `nodes` nodes.
    pub fn grudge(self, nodes: usize, rng: &mut RngStream) -> Grudge {
        let mut order: Vec<NodeId> = (0..nodes as u32).map(NodeId).collect();
        if self == Kind::MajoritiesRing {
            return if nodes <= 5 { ring(order, rng) } else { woven_majorities(nodes, rng) };
        }
        rng.shuffle(&mut order);
        let small = match self {
            Kind::One => 1,
            Kind::MinorityThird => nodes.saturating_sub(1) / 3,
            Kind::Majority | Kind::MajoritiesRing => nodes / 2,
        };
        split(&order, small)
    }
}

/// The first `small` nodes against the others.
fn split(order: &[NodeId], small: usize) -> Grudge {
    let (left, right) = order.split_at(small.min(order.len()));
    let of = |side: &[NodeId], other: &[NodeId]| -> Vec<(NodeId, Vec<NodeId>)> {
        side.iter().map(|&node| (node, other.to_vec())).collect()
    };
    let mut grudge = of(left, right);
    grudge.extend(of(right, left));
    Grudge(grudge)
}

/// The smallest whole number above half of `nodes`.
fn majority(nodes: usize) -> usize {
    nodes / 2 + 1
}

/// On a shuffled ring, each node drops the messages from outside the majority around it.
fn ring(mut order: Vec<NodeId>, rng: &mut RngStream) -> Grudge {
    rng.shuffle(&mut order);
    let nodes = order.len();
    let size = majority(nodes);
    let around = (0..nodes).map(|start| {
        let member = |i: usize| order[(start + i) % nodes];
        let outside = (size..nodes).map(member).collect();
        (member(size / 2), outside)
    });
    Grudge(around.collect())
}

/// Links the least linked nodes with each other until each sees a majority. All other links are cut.
fn woven_majorities(nodes: usize, rng: &mut RngStream) -> Grudge {
    let size = majority(nodes);
    let mut linked = vec![vec![false; nodes]; nodes];
    let mut degree = vec![1_usize; nodes];
    for (node, links) in linked.iter_mut().enumerate() {
        links[node] = true;
    }
    let mut order: Vec<usize> = (0..nodes).collect();
    loop {
        rng.shuffle(&mut order);
        order.sort_by_key(|&node| degree[node]);
        let a = order[0];
        if degree[a] >= size {
            break;
        }
        let b = order.iter().copied().find(|&b| !linked[a][b]);
        let b = b.expect("a node that sees less than a majority is not yet linked with everyone");
        for (from, to) in [(a, b), (b, a)] {
            linked[from][to] = true;
            degree[from] += 1;
        }
    }
    let cut =
        |node: usize| (0..nodes).filter(|&other| !linked[node][other]).map(|i| NodeId(i as u32)).collect();
    Grudge((0..nodes).map(|node| (NodeId(node as u32), cut(node))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::rng_streams::Purpose;
    use super::*;

    fn rng() -> RngStream {
        RngStream::new(11, Purpose::Nemesis)
    }

    /// How many nodes each node drops messages from, smallest number first.
    fn sizes(grudge: &Grudge) -> Vec<usize> {
        let mut sizes: Vec<usize> = grudge.0.iter().map(|(_, dropped)| dropped.len()).collect();
        sizes.sort_unstable();
        sizes
    }

    #[test]
    fn clean_splits_have_the_right_sides() {
        assert_eq!(sizes(&Kind::One.grudge(5, &mut rng())), [1, 1, 1, 1, 4]);
        assert_eq!(sizes(&Kind::MinorityThird.grudge(5, &mut rng())), [1, 1, 1, 1, 4]);
        assert_eq!(sizes(&Kind::Majority.grudge(5, &mut rng())), [2, 2, 2, 3, 3]);
        assert_eq!(sizes(&Kind::MinorityThird.grudge(3, &mut rng())), [0, 0, 0]);
    }

    #[test]
    fn in_a_ring_everyone_sees_a_majority() {
        for nodes in 2..30 {
            let grudge = Kind::MajoritiesRing.grudge(nodes, &mut rng());
            assert_eq!(grudge.0.len(), nodes);
            for (node, dropped) in &grudge.0 {
                assert!(nodes - dropped.len() >= majority(nodes), "{nodes} nodes: {grudge:?}");
                assert!(!dropped.contains(node));
            }
        }
        assert_eq!(sizes(&Kind::MajoritiesRing.grudge(5, &mut rng())), [2; 5]);
    }

    #[test]
    fn a_grudge_cuts_further_links_and_healing_ends_all() {
        let mut partitions = Partitions::new(3);
        partitions.cut(NodeId(0), NodeId(1));
        partitions.apply(&Grudge(vec![(NodeId(2), vec![NodeId(1)])]));
        assert!(partitions.drops(NodeId(0), NodeId(1)) && partitions.drops(NodeId(1), NodeId(2)));
        assert!(!partitions.drops(NodeId(1), NodeId(0)));
        partitions.heal();
        assert!(!partitions.drops(NodeId(0), NodeId(1)) && !partitions.drops(NodeId(1), NodeId(2)));
    }
}
