//! New values that no link has been given yet.

use crate::links::Links;
use crate::message::PeerId;

/// Values that wait for the next flush.
///
/// In a large cluster, most of what a value costs is to queue it on each link. So a link gets all values at
/// once: at the flush, or when a message comes from its peer.
#[derive(Debug)]
pub(super) struct Unqueued {
    values: Vec<NewValue>,
    /// How many of them each peer's link already has.
    queued: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct NewValue {
    log_index: u32,
    /// The node that it came from, which need not get it.
    from: PeerId,
}

impl Unqueued {
    /// No values, for a cluster of so many nodes.
    pub(super) fn new(nodes: u32) -> Unqueued {
        Unqueued { values: Vec::new(), queued: vec![0; nodes as usize] }
    }

    /// Adds values from one node.
    pub(super) fn add(&mut self, log_indices: impl IntoIterator<Item = u32>, from: PeerId) {
        self.values.extend(log_indices.into_iter().map(|log_index| NewValue { log_index, from }));
    }

    /// Queues on the link to `peer` what that does not have yet.
    #[inline(always)]
    pub(super) fn queue(&mut self, links: &mut Links, peer: PeerId) {
        if self.queued[peer.index()] < self.values.len() {
            self.queue_new(links, peer);
        }
    }

    #[inline(never)]
    fn queue_new(&mut self, links: &mut Links, peer: PeerId) {
        let queued = std::mem::replace(&mut self.queued[peer.index()], self.values.len());
        let from_others = self.values[queued..].iter().filter(|value| value.from != peer);
        links.push(peer, from_others.map(|value| value.log_index));
    }

    /// All links have been given all values.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.queued.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{ACK_DELAY, Link};
    use crate::message::Incarnation;

    #[test]
    fn each_link_gets_each_value_once_and_not_those_of_its_peer() {
        let mut links = Links::new(Incarnation::default(), ACK_DELAY);
        let mut unqueued = Unqueued::new(3);
        let [n1, n2] = [PeerId(1), PeerId(2)];
        let queued =
            |links: &Links, peer| links.get(peer).map(Link::unacknowledged).unwrap_or_default().to_vec();
        unqueued.add(0..2, n1);
        unqueued.queue(&mut links, n2);
        assert_eq!((queued(&links, n1), queued(&links, n2)), (vec![], vec![0, 1]));
        unqueued.add([2], n2);
        unqueued.add([3], n1);
        for peer in [n1, n2, n1, n2] {
            unqueued.queue(&mut links, peer);
        }
        assert_eq!((queued(&links, n1), queued(&links, n2)), (vec![2], vec![0, 1, 3]));
        unqueued.clear();
        unqueued.add([4], PeerId(0));
        unqueued.queue(&mut links, n1);
        assert_eq!(queued(&links, n1), [2, 4]);
    }
}
