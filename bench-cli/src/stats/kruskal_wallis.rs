//! Whether samples from several groups have the same distribution, of any shape.
//!
//! W. H. Kruskal and W. A. Wallis, "Use of ranks in one-criterion variance analysis", *Journal of the
//! American Statistical Association* 47 (1952), pages 583–621. The probability is that of the chi-squared
//! distribution, which is near enough from five samples in each group.

use super::distribution::chi_squared_tail;

/// The fewest samples of a group for which the probability is near enough.
pub const FEWEST: usize = 5;

/// The outcome of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KruskalWallis {
    /// The statistic, corrected for ties.
    pub h: f64,
    /// The probability of such a statistic, or a larger one, if all groups were alike.
    pub p: f64,
}

impl KruskalWallis {
    /// Tests `groups`. `None` if there are fewer than two, one has fewer samples than [`FEWEST`], or all
    /// samples are equal.
    pub fn test(groups: &[Vec<f64>]) -> Option<KruskalWallis> {
        if groups.len() < 2 || groups.iter().any(|group| group.len() < FEWEST) {
            return None;
        }
        let mut samples: Vec<(f64, usize)> = Vec::new();
        for (group, values) in groups.iter().enumerate() {
            samples.extend(values.iter().map(|&value| (value, group)));
        }
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = samples.len() as f64;
        let (mut sums, mut ties, mut below) = (vec![0.0; groups.len()], 0.0, 0.0);
        for tied in samples.chunk_by(|a, b| a.0 == b.0) {
            let count = tied.len() as f64;
            tied.iter().for_each(|(_, group)| sums[*group] += below + f64::midpoint(1.0, count));
            ties += count.powi(3) - count;
            below += count;
        }
        let correction = 1.0 - ties / (total.powi(3) - total);
        if correction <= 0.0 {
            return None;
        }
        let squares: f64 = sums.iter().zip(groups).map(|(sum, group)| sum.powi(2) / group.len() as f64).sum();
        let h = (12.0 / (total * (total + 1.0)) * squares - 3.0 * (total + 1.0)) / correction;
        Some(KruskalWallis { h, p: chi_squared_tail(h.max(0.0), groups.len() as f64 - 1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistic_is_that_of_the_ranks() {
        // The ranks' sums are 25 and 30. The tail of one degree of freedom is erfc(√(H / 2)).
        let alike = [vec![1.0, 3.0, 5.0, 7.0, 9.0], vec![2.0, 4.0, 6.0, 8.0, 10.0]];
        let h = |one: f64, other: f64| 12.0 / 110.0 * (one.powi(2) + other.powi(2)) / 5.0 - 33.0;
        let test = KruskalWallis::test(&alike).unwrap();
        assert!((test.h - h(25.0, 30.0)).abs() < 1e-9 && (test.p - 0.601_508_134_440).abs() < 1e-9);
        // Two pairs of equal samples share their ranks.
        let tied = [vec![1.0, 2.0, 3.0, 4.0, 7.0], vec![3.0, 7.0, 8.0, 9.0, 10.0]];
        let test = KruskalWallis::test(&tied).unwrap();
        assert!((test.h - h(18.0, 37.0) / (1.0 - 12.0 / 990.0)).abs() < 1e-9, "{test:?}");
    }

    #[test]
    fn too_few_or_equal_samples_say_nothing() {
        let five = vec![1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(KruskalWallis::test(std::slice::from_ref(&five)), None);
        assert_eq!(KruskalWallis::test(&[five, vec![1.0; 4]]), None);
        assert_eq!(KruskalWallis::test(&[vec![1.0; 5], vec![1.0; 5]]), None);
    }
}
