//! The settings to choose from: a value for each parameter that has several.

use std::collections::BTreeSet;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use rustc_hash::FxHasher;

use crate::spec::durations::milliseconds;
use crate::spec::file;
use crate::spec::list::Choice;
use crate::spec::sample::{coordinates, sample};
use crate::spec::value::{Number, Value};
use crate::spec::{EngineKind, Parameter, RunSpec, SettingLists, SweepSpec};
use crate::stats::spacing::evenly_spaced;

/// A setting: a value for each axis of a [`Space`], in the axes' order.
pub(super) type Point = Vec<Choice>;

/// The most values of a numeric parameter that the search begins with.
const COARSE: usize = 5;
/// The most settings to begin with that are all combinations of words and ends.
const LARGEST: usize = 4096;

/// A parameter that has several values.
#[derive(Clone, Debug)]
struct Axis {
    parameter: Parameter,
    /// As the user gave them; numbers and durations by size.
    values: Vec<Choice>,
    /// Whether all values are numbers, or all are durations.
    is_numeric: bool,
}

/// The settings to choose from.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// The sweep over all values that were given.
    sweep: SweepSpec,
    axes: Vec<Axis>,
}

/// A value as a number: that of a duration is milliseconds. `None` for words.
pub(super) fn number(choice: &Choice) -> Option<f64> {
    match &choice.value {
        Value::Number(number) => Some(number.get()),
        Value::Duration(duration) => Some(milliseconds(*duration)),
        Value::Word(_) => None,
    }
}

impl Axis {
    fn new(parameter: Parameter, mut values: Vec<Choice>) -> Axis {
        let kind = std::mem::discriminant(&values[0].value);
        let is_numeric =
            values.iter().all(|one| number(one).is_some() && std::mem::discriminant(&one.value) == kind);
        if is_numeric {
            values.sort_by(|a, b| a.value.cmp(&b.value));
        }
        Axis { parameter, values, is_numeric }
    }

    /// The values to begin with: words all, numbers coarsely, with both ends.
    fn coarse(&self, most: usize) -> Vec<&Choice> {
        if !self.is_numeric {
            return self.values.iter().collect();
        }
        evenly_spaced(self.values.len(), most).into_iter().map(|place| &self.values[place]).collect()
    }

    /// A value between two: the middle one of those that were given, else half way, if the parameter is the
    /// node's own. Whole numbers stay whole. `None` if there is none.
    fn between(&self, low: &Choice, high: &Choice) -> Option<Choice> {
        let inside = |one: &&Choice| one.value > low.value && one.value < high.value;
        let given: Vec<&Choice> = self.values.iter().filter(inside).collect();
        if let Some(middle) = given.get(given.len() / 2) {
            return Some((*middle).clone());
        }
        if let Parameter::Setting(_) = self.parameter {
            return None;
        }
        let middle = f64::midpoint(number(low)?, number(high)?);
        let choice = match low.value {
            Value::Duration(_) => {
                let ms = middle.floor() as u64;
                Choice { value: Value::Duration(Duration::from_millis(ms)), text: format!("{ms}ms") }
            }
            _ => {
                let is_whole = self.values.iter().filter_map(number).all(|value| value.fract() == 0.0);
                let value = Number::new(if is_whole { middle.floor() } else { rounded(middle) })?;
                Choice { value: Value::Number(value), text: value.to_string() }
            }
        };
        (choice.value > low.value && choice.value < high.value).then_some(choice)
    }
}

/// A number to three digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

impl Space {
    /// The space of a sweep's grid: its parameters that have several values.
    pub(super) fn of(sweep: &SweepSpec) -> Space {
        let grid = &sweep.grid;
        let typed = |value: Value, text: String| Choice { value, text };
        let timeouts = grid.batch_timeouts.iter();
        let timeouts = timeouts.map(|one| typed(Value::Duration(*one), format!("{}ms", one.as_millis())));
        let strategies = grid.strategies.iter().map(|one| typed(Value::word(one.name()), one.name().into()));
        let mut axes = vec![
            (Parameter::BatchTimeout, timeouts.collect::<Vec<Choice>>()),
            (Parameter::Strategy, strategies.collect()),
        ];
        axes.extend(
            grid.parameters.iter().map(|one| (Parameter::User(one.name.clone()), one.values.clone())),
        );
        axes.extend(grid.settings.iter().map(|(setting, values)| {
            let values = values.iter().map(|value| typed(value.clone(), setting.text(value)));
            (Parameter::Setting(setting), values.collect())
        }));
        let axes = axes.into_iter().filter(|(_, values)| values.len() > 1);
        let axes = axes.map(|(parameter, values)| Axis::new(parameter, values)).collect();
        Space { sweep: sweep.clone(), axes }
    }

    /// What executes the runs of the search.
    pub(super) fn engine(&self) -> EngineKind {
        self.sweep.engine
    }

    /// The numbers of the numeric axes.
    pub(super) fn numeric(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.axes.len()).filter(|&axis| self.axes[axis].is_numeric)
    }

    /// The settings to begin with: every word, and numbers as coarsely as it takes to have `most` of them.
    /// Where both ends of each number make more, they are all taken, or a sample if they are more than
    /// [`LARGEST`].
    pub(super) fn coarse(&self, most: usize) -> Vec<Point> {
        let lengths = |values: usize| -> Vec<usize> {
            self.axes.iter().map(|axis| axis.coarse(values).len()).collect()
        };
        let size = |values: usize| lengths(values).into_iter().fold(1, usize::saturating_mul);
        let fitting = (2..=COARSE).rev().find(|&values| size(values) <= most);
        let values = fitting.unwrap_or(2);
        let places = match fitting {
            None if size(2) > LARGEST => sample(&lengths(2), most.max(1), self.sweep.seed),
            _ => (0..size(values)).collect(),
        };
        let axes: Vec<Vec<&Choice>> = self.axes.iter().map(|axis| axis.coarse(values)).collect();
        let lengths = lengths(values);
        let point = |place: usize| -> Point {
            let along = coordinates(&lengths, place);
            axes.iter().zip(along).map(|(values, place)| values[place].clone()).collect()
        };
        places.into_iter().map(point).collect()
    }

    /// The point in the middle between two that differ along one axis.
    pub(super) fn between(&self, axis: usize, low: &Point, high: &Point) -> Option<Point> {
        let mut point = low.clone();
        point[axis] = self.axes[axis].between(&low[axis], &high[axis])?;
        Some(point)
    }

    /// The points that differ from `point` along one axis by one step: another word, or the next number to
    /// either side of those that were given or tried.
    pub(super) fn around<'a>(&self, point: &Point, tried: impl Iterator<Item = &'a Point>) -> Vec<Point> {
        let tried: Vec<&Point> = tried.collect();
        let mut around = Vec::new();
        for (place, axis) in self.axes.iter().enumerate() {
            let known = axis.values.iter().chain(tried.iter().map(|point| &point[place]));
            let others: Vec<&Choice> = known.filter(|one| **one != point[place]).collect();
            let own = &point[place].value;
            let steps: Vec<&Choice> = if axis.is_numeric {
                let below = others.iter().filter(|one| one.value < *own).max_by(|a, b| a.value.cmp(&b.value));
                let above = others.iter().filter(|one| one.value > *own).min_by(|a, b| a.value.cmp(&b.value));
                below.into_iter().chain(above).copied().collect()
            } else {
                others.into_iter().filter(|one| axis.values.contains(one)).collect()
            };
            for step in steps {
                let mut other = point.clone();
                other[place] = step.clone();
                if !around.contains(&other) {
                    around.push(other);
                }
            }
        }
        around
    }

    /// The sweep of some points' values, each point measured `repetitions` times.
    pub(super) fn sweep_of<'a>(
        &self,
        points: impl Iterator<Item = &'a Point>,
        repetitions: u32,
    ) -> SweepSpec {
        let points: Vec<&Point> = points.collect();
        let mut sweep = self.sweep.clone();
        sweep.grid.repetitions = repetitions;
        for (place, axis) in self.axes.iter().enumerate() {
            let mut seen = BTreeSet::new();
            let values = points.iter().map(|point| point[place].clone());
            let mut values: Vec<Choice> = values.filter(|one| seen.insert(one.value.clone())).collect();
            if axis.is_numeric {
                values.sort_by(|a, b| a.value.cmp(&b.value));
            }
            set(&mut sweep, &axis.parameter, values);
        }
        sweep
    }

    /// A repetition of a point on the engine of the space, with a seed of its own.
    ///
    /// # Errors
    /// If the node's arguments cannot be made.
    pub(super) fn run(&self, point: &Point, repetition: u32) -> anyhow::Result<RunSpec> {
        let sweep = self.sweep_of(std::iter::once(point), 1);
        let run = sweep.runs()?.into_iter().next();
        let mut run = run.ok_or_else(|| anyhow::anyhow!("a setting has no values"))?;
        run.repetition = repetition;
        run = run.identity();
        // It does not depend on the order of the search, so that a resumed one has the same.
        let mut hasher = FxHasher::default();
        run.hash(&mut hasher);
        let of_run = hasher.finish() >> 33;
        run.seed = sweep.engine.takes_seed().then(|| sweep.seed.wrapping_add(of_run));
        Ok(run)
    }
}

fn set(sweep: &mut SweepSpec, parameter: &Parameter, choices: Vec<Choice>) {
    let grid = &mut sweep.grid;
    let values = || choices.iter().map(|choice| choice.value.clone());
    match parameter {
        Parameter::BatchTimeout => {
            grid.batch_timeouts = values().filter_map(|one| one.as_duration()).collect()
        }
        Parameter::Strategy => {
            grid.strategies = choices.iter().filter_map(|one| file::strategy(&one.text).ok()).collect();
        }
        Parameter::Setting(setting) => {
            let mut lists: SettingLists = grid.settings.clone();
            if lists.set(setting.name, values().collect()).is_ok() {
                grid.settings = lists;
            }
        }
        Parameter::User(name) => {
            if let Some(own) = grid.parameters.iter_mut().find(|one| one.name == *name) {
                own.values = choices;
            }
        }
    }
}
