//! Compares a recommendation with runs that were made to confirm it.

use super::advice::{Aim, Assessed};
use super::figure::Figure;
use super::series::Series;
use super::warning::Warning;
use crate::record::RunRecord;
use crate::spec::Limits;
use crate::stats::median::Spread;

/// A setting that was recommended.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    /// The limits that it is to meet.
    pub limits: Limits,
    /// What it is best for.
    pub aim: Aim,
    /// The setting, and what a further run should measure.
    pub assessed: Assessed,
}

/// A recommendation, and what further runs of it measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirmation {
    /// The recommendation.
    pub recommended: Recommended,
    /// How many runs there were.
    pub runs: usize,
    /// How many of them are ok and below every limit.
    pub below: usize,
    /// Whether the machine was too busy for some of them.
    pub lateness: Option<Warning>,
    /// Each figure over ok runs, in the order of [`Figure::ALL`].
    pub figures: [Option<Spread>; Figure::ALL.len()],
}

impl Confirmation {
    /// Compares a recommendation with the runs of its setting among `series`.
    pub fn against(recommended: Recommended, series: &[Series<'_>]) -> Confirmation {
        let of_series = series.iter().filter(|series| series.name == recommended.assessed.series);
        let records: Vec<&RunRecord> =
            of_series.flat_map(|series| series.at(recommended.assessed.x)).collect();
        Confirmation {
            runs: records.len(),
            below: records.iter().filter(|record| recommended.limits.are_met_by(record)).count(),
            lateness: Warning::late(&recommended.assessed.setting(), &records),
            figures: Figure::ALL
                .map(|figure| Spread::of(records.iter().filter_map(|record| figure.of(record)))),
            recommended,
        }
    }

    /// Whether every run stayed below every limit.
    pub fn is_confirmed(&self) -> bool {
        self.runs > 0 && self.below == self.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Advice;
    use crate::analysis::examples::{late, with_max};
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;

    fn recommended() -> Recommended {
        let records = [(100, 1), (100, 2), (200, 1), (200, 2)].map(|(timeout, run)| example(timeout, run));
        let advice = Advice::on(&Series::group(&records), Challenge::ALL[0].into());
        let (aim, assessed) = advice.recommended()[1];
        assert_eq!((aim, assessed.timeout_ms()), (Aim::LowestLatency, 100));
        Recommended { limits: advice.limits.clone(), aim, assessed: assessed.clone() }
    }

    #[test]
    fn every_run_of_the_setting_has_to_stay_below_every_limit() {
        let confirmation =
            |records: &[RunRecord]| Confirmation::against(recommended(), &Series::group(records));
        let good = confirmation(&[example(100, 1), example(100, 2), example(800, 1)]);
        assert_eq!((good.runs, good.below, good.is_confirmed()), (2, 2, true));
        assert_eq!(good.lateness, None);
        let failed = late(100, 3).with(|record| record.measured.status = Status::Crashed);
        let bad = confirmation(&[example(100, 1), with_max(100, 2, 600), failed]);
        assert_eq!((bad.runs, bad.below, bad.is_confirmed()), (3, 1, false));
        assert!(matches!(bad.lateness, Some(Warning::Late { late: 1, runs: 3, .. })), "{:?}", bad.lateness);
        assert_eq!(bad.figures[Figure::Max as usize].unwrap().max, 600.0);
        assert!(!confirmation(&[example(200, 1)]).is_confirmed());
    }
}
