//! Quantiles and tails of the normal distribution, of Student's t, of F and of chi-squared.

use statrs::distribution::{ChiSquared, ContinuousCDF as _, FisherSnedecor, Normal, StudentsT};

/// The value that the standard normal distribution stays below with `probability`.
pub fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

/// The value that Student's t with `degrees_of_freedom` degrees of freedom (above 0) stays below with
/// `probability`.
pub fn t_quantile(probability: f64, degrees_of_freedom: f64) -> f64 {
    students_t(degrees_of_freedom).inverse_cdf(probability)
}

/// The probability that Student's t with `degrees_of_freedom` degrees of freedom (above 0) is at least as far
/// from 0 as `t`.
pub fn t_two_sided(t: f64, degrees_of_freedom: f64) -> f64 {
    2.0 * students_t(degrees_of_freedom).sf(t.abs())
}

/// The probability that F with these degrees of freedom (both above 0) is at least `f`.
pub fn f_tail(f: f64, (between, within): (f64, f64)) -> f64 {
    FisherSnedecor::new(between, within).expect("degrees of freedom are above 0").sf(f)
}

/// The probability that chi-squared with `degrees_of_freedom` degrees of freedom (above 0) is at least
/// `statistic`.
pub fn chi_squared_tail(statistic: f64, degrees_of_freedom: f64) -> f64 {
    ChiSquared::new(degrees_of_freedom).expect("degrees of freedom are above 0").sf(statistic)
}

fn students_t(degrees_of_freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).expect("degrees of freedom are above 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_tails_are_r_s() {
        // qnorm(0.025)
        assert!((normal_quantile(0.025) + 1.95996398454005).abs() < 1e-9);
        // qt(0.975, 4); 2 * pt(-3, 5); pf(4, 3, 7, lower.tail = FALSE)
        assert!((t_quantile(0.975, 4.0) - 2.776445105198).abs() < 1e-9);
        assert!((t_two_sided(-3.0, 5.0) - 0.03009924789746).abs() < 1e-12);
        assert!((f_tail(4.0, (3.0, 7.0)) - 0.0596308221512).abs() < 1e-10);
    }
}
