//! One quantile of one series against the batch timeout: the line, and all that says how far to trust it.

use std::ops::RangeInclusive;

use super::series::Series;
use crate::model::LatencyModel;
use crate::record::Quantile;
use crate::stats::lack_of_fit::{LackOfFit, NEGLIGIBLE, longest_fit};
use crate::stats::least_squares::{FitError, Line};
use crate::stats::theil_sen::TheilSen;

/// A fitted line and its tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Least squares over all ok runs.
    pub line: Line,
    /// The robust line beside it.
    pub robust: TheilSen,
    /// Whether the line fits, if the repetitions can say.
    pub lack_of_fit: Option<LackOfFit>,
    /// The timeouts (ms) for which latency is linear, and the line there, if the repetitions can say: all of them and
    /// the same line if it fits.
    pub linear: Option<(RangeInclusive<f64>, Line)>,
    /// The line that theory predicts, for this repository's strategies.
    pub model: Option<LatencyModel>,
    /// The shortest and the longest timeout measured (ms).
    measured: (f64, f64),
}

impl Fit {
    /// Fits `series`.
    ///
    /// # Errors
    /// If its points have no line; see [`Line::fit`].
    pub fn of(series: &Series<'_>, quantile: Quantile) -> Result<Fit, FitError> {
        let points = series.points(quantile);
        let line = Line::fit(&points)?;
        let robust = TheilSen::fit(&points).ok_or(FitError::OneX)?;
        Ok(Fit {
            line,
            robust,
            lack_of_fit: LackOfFit::test(&points, &line),
            linear: longest_fit(&points),
            measured: points.iter().fold((f64::INFINITY, 0.0), |(min, max), p| (p.0.min(min), p.0.max(max))),
            model: series.latency_model(quantile),
        })
    }

    /// What a reader should know before using the line, in whole sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(test) = self.lack_of_fit.filter(|test| !test.accepts()) {
            let range = match &self.linear {
                Some((range, line)) => format!(
                    "from {} to {} ms it is: k = {:.3}, b = {:.0} ms",
                    range.start(),
                    range.end(),
                    line.slope,
                    line.intercept
                ),
                None => "no three neighbouring timeouts lie on a line either".to_owned(),
            };
            warnings.push(format!(
                "not linear over all timeouts (lack of fit: F = {:.1}, {}); {range}",
                test.f,
                probability(test.p),
            ));
        } else if self.robust.disagrees_with(&self.line) && self.robust_distance() > NEGLIGIBLE {
            warnings.push(format!(
                "the robust line (Theil–Sen: k = {:.3}, b = {:.0} ms) lies outside the intervals of least squares; \
                 look for outliers or a bend",
                self.robust.slope, self.robust.intercept
            ));
        }
        warnings
    }

    /// The largest distance of the robust line from the other over the timeouts measured, as a fraction of it.
    fn robust_distance(&self) -> f64 {
        let distance = |x: f64| {
            let robust = self.robust.intercept + self.robust.slope * x;
            ((robust - self.line.at(x)) / self.line.at(x)).abs()
        };
        // Both are straight, so no distance is larger than at one of the ends.
        distance(self.measured.0).max(distance(self.measured.1))
    }
}

/// A probability for people.
pub fn probability(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Row;
    use crate::record::row::tests::example;

    fn rows(latency: impl Fn(u64) -> u64) -> Vec<Row> {
        [50, 100, 200, 400, 600, 800]
            .into_iter()
            .flat_map(|timeout| [0, 5, 11].map(|noise| (timeout, noise)))
            .map(|(timeout, noise)| Row {
                stable_max_ms: Some(latency(timeout) + noise),
                ..example(timeout, 1)
            })
            .collect()
    }

    #[test]
    fn a_straight_line_is_trusted() {
        let rows = rows(|timeout| timeout + 200);
        let fit = Fit::of(&Series::group(&rows)[0], Quantile::Max).unwrap();
        assert_eq!(fit.warnings(), Vec::<String>::new());
        assert_eq!(fit.linear.unwrap().0, 50.0..=800.0);
        assert_eq!(fit.model.unwrap().slope, 1.0..=1.0);
    }

    #[test]
    fn a_bend_is_told_with_the_range_that_is_straight() {
        let rows = rows(|timeout| if timeout < 600 { timeout + 200 } else { 3 * timeout });
        let fit = Fit::of(&Series::group(&rows)[0], Quantile::Max).unwrap();
        let warnings = fit.warnings();
        assert!(warnings[0].contains("from 50 to 400 ms it is: k = 1.0"), "{warnings:?}");
        assert!(warnings[0].contains("p < 0.001"), "{warnings:?}");
    }
}
