//! The parameters of a run: the batch timeout, the strategy, each setting, and those that a user adds.

use std::hash::{Hash, Hasher};

use super::durations::milliseconds;
use super::file::{BATCH_TIMEOUT, STRATEGY};
use super::list::{self, Choice};
use super::run::RunSpec;
use super::setting::{Kind, Setting};
use super::value::Value;

/// A parameter of the user's, with the values that a sweep gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserParameter {
    /// Its name, which placeholders and columns have, too.
    pub name: String,
    /// Its values; at least one.
    pub values: Vec<Choice>,
}

/// Why something is not a parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// A name that cannot be a placeholder and a column.
    #[error("{0:?} is not a name for a parameter; write letters, digits and _, such as fanout")]
    Name(String),
    /// A name that ends in a unit.
    #[error(
        "the name {0:?} ends in a unit; leave it out and write the unit at the values, as in {1}=50ms: \
         {{{1}_ms}} and {{{1}_s}} are the value as a number"
    )]
    Unit(String, String),
}

/// A name that is not one of a numeric parameter of the runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--x {name:?} is not a numeric parameter of these runs; those that vary are: {numeric}")]
pub struct NotAnAxis {
    name: String,
    /// The names that may be meant.
    numeric: String,
}

impl UserParameter {
    /// Reads the values of the parameter named `name`.
    ///
    /// # Errors
    /// If the name cannot be one, or the list cannot be read.
    pub fn parse(name: &str, values: &str) -> anyhow::Result<UserParameter> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
            return Err(ParameterError::Name(name.to_owned()).into());
        }
        if let Some(bare) = name.strip_suffix("_ms").or_else(|| name.strip_suffix("_s")) {
            return Err(ParameterError::Unit(name.to_owned(), bare.to_owned()).into());
        }
        Ok(UserParameter { name: name.to_owned(), values: list::choices(values)? })
    }
}

/// Anything that a sweep varies from one run to another, except for the repetition.
#[derive(Clone, Debug)]
pub enum Parameter {
    /// How long the node batches.
    BatchTimeout,
    /// The strategy of this repository's node.
    Strategy,
    /// Network, workload and faults.
    Setting(&'static Setting),
    /// A parameter that the user added.
    User(String),
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Parameter) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Parameter {}

impl Hash for Parameter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Parameter {
    /// The parameters of some runs: batch timeout, strategy, those of the user by name, settings.
    pub fn all<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> Vec<Parameter> {
        let runs: Vec<&RunSpec> = runs.into_iter().collect();
        let mut users: Vec<&str> =
            runs.iter().flat_map(|run| &run.parameters).map(|(name, _)| name.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let built_in = [Parameter::BatchTimeout, Parameter::Strategy];
        let built_in =
            built_in.into_iter().filter(|parameter| runs.iter().any(|run| parameter.of(run).is_some()));
        let users = users.into_iter().map(|name| Parameter::User(name.to_owned()));
        built_in.chain(users).chain(Setting::ALL.iter().map(Parameter::Setting)).collect()
    }

    /// Those of [`Parameter::all`] that do not have the same value in every run.
    pub fn varying<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> Vec<Parameter> {
        let runs: Vec<&RunSpec> = runs.into_iter().collect();
        let varies =
            |parameter: &Parameter| runs.iter().any(|run| parameter.of(run) != parameter.of(runs[0]));
        Parameter::all(runs.iter().copied()).into_iter().filter(varies).collect()
    }

    /// The parameter that is the horizontal axis of fits and plots unless somebody asks for another: the
    /// batch timeout, else the first numeric parameter of the user's, else the first numeric setting, those
    /// that vary first.
    pub fn default_axis<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> Parameter {
        let runs: Vec<&RunSpec> = runs.into_iter().collect();
        let all = Parameter::all(runs.iter().copied());
        if runs.is_empty() || all.contains(&Parameter::BatchTimeout) {
            return Parameter::BatchTimeout;
        }
        let numeric = |parameter: &&Parameter| parameter.is_numeric(&runs);
        let varying = Parameter::varying(runs.iter().copied());
        let first = varying.iter().find(numeric).or_else(|| all.iter().find(numeric));
        first.cloned().unwrap_or(Parameter::BatchTimeout)
    }

    /// The parameter of this name, if runs can be placed on a horizontal axis by it.
    ///
    /// # Errors
    /// If the runs have no such parameter, or not all have a number or a duration for it.
    pub fn axis<'a>(name: &str, runs: impl IntoIterator<Item = &'a RunSpec>) -> Result<Parameter, NotAnAxis> {
        let runs: Vec<&RunSpec> = runs.into_iter().collect();
        let mut all = Parameter::all(runs.iter().copied());
        all.retain(|parameter| parameter.is_numeric(&runs));
        let varying = Parameter::varying(runs.iter().copied());
        match all.iter().find(|parameter| parameter.name() == name) {
            Some(parameter) => Ok(parameter.clone()),
            None => {
                let names = varying.iter().filter(|parameter| all.contains(parameter)).map(Parameter::name);
                Err(NotAnAxis { name: name.to_owned(), numeric: names.collect::<Vec<_>>().join(", ") })
            }
        }
    }

    /// Whether every one of these runs has a number or a duration for it.
    pub fn is_numeric(&self, runs: &[&RunSpec]) -> bool {
        runs.iter().all(|run| self.number(run).is_some())
    }

    /// Its name, as `--param` and `sweep.toml` have it.
    pub fn name(&self) -> &str {
        match self {
            Parameter::BatchTimeout => BATCH_TIMEOUT,
            Parameter::Strategy => STRATEGY,
            Parameter::Setting(setting) => setting.name,
            Parameter::User(name) => name,
        }
    }

    /// Its name in words.
    pub fn words(&self) -> String {
        self.name().replace('_', " ")
    }

    /// The title of an axis with its values: the name with the unit of [`Parameter::number`].
    pub fn axis_title(&self, run: &RunSpec) -> String {
        let unit = self.unit(run);
        if unit.is_empty() { self.words() } else { format!("{} ({unit})", self.words()) }
    }

    /// The unit of its numbers; empty if they have none.
    pub fn unit(&self, run: &RunSpec) -> &'static str {
        match (self, self.of(run)) {
            (Parameter::Setting(setting), _) if setting.is_in_seconds() => "s",
            (Parameter::Setting(setting), _) if setting.unit == "1/s" => "1/s",
            (_, Some(Value::Duration(_))) => "ms",
            _ => "",
        }
    }

    /// Its value in a run, if the run has it.
    pub fn of(&self, run: &RunSpec) -> Option<Value> {
        match self {
            Parameter::BatchTimeout => run.batch_timeout.map(Value::Duration),
            Parameter::Strategy => run.strategy.map(|strategy| Value::word(strategy.name())),
            Parameter::Setting(setting) => Some((setting.get)(&run.settings)),
            Parameter::User(name) => {
                run.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
            }
        }
    }

    /// Its value in a run as a number in the axis's unit: milliseconds for durations, but seconds for
    /// settings that Maelstrom has in seconds. `None` for words.
    pub fn number(&self, run: &RunSpec) -> Option<f64> {
        match self.of(run)? {
            Value::Number(number) => Some(number.get()),
            Value::Duration(duration) if self.unit(run) == "s" => Some(duration.as_secs_f64()),
            Value::Duration(duration) => Some(milliseconds(duration)),
            Value::Word(_) => None,
        }
    }

    /// Its value in a run, in words that tell runs apart: `50 ms`, `hub`, `25 nodes`, `fanout 3`.
    pub fn label(&self, run: &RunSpec) -> String {
        match self {
            Parameter::BatchTimeout => {
                run.batch_timeout_ms().map_or_else(String::new, |ms| format!("{ms} ms"))
            }
            Parameter::Strategy => run.strategy.map_or_else(String::new, |one| one.name().to_owned()),
            Parameter::Setting(setting) => setting.label_of(&run.settings),
            Parameter::User(_) => self.of(run).map_or_else(
                || format!("no {}", self.words()),
                |value| format!("{} {}", self.words(), shown(&value)),
            ),
        }
    }

    /// Its value in a run without its name: `50 ms`, `3`, `grid`.
    pub fn shown(&self, run: &RunSpec) -> String {
        match (self, self.of(run)) {
            (Parameter::Setting(setting), Some(Value::Duration(duration)))
                if setting.kind == Kind::Seconds =>
            {
                format!("{} s", duration.as_secs_f64())
            }
            (_, value) => value.as_ref().map_or_else(|| "–".to_owned(), shown),
        }
    }
}

/// A value for people.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Duration(duration) => format!("{} ms", duration.as_millis()),
        Value::Word(word) => word.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_placeholder_and_a_column() {
        let error = |name| UserParameter::parse(name, "1").unwrap_err().to_string();
        assert!(error("fan-out").contains("letters, digits and _"), "{}", error("fan-out"));
        assert!(error("").contains("not a name") && error("2x").contains("not a name"));
        assert!(error("period_ms").contains("as in period=50ms"), "{}", error("period_ms"));
        assert!(UserParameter::parse("fan_out", "").unwrap_err().to_string().contains("a value is missing"));
        assert_eq!(UserParameter::parse("fan_out", "1..=5").unwrap().values.len(), 5);
    }
}
