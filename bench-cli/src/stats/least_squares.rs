//! Ordinary least squares of a line, with Student's t intervals.
//!
//! Formulas as in Draper & Smith, *Applied Regression Analysis*, 3rd edition, chapter 1; checked against
//! NIST's reference data set Norris.

use super::distribution::t_quantile;

/// The confidence level of every interval and band.
pub const CONFIDENCE: f64 = 0.95;

/// Why points have no line with intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Two points are always on a line, so nothing says how well it fits.
    #[error("a fit needs at least 3 usable runs; there are {0}")]
    TooFew(usize),
    /// Every point has the same x.
    #[error("a fit needs at least 2 different timeouts")]
    OneX,
    /// Every point has the same y, so R² is 0/0.
    #[error("every run has the same value, so there is nothing to fit")]
    OneY,
}

/// The line `y = slope·x + intercept` that fits points best, and how certain it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Change of y for each unit of x.
    pub slope: f64,
    /// y at x = 0.
    pub intercept: f64,
    /// The fraction of the variation of y that the line explains, from 0 to 1.
    pub r_squared: f64,
    /// Standard error of the slope.
    pub slope_error: f64,
    /// Standard error of the intercept.
    pub intercept_error: f64,
    /// Standard deviation of the points about the line.
    pub residual_deviation: f64,
    /// The number of points.
    pub count: usize,
    mean_x: f64,
    sum_xx: f64,
}

impl Line {
    /// Fits `points`, pairs of x and y.
    ///
    /// # Errors
    /// If there are too few points, or they do not differ in x, or not in y.
    pub fn fit(points: &[(f64, f64)]) -> Result<Line, FitError> {
        if points.len() < 3 {
            return Err(FitError::TooFew(points.len()));
        }
        let count = points.len() as f64;
        let mean_x = points.iter().map(|p| p.0).sum::<f64>() / count;
        let mean_y = points.iter().map(|p| p.1).sum::<f64>() / count;
        let sum_xx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
        let sum_yy: f64 = points.iter().map(|p| (p.1 - mean_y).powi(2)).sum();
        let sum_xy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
        if sum_xx == 0.0 {
            return Err(FitError::OneX);
        }
        if sum_yy == 0.0 {
            return Err(FitError::OneY);
        }
        let slope = sum_xy / sum_xx;
        let intercept = mean_y - slope * mean_x;
        // Summed from the residuals: the shorter sum_yy − slope·sum_xy loses digits to cancellation.
        let residuals: f64 = points.iter().map(|p| (p.1 - intercept - slope * p.0).powi(2)).sum();
        let variance = residuals / (count - 2.0);
        Ok(Line {
            slope,
            intercept,
            r_squared: (1.0 - residuals / sum_yy).clamp(0.0, 1.0),
            slope_error: (variance / sum_xx).sqrt(),
            intercept_error: (variance * (1.0 / count + mean_x * mean_x / sum_xx)).sqrt(),
            residual_deviation: variance.sqrt(),
            count: points.len(),
            mean_x,
            sum_xx,
        })
    }

    /// y on the line at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// Half the width of the slope's [`CONFIDENCE`] interval.
    pub fn slope_margin(&self) -> f64 {
        self.t() * self.slope_error
    }

    /// Half the width of the intercept's [`CONFIDENCE`] interval.
    pub fn intercept_margin(&self) -> f64 {
        self.t() * self.intercept_error
    }

    /// Half the height at `x` of the [`CONFIDENCE`] band for the mean of y.
    pub fn band_margin(&self, x: f64) -> f64 {
        let spread = 1.0 / self.count as f64 + (x - self.mean_x).powi(2) / self.sum_xx;
        self.t() * self.residual_deviation * spread.sqrt()
    }

    /// The two-sided quantile of Student's t with the fit's degrees of freedom.
    fn t(&self) -> f64 {
        t_quantile(0.5 + CONFIDENCE / 2.0, self.count as f64 - 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST StRD, linear regression, data set Norris (36 points, as x and y).
    const NORRIS: [(f64, f64); 36] = [
        (0.2, 0.1),
        (337.4, 338.8),
        (118.2, 118.1),
        (884.6, 888.0),
        (10.1, 9.2),
        (226.5, 228.1),
        (666.3, 668.5),
        (996.3, 998.5),
        (448.6, 449.1),
        (777.0, 778.9),
        (558.2, 559.2),
        (0.4, 0.3),
        (0.6, 0.1),
        (775.5, 778.1),
        (666.9, 668.8),
        (338.0, 339.3),
        (447.5, 448.9),
        (11.6, 10.8),
        (556.0, 557.7),
        (228.1, 228.3),
        (995.8, 998.0),
        (887.6, 888.8),
        (120.2, 119.6),
        (0.3, 0.3),
        (0.3, 0.6),
        (556.8, 557.6),
        (339.1, 339.3),
        (887.2, 888.0),
        (999.0, 998.5),
        (779.0, 778.9),
        (11.1, 10.2),
        (118.3, 117.6),
        (229.2, 228.9),
        (669.1, 668.4),
        (448.9, 449.2),
        (0.5, 0.2),
    ];

    fn close(actual: f64, expected: f64) {
        assert!(((actual - expected) / expected).abs() < 1e-11, "{actual} is not {expected}");
    }

    #[test]
    fn norris_is_fitted_to_nists_certified_values() {
        let line = Line::fit(&NORRIS).unwrap();
        close(line.slope, 1.00211681802045);
        close(line.intercept, -0.262323073774029);
        close(line.slope_error, 0.429796848199937e-03);
        close(line.intercept_error, 0.232818234301152);
        close(line.residual_deviation, 0.884796396144373);
        close(line.r_squared, 0.999993745883712);
    }

    #[test]
    fn intervals_use_students_t() {
        // Three points, one degree of freedom: t = 12.7062047361747 (a standard table).
        let line = Line::fit(&[(0.0, 0.0), (1.0, 1.0), (2.0, 3.0)]).unwrap();
        assert!((line.slope_margin() / line.slope_error - 12.7062047361747).abs() < 1e-8);
        assert!((line.intercept_margin() / line.intercept_error - 12.7062047361747).abs() < 1e-8);
        // At x = 0 the band is the intercept's interval; it is narrowest at the mean of x.
        assert!((line.band_margin(0.0) - line.intercept_margin()).abs() < 1e-9);
        assert!(line.band_margin(1.0) < line.band_margin(0.9));
        assert!(line.band_margin(1.0) < line.band_margin(1.1));
    }

    /// R: `f <- lm(y ~ x)`, `confint(f)` and `predict(f, data.frame(x = 300), interval = "confidence")`
    #[test]
    fn intervals_and_bands_are_r_s() {
        let line = Line::fit(&super::super::lack_of_fit::tests::SWEEP).unwrap();
        close(line.slope, 0.9968017593465288);
        close(line.r_squared, 0.9990285680646916);
        close(line.residual_deviation, 8.949087152025012);
        let near = |actual: f64, expected: f64| {
            assert!(((actual - expected) / expected).abs() < 1e-9, "{actual} is not {expected}");
        };
        near(line.slope - line.slope_margin(), 0.9803283875802051);
        near(line.slope + line.slope_margin(), 1.0132751311128525);
        near(line.intercept - line.intercept_margin(), 195.6850938719317);
        near(line.at(300.0) - line.band_margin(300.0), 497.5573604213862);
    }

    #[test]
    fn points_without_a_line_say_why() {
        assert_eq!(Line::fit(&[(1.0, 1.0), (2.0, 2.0)]), Err(FitError::TooFew(2)));
        assert_eq!(Line::fit(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), Err(FitError::OneX));
        assert_eq!(Line::fit(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), Err(FitError::OneY));
    }

    #[test]
    fn an_exact_line_has_no_uncertainty() {
        let line = Line::fit(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]).unwrap();
        assert_eq!((line.slope, line.intercept, line.r_squared), (2.0, 1.0, 1.0));
        assert_eq!(line.band_margin(10.0), 0.0);
    }
}
