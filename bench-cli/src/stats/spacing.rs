//! A few of many things, at even distances.

/// The places of `most` of `count` things, the first and the last among them, or all places if there are
/// fewer. `most` is at least 2.
pub fn evenly_spaced(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    let gaps = most - 1;
    (0..most).map(|place| (place * (count - 1) + gaps / 2) / gaps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_there_and_gaps_are_nearly_equal() {
        assert_eq!(evenly_spaced(0, 5), Vec::<usize>::new());
        assert_eq!(evenly_spaced(4, 5), [0, 1, 2, 3]);
        assert_eq!(evenly_spaced(6, 5), [0, 1, 3, 4, 5]);
        assert_eq!(evenly_spaced(12, 5), [0, 3, 6, 8, 11]);
        assert_eq!(evenly_spaced(12, 2), [0, 11]);
    }
}
