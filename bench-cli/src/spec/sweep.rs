//! A sweep, described once: what is run, with which values of which parameters, how often, and from which
//! seed.

use std::collections::HashMap;
use std::time::Duration;

use node::StrategyKind;

use super::engine::EngineKind;
use super::file::BATCH_TIMEOUT;
use super::limits::Limits;
use super::list::Choice;
use super::node::Node;
use super::parameter::{Parameter, UserParameter};
use super::run::RunSpec;
use super::sample::{coordinates, sample};
use super::setting::Setting;
use super::settings::{InvalidSetting, Settings};
use super::template::{ArgsTemplate, Bindings, EnvTemplate, TemplateError};
use super::value::Value;
use crate::terminal::are;

/// Everything that decides which runs a sweep makes, and from which random choices.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepSpec {
    /// What executes the runs.
    pub engine: EngineKind,
    /// What runs as a node.
    pub node: Node,
    /// What the user calls the node in tables and plots, in place of its strategy or program name.
    pub label: Option<String>,
    /// The node's arguments, after those for strategy and batch timeout that this repository's node is given.
    pub args: ArgsTemplate,
    /// Variables added to the node's environment, in addition to the batch timeout.
    pub env: Vec<EnvTemplate>,
    /// The points, and how often each is measured.
    pub grid: Grid,
    /// The seed of the first run; each further run has the next one.
    pub seed: u64,
    /// What the user wants runs to stay below.
    pub limits: Vec<Limits>,
    /// The horizontal axis of plots and fits, if the user asked for one.
    pub axis: Option<Parameter>,
    /// The grids that this one extends, oldest first: their runs keep the seeds that they had.
    pub extends: Vec<Grid>,
}

/// Every combination of some parameters' values, and how often each is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// How often each point is measured. At least 1.
    pub repetitions: u32,
    /// How many points of the grid are measured, spread evenly over it; `None` for all.
    pub sample: Option<u32>,
    /// The batch timeouts, whole milliseconds; empty for a node that has none.
    pub batch_timeouts: Vec<Duration>,
    /// The user's parameters, by name.
    pub parameters: Vec<UserParameter>,
    /// The strategies of this repository's node; empty for any other.
    pub strategies: Vec<StrategyKind>,
    /// Network, workload and faults.
    pub settings: SettingLists,
}

impl Grid {
    /// Adds the values of another grid over the same parameters.
    pub fn include(&mut self, other: &Grid) {
        fn add<T: PartialEq + Clone>(own: &mut Vec<T>, others: &[T]) {
            for one in others {
                if !own.contains(one) {
                    own.push(one.clone());
                }
            }
        }
        add(&mut self.batch_timeouts, &other.batch_timeouts);
        self.batch_timeouts.sort_unstable();
        add(&mut self.strategies, &other.strategies);
        for parameter in &mut self.parameters {
            if let Some(same) = other.parameters.iter().find(|one| one.name == parameter.name) {
                add(&mut parameter.values, &same.values);
            }
        }
        self.settings.0.iter_mut().zip(&other.settings.0).for_each(|(own, others)| add(own, others));
    }
}

/// The axes of a grid that a node may lack.
struct Axes {
    strategies: Vec<Option<StrategyKind>>,
    batch_timeouts: Vec<Option<Duration>>,
}

/// The values of each setting, in the order of [`Setting::ALL`]; every setting has at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingLists(Vec<Vec<Value>>);

impl Default for SettingLists {
    /// Challenges 3d and 3e.
    fn default() -> SettingLists {
        SettingLists::of(&Settings::default())
    }
}

impl SettingLists {
    /// The one value of each setting in `settings`.
    pub fn of(settings: &Settings) -> SettingLists {
        SettingLists(Setting::ALL.iter().map(|setting| vec![(setting.get)(settings)]).collect())
    }

    /// The values that the settings of some runs have, in the order in which they first appear.
    pub fn among<'a>(all: impl IntoIterator<Item = &'a Settings> + Clone) -> SettingLists {
        let values = |setting: &Setting| {
            let mut values: Vec<Value> = Vec::new();
            for settings in all.clone() {
                let value = (setting.get)(settings);
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            values
        };
        SettingLists(Setting::ALL.iter().map(values).collect())
    }

    /// Replaces the values of the setting named `name`.
    ///
    /// # Errors
    /// If there is no such setting, no value, or a value that is not one of this setting.
    pub fn set(&mut self, name: &str, values: Vec<Value>) -> Result<(), InvalidSetting> {
        let place = Setting::ALL.iter().position(|setting| setting.name == name);
        let place = place.ok_or_else(|| InvalidSetting(format!("{name:?} is not a parameter")))?;
        let mut probe = Settings::default();
        values.iter().try_for_each(|value| Setting::ALL[place].apply(&mut probe, value))?;
        if values.is_empty() {
            return Err(InvalidSetting(format!("{name} has no value")));
        }
        self.0[place] = values;
        Ok(())
    }

    /// Each setting with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, &[Value])> {
        Setting::ALL.iter().zip(self.0.iter().map(Vec::as_slice))
    }

    /// The settings at these places in the lists.
    ///
    /// # Panics
    /// If a list has no value at its place.
    pub fn at(&self, places: &[usize]) -> Settings {
        let mut settings = Settings::default();
        for ((setting, values), &place) in self.iter().zip(places) {
            setting.apply(&mut settings, &values[place]).expect("values are checked before they are kept");
        }
        settings
    }

    /// The settings, if no list has several values.
    pub fn only(&self) -> Option<Settings> {
        self.0.iter().all(|values| values.len() == 1).then(|| self.at(&vec![0; self.0.len()]))
    }
}

impl SweepSpec {
    /// The sweep that runs this repository's node at these timeouts, and is made by default otherwise: the
    /// hub, three repetitions, the challenge's settings.
    pub fn bundled(
        engine: EngineKind,
        strategies: &[StrategyKind],
        batch_timeouts: &[Duration],
    ) -> SweepSpec {
        SweepSpec {
            engine,
            node: Node::Bundled,
            label: None,
            args: ArgsTemplate::default(),
            env: Vec::new(),
            grid: Grid {
                repetitions: 3,
                sample: None,
                batch_timeouts: batch_timeouts.to_vec(),
                parameters: Vec::new(),
                strategies: strategies.to_vec(),
                settings: SettingLists::default(),
            },
            seed: 1,
            limits: Vec::new(),
            axis: None,
            extends: Vec::new(),
        }
    }

    /// The runs in the order in which they are executed: the whole grid (or its sample) once, then again for
    /// each repetition. So a sweep that is stopped early has every point, and a machine that gets slower does
    /// not look like an effect of the timeout.
    ///
    /// # Errors
    /// If the node's arguments have a placeholder that no parameter fills, or a parameter is in none of them.
    pub fn runs(&self) -> Result<Vec<RunSpec>, TemplateError> {
        let mut seeds: HashMap<RunSpec, u64> = HashMap::new();
        let mut next = self.seed;
        let mut runs = Vec::new();
        for grid in self.extends.iter().chain([&self.grid]) {
            runs = self.expand(grid)?;
            for run in &mut runs {
                let seed = *seeds.entry(run.identity()).or_insert_with(|| {
                    next = next.wrapping_add(1);
                    next.wrapping_sub(1)
                });
                run.seed = self.engine.takes_seed().then_some(seed);
            }
        }
        Ok(runs)
    }

    /// How many runs there are, without making them.
    pub fn run_count(&self) -> usize {
        let all = self.size(&self.grid);
        let points = self.grid.sample.map_or(all, |sample| all.min(sample as usize));
        points.saturating_mul(self.grid.repetitions as usize)
    }

    /// How many points a grid has.
    fn size(&self, grid: &Grid) -> usize {
        self.lengths(grid).into_iter().fold(1, usize::saturating_mul)
    }

    /// A run for each value of each parameter, the other parameters at their first values: enough to tell
    /// which parameters vary and whether the node's arguments can be made, however large the grid is. The
    /// runs have no seeds.
    ///
    /// # Errors
    /// As [`SweepSpec::runs`].
    pub fn outline(&self) -> Result<Vec<RunSpec>, TemplateError> {
        let mut runs = vec![self.first_run()?];
        let (axes, lengths) = (self.axes(&self.grid), self.lengths(&self.grid));
        for (axis, &length) in lengths.iter().enumerate() {
            for value in 1..length {
                let mut point = vec![0; lengths.len()];
                point[axis] = value;
                runs.push(self.run_at(&self.grid, &axes, &point)?);
            }
        }
        Ok(runs)
    }

    /// The run of the first value of each parameter, without a seed.
    ///
    /// # Errors
    /// As [`SweepSpec::runs`].
    pub fn first_run(&self) -> Result<RunSpec, TemplateError> {
        self.refuse_unused(&self.grid)?;
        let first = vec![0; self.lengths(&self.grid).len()];
        self.run_at(&self.grid, &self.axes(&self.grid), &first)
    }

    fn refuse_unused(&self, grid: &Grid) -> Result<(), TemplateError> {
        let is_used = |name: &str| self.mentions(name);
        match grid.parameters.iter().find(|parameter| !is_used(&parameter.name)) {
            Some(unused) => Err(TemplateError::Unused(unused.name.clone())),
            None => Ok(()),
        }
    }

    fn expand(&self, grid: &Grid) -> Result<Vec<RunSpec>, TemplateError> {
        self.refuse_unused(grid)?;
        let (axes, lengths) = (self.axes(grid), self.lengths(grid));
        let points = self.points(grid);
        let run = |place: usize| self.run_at(grid, &axes, &coordinates(&lengths, place));
        let once = points.into_iter().map(run).collect::<Result<Vec<RunSpec>, _>>()?;
        let repeated = |repetition| once.iter().map(move |run| RunSpec { repetition, ..run.clone() });
        Ok((1..=grid.repetitions).flat_map(repeated).collect())
    }

    /// The first run of the point at this place along each axis of [`SweepSpec::lengths`].
    fn run_at(&self, grid: &Grid, axes: &Axes, point: &[usize]) -> Result<RunSpec, TemplateError> {
        let (settings, point) = point.split_at(Setting::ALL.len());
        let (strategy, point) = point.split_at(1);
        let (users, timeout) = point.split_at(grid.parameters.len());
        let (strategy, batch_timeout) = (axes.strategies[strategy[0]], axes.batch_timeouts[timeout[0]]);
        let users = grid.parameters.iter().zip(users);
        let chosen: Vec<(&str, &Choice)> =
            users.map(|(one, &place)| (one.name.as_str(), &one.values[place])).collect();
        let bindings = bindings(batch_timeout, &chosen);
        let parameter = |(name, choice): &(&str, &Choice)| ((*name).to_owned(), choice.value.clone());
        Ok(RunSpec {
            engine: self.engine,
            node: self.node.clone(),
            label: self.label_of(strategy),
            strategy,
            batch_timeout,
            parameters: chosen.iter().map(parameter).collect(),
            settings: grid.settings.at(settings),
            args: self.args(strategy, batch_timeout, &bindings)?,
            env: self.env.iter().map(|one| one.fill(&bindings)).collect::<Result<_, _>>()?,
            repetition: 1,
            seed: None,
        })
    }

    fn axes(&self, grid: &Grid) -> Axes {
        Axes {
            strategies: match self.node {
                Node::Bundled => grid.strategies.iter().copied().map(Some).collect(),
                Node::Program(_) => vec![None],
            },
            batch_timeouts: match grid.batch_timeouts.as_slice() {
                [] => vec![None],
                timeouts => timeouts.iter().copied().map(Some).collect(),
            },
        }
    }

    /// The places of the points that are measured, among all of the grid's.
    fn points(&self, grid: &Grid) -> Vec<usize> {
        match grid.sample {
            Some(count) => sample(&self.lengths(grid), count as usize, self.seed),
            None => (0..self.size(grid)).collect(),
        }
    }

    /// How many values each axis of the grid has, the one whose values change slowest first.
    fn lengths(&self, grid: &Grid) -> Vec<usize> {
        let axes = self.axes(grid);
        let settings = grid.settings.iter().map(|(_, values)| values.len());
        let users = grid.parameters.iter().map(|parameter| parameter.values.len());
        let strategies = settings.chain([axes.strategies.len()]);
        strategies.chain(users).chain([axes.batch_timeouts.len()]).collect()
    }

    /// Which part of the grid is measured, in words; `None` if it is the whole.
    pub fn sampled(&self) -> Option<String> {
        let all = self.size(&self.grid);
        let sample = self.grid.sample.map(|sample| sample as usize).filter(|sample| *sample < all)?;
        let rest = all - sample;
        Some(format!("{sample} of {all} settings, spread evenly; {rest} {} left out", are(rest)))
    }

    /// The label of a strategy's runs; `None` if the user gives none. Of several strategies a label
    /// alone would make one series.
    pub fn label_of(&self, strategy: Option<StrategyKind>) -> Option<String> {
        let label = self.label.as_ref()?;
        let mut all = self.extends.iter().chain([&self.grid]).flat_map(|grid| &grid.strategies);
        match strategy.filter(|_| all.any(|other| Some(*other) != strategy)) {
            Some(strategy) => Some(format!("{label} {}", strategy.name())),
            None => Some(label.clone()),
        }
    }

    /// Whether the node's arguments or environment mention a parameter.
    pub fn mentions(&self, parameter: &str) -> bool {
        self.args.uses(parameter) || self.env.iter().any(|variable| variable.uses(parameter))
    }

    fn args(
        &self,
        strategy: Option<StrategyKind>,
        batch_timeout: Option<Duration>,
        bindings: &Bindings<'_>,
    ) -> Result<Vec<String>, TemplateError> {
        let mut args = bundled_args(strategy, batch_timeout);
        args.extend(self.args.fill(bindings)?);
        Ok(args)
    }

    /// The sweep that makes runs like `runs`: of the same node with the same settings. `spec` describes the
    /// sweep that made them. `None` if there are no runs, or if without a description it is not known what
    /// arguments the node has at other timeouts.
    pub fn like(spec: Option<&SweepSpec>, runs: &[&RunSpec]) -> Option<SweepSpec> {
        let first = runs.first()?;
        let mut like = spec.cloned().or_else(|| first.as_sweep())?;
        like.extends.clear();
        like.grid.sample = None;
        like.grid.settings = SettingLists::among(runs.iter().map(|run| &run.settings));
        for parameter in &mut like.grid.parameters {
            let measured = |choice: &Choice| {
                runs.iter()
                    .any(|run| run.parameters.contains(&(parameter.name.clone(), choice.value.clone())))
            };
            parameter.values.retain(measured);
        }
        like.grid.strategies.clear();
        for strategy in runs.iter().filter_map(|run| run.strategy) {
            if !like.grid.strategies.contains(&strategy) {
                like.grid.strategies.push(strategy);
            }
        }
        Some(like)
    }

    /// Whether this sweep has been extended from the grid of `earlier`.
    pub fn is_later_stage_of(&self, earlier: &SweepSpec) -> bool {
        let stages = earlier.extends.iter().chain([&earlier.grid]);
        self.extends.iter().take(earlier.extends.len() + 1).eq(stages)
    }

    /// The sweep with another grid that keeps the seeds of the runs that both have.
    pub fn extended_to(&self, grid: Grid) -> SweepSpec {
        let mut extended = self.clone();
        if grid != self.grid {
            extended.extends.push(std::mem::replace(&mut extended.grid, grid));
        }
        extended
    }
}

/// What placeholders stand for in a run with this batch timeout and these values of the user's parameters.
fn bindings<'a>(
    batch_timeout: Option<Duration>,
    chosen: &[(&'a str, &'a Choice)],
) -> Vec<(&'a str, Value, String)> {
    let of_timeout = batch_timeout
        .map(|timeout| (BATCH_TIMEOUT, Value::Duration(timeout), format!("{}ms", timeout.as_millis())));
    let of_user = chosen.iter().map(|&(name, choice)| (name, choice.value.clone(), choice.text.clone()));
    of_timeout.into_iter().chain(of_user).collect()
}

/// The arguments that tell this repository's node its strategy and batch timeout.
fn bundled_args(strategy: Option<StrategyKind>, batch_timeout: Option<Duration>) -> Vec<String> {
    let Some((strategy, batch_timeout)) = strategy.zip(batch_timeout) else { return Vec::new() };
    let batch_timeout = format!("{}ms", batch_timeout.as_millis());
    ["--batch-timeout", &batch_timeout, "--strategy", strategy.name()].map(str::to_owned).into()
}

impl RunSpec {
    /// The sweep of this run alone, for a sweep of which only the records are left. `None` if the arguments
    /// of the node may hold the batch timeout, so that they would be wrong for another one.
    pub fn as_sweep(&self) -> Option<SweepSpec> {
        let own = self.args.strip_prefix(bundled_args(self.strategy, self.batch_timeout).as_slice())?;
        (own.is_empty() && self.env.is_empty()).then(|| SweepSpec {
            engine: self.engine,
            node: self.node.clone(),
            label: self.label.clone(),
            args: ArgsTemplate::default(),
            env: Vec::new(),
            grid: Grid {
                repetitions: 1,
                sample: None,
                batch_timeouts: self.batch_timeout.into_iter().collect(),
                parameters: Vec::new(),
                strategies: self.strategy.into_iter().collect(),
                settings: SettingLists::of(&self.settings),
            },
            seed: self.seed.unwrap_or(1),
            limits: Vec::new(),
            axis: None,
            extends: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::names::Names;
    use std::collections::BTreeSet;

    fn spec(timeouts: &[u64], repetitions: u32) -> SweepSpec {
        let timeouts: Vec<Duration> = timeouts.iter().copied().map(Duration::from_millis).collect();
        let strategies = [StrategyKind::Hub, StrategyKind::Tree];
        let mut spec = SweepSpec::bundled(EngineKind::Embedded, &strategies, &timeouts);
        spec.grid.repetitions = repetitions;
        spec.seed = 100;
        spec
    }

    fn directories(runs: &[RunSpec]) -> Vec<String> {
        let names = Names::among(runs);
        runs.iter().map(|run| names.directory(run)).collect()
    }

    #[test]
    fn the_whole_grid_comes_before_any_repetition() {
        let runs = spec(&[50, 100], 2).runs().unwrap();
        assert_eq!(
            directories(&runs),
            [
                "hub-50ms-r1",
                "hub-100ms-r1",
                "tree-50ms-r1",
                "tree-100ms-r1",
                "hub-50ms-r2",
                "hub-100ms-r2",
                "tree-50ms-r2",
                "tree-100ms-r2"
            ]
        );
        let seeds: Vec<u64> = runs.iter().filter_map(|run| run.seed).collect();
        assert_eq!(seeds, (100..108).collect::<Vec<_>>());
    }

    #[test]
    fn every_combination_of_settings_has_a_directory_of_its_own() {
        let mut spec = spec(&[50], 1);
        spec.grid.settings.set("node_count", vec![Value::count(5), Value::count(25)]).unwrap();
        spec.grid.settings.set("rate", vec![Value::number(0.5), Value::number(100.0)]).unwrap();
        let runs = spec.runs().unwrap();
        let names = directories(&runs);
        assert_eq!(names[0], "hub-5nodes-0.5op_s-50ms-r1");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 8);
        assert_eq!(Names::among(&runs).run(&runs[0]), "hub 50 ms #1 (5 nodes, 0.5 op/s)");
    }

    #[test]
    fn a_node_hears_its_timeout_by_flag_and_environment() {
        let run = &spec(&[50], 1).runs().unwrap()[1];
        assert_eq!(run.args, ["--batch-timeout", "50ms", "--strategy", "tree"]);
        assert_eq!(run.environment(), [("BATCH_TIMEOUT_MS".to_owned(), "50".to_owned())]);
        let other = SweepSpec {
            node: Node::Program("my nodes/batch it.py".into()),
            env: vec!["FLUSH={batch_timeout_s}".parse().unwrap()],
            args: ArgsTemplate::parse("--ms {batch_timeout_ms}").unwrap(),
            ..spec(&[50], 1)
        };
        let run = &other.runs().unwrap()[0];
        assert_eq!(run.args, ["--ms", "50"]);
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(run.environment(), [variable("BATCH_TIMEOUT_MS", "50"), variable("FLUSH", "0.05")]);
        assert_eq!(run.series(), "batch it");
        assert_eq!(directories(std::slice::from_ref(run)), ["batch_it-50ms-r1"]);
    }

    #[test]
    fn an_extended_sweep_keeps_its_seeds_and_no_seed_comes_twice() {
        let first = spec(&[50, 100], 1);
        let second = first.extended_to(spec(&[50, 75, 100], 2).grid);
        let seeds = |spec: &SweepSpec| -> HashMap<RunSpec, Option<u64>> {
            spec.runs().unwrap().iter().map(|run| (run.identity(), run.seed)).collect()
        };
        let (before, after) = (seeds(&first), seeds(&second));
        assert_eq!(after.len(), 12);
        assert!(before.iter().all(|(run, seed)| after[run] == *seed));
        assert_eq!(after.values().collect::<BTreeSet<_>>().len(), 12);
        assert_eq!(first.extended_to(first.grid.clone()), first);
    }

    #[test]
    fn a_label_names_the_series_and_makes_no_other_run() {
        let labelled = |strategies: &[StrategyKind]| {
            let mut spec = SweepSpec::bundled(EngineKind::Embedded, strategies, &[Duration::from_millis(50)]);
            let before = spec.runs().unwrap()[0].identity();
            spec.label = Some("main".to_owned());
            assert_eq!(spec.runs().unwrap()[0].identity(), before);
            Names::among(&spec.runs().unwrap()).series(&spec.runs().unwrap()[0])
        };
        assert_eq!(labelled(&[StrategyKind::Hub]), "main");
        assert_eq!(labelled(&[StrategyKind::Hub, StrategyKind::Tree]), "main hub");
    }

    #[test]
    fn a_run_is_known_by_its_values() {
        let runs = spec(&[50], 1).runs().unwrap();
        assert_eq!(runs[0], runs[0].clone());
        assert_ne!(runs[0].identity(), runs[1].identity());
        let single = runs[0].as_sweep().unwrap().runs().unwrap();
        assert_eq!(single, runs[..1]);
    }
}
