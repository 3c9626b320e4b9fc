//! The nodes' launch times.
//!
//! Maelstrom launches all nodes in parallel, each on a thread of its own. The threads compete for the
//! processors, which decides when each process begins to run. Free-running tickers keep these differences for
//! the whole run. A batch that arrives just before its receiver's tick in one launch arrives just after it in
//! another.
//!
//! The launch times are not evenly spread. They also depend on the nodes' order, since the threads start in
//! that order (except for the first node, which has more to set up). So this module replays whole recorded
//! launches.

use std::time::Duration;

use super::address::NodeId;
use super::rng_streams::{Purpose, RngStream};

/// The number of nodes in the recorded launches.
const NODES: usize = 25;

/// The start of nodes `n0` to `n24` after the earliest of them, in units of 0.1 ms, in recorded runs of
/// Maelstrom v0.2.4 on a 2-core machine.
///
/// Read from the runs' journals: a ticker's phase, modulo its period of 100 to 800 ms, is its process's
/// start. In runs on a quieter machine, Maelstrom's log lines about the launches spread over 28, 57 and 75 ms
/// in a similar order.
///
/// The launch matters: simulated runs at 100 ms with the same launch agree in their median latency within 20
/// ms. With different launches they differ by up to 150 ms, and so do real runs.
#[rustfmt::skip]
const RECORDED: [[u16; NODES]; 22] = [
    [84, 782, 718, 664, 280, 303, 362, 346, 386, 338, 406, 472, 800, 719, 476, 855, 480, 496, 883, 826, 963, 40, 94, 11, 0],
    [525, 0, 267, 236, 318, 323, 93, 279, 309, 282, 316, 270, 467, 491, 381, 533, 551, 396, 392, 527, 530, 536, 432, 461, 426],
    [687, 207, 171, 212, 282, 179, 208, 354, 5, 19, 0, 29, 173, 378, 409, 384, 252, 401, 559, 391, 596, 416, 582, 416, 397],
    [347, 219, 61, 194, 125, 83, 85, 119, 140, 116, 0, 142, 5, 7, 212, 446, 224, 455, 181, 542, 499, 176, 553, 550, 522],
    [835, 367, 0, 319, 201, 237, 445, 315, 80, 36, 329, 20, 318, 507, 424, 211, 119, 434, 363, 125, 433, 489, 319, 440, 487],
    [359, 24, 0, 46, 130, 15, 1, 49, 12, 9, 146, 251, 160, 251, 248, 63, 309, 326, 67, 348, 319, 203, 353, 350, 310],
    [351, 10, 0, 99, 49, 28, 92, 132, 246, 113, 239, 21, 204, 102, 87, 221, 45, 157, 289, 291, 256, 254, 295, 325, 363],
    [293, 92, 0, 36, 297, 332, 45, 86, 59, 224, 288, 65, 289, 41, 365, 383, 373, 172, 80, 313, 281, 278, 377, 299, 293],
    [293, 7, 192, 114, 0, 51, 365, 347, 193, 367, 342, 242, 338, 288, 311, 110, 85, 77, 314, 92, 25, 37, 69, 35, 72],
    [1097, 20, 91, 63, 0, 42, 45, 334, 285, 65, 48, 57, 321, 341, 368, 193, 379, 452, 418, 192, 436, 413, 439, 441, 449],
    [182, 341, 193, 285, 365, 348, 0, 173, 357, 41, 379, 261, 352, 361, 176, 185, 170, 2, 18, 16, 18, 112, 69, 158, 190],
    [309, 238, 150, 148, 0, 192, 333, 408, 416, 288, 357, 303, 204, 403, 194, 256, 257, 274, 333, 277, 356, 355, 414, 422, 407],
    [399, 220, 391, 501, 522, 0, 676, 0, 341, 334, 399, 330, 306, 305, 306, 342, 255, 291, 137, 286, 192, 190, 242, 231, 182],
    [256, 781, 264, 103, 183, 20, 106, 355, 0, 340, 266, 355, 641, 357, 348, 147, 346, 176, 1, 347, 356, 899, 218, 857, 602],
    [229, 255, 258, 117, 258, 302, 306, 174, 264, 334, 219, 284, 0, 255, 398, 264, 230, 230, 255, 397, 461, 435, 417, 258, 263],
    [217, 0, 0, 654, 379, 568, 633, 603, 653, 343, 385, 569, 333, 171, 316, 687, 38, 20, 258, 78, 172, 171, 171, 172, 28],
    [84, 99, 0, 191, 130, 144, 251, 323, 273, 234, 291, 303, 235, 235, 155, 203, 169, 209, 210, 209, 313, 352, 262, 261, 301],
    [556, 642, 615, 306, 520, 447, 61, 447, 301, 307, 317, 457, 597, 578, 0, 18, 444, 298, 131, 701, 685, 446, 447, 447, 445],
    [675, 846, 249, 846, 319, 783, 319, 677, 311, 551, 318, 418, 222, 0, 234, 297, 317, 274, 258, 285, 113, 226, 216, 222, 200],
    [315, 66, 309, 388, 0, 148, 315, 388, 199, 160, 376, 480, 520, 160, 480, 160, 600, 520, 163, 324, 387, 360, 377, 381, 388],
    [373, 158, 123, 10, 0, 67, 29, 59, 225, 126, 226, 225, 227, 137, 227, 228, 236, 138, 88, 182, 242, 19, 314, 55, 390],
    [409, 293, 0, 293, 327, 327, 567, 585, 1309, 1270, 1270, 330, 587, 1243, 330, 1187, 1141, 1134, 981, 969, 892, 823, 822, 685, 673],
];

/// The launch times, earliest first; the first is zero. Node counts other than the recorded one interpolate
/// between the recorded times and scale them, because each launch costs the same share of the processors.
pub fn schedule(nodes: usize, seed: u64) -> Vec<(Duration, NodeId)> {
    let recorded = &RECORDED[RngStream::new(seed, Purpose::Launch).index(RECORDED.len())];
    let mut launches: Vec<(Duration, NodeId)> =
        (0..nodes).map(|node| (offset(recorded, node, nodes), NodeId(node as u32))).collect();
    launches.sort_unstable();
    let first = launches.first().map_or(Duration::ZERO, |&(at, _)| at);
    for (at, _) in &mut launches {
        *at -= first;
    }
    launches
}

/// The recorded offset at the node's relative place, interpolated and scaled by the node count.
fn offset(recorded: &[u16; NODES], node: usize, nodes: usize) -> Duration {
    let steps = (nodes - 1).max(1);
    let place = node * (NODES - 1);
    let (index, rest) = (place / steps, place % steps);
    let (here, next) = (usize::from(recorded[index]), usize::from(recorded[(index + 1).min(NODES - 1)]));
    let tenths = (here * (steps - rest) + next * rest) / steps;
    Duration::from_micros((tenths * 100 * nodes / NODES) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_launched_once_and_the_first_at_once() {
        for nodes in [0, 1, 2, 24, 25, 26, 100, 1_000] {
            let launches = schedule(nodes, 3);
            assert!(launches.first().is_none_or(|&(at, _)| at.is_zero()));
            assert!(launches.is_sorted_by_key(|&(at, _)| at));
            let mut launched: Vec<u32> = launches.iter().map(|&(_, node)| node.0).collect();
            launched.sort_unstable();
            assert_eq!(launched, (0..nodes as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn twenty_five_nodes_are_launched_as_recorded() {
        for seed in 0..50 {
            let launches = schedule(NODES, seed);
            let at = |node: usize| launches.iter().find(|(_, id)| id.index() == node).map(|&(at, _)| at);
            let is_this = |recorded: &[u16; NODES]| {
                (0..NODES).all(|n| at(n) == Some(Duration::from_micros(u64::from(recorded[n]) * 100)))
            };
            assert!(RECORDED.iter().any(is_this), "seed {seed}");
        }
    }

    #[test]
    fn recorded_launches_begin_with_zero() {
        assert!(RECORDED.iter().all(|launch| launch.contains(&0)));
    }

    #[test]
    fn more_nodes_take_longer() {
        let spread = |nodes| schedule(nodes, 1).last().map_or(0.0, |&(at, _)| at.as_secs_f64());
        let ratio = spread(100) / spread(25);
        assert!((3.5..=4.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_seed_decides_the_order() {
        let order = |seed| schedule(25, seed).into_iter().map(|(_, node)| node).collect::<Vec<_>>();
        assert_eq!(order(1), order(1));
        assert!((2..20).any(|seed| order(seed) != order(1)));
    }
}
