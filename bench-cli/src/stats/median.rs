//! The one definition of a median over repetitions.

/// Median, minimum and maximum of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle value; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`, or `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        if values.is_empty() {
            return None;
        }
        let (middle, is_odd) = (values.len() / 2, values.len() % 2 == 1);
        // There may be a million values, which need not be sorted for this.
        let (below, &mut upper, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
        let smallest = |of: &[f64]| of.iter().copied().min_by(f64::total_cmp).unwrap_or(upper);
        let largest = |of: &[f64]| of.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
        let median = if is_odd { upper } else { f64::midpoint(largest(below), upper) };
        Some(Spread { median, min: smallest(below), max: largest(above) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_it() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
    }
}
