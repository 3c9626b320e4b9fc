//! Advice held against runs that were made to confirm it.

use super::advice::{Aim, Judged};
use super::figure::Figure;
use super::limits::Envelope;
use super::series::Series;
use crate::record::Row;
use crate::stats::median::Spread;

/// A setting that was recommended.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    /// The limits that it is to meet.
    pub envelope: Envelope,
    /// What it is best for.
    pub aim: Aim,
    /// The setting, and what a further run should measure.
    pub judged: Judged,
}

/// The same, and what further runs did measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What was recommended.
    pub recommended: Recommended,
    /// How many runs there were.
    pub runs: usize,
    /// How many of them are ok and below every limit.
    pub below: usize,
    /// How many of them the machine was too busy to measure well, so that latencies read too high.
    pub late: usize,
    /// Each figure over ok runs, in the order of [`Figure::ALL`].
    pub figures: [Option<Spread>; Figure::ALL.len()],
}

impl Held {
    /// Holds a recommendation against the runs of its setting among `series`.
    pub fn against(recommended: Recommended, series: &[Series<'_>]) -> Held {
        let of_it = |row: &&Row| row.batch_timeout_ms == recommended.judged.timeout_ms;
        let like_it = series.iter().filter(|series| series.name == recommended.judged.series);
        let rows: Vec<&Row> = like_it.flat_map(|series| series.rows.iter().copied().filter(of_it)).collect();
        let below = rows.iter().filter(|row| recommended.envelope.is_met_by(row)).count();
        let late = rows.iter().filter(|row| row.late == Some(true)).count();
        let figures = Figure::ALL.map(|figure| Spread::of(rows.iter().filter_map(|row| figure.of(row))));
        Held { recommended, runs: rows.len(), below, late, figures }
    }

    /// Whether every run stayed below every limit.
    pub fn is_confirmed(&self) -> bool {
        self.runs > 0 && self.below == self.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Advice, Challenge};
    use crate::record::Status;
    use crate::record::row::tests::example;

    fn recommended() -> Recommended {
        let rows = [(100, 1), (100, 2), (200, 1), (200, 2)].map(|(timeout, run)| example(timeout, run));
        let advice = Advice::on(&Series::group(&rows), Challenge::ALL[0].into());
        let (aim, judged) = advice.recommended()[1];
        assert_eq!((aim, judged.timeout_ms), (Aim::LowestLatency, 100));
        Recommended { envelope: advice.envelope.clone(), aim, judged: judged.clone() }
    }

    #[test]
    fn every_run_of_the_setting_has_to_stay_below_every_limit() {
        let held = |rows: &[Row]| Held::against(recommended(), &Series::group(rows));
        let good = held(&[example(100, 1), example(100, 2), example(800, 1)]);
        assert_eq!((good.runs, good.below, good.is_confirmed()), (2, 2, true));
        let slow = Row { stable_max_ms: Some(600), ..example(100, 2) };
        let failed = Row { status: Status::Crashed, late: Some(true), ..example(100, 3) };
        let bad = held(&[example(100, 1), slow, failed]);
        assert_eq!((bad.runs, bad.below, bad.late, bad.is_confirmed()), (3, 1, 1, false));
        assert_eq!(bad.figures[Figure::Max as usize].unwrap().max, 600.0);
        assert!(!held(&[example(200, 1)]).is_confirmed());
    }
}
