//! Whether two samples have the same distribution, and the confidence interval of a share.

use statrs::distribution::{Beta, ContinuousCDF as _, Discrete as _, Hypergeometric};

use super::distribution::normal_quantile;

/// The test of Kolmogorov and Smirnov for two samples: the largest distance of their distribution functions,
/// and how probable a distance of at least that is if both are of one distribution. `None` if one is empty.
///
/// The probability is the asymptotic one with the correction for small samples of Stephens (1970), as in
/// Press et al., *Numerical Recipes*, section 14.3. Equal values, such as rounded ones, make it too large.
pub fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> Option<(f64, f64)> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (one, other) = (sorted(one), sorted(other));
    let share =
        |values: &[f64], x: f64| values.partition_point(|value| *value <= x) as f64 / values.len() as f64;
    let distances = one.iter().chain(&other).map(|&x| (share(&one, x) - share(&other, x)).abs());
    let distance = distances.fold(0.0, f64::max);
    let size = ((one.len() * other.len()) as f64 / (one.len() + other.len()) as f64).sqrt();
    Some((distance, kolmogorov_tail((size + 0.12 + 0.11 / size) * distance)))
}

/// The probability that Kolmogorov's distribution exceeds `x`.
fn kolmogorov_tail(x: f64) -> f64 {
    // The series converges slowly below, where the probability is 1 to seven digits.
    if x < 0.3 {
        return 1.0;
    }
    let terms = (1..=100).map(|k| {
        let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * f64::from(k * k) * x * x).exp()
    });
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}

/// Fisher's exact test: how probable it is that two counts, each of so many trials, are as unequal as these
/// or more if both have the same share. Two-sided, by the probabilities of the tables.
pub fn fisher([(one, one_trials), (other, other_trials)]: [(usize, usize); 2]) -> f64 {
    let (trials, count) = ((one_trials + other_trials) as u64, (one + other) as u64);
    let Ok(table) = Hypergeometric::new(trials, count, one_trials as u64) else { return 1.0 };
    // The probabilities' binomials overflow, their logarithms do not.
    let observed = table.ln_pmf(one as u64).exp();
    let tables = (count.saturating_sub(other_trials as u64)..=count.min(one_trials as u64))
        .map(|k| table.ln_pmf(k).exp());
    // Equal probabilities differ in their last digits.
    tables.filter(|p| *p <= observed * (1.0 + 1e-7)).sum::<f64>().min(1.0)
}

/// The 95 % interval of Clopper and Pearson for the share of which `count` of `trials` are a sample.
pub fn share_interval(count: usize, trials: usize) -> (f64, f64) {
    let beta = |a: usize, b: usize, probability: f64| {
        Beta::new(a as f64, b as f64).map_or(f64::NAN, |beta| beta.inverse_cdf(probability))
    };
    let low = if count == 0 { 0.0 } else { beta(count, trials - count + 1, 0.025) };
    let high = if count == trials { 1.0 } else { beta(count + 1, trials - count, 0.975) };
    (low, high)
}

/// How many trials of each of two kinds show, in four cases of five, that their shares are not equal, at 5 %:
/// the normal approximation for two proportions (Fleiss, *Statistical Methods for Rates and Proportions*).
pub fn trials_to_tell(one: f64, other: f64) -> usize {
    let quantiles = normal_quantile(0.975) + normal_quantile(0.8);
    let variance = one * (1.0 - one) + other * (1.0 - other);
    (quantiles * quantiles * variance / (one - other).powi(2)).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_are_not_told_apart_and_shifted_ones_are() {
        let sample: Vec<f64> = (0..50).map(f64::from).collect();
        let shifted: Vec<f64> = sample.iter().map(|x| x + 25.0).collect();
        assert_eq!(kolmogorov_smirnov(&sample, &sample), Some((0.0, 1.0)));
        let (distance, p) = kolmogorov_smirnov(&sample, &shifted).unwrap();
        assert!((distance - 0.5).abs() < 1e-12 && p < 1e-4, "{distance} {p}");
        assert_eq!(kolmogorov_smirnov(&sample, &[]), None);
    }

    /// The 5 % and 1 % points of Kolmogorov's distribution, as in any table.
    #[test]
    fn the_tail_is_kolmogorovs() {
        assert!((kolmogorov_tail(1.3581) - 0.05).abs() < 1e-4);
        assert!((kolmogorov_tail(1.6276) - 0.01).abs() < 1e-4);
    }

    /// For none of n it is 1 − 0.025^(1/n).
    #[test]
    fn the_interval_of_a_share_is_exact() {
        let near =
            |(low, high): (f64, f64), (l, h): (f64, f64)| (low - l).abs() < 1e-4 && (high - h).abs() < 1e-4;
        assert!(near(share_interval(0, 30), (0.0, 0.1157)), "{:?}", share_interval(0, 30));
        assert!(near(share_interval(1, 30), (0.0008, 0.1722)), "{:?}", share_interval(1, 30));
        assert!(near(share_interval(30, 30), (0.8843, 1.0)), "{:?}", share_interval(30, 30));
    }

    /// Only the two most unequal tables are as rare: 2 · C(30, 9) / C(60, 9).
    #[test]
    fn fishers_test_is_exact() {
        assert!((fisher([(0, 30), (9, 30)]) - 0.0019356).abs() < 1e-6, "{}", fisher([(0, 30), (9, 30)]));
        assert!((fisher([(0, 30), (0, 300)]) - 1.0).abs() < 1e-9);
        // Of two late runs among 2,000, both are of the other kind with probability 1/4, nearly.
        assert!((fisher([(0, 1_000), (2, 1_000)]) - 0.5).abs() < 1e-2);
    }

    #[test]
    fn small_differences_need_many_trials() {
        assert!(trials_to_tell(0.0, 0.2) < trials_to_tell(0.0, 0.1));
        assert!((70..=75).contains(&trials_to_tell(0.0, 0.1)), "{}", trials_to_tell(0.0, 0.1));
    }
}
