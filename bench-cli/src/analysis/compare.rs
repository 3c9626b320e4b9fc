//! Compares sweeps with a first one, the baseline: which differences are significant?
//!
//! A series is compared with the one of the same strategy (or node) and settings. If there is none, it is
//! compared with the only one that differs in strategy or node alone, or in settings alone: two nodes, or one
//! node in two networks.
//!
//! Welch's t test compares each figure at each timeout that both series have. It does not assume that both
//! scatter alike. In addition each figure is compared over all common timeouts of a series at once: the mean
//! of the logarithms' differences against the scatter of repetitions pooled over all timeouts. A slowdown
//! that every timeout shares shows there first.
//!
//! Many tests find something by chance, so probabilities are corrected by Holm's method (Holm, *Scandinavian
//! Journal of Statistics* 6 (1979), 65–70). The tests that answer the [`Question`] are few: one for each
//! figure asked about, over all common timeouts. They are corrected among themselves, over all sweeps
//! together. All others are exploratory, and are corrected together with each other: looking around does not
//! weaken the answer. A difference is significant if its corrected probability is below [`SIGNIFICANCE`] and
//! it is larger than the question's threshold: two sweeps on one machine differ by about [`NEGLIGIBLE`]
//! without a reason.
//!
//! Means are compared, since that is what Welch's test is about; tables and plots of one sweep show medians.

use super::figure::Figure;
use super::series::Series;
use crate::spec::Limits;
use crate::spec::value::Number;
use crate::stats::distribution::{t_quantile, t_two_sided};
use crate::stats::groups::{Group, Groups};
use crate::stats::least_squares::CONFIDENCE;

/// How likely one false alarm among all differences may be; low, for comparisons that run every night.
pub const SIGNIFICANCE: f64 = 0.01;
/// Relative differences up to this one do not count, however unlikely they are by chance.
pub const NEGLIGIBLE: f64 = 0.02;

/// What a comparison is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The figures that decide.
    pub figures: Vec<Figure>,
    /// Relative differences up to this one do not count.
    pub threshold: f64,
}

impl Default for Question {
    /// The figures that can be limited.
    fn default() -> Question {
        Question { figures: vec![Figure::MsgsPerOp, Figure::P50, Figure::Max], threshold: NEGLIGIBLE }
    }
}

impl Question {
    /// The question that a sweep's limits ask: the limited figures, or the default ones without limits.
    pub fn of_limits(limits: &[Limits], threshold: f64) -> Question {
        let limited: Vec<Figure> =
            limits.iter().flat_map(Limits::figures).map(|(figure, _)| figure).collect();
        let asked: Vec<Figure> = Figure::ALL.into_iter().filter(|figure| limited.contains(figure)).collect();
        let figures = if asked.is_empty() { Question::default().figures } else { asked };
        Question { figures, threshold }
    }
}

/// What a difference is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It answers the question.
    Primary,
    /// It was looked at, too.
    Exploratory,
}

impl Role {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Primary => "primary",
            Role::Exploratory => "exploratory",
        }
    }
}

/// The result of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Less, by more than chance and the threshold. Of every figure less is better.
    Better,
    /// More, by more than chance and the threshold.
    Worse,
    /// Chance could be the reason, or it is no larger than the threshold.
    NotSignificant,
    /// Without repetitions on both sides there is no test.
    SingleRuns,
}

/// The timeouts that a difference covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All common timeouts of a series.
    Overall,
    /// One value on the horizontal axis, such as a timeout in milliseconds.
    At(Number),
}

/// One figure in two sweeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The series' name; both names if they differ.
    pub series: String,
    /// One timeout or all.
    pub scope: Scope,
    /// The figure.
    pub figure: Figure,
    /// Whether it answers the question.
    pub role: Role,
    /// How many runs there were before and after.
    pub runs: (usize, usize),
    /// Its means before and after; for [`Scope::Overall`] there are none.
    pub means: Option<(f64, f64)>,
    /// The change as a fraction of the value before.
    pub relative: f64,
    /// Half the width of the change's 95 % interval, if the repetitions allow a test.
    pub margin: Option<f64>,
    /// The probability of such a difference by chance, corrected for all tests made; `None` without a test.
    pub p: Option<f64>,
    /// The result of its test.
    pub conclusion: Conclusion,
}

impl Difference {
    /// Whether it is more than chance and the threshold.
    pub fn is_significant(&self) -> bool {
        matches!(self.conclusion, Conclusion::Better | Conclusion::Worse)
    }

    /// Whether it is significant and for the worse.
    pub fn is_regression(&self) -> bool {
        self.conclusion == Conclusion::Worse
    }

    /// Whether it answers the question.
    pub fn is_primary(&self) -> bool {
        self.role == Role::Primary
    }

    fn conclude(&mut self, threshold: f64) {
        self.conclusion = match self.p {
            None => Conclusion::SingleRuns,
            Some(p) if p >= SIGNIFICANCE || self.relative.abs() <= threshold => Conclusion::NotSignificant,
            Some(_) if self.relative > 0.0 => Conclusion::Worse,
            Some(_) => Conclusion::Better,
        };
    }
}

/// Compares each of the `others` with the baseline; the differences of each by themselves.
pub fn compare(
    question: &Question,
    baseline: &[Series<'_>],
    others: &[Vec<Series<'_>>],
) -> Vec<Vec<Difference>> {
    let against = |other: &Vec<Series<'_>>| {
        let pairs = pairs(baseline, other);
        let differences = pairs.into_iter().flat_map(|(before, after)| {
            Figure::ALL.into_iter().flat_map(move |figure| compare_figure(before, after, figure, question))
        });
        differences.collect()
    };
    let mut differences: Vec<Vec<Difference>> = others.iter().map(against).collect();
    for role in [Role::Primary, Role::Exploratory] {
        correct(differences.iter_mut().flatten().filter(|difference| difference.role == role));
    }
    for difference in differences.iter_mut().flatten() {
        difference.conclude(question.threshold);
    }
    differences
}

/// Which series are compared; see the module's documentation.
fn pairs<'a, 'r>(before: &'a [Series<'r>], after: &'a [Series<'r>]) -> Vec<(&'a Series<'r>, &'a Series<'r>)> {
    type Alike = fn(&Series<'_>, &Series<'_>) -> bool;
    const RULES: [Alike; 3] = [
        |one, other| one.name == other.name,
        |one, other| one.settings == other.settings,
        |one, other| one.subject == other.subject,
    ];
    let mut left: [Vec<&Series<'r>>; 2] = [before.iter().collect(), after.iter().collect()];
    let mut pairs = Vec::new();
    for alike in RULES {
        let only = |one: &Series<'r>, among: &[&'a Series<'r>]| {
            let mut like_it = among.iter().copied().filter(|other| alike(one, other));
            like_it.next().filter(|_| like_it.next().is_none())
        };
        let found: Vec<_> = left[0]
            .iter()
            .filter_map(|one| {
                let other = only(one, &left[1])?;
                only(other, &left[0]).map(|_| (*one, other))
            })
            .collect();
        for (one, other) in &found {
            left[0].retain(|series| series.name != one.name);
            left[1].retain(|series| series.name != other.name);
        }
        pairs.extend(found);
    }
    // In the baseline's order.
    pairs.sort_by_key(|(one, _)| before.iter().position(|series| series.name == one.name));
    pairs
}

/// The name of two series that are compared.
fn name(before: &Series<'_>, after: &Series<'_>) -> String {
    if before.name == after.name {
        before.name.clone()
    } else if before.settings == after.settings {
        format!("{} → {}", before.subject, after.name)
    } else {
        format!("{} → {}", before.name, after.settings)
    }
}

/// The samples of both sweeps at one timeout.
struct Pair {
    x: Number,
    before: Group,
    after: Group,
}

fn compare_figure(
    before: &Series<'_>,
    after: &Series<'_>,
    figure: Figure,
    question: &Question,
) -> Vec<Difference> {
    let groups = |series: &Series<'_>| Groups::of(&series.figures(figure)).as_slice().to_vec();
    let after_groups = groups(after);
    let pair = |before: Group| {
        let after = after_groups.iter().find(|after| after.x == before.x)?.clone();
        Some(Pair { x: Number::new(before.x)?, before, after })
    };
    let pairs: Vec<Pair> = groups(before).into_iter().filter_map(pair).collect();
    let series = name(before, after);
    let difference = |scope, role, of: &[Pair], means, (relative, margin, p)| Difference {
        series: series.clone(),
        scope,
        figure,
        role,
        runs: (
            of.iter().map(|pair| pair.before.ys.len()).sum(),
            of.iter().map(|pair| pair.after.ys.len()).sum(),
        ),
        means,
        relative,
        margin,
        p,
        conclusion: Conclusion::SingleRuns,
    };
    let asked = if question.figures.contains(&figure) { Role::Primary } else { Role::Exploratory };
    // All timeouts together answer the question, or the only one.
    let all = (pairs.len() > 1).then(|| overall(&pairs)).flatten();
    let of_each = if all.is_some() { Role::Exploratory } else { asked };
    let mut differences: Vec<Difference> = Vec::new();
    differences.extend(all.map(|test| difference(Scope::Overall, asked, &pairs, None, test)));
    differences.extend(pairs.iter().map(|pair| {
        let means = (pair.before.mean(), pair.after.mean());
        let test = welch(pair, figure.resolution());
        difference(Scope::At(pair.x), of_each, std::slice::from_ref(pair), Some(means), test)
    }));
    differences
}

/// Relative change, its margin, and the uncorrected probability.
type Test = (f64, Option<f64>, Option<f64>);

/// Welch's t test. Figures that are written in steps (`resolution`) scatter by at least their rounding, which
/// repetitions that happen to be equal hide.
fn welch(pair: &Pair, resolution: f64) -> Test {
    let (before, after) = (pair.before.mean(), pair.after.mean());
    let change = after - before;
    let relative = if before == 0.0 { 0.0 } else { change / before };
    let counts = [&pair.before, &pair.after].map(|group| group.ys.len() as f64);
    if counts.iter().any(|&count| count < 2.0) || before == 0.0 {
        return (relative, None, None);
    }
    let rounding = resolution.powi(2) / 12.0;
    let variance = |group: &Group, count: f64| (group.squares() / (count - 1.0)).max(rounding) / count;
    let (a, b) = (variance(&pair.before, counts[0]), variance(&pair.after, counts[1]));
    let error = (a + b).sqrt();
    if error == 0.0 {
        return (relative, Some(0.0), Some(if change == 0.0 { 1.0 } else { 0.0 }));
    }
    let degrees_of_freedom = (a + b).powi(2) / (a * a / (counts[0] - 1.0) + b * b / (counts[1] - 1.0));
    let margin = t_quantile(0.5 + CONFIDENCE / 2.0, degrees_of_freedom) * error / before;
    (relative, Some(margin), Some(t_two_sided(change / error, degrees_of_freedom)))
}

/// The mean over all timeouts of ln(after) − ln(before), with the pooled scatter of the logarithms.
fn overall(pairs: &[Pair]) -> Option<Test> {
    let logs = |group: &Group| Group { x: group.x, ys: group.ys.iter().map(|y| y.ln()).collect() };
    let usable = pairs.iter().filter(|pair| pair.before.ys.iter().chain(&pair.after.ys).all(|&y| y > 0.0));
    let pairs: Vec<(Group, Group)> = usable.map(|pair| (logs(&pair.before), logs(&pair.after))).collect();
    if pairs.is_empty() {
        return None;
    }
    let groups = || pairs.iter().flat_map(|(before, after)| [before, after]);
    let degrees_of_freedom = groups().map(|group| group.ys.len() - 1).sum::<usize>() as f64;
    let count = pairs.len() as f64;
    let change = pairs.iter().map(|(before, after)| after.mean() - before.mean()).sum::<f64>() / count;
    let relative = change.exp_m1();
    if degrees_of_freedom == 0.0 {
        return Some((relative, None, None));
    }
    let variance = groups().map(Group::squares).sum::<f64>() / degrees_of_freedom;
    let error = (variance * groups().map(|group| 1.0 / group.ys.len() as f64).sum::<f64>()).sqrt() / count;
    if error == 0.0 {
        return Some((relative, Some(0.0), Some(if change == 0.0 { 1.0 } else { 0.0 })));
    }
    let margin = t_quantile(0.5 + CONFIDENCE / 2.0, degrees_of_freedom) * error * change.exp();
    Some((relative, Some(margin), Some(t_two_sided(change / error, degrees_of_freedom))))
}

/// Holm's correction, in place.
fn correct<'a>(differences: impl Iterator<Item = &'a mut Difference>) {
    let mut tested: Vec<&mut f64> = differences.filter_map(|one| one.p.as_mut()).collect();
    tested.sort_by(|a, b| a.total_cmp(b));
    let count = tested.len();
    let mut floor: f64 = 0.0;
    for (place, p) in tested.into_iter().enumerate() {
        floor = floor.max(((count - place) as f64 * *p).min(1.0));
        *p = floor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::with_max;
    use crate::record::RunRecord;
    use crate::record::tests::example;
    use crate::spec::{EngineKind, Names};
    use node::StrategyKind;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;
    use std::time::Duration;

    fn difference(p: f64) -> Difference {
        let (series, scope) = (String::new(), Scope::Overall);
        Difference {
            series,
            scope,
            figure: Figure::Max,
            role: Role::Primary,
            runs: (3, 3),
            means: None,
            relative: 0.1,
            margin: None,
            p: Some(p),
            conclusion: Conclusion::SingleRuns,
        }
    }

    /// R: `t.test(after, before)`
    #[test]
    fn welch_is_r_s() {
        let before = Group { x: 1.0, ys: vec![812.0, 830.0, 799.0, 805.0, 820.0] };
        let after = Group { x: 1.0, ys: vec![893.0, 911.0, 902.0, 880.0, 915.0] };
        let (relative, margin, p) = welch(&Pair { x: Number::new(1.0).unwrap(), before, after }, 1.0);
        assert!((relative * 813.2 - 87.0).abs() < 1e-9);
        assert!((margin.unwrap() * 813.2 - (106.34580006071322 - 67.65419993928677) / 2.0).abs() < 1e-6);
        assert!((p.unwrap() / 7.311335806979552e-06 - 1.0).abs() < 1e-6, "{p:?}");
    }

    /// R: `p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.005), "holm")`
    #[test]
    fn the_correction_is_r_s() {
        let mut differences = [0.01, 0.02, 0.03, 0.04, 0.005].map(difference);
        correct(differences.iter_mut());
        let expected = [0.04, 0.06, 0.06, 0.06, 0.025];
        for (difference, expected) in differences.iter().zip(expected) {
            assert!((difference.p.unwrap() - expected).abs() < 1e-12, "{difference:?}");
        }
    }

    /// Three runs at six timeouts; `scale` slows them down, `seed` draws their noise of about 2 %.
    fn sweep(scale: f64, seed: u64) -> Vec<RunRecord> {
        let mut draws = ChaCha8Rng::seed_from_u64(seed);
        // The sum of three uniform draws is near enough to normal.
        let mut noise = || 1.0 + 0.02 * 2.0 * ((0..3).map(|_| draws.random::<f64>()).sum::<f64>() - 1.5);
        let mut records = Vec::new();
        for timeout in [50, 100, 200, 400, 600, 800] {
            for repetition in 1..=3 {
                let mut record = example(timeout, repetition);
                let stable = record.stable_mut();
                for latency in [&mut stable.p50, &mut stable.p95, &mut stable.max] {
                    let ms = latency.as_millis() as f64 * scale * noise();
                    *latency = Duration::from_millis(ms.round() as u64);
                }
                let figures = record.figures_mut();
                figures.msgs_per_op = figures.msgs_per_op.map(|msgs| msgs * noise());
                records.push(record);
            }
        }
        records
    }

    fn differences(before: &[RunRecord], after: &[RunRecord]) -> Vec<Difference> {
        compare(&Question::default(), &Series::group(before), &[Series::group(after)]).remove(0)
    }

    fn regressions(before: &[RunRecord], after: &[RunRecord]) -> Vec<Difference> {
        differences(before, after).into_iter().filter(Difference::is_regression).collect()
    }

    #[test]
    fn two_sweeps_of_the_same_are_silent() {
        let alarmed = |seed: &u64| !regressions(&sweep(1.0, 2 * seed), &sweep(1.0, 2 * seed + 1)).is_empty();
        let alarms = (0..300).filter(alarmed).count();
        assert!(alarms <= 6, "{alarms} of 300");
    }

    #[test]
    fn a_slowdown_of_a_tenth_is_found_in_every_latency() {
        for seed in 0..200 {
            let found = regressions(&sweep(1.0, 2 * seed), &sweep(1.1, 2 * seed + 1));
            for figure in [Figure::P50, Figure::P95, Figure::Max] {
                let overall = |one: &&Difference| (one.scope, one.figure) == (Scope::Overall, figure);
                let change = found.iter().find(overall).map(|one| (one.relative, one.margin));
                let Some((relative, Some(margin))) = change else { panic!("seed {seed}: {found:?}") };
                // The interval of 95 % misses now and then, but not by much.
                assert!((relative - 0.1).abs() < 2.0 * margin, "seed {seed}: {relative} ± {margin}");
            }
        }
    }

    /// The first hour's example: nobody should be told that 42 % more is noise, because 24 other tests were
    /// made.
    #[test]
    fn looking_around_does_not_weaken_the_answer() {
        let (before, after) = (sweep(1.0, 1), sweep(1.42, 2));
        let found = differences(&before, &after);
        let primary: Vec<&Difference> = found.iter().filter(|one| one.is_primary()).collect();
        let asked: Vec<(Scope, Figure)> = primary.iter().map(|one| (one.scope, one.figure)).collect();
        let all = [Figure::MsgsPerOp, Figure::P50, Figure::Max].map(|figure| (Scope::Overall, figure));
        assert_eq!((asked, found.len()), (all.to_vec(), 4 * 7));
        let latency = &primary[1];
        assert_eq!((latency.conclusion, latency.runs), (Conclusion::Worse, (18, 18)));
        // Corrected for three tests, not for 28.
        let median = Question { figures: vec![Figure::P50], ..Question::default() };
        let alone = compare(&median, &Series::group(&before), &[Series::group(&after)]).remove(0);
        let alone = alone.iter().find(|one| one.is_primary()).unwrap();
        assert!(latency.p.unwrap() <= 3.0 * alone.p.unwrap());
    }

    #[test]
    fn limits_and_the_threshold_are_the_question() {
        let limits = [Limits { max: Some(Duration::from_secs(1)), ..Limits::default() }];
        assert_eq!(Question::of_limits(&limits, 0.05).figures, [Figure::Max]);
        assert_eq!(Question::of_limits(&[], NEGLIGIBLE), Question::default());
        let (before, after) = (sweep(1.0, 1), sweep(1.1, 2));
        let with = |threshold| {
            let question = Question { threshold, ..Question::default() };
            let found = compare(&question, &Series::group(&before), &[Series::group(&after)]).remove(0);
            found.iter().filter(|one| one.is_regression()).count()
        };
        assert!(with(NEGLIGIBLE) > 0);
        assert_eq!(with(0.25), 0);
    }

    #[test]
    fn one_timeout_answers_by_itself() {
        let found = differences(&[example(50, 1), example(50, 2)], &[example(50, 1), example(50, 2)]);
        assert_eq!(found.iter().filter(|one| one.is_primary()).count(), 3);
    }

    #[test]
    fn an_improvement_is_no_regression() {
        assert!(regressions(&sweep(1.0, 1), &sweep(0.8, 2)).is_empty());
    }

    #[test]
    fn single_runs_are_compared_without_a_verdict() {
        let (before, after) = (
            [example(100, 1)],
            [example(100, 1).with(|record| record.figures_mut().msgs_per_op = Some(3.0))],
        );
        let differences = differences(&before, &after);
        assert_eq!((differences[0].relative, differences[0].p), (1.0, None));
        assert!(!differences[0].is_significant());
    }

    #[test]
    fn every_sweep_is_compared_with_the_first_and_all_count_for_the_correction() {
        let [first, same, slow] = [sweep(1.0, 1), sweep(1.0, 2), sweep(1.2, 3)];
        let groups = |records| Series::group(records);
        let both = compare(&Question::default(), &groups(&first), &[groups(&same), groups(&slow)]);
        assert!(!both[0].iter().any(Difference::is_significant));
        assert!(both[1].iter().any(Difference::is_regression));
        let alone = differences(&first, &slow);
        let least = |all: &[Difference]| all.iter().filter_map(|one| one.p).fold(1.0, f64::min);
        assert!(least(&both[1]) > 1.9 * least(&alone), "{} {}", least(&both[1]), least(&alone));
    }

    fn paired(before: &[RunRecord], after: &[RunRecord]) -> Vec<String> {
        let names = Names::among_sweeps(before.iter().chain(after).map(|record| &record.run));
        let [before, after] = [before, after].map(|records| Series::group_named(&names, records));
        pairs(&before, &after).iter().map(|(one, other)| name(one, other)).collect()
    }

    #[test]
    fn a_series_is_compared_with_its_like() {
        let with = |strategy, node_count| {
            example(50, 1).with(|record| {
                record.run.strategy = Some(strategy);
                record.run.settings.node_count = node_count;
            })
        };
        let [hub, tree, direct] = [StrategyKind::Hub, StrategyKind::Tree, StrategyKind::Direct];
        let grid = [with(hub, 5), with(tree, 5), with(hub, 25), with(tree, 25)];
        assert_eq!(paired(&grid, &[with(tree, 25), with(hub, 25)]), ["tree, 25 nodes", "hub, 25 nodes"]);
        assert_eq!(paired(&[with(hub, 5)], &[with(direct, 5)]), ["hub → direct"]);
        assert_eq!(paired(&[with(hub, 5)], &[with(hub, 25)]), ["hub, 5 nodes → 25 nodes"]);
        assert!(paired(&[with(hub, 5)], &[with(direct, 25)]).is_empty());
        assert!(paired(&[with(hub, 5)], &[with(direct, 5), with(tree, 5)]).is_empty());
        let simulated = with(hub, 5).with(|record| record.run.engine = EngineKind::Simulated);
        assert_eq!(paired(&[with(hub, 5)], &[simulated]), ["hub"]);
    }

    #[test]
    fn equal_repetitions_still_scatter_by_their_rounding() {
        let records = |max| [1, 2].map(|repetition| with_max(100, repetition, max));
        let (before, after) = (records(40), records(41));
        let found = differences(&before, &after);
        let max = found.iter().find(|one| one.figure == Figure::Max).unwrap();
        assert!(max.p.unwrap() > 0.05, "{max:?}");
    }
}
