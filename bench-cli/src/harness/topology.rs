//! The neighbours that Maelstrom suggests to each node in its `topology` message.

use crate::spec::settings::Topology;

/// Each node's neighbours, in node order; the inner lists hold node indices.
pub fn neighbours(topology: Topology, nodes: usize) -> Vec<Vec<usize>> {
    match topology {
        Topology::Grid => grid(nodes),
        Topology::Line => line(nodes),
        Topology::Tree | Topology::Tree2 => tree(nodes, 2),
        Topology::Tree3 => tree(nodes, 3),
        Topology::Tree4 => tree(nodes, 4),
        Topology::Total => (0..nodes).map(|me| (0..nodes).filter(|&other| other != me).collect()).collect(),
    }
}

/// Rows of ⌈√n⌉ nodes; the last row may be short.
fn grid(nodes: usize) -> Vec<Vec<usize>> {
    let side = (1..).find(|side| side * side >= nodes).unwrap_or(1);
    let neighbours = |me: usize| {
        let column = me % side;
        let below = Some(me + side).filter(|&other| other < nodes);
        let above = me.checked_sub(side);
        let right = Some(me + 1).filter(|&other| column + 1 < side && other < nodes);
        let left = (column > 0).then(|| me - 1);
        [below, above, right, left].into_iter().flatten().collect()
    };
    (0..nodes).map(neighbours).collect()
}

fn line(nodes: usize) -> Vec<Vec<usize>> {
    let neighbours = |me: usize| {
        let right = Some(me + 1).filter(|&other| other < nodes);
        me.checked_sub(1).into_iter().chain(right).collect()
    };
    (0..nodes).map(neighbours).collect()
}

/// A tree filled tier by tier: node i's parent is node (i − 1) / width.
fn tree(nodes: usize, width: usize) -> Vec<Vec<usize>> {
    let neighbours = |me: usize| {
        let parent = me.checked_sub(1).map(|previous| previous / width);
        let children = (me * width + 1..=me * width + width).take_while(|&child| child < nodes);
        parent.into_iter().chain(children).collect()
    };
    (0..nodes).map(neighbours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_of_five_has_a_short_last_row() {
        let expected: Vec<Vec<usize>> = vec![vec![3, 1], vec![4, 2, 0], vec![1], vec![0, 4], vec![1, 3]];
        assert_eq!(neighbours(Topology::Grid, 5), expected);
    }

    #[test]
    fn trees_are_filled_tier_by_tier() {
        assert_eq!(neighbours(Topology::Tree, 6)[1], [0, 3, 4]);
        assert_eq!(neighbours(Topology::Tree4, 6)[0], [1, 2, 3, 4]);
        assert_eq!(neighbours(Topology::Tree3, 6)[5], [1]);
    }

    #[test]
    fn neighbourhood_is_mutual_and_never_with_oneself() {
        for &topology in Topology::ALL {
            for nodes in 1..30 {
                let all = neighbours(topology, nodes);
                assert_eq!(all.len(), nodes);
                for (me, mine) in all.iter().enumerate() {
                    assert!(mine.iter().all(|&other| other != me && all[other].contains(&me)), "{topology}");
                }
            }
        }
    }

    #[test]
    fn a_line_has_two_ends() {
        assert_eq!(neighbours(Topology::Line, 3), [vec![1], vec![0, 2], vec![1]]);
        assert_eq!(neighbours(Topology::Line, 1), [Vec::<usize>::new()]);
    }
}
