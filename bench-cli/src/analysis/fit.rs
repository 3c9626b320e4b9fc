//! One quantile of one series against the batch timeout: the line, and what says how far to trust it.

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
    /// The robust line.
    pub robust: TheilSen,
    /// Whether the line fits, if the repetitions can say.
    pub lack_of_fit: Option<LackOfFit>,
    /// The timeouts (ms) for which latency is linear, and the line there, if the repetitions can say: all of
    /// them and the same line if it fits.
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

    /// Whether the robust line is outside the intervals of least squares, and by more than is negligible.
    pub fn robust_disagrees(&self) -> bool {
        self.robust.disagrees_with(&self.line) && self.robust_distance() > NEGLIGIBLE
    }

    /// The largest distance of the robust line from the other over the timeouts measured, as a fraction of
    /// it.
    fn robust_distance(&self) -> f64 {
        let distance = |x: f64| {
            let robust = self.robust.intercept + self.robust.slope * x;
            ((robust - self.line.at(x)) / self.line.at(x)).abs()
        };
        // Both are straight, so no distance is larger than at one of the ends.
        distance(self.measured.0).max(distance(self.measured.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::with_max;
    use crate::record::RunRecord;

    #[test]
    fn a_straight_line_is_trusted() {
        let records: Vec<RunRecord> = [50, 100, 200, 400, 600, 800]
            .into_iter()
            .flat_map(|timeout| [0, 5, 11].map(|noise| with_max(timeout, 1, timeout + 200 + noise)))
            .collect();
        let fit = Fit::of(&Series::group(&records)[0], Quantile::Max).unwrap();
        assert!(fit.lack_of_fit.unwrap().accepts() && !fit.robust_disagrees());
        assert_eq!(fit.linear.unwrap().0, 50.0..=800.0);
        assert_eq!(fit.model.unwrap().slope, 1.0..=1.0);
    }
}
