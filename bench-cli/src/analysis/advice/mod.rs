//! Which batch timeouts meet limits, which are best, and what to measure next.

mod next_sweep;
mod verdict;

pub use next_sweep::NextSweep;
pub use verdict::{Assessed, Predicted, Verdict, assess};

use super::figure::Figure;
use super::series::Series;
use crate::spec::{Limits, Parameter};
use next_sweep::{beyond, is_wide, next_sweep, shorter};

/// Which setting is best within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The fewest messages per operation.
    FewestMessages,
    /// The lowest maximum stable latency.
    LowestLatency,
}

impl Aim {
    /// Every aim.
    pub const ALL: [Aim; 2] = [Aim::FewestMessages, Aim::LowestLatency];

    /// The figure to minimise.
    pub const fn figure(self) -> Figure {
        match self {
            Aim::FewestMessages => Figure::MsgsPerOp,
            Aim::LowestLatency => Figure::Max,
        }
    }

    /// The aim in words.
    pub const fn name(self) -> &'static str {
        match self {
            Aim::FewestMessages => "fewest messages",
            Aim::LowestLatency => "lowest latency",
        }
    }
}

/// Which settings of a sweep meet limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The limits.
    pub limits: Limits,
    /// Every timeout (or value on another horizontal axis) of every series, with its verdict.
    pub assessed: Vec<Assessed>,
    /// What to measure next: of the series with the fewest messages, since the lowest latency is at the
    /// shortest timeouts anyway; of all series while nothing reliably meets the limits. Empty if no further
    /// run would help.
    pub next: Vec<NextSweep>,
}

impl Advice {
    /// Finds the verdict on every timeout of every series, and what to measure next.
    pub fn on(series: &[Series<'_>], limits: Limits) -> Advice {
        let assessed: Vec<Assessed> = series.iter().flat_map(|series| assess(series, &limits)).collect();
        let mut advice = Advice { limits, assessed, next: Vec::new() };
        // For other parameters it is not known in which direction figures grow.
        if series.iter().any(|series| series.axis != Parameter::BatchTimeout) {
            return advice;
        }
        let best = advice.best(Figure::MsgsPerOp).map(|best| best.series.clone());
        let of_series = advice.assessed.chunk_by(|a, b| a.series == b.series);
        let worth_it =
            of_series.filter(|assessed| best.as_ref().is_none_or(|best| *best == assessed[0].series));
        advice.next = worth_it
            .filter_map(|own| next_sweep(own, beyond(own, &advice.limits, Aim::FewestMessages)))
            .collect();
        advice
    }

    /// The timeouts that reliably meet the limits.
    pub fn meeting(&self) -> impl Iterator<Item = &Assessed> {
        self.assessed.iter().filter(|assessed| assessed.verdict == Verdict::Pass)
    }

    /// The recommendations: the settings that reliably meet the limits with the fewest messages, and with the
    /// lowest latency. Empty if none reliably meets them.
    pub fn recommended(&self) -> Vec<(Aim, &Assessed)> {
        Aim::ALL.into_iter().filter_map(|aim| Some((aim, self.best(aim.figure())?))).collect()
    }

    /// What to measure to find a better setting for `aim` alone, for expensive runs: the neighbourhood of the
    /// best setting so far, or everything that is worth measuring while there is none.
    pub fn next_for(&self, aim: Aim) -> Vec<NextSweep> {
        let Some(best) = self.best(aim.figure()) else { return self.next.clone() };
        let own = self.of_series(&best.series);
        let place = own.iter().position(|one| one.timeout_ms() == best.timeout_ms()).unwrap_or(0);
        let around = place.saturating_sub(1)..own.len().min(place + 2);
        next_sweep(&own[around], beyond(own, &self.limits, aim)).into_iter().collect()
    }

    /// The gap (ms) in which the timeouts that are best for `aim` start to miss the limits. `None` if it is
    /// too small to contain a much better one. `None` while nothing reliably meets the limits, too.
    pub fn not_known_finely(&self, aim: Aim) -> Option<(u64, u64)> {
        let own = self.of_series(&self.best(aim.figure())?.series);
        let with = |verdict: Verdict| {
            own.iter().filter(move |one| one.verdict == verdict).map(|one| one.timeout_ms())
        };
        let (low, high) = match aim {
            Aim::FewestMessages => {
                let meets = with(Verdict::Pass).next_back()?;
                let misses = with(Verdict::Fail).find(|&missed| missed > meets);
                (meets, misses.or(self.limits.timeout_bound_ms())?)
            }
            Aim::LowestLatency => {
                let meets = with(Verdict::Pass).next()?;
                let misses = with(Verdict::Fail).rfind(|&missed| missed < meets);
                (misses.or_else(|| (!shorter(own).is_empty()).then_some(0))?, meets)
            }
        };
        is_wide(low, high).then_some((low, high))
    }

    /// All timeouts of one series.
    fn of_series(&self, name: &str) -> &[Assessed] {
        let mut all = self.assessed.chunk_by(|a, b| a.series == b.series);
        all.find(|own| own[0].series == name).unwrap_or_default()
    }

    /// Of the timeouts that reliably meet the limits, the one with the least `figure`.
    pub fn best(&self, figure: Figure) -> Option<&Assessed> {
        let value =
            |assessed: &&Assessed| assessed.figure(figure).map_or(f64::INFINITY, |predicted| predicted.mean);
        self.meeting().min_by(|a, b| value(a).total_cmp(&value(b)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::next_sweep::between;
    use super::*;
    use crate::analysis::examples::with_max;
    use crate::record::tests::example;
    use crate::record::{RunRecord, Status};
    use crate::spec::limits::Challenge;

    /// Repetitions that scatter by about 2 %.
    fn records(timeouts: &[u64]) -> Vec<RunRecord> {
        let run = |timeout: u64, (repetition, percent): (u32, u64)| {
            with_max(timeout, repetition, (200 + timeout) * percent / 100)
        };
        let scatter = [(1, 98), (2, 100), (3, 102)];
        timeouts.iter().flat_map(|&timeout| scatter.map(|sample| run(timeout, sample))).collect()
    }

    fn advice(records: &[RunRecord]) -> Advice {
        Advice::on(&Series::group(records), Challenge::ALL[0].into())
    }

    fn verdicts(advice: &Advice) -> Vec<(u64, Verdict)> {
        advice.assessed.iter().map(|assessed| (assessed.timeout_ms(), assessed.verdict)).collect()
    }

    #[test]
    fn the_bound_of_a_further_run_decides() {
        let advice = advice(&records(&[100, 300, 380, 800]));
        // 3d: max < 600 ms. At 380 the mean is 580 and each run is below 600, but a further one need not be.
        assert_eq!(
            verdicts(&advice),
            [(100, Verdict::Pass), (300, Verdict::Pass), (380, Verdict::Unclear), (800, Verdict::Fail)]
        );
        let max = advice.assessed[1].figure(Figure::Max).unwrap();
        // R: 500 * qt(1 - 0.05/3, 6) * 0.02 * sqrt(1 + 1/3), less the rounding to whole milliseconds
        assert!((max.margin.unwrap() - 31.72).abs() < 0.15, "{max:?}");
        assert_eq!(advice.best(Figure::Max).unwrap().timeout_ms(), 100);
    }

    #[test]
    fn the_next_timeouts_are_unclear_or_next_to_an_end() {
        let next = advice(&records(&[100, 300, 380, 800])).next;
        assert_eq!(next[0].timeouts_ms, [320, 340, 360, 380]);
        assert!(advice(&records(&[100, 110, 800])).next[0].timeouts_ms.iter().all(|timeout| *timeout > 110));
        assert_eq!(between(100, 104), [101, 102, 103]);
        assert_eq!(between(0, 1), Vec::<u64>::new());
        assert_eq!(between(400, 800), [500, 600, 700]);
    }

    #[test]
    fn better_timeouts_may_be_beyond_the_measured_ones() {
        let own = |timeouts: &[u64], limit: Limits| Advice::on(&Series::group(&records(timeouts)), limit);
        let next = |advice: &Advice| {
            advice.next.iter().flat_map(|next| next.timeouts_ms.clone()).collect::<Vec<_>>()
        };
        let of_3e = || Limits::from(Challenge::ALL[1]);
        assert_eq!(next(&own(&[200, 400, 600], of_3e())), [750, 900, 1200]);
        let below = |ms: u64| Limits { max: Some(Duration::from_millis(ms)), ..Limits::default() };
        // No timeout of 2 s keeps the latency below 2 s.
        assert_eq!(next(&own(&[400, 1600], below(2000))), [1700, 1800, 1900]);
        assert_eq!(own(&[400, 1600], below(2000)).not_known_finely(Aim::FewestMessages), Some((1600, 2000)));
        // Without a limit on latency longer is better without end.
        let messages = Limits { msgs_per_op: Some(9.0), ..Limits::default() };
        assert!(next(&own(&[200, 400], messages)).is_empty());

        // The lowest latency is at the shortest timeout, which matters less and less.
        let shorter = |timeouts: &[u64]| {
            let found = own(timeouts, of_3e()).next_for(Aim::LowestLatency);
            found.first().map(|next| next.timeouts_ms.clone()).unwrap_or_default()
        };
        assert_eq!(shorter(&[50, 100]), [10, 20, 30, 40]);
        assert!(shorter(&[10, 100]).is_empty() && shorter(&[0, 100]).is_empty());
    }

    #[test]
    fn unclear_timeouts_are_a_gap() {
        let of_3d = advice(&records(&[100, 300, 380, 800]));
        assert_eq!(of_3d.not_known_finely(Aim::FewestMessages), Some((300, 800)));
        assert_eq!(of_3d.not_known_finely(Aim::LowestLatency), Some((0, 100)));
        assert_eq!(advice(&records(&[10, 340, 350, 420, 425])).not_known_finely(Aim::LowestLatency), None);
        assert_eq!(advice(&records(&[700, 800])).not_known_finely(Aim::FewestMessages), None);
    }

    #[test]
    fn expensive_runs_close_in_on_the_best_alone() {
        let mut records = records(&[100, 150, 300, 380, 800]);
        for record in &mut records {
            record.figures_mut().msgs_per_op = Some(300.0 / record.batch_timeout_ms().unwrap() as f64);
        }
        // A failure far from the boundary is nothing to spend runs on.
        records[4].measured.status = Status::Crashed;
        let advice = advice(&records);
        assert_eq!(advice.best(Figure::MsgsPerOp).unwrap().timeout_ms(), 300);
        assert_eq!(
            advice.next_for(Aim::FewestMessages)[0].timeouts_ms,
            [160, 180, 200, 220, 240, 260, 280, 320, 340, 360, 380]
        );
        assert_eq!(advice.next_for(Aim::LowestLatency)[0].timeouts_ms, [20, 40, 60, 80, 110, 120, 130, 140]);
        for record in &mut records {
            record.stable_mut().max = Duration::from_millis(580 + 10 * u64::from(record.run.repetition));
        }
        let none = self::advice(&records);
        assert!(!none.next.is_empty());
        assert_eq!(none.next_for(Aim::LowestLatency), none.next);
    }

    #[test]
    fn a_failed_run_is_a_miss_and_a_single_run_no_proof() {
        let mut records = records(&[100, 200]);
        records[5].measured.status = Status::LostValues;
        assert_eq!(verdicts(&advice(&records)), [(100, Verdict::Pass), (200, Verdict::Fail)]);
        let single: Vec<RunRecord> = records.iter().step_by(3).cloned().collect();
        assert!(verdicts(&advice(&single)).iter().all(|(_, verdict)| *verdict == Verdict::Unclear));
    }

    #[test]
    fn a_timeout_with_a_run_over_a_limit_never_reliably_meets_it() {
        // 23 of 25 runs are far below the limit of 600 ms and two are over it, between neighbours without
        // outliers.
        let mut records: Vec<RunRecord> = [300, 350, 400]
            .into_iter()
            .flat_map(|timeout| (1..=25).map(move |repetition| (timeout, repetition)))
            .map(|(timeout, repetition)| {
                with_max(timeout, repetition, 100 + timeout + u64::from(repetition % 3))
                    .with(|record| record.stable_mut().p50 = Duration::from_millis(200))
            })
            .collect();
        records[30].stable_mut().max = Duration::from_millis(601);
        records[40].stable_mut().max = Duration::from_millis(603);
        let all = verdicts(&advice(&records));
        assert_eq!(all, [(300, Verdict::Pass), (350, Verdict::Unclear), (400, Verdict::Pass)]);
    }

    #[test]
    fn a_timeout_fails_if_every_run_reached_a_limit() {
        // The lower bound of a further run is below 600 ms, so the bounds alone say nothing.
        let restless = |lowest: u64| {
            let runs = [(1, lowest), (2, 700), (3, 900)].map(|(run, max)| with_max(350, run, max));
            verdicts(&advice(&runs))[0].1
        };
        assert_eq!(restless(600), Verdict::Fail);
        assert_eq!(restless(599), Verdict::Unclear);
    }

    #[test]
    fn a_restless_timeout_is_not_calmed_by_its_neighbours() {
        let max = |timeout, repetition| match (timeout, repetition) {
            (200, 1) => 380,
            (200, _) => 420,
            _ => 400,
        };
        let records: Vec<RunRecord> = [100, 200, 300]
            .into_iter()
            .flat_map(|timeout| [1, 2, 3].map(|repetition| (timeout, repetition)))
            .map(|(timeout, repetition)| with_max(timeout, repetition, max(timeout, repetition)))
            .collect();
        let margin =
            |place: usize| advice(&records).assessed[place].figure(Figure::Max).unwrap().margin.unwrap();
        // R: sd(c(380, 420, 420)) * qt(1 - 0.05/3, 6) * sqrt(1 + 1/3)
        assert!((margin(1) - 73.26).abs() < 0.05, "{}", margin(1));
        assert!(margin(0) < margin(1));
    }

    #[test]
    fn equal_repetitions_still_scatter_by_their_rounding() {
        let records: Vec<RunRecord> = (1..=4).map(|repetition| example(100, repetition)).collect();
        let advice = advice(&records);
        let max = advice.assessed[0].figure(Figure::Max).unwrap();
        // R: sqrt(1/12) * qt(1 - 0.05/3, 3) * sqrt(1 + 1/4)
        assert!((max.margin.unwrap() - 1.199).abs() < 0.01, "{max:?}");
    }

    #[test]
    fn fewest_messages_and_lowest_latency_differ() {
        let mut records = records(&[100, 200, 300]);
        for record in &mut records {
            record.figures_mut().msgs_per_op = Some(300.0 / record.batch_timeout_ms().unwrap() as f64);
        }
        let advice = advice(&records);
        assert_eq!(advice.best(Figure::MsgsPerOp).unwrap().timeout_ms(), 300);
        assert_eq!(advice.best(Figure::P50).unwrap().timeout_ms(), 100);
    }
}
