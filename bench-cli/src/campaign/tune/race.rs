//! Which settings to measure next: a race among candidates, and a search around those that lead.
//!
//! Each candidate is measured once. The better half of those that are still unclear is measured again, and so
//! on (successive halving: Jamieson and Talwalkar, "Non-stochastic best arm identification", AISTATS 2016).
//! A candidate drops out as soon as it cannot win (racing: Maron and Moore, "Hoeffding races", NIPS 1993;
//! Birattari et al., "A racing algorithm for configuring metaheuristics", GECCO 2002):
//!
//! - a run was at or above a limit, so that the setting never reliably meets the limits;
//! - its mean is significantly worse than that of the leader, the best setting that reliably meets them. The
//!   test is a one-sided t with the noise pooled over all candidates, at 5 % divided by their number
//!   (Bonferroni). It replaces Hoeffding's bound, which needs a known range of values.
//!
//! A single run may be late at any setting. Candidates that are out for such an exception alone are not a
//! bound on their neighbours. If a gap lies beyond a candidate with one late run and few others, the search
//! runs that candidate again to tell.
//!
//! After some repetitions the search halves the gaps of numeric parameters in which settings start to miss
//! the limits, as long as a gap may contain a better setting. When there is no such gap, it tries the
//! leader's neighbours along every other parameter (pattern search: Audet and Dennis, "Mesh adaptive direct
//! search", SIAM J. Optim. 2006). Last it proves the leader by more repetitions. It ends when no neighbour is
//! better. In simulated time, where runs cost next to nothing, it then halves the gaps once more with finer
//! differences.
//!
//! Settings that are so near differ by less than their runs scatter. So a setting's score is the value at it
//! of a line through the runs of its near neighbours.
//!
//! This is own code, since the crates for optimisation know no limits that hold with a confidence, and
//! nothing of repetitions.

mod exceptions;

use std::collections::HashMap;

use super::space::{Point, Space, number};
use crate::analysis::advice::{Assessed, Verdict};
use crate::analysis::{Advice, Figure, Series};
use crate::record::RunRecord;
use crate::spec::list::Choice;
use crate::spec::{EngineKind, Limits, RunSpec};
use crate::stats::distribution::t_quantile;
use crate::stats::groups::Groups;
use crate::stats::least_squares::{CONFIDENCE, Line};

/// Differences between settings, and between their figures, that are too small to look for, as fractions: at
/// first, and after the search has settled.
const COARSE: f64 = 0.015;
const FINE: f64 = 0.001;
/// Settings whose numbers differ by less than this fraction tell about each other's figures.
const NEAR: f64 = 0.06;
/// Neighbours, the setting itself included, that make a line.
const LINE: usize = 3;
/// Gaps that are halved at the same time.
const GAPS: usize = 4;
/// Candidates that are measured again at least, if so many are unclear.
const FIELD: usize = 4;
/// A candidate that a check did not confirm takes those with it whose numbers differ by less, as a fraction:
/// by as much as the check missed the limits, within these bounds.
const STEPS: (f64, f64) = (0.003, 0.04);

/// A setting with its runs.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub point: Point,
    pub records: Vec<RunRecord>,
    /// The verdict and predictions, from its runs and those of its neighbours.
    pub assessed: Option<Assessed>,
    /// The same without the runs of all candidates that were at or above a limit. `None` if it has no others.
    without_late: Option<Assessed>,
    /// Whether runs of its own did not confirm it.
    pub is_refuted: bool,
    /// The figure to minimise, from its runs and those of near neighbours. Infinite if no run has the figure.
    score: f64,
}

/// What the search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More runs of these candidates, so that each has as many as it says.
    Repeat(Vec<(usize, u32)>),
    /// Run each of these new candidates once.
    Try(Vec<Point>),
    /// Nothing: no further run would find a better setting.
    Settled,
}

/// How many candidates are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All settings that have runs.
    pub tried: usize,
    /// Those with a run that failed, or was at or above a limit, and those that were not confirmed.
    pub over_limit: usize,
    /// Those that are significantly worse than the best.
    pub worse: usize,
    /// Those that reliably meet the limits, the best one included.
    pub meeting: usize,
    /// The others: it is not clear whether they meet the limits.
    pub unclear: usize,
}

/// The candidates, their runs, and what to run next.
pub(super) struct Race {
    space: Space,
    limits: Limits,
    figure: Figure,
    /// Runs of a candidate at most. One that is unclear then is left so: it is chance whether a run meets.
    most: u32,
    pub candidates: Vec<Candidate>,
    places: HashMap<RunSpec, usize>,
    noise: Option<Noise>,
    /// Differences that are too small to look for, one after the other.
    fineness: &'static [f64],
}

/// The scatter of one run of the minimised figure relative to its mean, over all candidates.
#[derive(Clone, Copy, Debug)]
struct Noise {
    relative: f64,
    degrees_of_freedom: f64,
}

impl Race {
    pub(super) fn new(space: Space, limits: Limits, figure: Figure, most: u32) -> Race {
        let (candidates, places) = (Vec::new(), HashMap::new());
        let fineness: &[f64] = match space.engine() {
            EngineKind::Simulated => &[COARSE, FINE],
            EngineKind::Embedded | EngineKind::Maelstrom => &[COARSE],
        };
        Race { space, limits, figure, most, candidates, places, noise: None, fineness }
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    /// Enters points that are not candidates yet.
    ///
    /// # Errors
    /// If the node's arguments cannot be made for one.
    pub(super) fn enter(&mut self, points: Vec<Point>) -> anyhow::Result<Vec<usize>> {
        let mut entered = Vec::new();
        for point in points {
            let run = self.space.run(&point, 1)?;
            if self.places.insert(run.identity(), self.candidates.len()).is_none() {
                entered.push(self.candidates.len());
                self.candidates.push(Candidate {
                    point,
                    records: Vec::new(),
                    assessed: None,
                    without_late: None,
                    is_refuted: false,
                    score: f64::INFINITY,
                });
            }
        }
        Ok(entered)
    }

    /// Takes runs of candidates, and finds the verdicts again.
    pub(super) fn take(&mut self, records: impl IntoIterator<Item = RunRecord>) {
        for record in records {
            if let Some(&place) = self.places.get(&first_of(&record.run)) {
                self.candidates[place].records.push(record);
            }
        }
        for (place, assessed) in self.assess(|_| true) {
            self.candidates[place].assessed = Some(assessed);
        }
        for (place, assessed) in self.assess(|record| self.limits.are_met_by(record)) {
            self.candidates[place].without_late = Some(assessed);
        }
        let value = |(place, one): (usize, &Candidate)| {
            let figures = one.records.iter().filter_map(|record| self.figure.of(record));
            figures.map(|figure| (place as f64, figure)).collect::<Vec<_>>()
        };
        let groups = Groups::of(&self.candidates.iter().enumerate().flat_map(value).collect::<Vec<_>>());
        let degrees_of_freedom = groups.degrees_of_freedom() as f64;
        self.noise = groups.relative_noise().map(|relative| Noise { relative, degrees_of_freedom });
        self.find_scores();
    }

    /// The verdicts on all candidates by the wanted ones of their runs.
    fn assess(&self, wanted: impl Fn(&RunRecord) -> bool) -> Vec<(usize, Assessed)> {
        let records: Vec<RunRecord> = self.records().filter(|record| wanted(record)).cloned().collect();
        let mut all = Vec::new();
        for series in Series::group(&records) {
            for assessed in Advice::on(std::slice::from_ref(&series), self.limits.clone()).assessed {
                let place = series.at(assessed.x).next().and_then(|one| self.places.get(&first_of(&one.run)));
                all.extend(place.map(|&place| (place, assessed)));
            }
        }
        all
    }

    /// Finds each candidate's score: the value on a line through the runs of its near neighbours along the
    /// first axis that has some, else its mean.
    fn find_scores(&mut self) {
        for place in 0..self.candidates.len() {
            self.candidates[place].score = self.mean(place).unwrap_or(f64::INFINITY);
        }
        let lines: Vec<(usize, Vec<usize>)> = self
            .space
            .numeric()
            .flat_map(|axis| self.lines(axis).into_iter().map(move |line| (axis, line)))
            .collect();
        for (axis, line) in lines.iter().rev() {
            for &place in line {
                if let Some(score) = self.score_on(*axis, line, place) {
                    self.candidates[place].score = score;
                }
            }
        }
    }

    /// The figure of a candidate from the runs of its near neighbours along an axis.
    fn score_on(&self, axis: usize, line: &[usize], place: usize) -> Option<f64> {
        let x = |place: usize| number(&self.candidates[place].point[axis]);
        let own = x(place)?;
        let is_near = |other: f64| (other - own).abs() < NEAR * own.abs();
        let near: Vec<usize> = line.iter().copied().filter(|&other| x(other).is_some_and(is_near)).collect();
        if near.len() < LINE || self.mean(place).is_none() {
            return None;
        }
        let points = near.iter().flat_map(|&other| {
            let figures = self.candidates[other].records.iter().filter_map(|run| self.figure.of(run));
            figures.filter_map(move |figure| Some((x(other)?, figure)))
        });
        let line = Line::fit(&points.collect::<Vec<_>>()).ok()?;
        Some(line.at(own))
    }

    /// Every run.
    pub(super) fn records(&self) -> impl Iterator<Item = &RunRecord> {
        self.candidates.iter().flat_map(|one| &one.records)
    }

    /// The mean of a candidate's figure.
    fn mean(&self, place: usize) -> Option<f64> {
        Some(self.candidates[place].assessed.as_ref()?.figure(self.figure)?.mean)
    }

    fn score(&self, place: usize) -> f64 {
        self.candidates[place].score
    }

    /// Whether a candidate can no longer meet the limits reliably.
    fn is_out(&self, place: usize) -> bool {
        let one = &self.candidates[place];
        one.is_refuted
            || one.assessed.as_ref().is_some_and(|assessed| assessed.verdict == Verdict::Fail)
            || one.records.iter().any(|record| !self.limits.are_met_by(record))
    }

    /// Whether a candidate reliably meets the limits. One run proves nothing, whatever its neighbours do.
    fn meets(&self, place: usize) -> bool {
        let one = &self.candidates[place];
        let meets = one.assessed.as_ref().is_some_and(|assessed| assessed.verdict == Verdict::Pass);
        meets && one.records.len() > 1 && !self.is_out(place)
    }

    /// Candidates by their mean, best first.
    fn ranked(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..self.candidates.len()).filter(|&place| wanted(place)).collect();
        ranked.sort_by(|&a, &b| self.score(a).total_cmp(&self.score(b)));
        ranked
    }

    /// The best candidate that reliably meets the limits.
    pub(super) fn leader(&self) -> Option<usize> {
        self.ranked(|place| self.meets(place)).first().copied()
    }

    /// Whether a candidate is significantly worse than another.
    fn is_worse(&self, place: usize, leader: usize) -> bool {
        let (Some(noise), Some(own), Some(best)) = (self.noise, self.mean(place), self.mean(leader)) else {
            return false;
        };
        let runs = |place: usize| self.candidates[place].records.len() as f64;
        // All repetitions being equal does not mean that there is no noise below the rounding.
        let resolution = self.figure.resolution() / best / 12_f64.sqrt();
        let error = noise.relative.max(resolution) * (1.0 / runs(place) + 1.0 / runs(leader)).sqrt();
        let tail = (1.0 - CONFIDENCE) / self.candidates.len() as f64;
        (own - best) / best > t_quantile(1.0 - tail, noise.degrees_of_freedom) * error
    }

    /// Takes a candidate out that runs of its own did not confirm, and those that differ from it by little:
    /// by less than the fraction by which those runs missed the limits, which is infinite if one failed.
    pub(super) fn refute(&mut self, place: usize, missed: f64) {
        let point = self.candidates[place].point.clone();
        let step = missed.clamp(STEPS.0, STEPS.1);
        for one in &mut self.candidates {
            let near = |(a, b): (&Choice, &Choice)| match (number(a), number(b)) {
                (Some(a), Some(b)) => a == b || (a - b).abs() < step * b.abs(),
                _ => a == b,
            };
            one.is_refuted |= one.point == point || one.point.iter().zip(&point).all(near);
        }
    }

    /// What to measure next.
    pub(super) fn next(&self) -> Next {
        let steps = self.fineness.iter().map(|&fine| self.next_at(fine));
        steps.into_iter().find(|next| *next != Next::Settled).unwrap_or(Next::Settled)
    }

    /// What to measure next to find differences that are not `fine`: little at first, since there may be
    /// better candidates that nobody has tried.
    fn next_at(&self, fine: f64) -> Next {
        let early = self.repeats(fine, self.most.div_ceil(4), 2);
        if !early.is_empty() {
            return Next::Repeat(early);
        }
        let mut points = self.halved(fine);
        if points.is_empty()
            && fine >= COARSE
            && let Some(leader) = self.leader()
        {
            let tried = self.candidates.iter().map(|one| &one.point);
            points = self.new_points(self.space.around(&self.candidates[leader].point, tried));
        }
        if !points.is_empty() {
            return Next::Try(points);
        }
        // Of many settings whose figures are nearly the same, the one that seems best was lucky.
        let leading = if fine >= COARSE { self.most / 2 } else { self.most };
        let late = self.repeats(fine, self.most, leading);
        let last = if late.is_empty() { self.second_looks(fine) } else { late };
        if last.is_empty() { Next::Settled } else { Next::Repeat(last) }
    }

    /// The candidates that are to be measured again, with the runs that each is to have: those that are
    /// unclear, up to `unclear` runs, and the leader, up to `leading`.
    fn repeats(&self, fine: f64, unclear: u32, leading: u32) -> Vec<(usize, u32)> {
        let leader = self.leader();
        let runs = |place: usize| self.candidates[place].records.len() as u32;
        let most = |place: usize| if self.meets(place) { leading } else { unclear };
        let may_win = |place: usize| {
            leader.is_none_or(|leader| {
                let is_better = self.score(place) < self.score(leader) * (1.0 - fine);
                place == leader || is_better && !self.is_worse(place, leader)
            })
        };
        let open = self.ranked(|place| !self.is_out(place) && runs(place) < most(place) && may_win(place));
        let field = open.len().div_ceil(2).max(FIELD.min(open.len()));
        let more = |place: usize| (2 * runs(place)).clamp(1, most(place));
        open[..field].iter().map(|&place| (place, more(place))).collect()
    }

    /// Points that halve gaps between candidates next to each other, the most promising first.
    fn halved(&self, fine: f64) -> Vec<Point> {
        let leader = self.leader();
        let mut gaps: Vec<(f64, Point)> = Vec::new();
        for axis in self.space.numeric() {
            for line in self.lines(axis) {
                for pair in line.windows(2) {
                    let (low, high) = (pair[0], pair[1]);
                    let promise = self.promise((low, high), &line, leader, fine);
                    let wide = self.gap(axis, low, high) > fine;
                    if let Some(promise) = promise.filter(|_| wide)
                        && let Some(point) = self.space.between(
                            axis,
                            &self.candidates[low].point,
                            &self.candidates[high].point,
                        )
                    {
                        gaps.push((promise, point));
                    }
                }
            }
        }
        gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut points = self.new_points(gaps.into_iter().map(|(_, point)| point).collect());
        points.truncate(GAPS);
        points
    }

    /// The difference of two candidates' numbers as a fraction of the larger one.
    fn gap(&self, axis: usize, low: usize, high: usize) -> f64 {
        let value = |place: usize| number(&self.candidates[place].point[axis]).unwrap_or_default();
        (value(high) - value(low)) / value(low).abs().max(value(high).abs())
    }

    /// The candidates in lines along an axis: those of a line differ in nothing else.
    fn lines(&self, axis: usize) -> Vec<Vec<usize>> {
        let same =
            |a: &Point, b: &Point| a.iter().zip(b).enumerate().all(|(at, (a, b))| at == axis || a == b);
        let mut lines: Vec<Vec<usize>> = Vec::new();
        for place in 0..self.candidates.len() {
            let point = &self.candidates[place].point;
            match lines.iter_mut().find(|line| same(&self.candidates[line[0]].point, point)) {
                Some(line) => line.push(place),
                None => lines.push(vec![place]),
            }
        }
        let value = |place: &usize| number(&self.candidates[*place].point[axis]).unwrap_or_default();
        lines.iter_mut().for_each(|line| line.sort_by(|a, b| value(a).total_cmp(&value(b))));
        lines
    }

    /// The least figure that a setting between two neighbours may have and still meet the limits, if that
    /// makes the gap worth a look. Between neighbours figures are taken to lie between theirs.
    fn promise(
        &self,
        (low, high): (usize, usize),
        line: &[usize],
        leader: Option<usize>,
        fine: f64,
    ) -> Option<f64> {
        let Some(leader) = leader else {
            // Nothing meets the limits yet: look where they are missed by least.
            let least = |place: usize| self.excess(place);
            let nearest = line.iter().copied().min_by(|&a, &b| least(a).total_cmp(&least(b)))?;
            let excess = least(nearest);
            return ([low, high].contains(&nearest) && excess.is_finite()).then_some(excess);
        };
        let (of_low, of_high) = (self.score(low), self.score(high));
        let better = of_low.min(of_high);
        let bar = self.score(leader) * (1.0 - fine);
        // The limits begin to be missed in between.
        let differ = |is: fn(&Race, usize) -> bool| is(self, low) != is(self, high);
        if (differ(Race::is_bound) || differ(Race::meets)) && better < bar {
            return Some(better);
        }
        // Both neighbours of the leader are worse: the best is on one of its sides.
        let place = line.iter().position(|&place| place == leader)?;
        let is_inside = place > 0 && place + 1 < line.len();
        let worse = |place: usize| self.score(place) > self.score(leader) * (1.0 + 2.0 * COARSE);
        let is_hollow = is_inside && worse(line[place - 1]) && worse(line[place + 1]);
        (is_hollow && fine >= COARSE && [low, high].contains(&leader)).then_some(self.score(leader))
    }

    /// By how much a candidate misses the limits: the largest ratio of a figure and its limit. Infinite for
    /// failed runs.
    fn excess(&self, place: usize) -> f64 {
        let Some(assessed) = &self.candidates[place].assessed else { return f64::INFINITY };
        let ratio = |(figure, limit): (Figure, f64)| {
            assessed.figure(figure).map_or(f64::INFINITY, |predicted| predicted.mean / limit)
        };
        self.limits.figures().into_iter().map(ratio).fold(0.0, f64::max)
    }

    fn new_points(&self, points: Vec<Point>) -> Vec<Point> {
        let mut new: Vec<Point> = Vec::new();
        for point in points {
            if !new.contains(&point) && self.candidates.iter().all(|one| one.point != point) {
                new.push(point);
            }
        }
        new
    }

    /// How many candidates are in which state.
    pub(super) fn tally(&self) -> Tally {
        let leader = self.leader();
        let mut tally = Tally { tried: self.candidates.len(), ..Tally::default() };
        for place in 0..self.candidates.len() {
            let is_worse = leader.is_some_and(|leader| self.is_worse(place, leader));
            let of_state = match () {
                () if self.is_out(place) => &mut tally.over_limit,
                () if is_worse => &mut tally.worse,
                () if self.meets(place) => &mut tally.meeting,
                () => &mut tally.unclear,
            };
            *of_state += 1;
        }
        tally
    }
}

/// The first run of the setting that a run measures, without its seed.
fn first_of(run: &RunSpec) -> RunSpec {
    RunSpec { repetition: 1, ..run.identity() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use node::StrategyKind;

    use super::*;
    use crate::record::tests::example;
    use crate::spec::{EngineKind, SweepSpec};

    /// Races strategies and timeouts whose figures are known, but for 2 % of noise. Returns the race and its
    /// runs.
    fn race(limits: Limits, figures: fn(StrategyKind, f64) -> (f64, f64)) -> (Race, usize) {
        race_on(EngineKind::Simulated, limits, figures)
    }

    fn race_on(
        engine: EngineKind,
        limits: Limits,
        figures: fn(StrategyKind, f64) -> (f64, f64),
    ) -> (Race, usize) {
        race_with_late(engine, limits, figures, None)
    }

    /// The hub's run with the batch timeout (ms) and the repetition `late` takes a tenth longer.
    fn race_with_late(
        engine: EngineKind,
        limits: Limits,
        figures: fn(StrategyKind, f64) -> (f64, f64),
        late: Option<(u64, u32)>,
    ) -> (Race, usize) {
        let timeouts = [0, 100, 200, 400, 800, 1600].map(Duration::from_millis);
        let sweep = SweepSpec::bundled(engine, &StrategyKind::ALL, &timeouts);
        let mut race = Race::new(Space::of(&sweep), limits, Figure::MsgsPerOp, 20);
        let mut next = Next::Try(race.space().coarse(100));
        loop {
            let wanted: Vec<(usize, u32)> = match next {
                Next::Settled => {
                    let runs = race.records().count();
                    return (race, runs);
                }
                Next::Try(points) => race.enter(points).unwrap().into_iter().map(|one| (one, 1)).collect(),
                Next::Repeat(wanted) => wanted,
            };
            for (place, most) in wanted {
                let one = race.candidates[place].clone();
                let measure = |repetition| {
                    let run = race.space().run(&one.point, repetition).unwrap();
                    let timeout = run.batch_timeout_ms().unwrap() as f64;
                    let (messages, max) = figures(run.strategy.unwrap(), timeout);
                    let noise = 0.98 + (run.seed.unwrap() % 41) as f64 / 1000.0;
                    let own = (run.batch_timeout_ms().unwrap(), repetition);
                    let is_late = run.strategy == Some(StrategyKind::Hub) && Some(own) == late;
                    let longer = if is_late { 1.1 } else { 1.0 };
                    RunRecord { run, ..example(100, 1) }.with(|record| {
                        record.figures_mut().msgs_per_op = Some(messages * noise);
                        record.stable_mut().max = Duration::from_millis((max * noise * longer) as u64);
                    })
                };
                let records: Vec<RunRecord> = (one.records.len() as u32 + 1..=most).map(measure).collect();
                race.take(records);
            }
            next = race.next();
        }
    }

    fn leader(race: &Race) -> (StrategyKind, u64) {
        let run = &race.candidates[race.leader().unwrap()].records[0].run;
        (run.strategy.unwrap(), run.batch_timeout_ms().unwrap())
    }

    fn below(ms: u64) -> Limits {
        Limits { max: Some(Duration::from_millis(ms)), ..Limits::default() }
    }

    /// The hub sends fewer messages than the others and is slower.
    fn hub_and_others(strategy: StrategyKind, ms: f64) -> (f64, f64) {
        match strategy {
            StrategyKind::Hub => (300.0 / (ms + 10.0), ms + 100.0),
            _ => (900.0 / (ms + 10.0), ms + 50.0),
        }
    }

    #[test]
    fn the_longest_timeout_within_a_limit_is_found_in_few_runs() {
        let (race, runs) = race_on(EngineKind::Embedded, below(600), hub_and_others);
        let (strategy, timeout) = leader(&race);
        assert_eq!(strategy, StrategyKind::Hub);
        // One more run of 488 ms stays below 600 ms.
        assert!((460..=488).contains(&timeout), "{timeout}");
        assert!(runs < 100, "{runs}");
        let tally = race.tally();
        let parts = tally.over_limit + tally.worse + tally.meeting + tally.unclear;
        assert_eq!((tally.tried, parts), (race.candidates.len(), race.candidates.len()));
    }

    #[test]
    fn simulated_runs_find_it_more_finely() {
        let (race, runs) = race(below(600), hub_and_others);
        let (strategy, timeout) = leader(&race);
        assert_eq!(strategy, StrategyKind::Hub);
        // One more run of 489 ms stays below 600 ms with 39 of 41 equally likely values of the noise: 95 %.
        assert!((480..=489).contains(&timeout), "{timeout}");
        assert!(runs < 120, "{runs}");
    }

    /// The first, second or seventh run at a timeout below the best one.
    #[test]
    fn a_late_run_is_no_bound_on_longer_timeouts() {
        let (_, usual) = race(below(600), hub_and_others);
        for (ms, repetition) in [(475, 1), (481, 2), (484, 7)] {
            let late = Some((ms, repetition));
            let (race, runs) = race_with_late(EngineKind::Simulated, below(600), hub_and_others, late);
            let (strategy, timeout) = leader(&race);
            assert_eq!(strategy, StrategyKind::Hub);
            assert!(timeout > ms && (480..=489).contains(&timeout), "{ms}: {timeout}");
            assert!(runs < 2 * usual, "{ms}: {runs} {usual}");
            // A setting with a late run is out all the same.
            let is_late = |record: &RunRecord| {
                let own = (record.batch_timeout_ms().unwrap(), record.run.repetition);
                record.run.strategy == Some(StrategyKind::Hub) && own == (ms, repetition)
            };
            let late = race.candidates.iter().position(|one| one.records.iter().any(is_late)).unwrap();
            assert!(race.is_out(late) && !race.meets(late), "{ms}");
        }
    }

    #[test]
    fn a_best_value_between_those_given_is_found() {
        let valley = |_: StrategyKind, ms: f64| (1.0 + ((ms - 560.0) / 560.0).powi(2), 100.0);
        let (_, timeout) = leader(&race(below(600), valley).0);
        assert!((450..=670).contains(&timeout), "{timeout}");
    }

    #[test]
    fn refuted_settings_and_their_neighbours_are_out() {
        let (mut race, _) = race(below(600), |_, ms| (300.0 / (ms + 10.0), ms + 100.0));
        let (strategy, timeout) = leader(&race);
        race.refute(race.leader().unwrap(), f64::INFINITY);
        let (other, shorter) = leader(&race);
        assert!(other != strategy || (shorter as f64) <= 0.96 * timeout as f64, "{shorter} {timeout}");
    }

    #[test]
    fn a_check_that_misses_by_little_takes_little_out() {
        let (mut race, _) = race(below(600), hub_and_others);
        let (_, timeout) = leader(&race);
        race.refute(race.leader().unwrap(), 0.001);
        let (_, shorter) = leader(&race);
        assert!(shorter < timeout && shorter as f64 > 0.98 * timeout as f64, "{shorter} {timeout}");
    }
}
