//! The confidence interval of a ratio of two samples, without assuming how either is distributed.
//!
//! The interval contains the ratios of each value of one sample to each value of the other, without a few of
//! the smallest and largest. The rank-sum test of Mann and Whitney gives their number: a factor between the
//! two samples that is in the interval is one that this test would not reject. (E. L. Lehmann,
//! *Nonparametrics: Statistical Methods Based on Ranks* (1975), section 2.6, on logarithms.)

use super::distribution::normal_quantile;

/// The probability that the interval holds the true factor.
pub const CONFIDENCE: f64 = 0.95;
/// From this many pairs on, the normal approximation replaces the exact distribution, whose cost grows with
/// their square: cutting off half a rank more or less does not matter then.
const MANY_PAIRS: usize = 2_500;

/// The interval for the factor by which `numerators` exceed `denominators`, all of them positive; `None` if
/// there are too few of them for this confidence.
pub fn ratio_interval(numerators: &[f64], denominators: &[f64]) -> Option<(f64, f64)> {
    let pairs = numerators.iter().flat_map(|n| denominators.iter().map(move |d| n / d));
    let mut ratios: Vec<f64> = pairs.collect();
    ratios.sort_by(f64::total_cmp);
    let rank = rank(numerators.len(), denominators.len())?;
    Some((ratios[rank - 1], ratios[ratios.len() - rank]))
}

/// Which of the smallest ratios the interval begins with, counted from 1.
fn rank(n: usize, m: usize) -> Option<usize> {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let rejected = if n * m > MANY_PAIRS {
        let (pairs, all) = ((n * m) as f64, (n + m + 1) as f64);
        (pairs / 2.0 + normal_quantile(tail) * (pairs * all / 12.0).sqrt()) as usize
    } else {
        let mut probability = 0.0;
        let below = rank_sums(n, m).into_iter().take_while(|p| {
            probability += p;
            probability <= tail
        });
        below.count()
    };
    (rejected > 0).then_some(rejected)
}

/// The distribution of Mann and Whitney's U for samples of `n` and `m` from the same distribution. U is the
/// number of pairs in which the first value is the larger one: the probability of each number from 0 to `n ·
/// m`.
///
/// The largest value of all is one of the `n` with probability n/(n + m), and then wins all its `m` pairs.
fn rank_sums(n: usize, m: usize) -> Vec<f64> {
    // `of[j]` is the distribution for samples of i and j.
    let mut of: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for i in 1..=n {
        for j in 1..=m {
            let share = i as f64 / (i + j) as f64;
            let mut sums = vec![0.0; i * j + 1];
            for (u, p) in of[j].iter().enumerate() {
                sums[u + j] += share * p;
            }
            for (u, p) in of[j - 1].iter().enumerate() {
                sums[u] += (1.0 - share) * p;
            }
            of[j] = sums;
        }
    }
    of.swap_remove(m)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hollander and Wolfe, *Nonparametric Statistical Methods* (1973), p. 69; the interval is that of R's
    /// `exp(wilcox.test(log(x), log(y), conf.int = TRUE)$conf.int)`.
    #[test]
    fn the_interval_is_r_s() {
        let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let y = [1.15, 0.88, 0.90, 0.74, 1.21];
        let interval = |x, y| ratio_interval(x, y).unwrap();
        let (low, high) = interval(&x, &y);
        assert!((low - 0.8595041).abs() < 1e-7 && (high - 1.9594595).abs() < 1e-7, "{low} {high}");
        let (low, high) = interval(&x[..7], &y[..3]);
        assert!((low - 0.7217391).abs() < 1e-7 && (high - 2.1477273).abs() < 1e-7, "{low} {high}");
    }

    /// One more than the critical value of U in printed tables (two-sided, 5 %), for large samples R's
    /// `qwilcox(0.025, n, m)`, which may differ by the one rank of the approximation.
    #[test]
    fn ranks_are_the_tables_critical_values() {
        for ((n, m), critical) in [
            ((3, 5), 0),
            ((3, 7), 1),
            ((4, 4), 0),
            ((5, 10), 8),
            ((7, 7), 8),
            ((10, 10), 23),
            ((20, 20), 127),
        ] {
            assert_eq!(rank(n, m), Some(critical + 1), "{n}, {m}");
            assert_eq!(rank(m, n), Some(critical + 1), "{m}, {n}");
        }
        assert!(rank(60, 70).unwrap().abs_diff(1_681) <= 1);
    }

    #[test]
    fn too_few_runs_have_no_interval() {
        assert_eq!(ratio_interval(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(ratio_interval(&[], &[1.0]), None);
    }

    #[test]
    fn a_factor_is_found() {
        let before: Vec<f64> = (0..15).map(|i| 100.0 + f64::from(i % 5)).collect();
        let after: Vec<f64> = before.iter().map(|value| 1.2 * value).collect();
        let (low, high) = ratio_interval(&after, &before).unwrap();
        assert!(1.15 < low && low < 1.2 && 1.2 < high && high < 1.25, "{low} {high}");
    }
}
