//! Names that tell series and runs apart: they say a parameter where not all runs have the same value.

use std::collections::BTreeSet;

use super::parameter::Parameter;
use super::run::RunSpec;

/// The parameters in which some runs differ.
#[derive(Clone, Debug)]
pub struct Names {
    /// The parameter that every run's name says: the horizontal axis of plots.
    axis: Parameter,
    /// Whether the engines differ, so that names include them.
    engine: bool,
    settings: Vec<Parameter>,
    /// Those that a user of the node chooses, the axis not among them.
    choices: Vec<Parameter>,
}

impl Names {
    /// For the runs of one sweep.
    pub fn among<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> Names {
        let runs: Vec<&RunSpec> = runs.into_iter().collect();
        Names { engine: differ(&runs, |run| run.engine), ..Names::among_sweeps(runs) }
    }

    /// For the runs of several sweeps that are compared: the engine may be what is compared.
    pub fn among_sweeps<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> Names {
        let runs: Vec<&RunSpec> = runs.into_iter().collect();
        let (settings, others): (Vec<Parameter>, Vec<Parameter>) = Parameter::varying(runs.iter().copied())
            .into_iter()
            .partition(|parameter| matches!(parameter, Parameter::Setting(_)));
        // The name of a series says its strategy anyway.
        let choices = others.into_iter().filter(|one| *one != Parameter::Strategy).collect();
        let axis = Parameter::default_axis(runs);
        Names { axis, engine: false, settings, choices }
    }

    /// The same for plots with another horizontal axis.
    #[must_use]
    pub fn on_axis(self, axis: Parameter) -> Names {
        Names { axis, ..self }
    }

    /// The parameter that is the horizontal axis of plots.
    pub fn axis(&self) -> &Parameter {
        &self.axis
    }

    /// The settings of a run that others do not share, each in words.
    fn differing_settings(&self, run: &RunSpec) -> Vec<String> {
        let engine = self.engine.then(|| run.engine.to_string());
        engine.into_iter().chain(self.labels(&self.settings, run)).collect()
    }

    fn labels(&self, parameters: &[Parameter], run: &RunSpec) -> Vec<String> {
        parameters.iter().filter(|one| **one != self.axis).map(|one| one.label(run)).collect()
    }

    /// The settings of a run that others do not share; empty if all have the same.
    pub fn settings(&self, run: &RunSpec) -> String {
        self.differing_settings(run).join(", ")
    }

    /// What runs as a node, with those of its parameters that others do not share and that are not the axis.
    pub fn subject(&self, run: &RunSpec) -> String {
        [vec![run.series()], self.labels(&self.choices, run)].concat().join(", ")
    }

    /// The name of a run's series.
    pub fn series(&self, run: &RunSpec) -> String {
        let (settings, subject) = (self.settings(run), self.subject(run));
        if settings.is_empty() { subject } else { format!("{subject}, {settings}") }
    }

    /// The name of a run, unique in its sweep.
    pub fn run(&self, run: &RunSpec) -> String {
        run_name(&self.axis, &self.subject(run), &self.settings(run), run)
    }

    /// The name of a run's directory, unique in its sweep.
    pub fn directory(&self, run: &RunSpec) -> String {
        let mut name = plain_name(&run.series());
        let engine = self.engine.then(|| run.engine.to_string());
        let users = self.choices.iter().filter(|one| **one != Parameter::BatchTimeout);
        let differing = self.settings.iter().chain(users).map(|one| one.label(run));
        // Never cut, so that no two combinations get the same name.
        for setting in engine.into_iter().chain(differing) {
            name.push('-');
            name.push_str(&plain_name(&setting.replace(' ', "")));
        }
        if let Some(ms) = run.batch_timeout_ms() {
            name.push_str(&format!("-{ms}ms"));
        }
        format!("{name}-r{}", run.repetition)
    }
}

/// The name of a run whose sweep needs this `subject` and these `settings`, in words, to distinguish its
/// series.
pub fn run_name(axis: &Parameter, subject: &str, settings: &str, run: &RunSpec) -> String {
    let name = format!("{subject} {} #{}", axis.label(run), run.repetition);
    if settings.is_empty() { name } else { format!("{name} ({settings})") }
}

/// A name as a part of a file name: nothing in it that a file system or a shell would take for something
/// else.
pub fn plain_name(name: &str) -> String {
    const LONGEST: usize = 60;
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    name.chars().map(plain).take(LONGEST).collect()
}

/// Whether not all runs have the same.
fn differ<T: PartialEq>(runs: &[&RunSpec], value: impl Fn(&RunSpec) -> T) -> bool {
    let mut values = runs.iter().map(|run| value(run));
    values.next().is_some_and(|first| values.any(|other| other != first))
}

/// The different values of `value`, in the order in which they first appear.
pub fn distinct<'a, T: Ord + Clone>(
    runs: impl IntoIterator<Item = &'a RunSpec>,
    value: impl Fn(&RunSpec) -> T,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    runs.into_iter().map(value).filter(|value| seen.insert(value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use node::StrategyKind;

    use super::*;
    use crate::spec::{EngineKind, SweepSpec};

    fn run(engine: EngineKind, timeout_ms: u64) -> RunSpec {
        let timeouts = [Duration::from_millis(timeout_ms)];
        SweepSpec::bundled(engine, &[StrategyKind::Hub], &timeouts).runs().unwrap().swap_remove(0)
    }

    #[test]
    fn a_setting_that_all_share_is_no_part_of_a_name() {
        let runs = [50, 100].map(|timeout| run(EngineKind::Embedded, timeout));
        let names = Names::among(&runs);
        assert_eq!((names.series(&runs[1]), names.run(&runs[1])), ("hub".into(), "hub 100 ms #1".into()));
    }

    #[test]
    fn runs_that_differ_in_a_setting_alone_have_names_of_their_own() {
        let mut runs = [50, 50].map(|timeout| run(EngineKind::Embedded, timeout));
        runs[1].settings.node_count = 5;
        runs[1].settings.latency.mean = Duration::from_millis(50);
        assert_eq!(Names::among(&runs).run(&runs[1]), "hub 50 ms #1 (5 nodes, latency 50 ms)");
    }

    #[test]
    fn sweeps_on_two_engines_have_the_same_names() {
        let runs = [EngineKind::Embedded, EngineKind::Simulated].map(|engine| run(engine, 50));
        assert_eq!(Names::among_sweeps(&runs).series(&runs[1]), "hub");
        assert_eq!(Names::among(&runs).series(&runs[1]), "hub, simulated");
    }
}
