//! Which batch timeouts meet limits, how surely, and what to measure next.
//!
//! "Surely" means that one further run at that timeout would stay below every limit with 95 % confidence: its upper
//! prediction bound, mean · (1 + t · s · √(1 + 1/r)), is below the limit. s is the scatter of repetitions relative to
//! their mean: that of this timeout, or that pooled over it and its neighbours on either side, whichever is larger
//! (three runs alone would say little, far away a strategy may scatter otherwise, and quiet neighbours are no proof
//! that this timeout is quiet), and never less than figures scatter by their rounding. r is how many runs this timeout
//! has; t is one-sided Student's t at 0.05 divided by the number of limits (Bonferroni), so that all limits together
//! are met with 95 %. Symmetrically a timeout surely misses if some lower bound is at or above its limit. A run that
//! failed is a miss, whatever its figures.
//!
//! All that takes scatter to be about normal, which a figure with rare outliers is not. So a timeout of which any run
//! was at or above a limit never surely meets it.

use super::figure::Figure;
use super::limits::Envelope;
use super::series::Series;
use crate::stats::distribution::t_quantile;
use crate::stats::groups::Groups;
use crate::stats::least_squares::CONFIDENCE;

/// Whether a timeout meets limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A further run would, with 95 % confidence.
    Meets,
    /// The runs so far leave it open.
    Open,
    /// A further run would not, or a run has failed.
    Misses,
}

/// One timeout of one series, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The series' name.
    pub series: String,
    /// The batch timeout in milliseconds.
    pub timeout_ms: u64,
    /// How many runs there were.
    pub runs: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// Each figure's mean over ok runs and half the width of its prediction interval, in the order of
    /// [`Figure::ALL`]; no width without repetitions.
    pub figures: [Option<Predicted>; Figure::ALL.len()],
}

/// What a further run should measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    /// The mean of the runs so far.
    pub mean: f64,
    /// A further run stays within mean ± this; `None` if neither this timeout nor a neighbour was repeated.
    pub margin: Option<f64>,
}

impl Judged {
    /// A figure's prediction.
    pub fn figure(&self, figure: Figure) -> Option<Predicted> {
        self.figures[figure as usize]
    }
}

/// Runs that would answer what is open: a part of a sweep's command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextSweep {
    /// The series.
    pub series: String,
    /// The batch timeouts in milliseconds.
    pub timeouts_ms: Vec<u64>,
    /// How often each.
    pub repetitions: usize,
}

/// What is best within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The fewest messages for each operation.
    FewestMessages,
    /// The lowest maximum stable latency.
    LowestLatency,
}

impl Aim {
    /// Every aim.
    pub const ALL: [Aim; 2] = [Aim::FewestMessages, Aim::LowestLatency];

    /// The figure that is least.
    pub const fn figure(self) -> Figure {
        match self {
            Aim::FewestMessages => Figure::MsgsPerOp,
            Aim::LowestLatency => Figure::Max,
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Aim::FewestMessages => "fewest messages",
            Aim::LowestLatency => "lowest latency",
        }
    }
}

/// What a sweep says about limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The limits.
    pub envelope: Envelope,
    /// Every timeout of every series.
    pub judged: Vec<Judged>,
    /// What to measure to know better: of the series with the fewest messages, since the lowest latency is at the
    /// shortest timeouts anyway; of all series while nothing surely meets the limits. Empty if all is known finely
    /// enough.
    pub next: Vec<NextSweep>,
}

impl Advice {
    /// Judges every timeout of every series.
    pub fn on(series: &[Series<'_>], envelope: Envelope) -> Advice {
        let judged: Vec<Judged> = series.iter().flat_map(|series| judge(series, &envelope)).collect();
        let mut advice = Advice { envelope, judged, next: Vec::new() };
        let best = advice.best(Figure::MsgsPerOp).map(|best| best.series.clone());
        let of_series = advice.judged.chunk_by(|a, b| a.series == b.series);
        let worth_it = of_series.filter(|judged| best.as_ref().is_none_or(|best| *best == judged[0].series));
        advice.next = worth_it
            .filter_map(|own| next_sweep(own, beyond(own, &advice.envelope, Aim::FewestMessages)))
            .collect();
        advice
    }

    /// The timeouts that surely meet the limits.
    pub fn meeting(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.verdict == Verdict::Meets)
    }

    /// What it recommends: the settings that surely meet the limits with the fewest messages, and with the lowest
    /// latency. Empty if none surely meets them.
    pub fn recommended(&self) -> Vec<(Aim, &Judged)> {
        Aim::ALL.into_iter().filter_map(|aim| Some((aim, self.best(aim.figure())?))).collect()
    }

    /// What to measure to find a better setting for `aim` alone, for runs that are dear: the surroundings of the best
    /// setting so far; all that is worth measuring while there is none.
    pub fn next_for(&self, aim: Aim) -> Vec<NextSweep> {
        let Some(best) = self.best(aim.figure()) else { return self.next.clone() };
        let own = self.of_series(&best.series);
        let place = own.iter().position(|one| one.timeout_ms == best.timeout_ms).unwrap_or(0);
        let around = place.saturating_sub(1)..own.len().min(place + 2);
        next_sweep(&own[around], beyond(own, &self.envelope, aim)).into_iter().collect()
    }

    /// The gap (ms) in which the timeouts that are best for `aim` begin to miss the limits, unless it is so small that
    /// nothing in it would be much better. `None` while nothing surely meets the limits, too.
    pub fn not_known_finely(&self, aim: Aim) -> Option<(u64, u64)> {
        let own = self.of_series(&self.best(aim.figure())?.series);
        let with =
            |verdict: Verdict| own.iter().filter(move |one| one.verdict == verdict).map(|one| one.timeout_ms);
        let (low, high) = match aim {
            Aim::FewestMessages => {
                let meets = with(Verdict::Meets).next_back()?;
                let misses = with(Verdict::Misses).find(|&missed| missed > meets);
                (meets, misses.or(self.envelope.timeout_bound_ms())?)
            }
            Aim::LowestLatency => {
                let meets = with(Verdict::Meets).next()?;
                let misses = with(Verdict::Misses).rfind(|&missed| missed < meets);
                (misses.or_else(|| (!shorter(own).is_empty()).then_some(0))?, meets)
            }
        };
        is_wide(low, high).then_some((low, high))
    }

    /// All timeouts of one series.
    fn of_series(&self, name: &str) -> &[Judged] {
        let mut all = self.judged.chunk_by(|a, b| a.series == b.series);
        all.find(|own| own[0].series == name).unwrap_or_default()
    }

    /// Of the timeouts that surely meet the limits, the one with the least `figure`.
    pub fn best(&self, figure: Figure) -> Option<&Judged> {
        let value =
            |judged: &&Judged| judged.figure(figure).map_or(f64::INFINITY, |predicted| predicted.mean);
        self.meeting().min_by(|a, b| value(a).total_cmp(&value(b)))
    }
}

fn judge(series: &Series<'_>, envelope: &Envelope) -> Vec<Judged> {
    let samples = Figure::ALL.map(|figure| Groups::of(&series.figures(figure)));
    let tails = envelope.limits().len().max(1) as f64;
    series
        .by_timeout()
        .iter()
        .map(|point| {
            let timeout = point.timeout_ms as f64;
            let figures = Figure::ALL.map(|figure| {
                let nearby = samples[figure as usize].around(timeout);
                predict(&nearby, timeout, (1.0 - CONFIDENCE) / tails, figure.resolution())
            });
            let mut own = series.rows.iter().filter(|row| row.batch_timeout_ms == point.timeout_ms);
            let all_below = own.all(|row| envelope.is_met_by(row));
            let verdict = match verdict(&figures, envelope) {
                _ if point.ok < point.runs => Verdict::Misses,
                Verdict::Meets if !all_below => Verdict::Open,
                of_figures => of_figures,
            };
            let (timeout_ms, runs) = (point.timeout_ms, point.runs);
            Judged { series: series.name.clone(), timeout_ms, runs, verdict, figures }
        })
        .collect()
}

/// What one more run at `timeout` should measure, from the runs there and at its neighbours. Figures that are written in
/// steps (`resolution`) scatter by at least their rounding, which repetitions that happen to be equal hide.
fn predict(nearby: &Groups, timeout: f64, tail: f64, resolution: f64) -> Option<Predicted> {
    let here = nearby.as_slice().iter().find(|group| group.x == timeout)?;
    let (mean, count) = (here.mean(), here.ys.len() as f64);
    let margin = nearby.relative_noise().map(|pooled| {
        let own = here.deviation().unwrap_or(0.0);
        let noise = own.max(mean * pooled).max(resolution / 12_f64.sqrt());
        t_quantile(1.0 - tail, nearby.freedom() as f64) * noise * (1.0 + 1.0 / count).sqrt()
    });
    Some(Predicted { mean, margin })
}

fn verdict(figures: &[Option<Predicted>], envelope: &Envelope) -> Verdict {
    let mut verdict = Verdict::Meets;
    for (figure, limit) in envelope.limits() {
        let of_figure = match figures[figure as usize] {
            None => Verdict::Open,
            Some(Predicted { mean, margin: None }) if mean >= limit => Verdict::Misses,
            Some(Predicted { margin: None, .. }) => Verdict::Open,
            Some(Predicted { mean, margin: Some(margin) }) if mean + margin < limit => Verdict::Meets,
            Some(Predicted { mean, margin: Some(margin) }) if mean - margin >= limit => Verdict::Misses,
            Some(_) => Verdict::Open,
        };
        verdict = match (verdict, of_figure) {
            (Verdict::Misses, _) | (_, Verdict::Misses) => Verdict::Misses,
            (Verdict::Open, _) | (_, Verdict::Open) => Verdict::Open,
            _ => Verdict::Meets,
        };
    }
    verdict
}

/// Fine enough: neighbours that differ by less than this fraction need no further timeout between them.
const FINE: f64 = 0.06;
/// Runs at a new timeout, and at most at an open one.
const REPETITIONS: usize = 5;

/// Whether a gap between timeouts is too wide to leave unmeasured.
fn is_wide(low: u64, high: u64) -> bool {
    high.saturating_sub(low) as f64 > FINE * high as f64
}

/// Longer timeouts mean fewer messages and higher latencies, so what is best lies at the ends of the range that
/// meets the limits: the neighbours of its ends, what is open, and what is beyond what was measured, are what to measure.
fn next_sweep(judged: &[Judged], beyond: Vec<u64>) -> Option<NextSweep> {
    let open = judged.iter().filter(|judged| judged.verdict == Verdict::Open);
    let mut timeouts: Vec<u64> = open.map(|judged| judged.timeout_ms).chain(beyond).collect();
    for pair in judged.windows(2) {
        let (low, high) = (pair[0].timeout_ms, pair[1].timeout_ms);
        let boundary = (pair[0].verdict == Verdict::Meets) != (pair[1].verdict == Verdict::Meets);
        if boundary && is_wide(low, high) {
            timeouts.extend(between(low, high));
        }
    }
    timeouts.sort_unstable();
    timeouts.dedup();
    let series = judged.first()?.series.clone();
    (!timeouts.is_empty()).then_some(NextSweep { series, timeouts_ms: timeouts, repetitions: REPETITIONS })
}

/// Timeouts beyond those of a series that may be better for `aim`, as its outermost one meets the limits.
fn beyond(own: &[Judged], envelope: &Envelope, aim: Aim) -> Vec<u64> {
    match aim {
        Aim::FewestMessages => longer(own, envelope),
        Aim::LowestLatency => shorter(own),
    }
}

/// Timeouts beyond the longest one if that meets the limits. None if no latency is limited: then longer is better
/// without end.
fn longer(own: &[Judged], envelope: &Envelope) -> Vec<u64> {
    let longest = own.last().filter(|last| last.verdict == Verdict::Meets).map(|last| last.timeout_ms);
    match longest.zip(envelope.timeout_bound_ms()) {
        Some((longest @ 1.., bound)) if 2 * longest < bound => {
            vec![longest + longest / 4, longest + longest / 2, 2 * longest]
        }
        Some((longest, bound)) if is_wide(longest, bound) => between(longest, bound),
        _ => Vec::new(),
    }
}

/// Timeouts below the shortest one if that meets the limits, and is not a small part of the latency anyway.
fn shorter(own: &[Judged]) -> Vec<u64> {
    let shortest = own.first().filter(|first| first.verdict == Verdict::Meets);
    let worth_it = |first: &&Judged| {
        first.figure(Figure::Max).is_some_and(|max| first.timeout_ms as f64 > FINE * max.mean)
    };
    shortest.filter(worth_it).map(|first| between(0, first.timeout_ms)).unwrap_or_default()
}

/// Round timeouts inside a gap, about three.
fn between(low: u64, high: u64) -> Vec<u64> {
    let step = round_step((high - low) as f64 / 4.0);
    let first = low / step * step + step;
    (first..high).step_by(step as usize).collect()
}

/// The largest of 1, 2, 5, 10, 20, 50, … that is at most `step`, and at least 1.
fn round_step(step: f64) -> u64 {
    let magnitude = 10_f64.powf(step.max(1.0).log10().floor());
    let digit = [5.0, 2.0, 1.0].into_iter().find(|digit| digit * magnitude <= step).unwrap_or(1.0);
    (digit * magnitude).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Challenge;
    use crate::record::row::tests::example;
    use crate::record::{Row, Status};
    use std::time::Duration;

    /// Repetitions that scatter by about 2 %.
    fn rows(timeouts: &[u64]) -> Vec<Row> {
        let run = |timeout: u64, (repetition, percent): (u32, u64)| Row {
            stable_max_ms: Some((200 + timeout) * percent / 100),
            ..example(timeout, repetition)
        };
        let scatter = [(1, 98), (2, 100), (3, 102)];
        timeouts.iter().flat_map(|&timeout| scatter.map(|sample| run(timeout, sample))).collect()
    }

    fn advice(rows: &[Row]) -> Advice {
        Advice::on(&Series::group(rows), Challenge::ALL[0].into())
    }

    fn verdicts(advice: &Advice) -> Vec<(u64, Verdict)> {
        advice.judged.iter().map(|judged| (judged.timeout_ms, judged.verdict)).collect()
    }

    #[test]
    fn the_bound_of_a_further_run_decides() {
        let advice = advice(&rows(&[100, 300, 380, 800]));
        // 3d: max < 600 ms. At 380 the mean is 580 and each run is below 600, but a further one need not be.
        assert_eq!(
            verdicts(&advice),
            [(100, Verdict::Meets), (300, Verdict::Meets), (380, Verdict::Open), (800, Verdict::Misses)]
        );
        let max = advice.judged[1].figure(Figure::Max).unwrap();
        // R: 500 * qt(1 - 0.05/3, 6) * 0.02 * sqrt(1 + 1/3), less the rounding to whole milliseconds
        assert!((max.margin.unwrap() - 31.72).abs() < 0.15, "{max:?}");
        assert_eq!(advice.best(Figure::Max).unwrap().timeout_ms, 100);
    }

    #[test]
    fn what_to_measure_next_is_open_or_beside_an_end() {
        let next = advice(&rows(&[100, 300, 380, 800])).next;
        assert_eq!(next[0].timeouts_ms, [320, 340, 360, 380]);
        assert!(advice(&rows(&[100, 110, 800])).next[0].timeouts_ms.iter().all(|timeout| *timeout > 110));
        assert_eq!(between(100, 104), [101, 102, 103]);
        assert_eq!(between(0, 1), Vec::<u64>::new());
        assert_eq!(between(400, 800), [500, 600, 700]);
    }

    #[test]
    fn beyond_what_was_measured_there_may_be_better() {
        let own = |timeouts: &[u64], limit: Envelope| Advice::on(&Series::group(&rows(timeouts)), limit);
        let next = |advice: &Advice| {
            advice.next.iter().flat_map(|next| next.timeouts_ms.clone()).collect::<Vec<_>>()
        };
        let of_3e = || Envelope::from(Challenge::ALL[1]);
        assert_eq!(next(&own(&[200, 400, 600], of_3e())), [750, 900, 1200]);
        let below = |ms: u64| Envelope { max: Some(Duration::from_millis(ms)), ..Envelope::default() };
        // No timeout of 2 s keeps the latency below 2 s.
        assert_eq!(next(&own(&[400, 1600], below(2000))), [1700, 1800, 1900]);
        assert_eq!(own(&[400, 1600], below(2000)).not_known_finely(Aim::FewestMessages), Some((1600, 2000)));
        // Without a limit on latency longer is better without end.
        let messages = Envelope { msgs_per_op: Some(9.0), ..Envelope::default() };
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
    fn what_is_left_open_is_a_gap() {
        let of_3d = advice(&rows(&[100, 300, 380, 800]));
        assert_eq!(of_3d.not_known_finely(Aim::FewestMessages), Some((300, 800)));
        assert_eq!(of_3d.not_known_finely(Aim::LowestLatency), Some((0, 100)));
        assert_eq!(advice(&rows(&[10, 340, 350, 420, 425])).not_known_finely(Aim::LowestLatency), None);
        assert_eq!(advice(&rows(&[700, 800])).not_known_finely(Aim::FewestMessages), None);
    }

    #[test]
    fn dear_runs_close_in_on_the_best_alone() {
        let mut rows = rows(&[100, 150, 300, 380, 800]);
        for row in &mut rows {
            row.msgs_per_op = Some(300.0 / row.batch_timeout_ms as f64);
        }
        // A failure far from the boundary is nothing to spend runs on.
        rows[4].status = Status::Crashed;
        let advice = advice(&rows);
        assert_eq!(advice.best(Figure::MsgsPerOp).unwrap().timeout_ms, 300);
        assert_eq!(
            advice.next_for(Aim::FewestMessages)[0].timeouts_ms,
            [160, 180, 200, 220, 240, 260, 280, 320, 340, 360, 380]
        );
        assert_eq!(advice.next_for(Aim::LowestLatency)[0].timeouts_ms, [20, 40, 60, 80, 110, 120, 130, 140]);
        rows.iter_mut().for_each(|row| row.stable_max_ms = Some(580 + 10 * u64::from(row.repetition)));
        let none = self::advice(&rows);
        assert!(!none.next.is_empty());
        assert_eq!(none.next_for(Aim::LowestLatency), none.next);
    }

    #[test]
    fn a_failed_run_is_a_miss_and_a_single_run_no_proof() {
        let mut rows = rows(&[100, 200]);
        rows[5].status = Status::LostValues;
        assert_eq!(verdicts(&advice(&rows)), [(100, Verdict::Meets), (200, Verdict::Misses)]);
        let single: Vec<Row> = rows.iter().step_by(3).cloned().collect();
        assert!(verdicts(&advice(&single)).iter().all(|(_, verdict)| *verdict == Verdict::Open));
    }

    #[test]
    fn a_timeout_with_a_run_over_a_limit_never_surely_meets_it() {
        // 23 of 25 runs are far below the limit of 600 ms and two are over it, between neighbours without outliers.
        let mut rows: Vec<Row> = [300, 350, 400]
            .into_iter()
            .flat_map(|timeout| (1..=25).map(move |repetition| (timeout, repetition)))
            .map(|(timeout, repetition)| Row {
                stable_max_ms: Some(100 + timeout + u64::from(repetition % 3)),
                stable_p50_ms: Some(200),
                ..example(timeout, repetition)
            })
            .collect();
        rows[30].stable_max_ms = Some(601);
        rows[40].stable_max_ms = Some(603);
        let all = verdicts(&advice(&rows));
        assert_eq!(all, [(300, Verdict::Meets), (350, Verdict::Open), (400, Verdict::Meets)]);
    }

    #[test]
    fn a_restless_timeout_is_not_calmed_by_its_neighbours() {
        let max = |timeout, repetition| match (timeout, repetition) {
            (200, 1) => 380,
            (200, _) => 420,
            _ => 400,
        };
        let rows: Vec<Row> = [100, 200, 300]
            .into_iter()
            .flat_map(|timeout| [1, 2, 3].map(|repetition| (timeout, repetition)))
            .map(|(timeout, repetition)| Row {
                stable_max_ms: Some(max(timeout, repetition)),
                ..example(timeout, repetition)
            })
            .collect();
        let margin = |place: usize| advice(&rows).judged[place].figure(Figure::Max).unwrap().margin.unwrap();
        // R: sd(c(380, 420, 420)) * qt(1 - 0.05/3, 6) * sqrt(1 + 1/3)
        assert!((margin(1) - 73.26).abs() < 0.05, "{}", margin(1));
        assert!(margin(0) < margin(1));
    }

    #[test]
    fn equal_repetitions_still_scatter_by_their_rounding() {
        let rows: Vec<Row> = (1..=4).map(|repetition| example(100, repetition)).collect();
        let advice = advice(&rows);
        let max = advice.judged[0].figure(Figure::Max).unwrap();
        // R: sqrt(1/12) * qt(1 - 0.05/3, 3) * sqrt(1 + 1/4)
        assert!((max.margin.unwrap() - 1.199).abs() < 0.01, "{max:?}");
    }

    #[test]
    fn fewest_messages_and_lowest_latency_differ() {
        let mut rows = rows(&[100, 200, 300]);
        for row in &mut rows {
            row.msgs_per_op = Some(300.0 / row.batch_timeout_ms as f64);
        }
        let advice = advice(&rows);
        assert_eq!(advice.best(Figure::MsgsPerOp).unwrap().timeout_ms, 300);
        assert_eq!(advice.best(Figure::P50).unwrap().timeout_ms, 100);
    }
}
