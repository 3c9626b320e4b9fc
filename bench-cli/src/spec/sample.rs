//! A space-filling subset of a grid that is too large to be measured whole.
//!
//! The points follow a Sobol sequence with Owen's scrambling: any number of its first points spreads evenly
//! over the values of each parameter, and of each pair of them. A larger sample with the same seed holds the
//! smaller one, so that a sweep can be extended. (I. M. Sobol, 1967; A. B. Owen, "Randomly permuted
//! (t,m,s)-nets and (t,s)-sequences", 1995; the sequence is that of the crate `sobol_burley`.)

use std::collections::BTreeSet;

/// The length of the sequence.
const LONGEST: u32 = 1 << 16;

/// The places of `count` points in a grid whose axes have `lengths` values, the last one's changing fastest.
/// They are in rising order. All places if there are no more.
pub(crate) fn sample(lengths: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let all: usize = lengths.iter().product();
    if count >= all {
        return (0..all).collect();
    }
    let seed = (seed ^ (seed >> 32)) as u32;
    let mut chosen = BTreeSet::new();
    for point in 0..LONGEST {
        chosen.insert(place(lengths, point, seed));
        if chosen.len() == count {
            return chosen.into_iter().collect();
        }
    }
    // Nearly the whole of a large grid: the sequence has ended before it met the last few.
    let missing = (0..all).filter(|place| !chosen.contains(place)).take(count - chosen.len());
    let missing: Vec<usize> = missing.collect();
    chosen.into_iter().chain(missing).collect::<BTreeSet<usize>>().into_iter().collect()
}

/// The place along each axis of the point at `place` in the grid, of which the last axis changes fastest.
pub(crate) fn coordinates(lengths: &[usize], place: usize) -> Vec<usize> {
    let mut rest = place;
    let mut point: Vec<usize> = lengths
        .iter()
        .rev()
        .map(|length| {
            let along = rest % length;
            rest /= length;
            along
        })
        .collect();
    point.reverse();
    point
}

/// The place of the sequence's `point`: an axis with one value takes no dimension of it.
fn place(lengths: &[usize], point: u32, seed: u32) -> usize {
    let mut dimensions = 0..sobol_burley::NUM_DIMENSIONS;
    lengths.iter().fold(0, |place, &length| {
        let share = match length {
            1 => 0.0,
            _ => dimensions.next().map_or(0.0, |dimension| sobol_burley::sample(point, dimension, seed)),
        };
        place * length + ((f64::from(share) * length as f64) as usize).min(length - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axis_changes_fastest() {
        let points: Vec<Vec<usize>> = (0..6).map(|place| coordinates(&[2, 1, 3], place)).collect();
        assert_eq!(points, [[0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 0], [1, 0, 1], [1, 0, 2]]);
    }

    #[test]
    fn values_are_evenly_used_and_pairs_too() {
        let lengths = [8, 1, 8, 8];
        let places = sample(&lengths, 64, 7);
        assert_eq!(places, sample(&lengths, 64, 7));
        assert_ne!(places, sample(&lengths, 64, 8));
        for axis in [1, 8, 64] {
            let of_value = |value| places.iter().filter(|place| *place / axis % 8 == value).count();
            assert!((0..8).all(|value| (6..=10).contains(&of_value(value))), "{places:?}");
        }
        let pairs: BTreeSet<usize> = places.iter().map(|place| place % 64).collect();
        assert!(pairs.len() > 40, "{} of 64 pairs; 40 are expected of chance", pairs.len());
    }

    #[test]
    fn a_larger_sample_holds_the_smaller_one() {
        let of = |count| sample(&[5, 4, 3], count, 3).into_iter().collect::<BTreeSet<_>>();
        assert!((1..60).all(|count| of(count).len() == count && of(count).is_subset(&of(count + 1))));
        assert_eq!(of(60), (0..60).collect());
        assert_eq!(of(1000).len(), 60);
    }

    #[test]
    fn nearly_all_of_a_large_grid_are_as_many_as_asked_for() {
        assert_eq!(sample(&[300, 300], 89_999, 1).len(), 89_999);
    }
}
