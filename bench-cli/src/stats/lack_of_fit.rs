//! Whether a line fits: the lack-of-fit test, and the range of x for which it does.
//!
//! Repetitions at the same x show how much runs scatter by themselves ("pure error"). If the groups' means
//! are farther from the line than that scatter explains, y is not a linear function of x. Draper & Smith,
//! *Applied Regression Analysis*, 3rd edition, section 2.1.

use std::ops::RangeInclusive;

use super::distribution::f_tail;
use super::groups::Groups;
use super::least_squares::Line;

/// Below this probability a line does not fit. Not 0.05: a sweep tests many lines.
pub const SIGNIFICANCE: f64 = 0.01;
/// A line whose means are all within this fraction of it fits for every practical purpose, even if many
/// repetitions show a significant bend.
pub const NEGLIGIBLE: f64 = 0.05;

/// The outcome of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LackOfFit {
    /// The ratio of the means' scatter about the line to the samples' scatter about their means.
    pub f: f64,
    /// The probability of such a ratio, or a larger one, if the line were right.
    pub p: f64,
    /// The degrees of freedom of both.
    pub degrees_of_freedom: (usize, usize),
    /// The largest distance of a mean from the line, as a fraction of the line's height there.
    pub largest_deviation: f64,
}

impl LackOfFit {
    /// Tests `line`, which was fitted to `points`. `None` if they cannot say: fewer than three different x,
    /// no repetition, or repetitions that are all equal.
    pub fn test(points: &[(f64, f64)], line: &Line) -> Option<LackOfFit> {
        let groups = Groups::of(points);
        let between =
            groups.as_slice().len().checked_sub(2).filter(|&degrees_of_freedom| degrees_of_freedom > 0)?;
        let within = groups.degrees_of_freedom();
        let pure_error = groups.pure_error();
        if within == 0 || pure_error == 0.0 {
            return None;
        }
        let distance = |x: f64, mean: f64| mean - line.at(x);
        let means = || groups.as_slice().iter().map(|group| (group.x, group.mean(), group.ys.len()));
        let lack: f64 = means().map(|(x, mean, count)| count as f64 * distance(x, mean).powi(2)).sum();
        let f = (lack / between as f64) / (pure_error / within as f64);
        let relative = means().map(|(x, mean, _)| (distance(x, mean) / line.at(x)).abs());
        Some(LackOfFit {
            f,
            p: f_tail(f, (between as f64, within as f64)),
            degrees_of_freedom: (between, within),
            largest_deviation: relative.fold(0.0, f64::max),
        })
    }

    /// Whether the line fits: the test does not reject it, or what it finds is too small to matter.
    pub fn accepts(&self) -> bool {
        self.p >= SIGNIFICANCE || self.largest_deviation <= NEGLIGIBLE
    }
}

/// The contiguous range with the most different x, and at least three of them, for which a line of its own
/// fits, and that line; of several with as many x, the widest. `None` if there is none or repetitions are
/// missing.
pub fn longest_fit(points: &[(f64, f64)]) -> Option<(RangeInclusive<f64>, Line)> {
    let xs: Vec<f64> = Groups::of(points).as_slice().iter().map(|group| group.x).collect();
    let fits = |first: usize, last: usize| {
        let inside = |p: &&(f64, f64)| (xs[first]..=xs[last]).contains(&p.0);
        let part: Vec<(f64, f64)> = points.iter().filter(inside).copied().collect();
        let line = Line::fit(&part).ok()?;
        LackOfFit::test(&part, &line).filter(LackOfFit::accepts).map(|_| (xs[first]..=xs[last], line))
    };
    (3..=xs.len()).rev().find_map(|count| {
        let accepted = (0..=xs.len() - count).filter_map(|first| fits(first, first + count - 1));
        let width = |range: &RangeInclusive<f64>| range.end() - range.start();
        accepted.max_by(|a, b| width(&a.0).total_cmp(&width(&b.0)))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A made-up sweep: three runs at each timeout, about y = x + 200.
    pub(crate) const SWEEP: [(f64, f64); 18] = [
        (50.0, 251.0),
        (50.0, 262.0),
        (50.0, 247.0),
        (100.0, 301.0),
        (100.0, 309.0),
        (100.0, 290.0),
        (200.0, 412.0),
        (200.0, 398.0),
        (200.0, 405.0),
        (400.0, 603.0),
        (400.0, 590.0),
        (400.0, 611.0),
        (600.0, 815.0),
        (600.0, 800.0),
        (600.0, 793.0),
        (800.0, 1002.0),
        (800.0, 1011.0),
        (800.0, 985.0),
    ];

    /// The same with its last timeout off the line.
    fn bent() -> Vec<(f64, f64)> {
        SWEEP.into_iter().map(|(x, y)| if x == 800.0 { (x, y + 300.0) } else { (x, y) }).collect()
    }

    fn close(actual: f64, expected: f64, digits: f64) {
        assert!(((actual - expected) / expected).abs() < digits, "{actual} is not {expected}");
    }

    /// R: `anova(lm(y ~ x), lm(y ~ factor(x)))`
    #[test]
    fn the_test_is_r_s() {
        let test = LackOfFit::test(&SWEEP, &Line::fit(&SWEEP).unwrap()).unwrap();
        close(test.f, 0.13380629430804516, 1e-9);
        close(test.p, 0.9668267050029707, 1e-9);
        assert_eq!(test.degrees_of_freedom, (4, 12));
        assert!(test.accepts());
        let bent = bent();
        let test = LackOfFit::test(&bent, &Line::fit(&bent).unwrap()).unwrap();
        close(test.f, 253.7601534647372, 1e-9);
        close(test.p, 1.7631467654774177e-11, 1e-6);
        assert!(!test.accepts());
    }

    #[test]
    fn a_bend_ends_the_range_in_which_the_line_fits() {
        assert_eq!(longest_fit(&SWEEP), Some((50.0..=800.0, Line::fit(&SWEEP).unwrap())));
        let (range, line) = longest_fit(&bent()).unwrap();
        assert_eq!((range, line), (50.0..=600.0, Line::fit(&SWEEP[..15]).unwrap()));
    }

    #[test]
    fn a_bend_too_small_to_matter_is_none() {
        // Hundredths of noise make a bend of 0.3 % certain.
        let points: Vec<(f64, f64)> = (1..=4)
            .flat_map(|x| [-0.01, 0.01].map(|noise| (f64::from(x), f64::from(x) * 100.0 + noise)))
            .map(|(x, y)| if x == 4.0 { (x, y + 2.0) } else { (x, y) })
            .collect();
        let test = LackOfFit::test(&points, &Line::fit(&points).unwrap()).unwrap();
        assert!(test.p < 1e-6 && test.accepts(), "{test:?}");
    }

    #[test]
    fn without_repetitions_there_is_no_test() {
        let single: Vec<(f64, f64)> = SWEEP.into_iter().step_by(3).collect();
        assert_eq!(LackOfFit::test(&single, &Line::fit(&single).unwrap()), None);
        assert_eq!(longest_fit(&single), None);
        let equal = [(1.0, 1.0), (1.0, 1.0), (2.0, 2.5), (3.0, 3.0)];
        assert_eq!(LackOfFit::test(&equal, &Line::fit(&equal).unwrap()), None);
    }
}
