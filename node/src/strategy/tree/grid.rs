//! The geometry of the tree.

use crate::message::PeerId;

/// Who passes values on to whom in the `tree` strategy.
///
/// The nodes fill a grid of side ⌈√N⌉ row by row. The leader is the middle cell of the middle row, and its
/// column is the spine. Values run up and down the spine, and from each of its cells outwards along the row.
#[derive(Clone, Copy, Debug)]
pub struct TreeGrid {
    nodes: u32,
    side: u32,
    leader: PeerId,
}

impl TreeGrid {
    /// The grid of a cluster with `nodes` nodes.
    pub fn new(nodes: u32) -> TreeGrid {
        let mut side = 1;
        while side * side < nodes {
            side += 1;
        }
        // The middle row is never the incomplete one, except in grids of one or two rows.
        let rows = nodes.div_ceil(side).max(1);
        let row = (rows - 1) / 2;
        let width = |row: u32| (nodes - row * side).min(side);
        // The spine must meet every row: its column may not lie beyond the end of a short last row.
        let column = ((side - 1) / 2).min(width(rows - 1).max(1) - 1);
        TreeGrid { nodes, side, leader: PeerId(row * side + column) }
    }

    /// The root of the tree.
    pub fn leader(&self) -> PeerId {
        self.leader
    }

    /// The nodes that `node` passes values on to.
    pub fn children(&self, node: PeerId) -> Vec<PeerId> {
        let (row, column) = self.cell(node);
        let (middle_row, spine) = self.cell(self.leader);
        let left = (column <= spine && column > 0).then(|| node.0 - 1);
        let right = (column >= spine && column + 1 < self.side).then(|| node.0 + 1);
        let on_spine = column == spine;
        let up = (on_spine && row <= middle_row && row > 0).then(|| node.0 - self.side);
        let down = (on_spine && row >= middle_row).then(|| node.0 + self.side);
        let children = [up, left, right, down].into_iter().flatten();
        children.filter(|child| *child < self.nodes).map(PeerId).collect()
    }

    /// The most hops from the leader to any node: along the spine to the node's row, and along the row.
    pub fn depth(&self) -> u32 {
        let (middle_row, spine) = self.cell(self.leader);
        let distance = |node| {
            let (row, column) = self.cell(PeerId(node));
            row.abs_diff(middle_row) + column.abs_diff(spine)
        };
        (0..self.nodes).map(distance).max().unwrap_or(0)
    }

    fn cell(&self, node: PeerId) -> (u32, u32) {
        (node.0 / self.side, node.0 % self.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_five_nodes_form_the_published_tree() {
        let grid = TreeGrid::new(25);
        assert_eq!(grid.leader, PeerId(12));
        let expected: [&[u32]; 25] = [
            &[],
            &[0],
            &[1, 3],
            &[4],
            &[],
            &[],
            &[5],
            &[2, 6, 8],
            &[9],
            &[],
            &[],
            &[10],
            &[7, 11, 13, 17],
            &[14],
            &[],
            &[],
            &[15],
            &[16, 18, 22],
            &[19],
            &[],
            &[],
            &[20],
            &[21, 23],
            &[24],
            &[],
        ];
        for (node, children) in (0..).zip(expected) {
            let children: Vec<_> = children.iter().copied().map(PeerId).collect();
            assert_eq!(grid.children(PeerId(node)), children, "n{node}");
        }
    }

    #[test]
    fn every_node_is_reached_exactly_once_within_the_depth() {
        for nodes in 1..=400 {
            let grid = TreeGrid::new(nodes);
            let mut reached = vec![0; nodes as usize];
            let mut front = vec![(grid.leader, 0)];
            let mut deepest = 0;
            while let Some((node, depth)) = front.pop() {
                reached[node.index()] += 1;
                deepest = deepest.max(depth);
                front.extend(grid.children(node).into_iter().map(|child| (child, depth + 1)));
            }
            assert!(reached.iter().all(|times| *times == 1), "{nodes} nodes: {reached:?}");
            assert_eq!(grid.depth(), deepest, "{nodes} nodes");
        }
    }
}
