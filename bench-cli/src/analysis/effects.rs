//! Which parameters matter: the medians at each value of a parameter, and how much of the variance each
//! parameter and each pair of them explains.
//!
//! This is an analysis of variance with every parameter as a factor and its values as levels. It uses the
//! logarithms of the runs, since figures scatter in proportion to their size. A parameter's share is its sum
//! of squares given all other parameters (type II). A pair's share is the sum of squares of its interaction
//! given all parameters. An F test compares both with the scatter of repetitions. In a full grid with equal
//! repetitions these are the sums of squares of textbooks: D. C. Montgomery, *Design and Analysis of
//! Experiments*, 8th edition, sections 5.3 and 15.2 (unbalanced data). The error of the tests of one figure
//! is divided by their number (Bonferroni, section 3.5).

use std::collections::BTreeMap;
use std::ops::Range;

use super::figure::Figure;
use super::series::Series;
use crate::record::RunRecord;
use crate::spec::{Parameter, RunSpec};
use crate::stats::distribution::f_tail;
use crate::stats::groups::Group;
use crate::stats::median::Spread;
use crate::stats::regression::{Explained, NormalEquations};

/// The probability that some term counts as an effect although all are noise.
pub const SIGNIFICANCE: f64 = 0.05;

/// The effects of all parameters on one figure.
#[derive(Clone, Debug)]
pub struct Effects {
    /// The figure.
    pub figure: Figure,
    /// A main effect for each parameter that varies, in the order of [`Parameter::varying`].
    pub parameters: Vec<Main>,
    /// The parameters, then the pairs of them.
    pub terms: Vec<Term>,
    /// The share of the variance that is between repetitions; `None` without any.
    pub noise: Option<f64>,
    /// The share that only combinations of three or more parameters explain; `None` unless the grid is full
    /// and every point has as many runs, so that shares add up.
    pub others: Option<f64>,
}

/// The main effect of a parameter.
#[derive(Clone, Debug)]
pub struct Main {
    /// The parameter.
    pub parameter: Parameter,
    /// Its name with its unit.
    pub title: String,
    /// Its values, in rising order.
    pub levels: Vec<Level>,
}

/// One value of a parameter.
#[derive(Clone, Debug)]
pub struct Level {
    /// The value in words.
    pub label: String,
    /// The value as a number in the unit of the title; `None` for words.
    pub x: Option<f64>,
    /// The medians averaged over the values of all other parameters; by least squares if the grid has gaps.
    pub mean: f64,
    /// The medians of the settings with this value.
    pub medians: Vec<f64>,
}

/// What a parameter or a pair explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Its parameters, by their places.
    pub of: Vec<usize>,
    /// The share of the variance, from 0 to 1.
    pub share: f64,
    /// Whether it is more than noise.
    pub verdict: Verdict,
}

/// The outcome of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The share is more than noise explains.
    Effect,
    /// The effect is not significant.
    Noise,
    /// There are no repetitions, nor other combinations, that tell noise.
    Untested,
    /// The values vary together with those of other parameters only.
    Confounded,
}

/// The runs of one combination of values.
#[derive(Debug, Default)]
struct Cell {
    values: Vec<f64>,
}

/// The ok runs by the level that they have of each parameter.
struct Design {
    /// How many levels each parameter has.
    counts: Vec<usize>,
    cells: BTreeMap<Vec<usize>, Cell>,
}

impl Effects {
    /// The effects on `figure` in all runs of some series. `None` if fewer than two parameters vary among the
    /// ok runs, or a value has no logarithm.
    pub fn of(series: &[Series<'_>], figure: Figure) -> Option<Effects> {
        let records = series.iter().flat_map(|series| &series.records);
        let records: Vec<(&RunRecord, f64)> =
            records.filter_map(|&record| Some((record, figure.of(record)?))).collect();
        if records.iter().any(|(_, value)| figure.logarithm(*value).is_none()) {
            return None;
        }
        let runs: Vec<&RunSpec> = records.iter().map(|(record, _)| &record.run).collect();
        let parameters = Parameter::varying(runs.iter().copied());
        if parameters.len() < 2 {
            return None;
        }
        let levels: Vec<Vec<&RunSpec>> = parameters.iter().map(|one| levels(one, &runs)).collect();
        let mut design = Design { counts: levels.iter().map(Vec::len).collect(), cells: BTreeMap::new() };
        for (record, value) in records {
            let place = |(parameter, levels): (&Parameter, &Vec<&RunSpec>)| {
                let own = parameter.of(&record.run);
                levels.iter().position(|level| parameter.of(level) == own)
            };
            let key = parameters.iter().zip(&levels).filter_map(place).collect();
            design.cells.entry(key).or_default().values.push(value);
        }
        let fitted = design.fits(&design.mains(), |cell| (1.0, cell.median())).of_all();
        let mut coefficients = fitted.coefficients.iter().copied();
        let average = coefficients.next().unwrap_or_default();
        let main = |(place, (parameter, levels)): (usize, (Parameter, Vec<&RunSpec>))| {
            let mut deviations: Vec<f64> = coefficients.by_ref().take(levels.len() - 1).collect();
            deviations.push(-deviations.iter().sum::<f64>());
            let level = |(level, (run, deviation)): (usize, (&RunSpec, f64))| Level {
                label: parameter.shown(run),
                x: parameter.number(run),
                mean: average + deviation,
                medians: design.at(place, level).map(Cell::median).collect(),
            };
            Main {
                title: parameter.axis_title(levels[0]),
                levels: levels.iter().copied().zip(deviations).enumerate().map(level).collect(),
                parameter,
            }
        };
        let mains = parameters.into_iter().zip(levels).enumerate().map(main).collect();
        Some(design.analysis_of_variance(figure, mains))
    }

    /// The name of a term: its parameters in words.
    pub fn name(&self, term: &Term) -> String {
        term.of.iter().map(|&one| self.parameters[one].parameter.words()).collect::<Vec<_>>().join(" × ")
    }
}

/// A run for each value of a parameter, in rising order.
fn levels<'a>(parameter: &Parameter, runs: &[&'a RunSpec]) -> Vec<&'a RunSpec> {
    let mut levels: Vec<&RunSpec> = runs.to_vec();
    levels.sort_by_cached_key(|run| parameter.of(run));
    levels.dedup_by_key(|run| parameter.of(run));
    levels
}

/// Least squares of some terms of a design.
struct Fits {
    /// The columns of each term; the mean's is before all of them.
    columns: Vec<Range<usize>>,
    equations: NormalEquations,
}

impl Fits {
    /// What the mean and these terms explain, by their places.
    fn of(&self, terms: impl IntoIterator<Item = usize>) -> Explained {
        let columns = terms.into_iter().flat_map(|term| self.columns[term].clone());
        self.equations.explained(&[0].into_iter().chain(columns).collect::<Vec<usize>>())
    }

    /// What the mean and all terms explain.
    fn of_all(&self) -> Explained {
        self.of(0..self.columns.len())
    }
}

impl Cell {
    fn median(&self) -> f64 {
        Spread::of(self.values.iter().copied()).map_or(f64::NAN, |spread| spread.median)
    }

    fn logs(&self, figure: Figure) -> Group {
        Group { x: 0.0, ys: self.values.iter().filter_map(|value| figure.logarithm(*value)).collect() }
    }
}

impl Design {
    /// The terms of the main effects.
    fn mains(&self) -> Vec<Vec<usize>> {
        (0..self.counts.len()).map(|one| vec![one]).collect()
    }

    /// The cells with this level of a parameter.
    fn at(&self, parameter: usize, level: usize) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(move |(key, _)| key[parameter] == level).map(|(_, cell)| cell)
    }

    /// Least squares of the mean and any of `terms`; `value` gives the weight of each cell and its y.
    fn fits(&self, terms: &[Vec<usize>], value: impl Fn(&Cell) -> (f64, f64)) -> Fits {
        let row = |(key, cell): (&Vec<usize>, &Cell)| {
            let mut row = vec![1.0];
            terms.iter().for_each(|term| row.extend(self.columns(term, key)));
            (row, value(cell))
        };
        let rows: Vec<_> = self.cells.iter().map(row).collect();
        let equations =
            NormalEquations::of(rows.iter().map(|(row, (weight, y))| (row.as_slice(), *weight, *y)));
        let mut end = 1;
        let columns = terms.iter().map(|term| {
            let start = end;
            end += term.iter().map(|&one| self.counts[one] - 1).product::<usize>();
            start..end
        });
        Fits { columns: columns.collect(), equations }
    }

    /// The columns of a term in a cell: effect coding, in which a level has a column of its own and the last
    /// one −1 in all of them, so that effects add up to 0.
    fn columns(&self, term: &[usize], key: &[usize]) -> Vec<f64> {
        term.iter().fold(vec![1.0], |columns, &one| {
            let last = self.counts[one] - 1;
            let code = |level: usize| match key[one] {
                own if own == last => -1.0,
                own => f64::from(u8::from(own == level)),
            };
            columns.iter().flat_map(|column| (0..last).map(move |level| column * code(level))).collect()
        })
    }

    /// Whether every combination is there, equally often.
    fn is_balanced(&self) -> bool {
        let mut sizes = self.cells.values().map(|cell| cell.values.len());
        let first = sizes.next();
        self.cells.len() == self.counts.iter().product::<usize>() && sizes.all(|size| Some(size) == first)
    }

    fn analysis_of_variance(&self, figure: Figure, parameters: Vec<Main>) -> Effects {
        let logs: Vec<Group> = self.cells.values().map(|cell| cell.logs(figure)).collect();
        let all = Group { x: 0.0, ys: logs.iter().flat_map(|group| group.ys.iter().copied()).collect() };
        let total = all.squares();
        let within: f64 = logs.iter().map(Group::squares).sum();
        let degrees_of_freedom = all.ys.len() - logs.len();
        let mean = all.mean();
        let mut terms = self.mains();
        let mains = terms.len();
        terms.extend((0..mains).flat_map(|a| (a + 1..mains).map(move |b| vec![a, b])));
        let fits = self.fits(&terms, |cell| (cell.values.len() as f64, cell.logs(figure).mean() - mean));
        let together = fits.of(0..mains);
        let gains = terms.iter().enumerate().map(|(place, term)| {
            let (less, more) = if place < mains {
                (fits.of((0..mains).filter(|one| *one != place)), together.clone())
            } else {
                (together.clone(), fits.of((0..mains).chain([place])))
            };
            (term.clone(), (more.squares - less.squares).max(0.0), more.rank - less.rank)
        });
        let gains: Vec<(Vec<usize>, f64, usize)> = gains.collect();
        let error = if degrees_of_freedom > 0 {
            Some((within, degrees_of_freedom))
        } else {
            // What no pair explains is taken for noise.
            let model = fits.of_all();
            let left = logs.len().saturating_sub(model.rank);
            (left > 0).then(|| ((total - model.squares).max(0.0), left))
        };
        let share = |squares: f64| if total > 0.0 { squares / total } else { 0.0 };
        let attributed = together.squares + gains[mains..].iter().map(|gain| gain.1).sum::<f64>();
        let others = self.is_balanced() && mains > 2;
        let tests = gains.len();
        let term = |(of, squares, freedom)| {
            let verdict = verdict((squares, freedom), error, tests);
            Term { of, share: share(squares), verdict }
        };
        Effects {
            figure,
            parameters,
            noise: (degrees_of_freedom > 0).then(|| share(within)),
            others: others.then(|| share((total - within - attributed).max(0.0))),
            terms: gains.into_iter().map(term).collect(),
        }
    }
}

/// Whether squares with their degrees of freedom are more than the error explains, of so many tests.
fn verdict((squares, freedom): (f64, usize), error: Option<(f64, usize)>, tests: usize) -> Verdict {
    if freedom == 0 {
        return Verdict::Confounded;
    }
    let Some((within, degrees_of_freedom)) = error else { return Verdict::Untested };
    let (freedom, degrees_of_freedom) = (freedom as f64, degrees_of_freedom as f64);
    let ratio = (squares / freedom) / (within / degrees_of_freedom);
    // Without any scatter, rounding is all that is left of an effect of 0.
    let p = if ratio.is_finite() { f_tail(ratio, (freedom, degrees_of_freedom)) } else { 0.0 };
    if p * (tests as f64) < SIGNIFICANCE && squares > f64::EPSILON { Verdict::Effect } else { Verdict::Noise }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::record::tests::example;
    use crate::spec::value::Value;

    /// A run with these three parameters, whose messages are exp(`log`).
    fn run([a, b, c]: [usize; 3], repetition: u32, log: f64) -> RunRecord {
        example(100, repetition).with(|record| {
            let named = [("a", a), ("b", b), ("c", c)];
            record.run.parameters =
                named.map(|(name, value)| (name.to_owned(), Value::count(value))).to_vec();
            record.figures_mut().msgs_per_op = Some(log.exp());
        })
    }

    /// A grid of 3 × 2 × 2 values with noise whose standard deviation is 0.02 around `log`.
    fn planted(seed: u64, log: impl Fn(f64, f64, f64) -> f64, repetitions: u32) -> Vec<RunRecord> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut noise = || 0.02 * ((0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0);
        let mut records = Vec::new();
        for (a, b, c) in (1..=3).flat_map(|a| [(a, 1, 1), (a, 1, 2), (a, 2, 1), (a, 2, 2)]) {
            for repetition in 1..=repetitions {
                let value = log(a as f64, b as f64, c as f64);
                records.push(run([a, b, c], repetition, 1.0 + value + noise()));
            }
        }
        records
    }

    /// Whether nearly all of many seeds give these terms and no others.
    fn is_found(terms: &[&str], log: impl Fn(f64, f64, f64) -> f64) {
        let seeds = 0..100;
        let found: Vec<Vec<String>> = seeds.map(|seed| found(&effects(&planted(seed, &log, 3)))).collect();
        let all = |found: &Vec<String>| terms.iter().all(|term| found.iter().any(|one| one == term));
        assert!(found.iter().all(all), "{found:?}");
        let more = found.iter().filter(|found| found.len() > terms.len()).count();
        assert!(more <= 10, "{more} of 100 have more effects, where 5 are expected");
    }

    fn effects(records: &[RunRecord]) -> Effects {
        Effects::of(&Series::group(records), Figure::MsgsPerOp).unwrap()
    }

    /// The terms that are more than noise.
    fn found(effects: &Effects) -> Vec<String> {
        let terms = effects.terms.iter().filter(|term| term.verdict == Verdict::Effect);
        terms.map(|term| effects.name(term)).collect()
    }

    #[test]
    fn a_planted_main_effect_is_found_and_all_else_is_noise() {
        is_found(&["a"], |a, _, _| 0.05 * a);
        let effects = effects(&planted(1, |a, _, _| 0.5 * a, 3));
        assert!(effects.terms[0].share > 0.98, "{:?}", effects.terms);
        let shares: f64 = effects.terms.iter().map(|term| term.share).sum();
        assert!((shares + effects.noise.unwrap() + effects.others.unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_planted_interaction_is_found() {
        is_found(&["b × c"], |_, b, c| 0.2 * (b - 1.5) * (c - 1.5));
        is_found(&["a", "b", "a × b"], |a, b, _| 0.1 * a + 0.1 * b + 0.05 * a * b);
    }

    #[test]
    fn noise_alone_has_no_effects() {
        is_found(&[], |_, _, _| 0.0);
    }

    #[test]
    fn values_are_averaged_over_the_other_parameters() {
        let effects = effects(&planted(1, |a, b, _| a.ln() + 0.2 * b, 1));
        let Level { label, x, mean, medians } = &effects.parameters[0].levels[2];
        assert_eq!((label.as_str(), *x, medians.len()), ("3", Some(3.0), 4));
        let average = medians.iter().sum::<f64>() / 4.0;
        assert!((mean - average).abs() < 1e-9, "{mean} {average}");
    }

    #[test]
    fn a_grid_with_gaps_is_fitted() {
        let mut records = planted(1, |a, b, _| 0.5 * a + 0.4 * b, 2);
        records.retain(|record| {
            record.run.parameters[0].1 != Value::count(3) || record.run.parameters[1].1 == Value::count(2)
        });
        let effects = effects(&records);
        assert_eq!(found(&effects), ["a", "b"]);
        let means: Vec<f64> = effects.parameters[1].levels.iter().map(|level| level.mean).collect();
        assert!(means[1] > 1.2 * means[0] && effects.others.is_none(), "{means:?}");
    }

    #[test]
    fn without_repetitions_higher_combinations_are_the_noise_and_twins_are_confounded() {
        let single = effects(&planted(1, |a, _, _| 0.5 * a, 1));
        assert_eq!((found(&single), single.noise), (vec!["a".to_owned()], None));
        let twins: Vec<RunRecord> =
            (1..=3).flat_map(|a| [1, 2].map(|repetition| run([a, a, 1], repetition, a as f64))).collect();
        let verdicts: Vec<Verdict> = effects(&twins).terms.iter().map(|term| term.verdict).collect();
        assert_eq!(verdicts[..2], [Verdict::Confounded; 2]);
    }

    #[test]
    fn one_parameter_is_not_analysed() {
        assert!(Effects::of(&Series::group(&[example(50, 1), example(100, 1)]), Figure::Max).is_none());
    }
}
