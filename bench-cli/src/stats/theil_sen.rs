//! The Theil–Sen line: the median of all slopes between two points.
//!
//! Up to 29 % of the points may be anywhere without moving it far. If it disagrees with least squares, some
//! runs are outliers or the points are not on a straight line. Sen, *Journal of the American Statistical
//! Association* 63 (1968), 1379–1389; the intercept is the median of y − slope·x.

use super::least_squares::Line;
use super::median::Spread;

/// With more points than this, every second (third, …) one is left out: the number of pairs grows with the
/// square.
const MOST_POINTS: usize = 1500;

/// A line that outliers do not move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TheilSen {
    /// Change of y for each unit of x.
    pub slope: f64,
    /// y at x = 0.
    pub intercept: f64,
}

impl TheilSen {
    /// The line through `points`, or `None` if they do not differ in x.
    pub fn fit(points: &[(f64, f64)]) -> Option<TheilSen> {
        let points: Vec<(f64, f64)> =
            points.iter().copied().step_by(points.len().div_ceil(MOST_POINTS).max(1)).collect();
        let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
        for (place, a) in points.iter().enumerate() {
            let others = points[..place].iter().filter(|b| a.0 != b.0);
            slopes.extend(others.map(|b| (a.1 - b.1) / (a.0 - b.0)));
        }
        let slope = Spread::of(slopes)?.median;
        let intercept = Spread::of(points.iter().map(|p| p.1 - slope * p.0))?.median;
        Some(TheilSen { slope, intercept })
    }

    /// Whether this line is outside the least-squares line's 95 % intervals, in slope or intercept.
    pub fn disagrees_with(&self, line: &Line) -> bool {
        (self.slope - line.slope).abs() > line.slope_margin()
            || (self.intercept - line.intercept).abs() > line.intercept_margin()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lack_of_fit::tests::SWEEP;
    use super::*;

    /// R: `o <- outer(y, y, "-") / outer(x, x, "-"); k <- median(o[lower.tri(o) & outer(x, x, "-") != 0])`,
    /// `median(y - k * x)`
    #[test]
    fn the_line_is_r_s() {
        let robust = TheilSen::fit(&SWEEP).unwrap();
        assert!((robust.slope - 0.9986666666666667).abs() < 1e-12, "{robust:?}");
        assert!((robust.intercept - 202.1).abs() < 1e-9, "{robust:?}");
        assert!(!robust.disagrees_with(&Line::fit(&SWEEP).unwrap()));
    }

    #[test]
    fn an_outlier_moves_least_squares_only() {
        let mut points: Vec<(f64, f64)> = (1..=10).map(|x| (f64::from(x), 2.0 * f64::from(x))).collect();
        points[9].1 = 200.0;
        let robust = TheilSen::fit(&points).unwrap();
        assert_eq!(robust, TheilSen { slope: 2.0, intercept: 0.0 });
        points[9].1 = 20.001;
        points[8].1 = 17.5;
        points[7].1 = 16.001;
        let line = Line::fit(&points).unwrap();
        assert!(!TheilSen::fit(&points).unwrap().disagrees_with(&line));
        let bend: Vec<(f64, f64)> = (0..40).map(|x| (f64::from(x), f64::from(x).powi(6))).collect();
        assert!(TheilSen::fit(&bend).unwrap().disagrees_with(&Line::fit(&bend).unwrap()));
    }

    #[test]
    fn one_x_has_no_line() {
        assert_eq!(TheilSen::fit(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(TheilSen::fit(&[]), None);
    }
}
