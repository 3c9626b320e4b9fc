//! The flags that describe a sweep, laid over a `sweep.toml` if one is given.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args};
use node::StrategyKind;

use super::engine::EngineArgs;
use super::limits::LimitArgs;
use super::output::AxisArgs;
use super::settings::SettingsArgs;
use super::usage::UsageError;
use crate::campaign::sweep::folder;
use crate::spec::durations::DefaultUnit;
use crate::spec::file::{
    self, BATCH_TIMEOUT, DEFAULT_BATCH_TIMEOUTS, NodeTable, SPEC_FILE, STRATEGY, SpecFile, ValueList,
};
use crate::spec::limits::Challenge;
use crate::spec::list;
use crate::spec::parameter::UserParameter;
use crate::spec::setting::Setting;
use crate::spec::template::{ArgsTemplate, EnvTemplate};
use crate::spec::{EngineKind, SweepSpec};

/// The flags that describe a sweep.
#[derive(Clone, Debug, Args)]
pub struct DescriptionArgs {
    /// A sweep.toml, or the folder of a sweep, to repeat; flags override it
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Cluster, workload and limits of challenge 3d or 3e; only the limits differ from the defaults. It
    /// overrides --spec, and other flags override it
    #[arg(long, value_name = "NAME")]
    preset: Option<Challenge>,
    /// The batch timeouts. `tune` changes this help.
    #[arg(long, aliases = ["batch-timeout", "timeouts"], value_name = "LIST", value_parser = timeouts, help = timeouts_help(DEFAULT_BATCH_TIMEOUTS))]
    batch_timeouts: Option<ValueList>,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Number of runs of each point [default: 3]
    #[arg(long, alias = "runs", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,
    /// Number of points of the grid to measure, spread evenly over it (Sobol sequence) [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    #[command(flatten)]
    axis: AxisArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
    /// Seed of the first run; each further run has the next one [default: chosen at random; 1 with
    /// --shard]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// The flag of parameters.
#[derive(Clone, Debug, Args)]
pub(super) struct ParameterArgs {
    /// A parameter and its values, NAME=LIST: numbers, words, durations and ranges, such as fanout=1..=5 or
    /// period=50ms,1s; repeatable
    #[arg(long = "param", value_name = "NAME=LIST", value_parser = parameter)]
    pub(super) parameters: Vec<(String, ValueList)>,
}

/// The flags of the node.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// The strategies. `tune` changes this help.
    #[arg(long, value_name = "LIST", conflicts_with = "bin", value_delimiter = ',', action = ArgAction::Set)]
    #[arg(value_parser = file::strategy, help = strategies_help("hub"))]
    strategy: Vec<StrategyKind>,
    #[command(flatten)]
    program: ProgramArgs,
    /// Name of the node in tables and plots [default: the strategy, or the program's name]
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    label: Option<String>,
}

/// The flags of the node's program.
#[derive(Clone, Debug, Args)]
pub(super) struct ProgramArgs {
    /// Your own node: a program that speaks Maelstrom's protocol [default: this repository's node]
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// Arguments of the node. Placeholders become the values of parameters: {batch_timeout} becomes 50ms,
    /// {batch_timeout_ms} 50 and {batch_timeout_s} 0.05
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, value_parser = ArgsTemplate::parse)]
    node_args: Option<ArgsTemplate>,
    /// An environment variable of the node, NAME=VALUE with the same placeholders; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = EnvTemplate::from_str)]
    node_env: Vec<EnvTemplate>,
}

/// The help of `--seed` for a command without `--shard`.
pub(super) const SEED_HELP: &str =
    "Seed of the first run; each further run has the next one [default: chosen at random]";

/// The help of `--batch-timeouts` for a command with this default.
pub(super) fn timeouts_help(default: &str) -> String {
    format!(
        "Batch timeouts in ms or with units: a list, or ranges, such as 25,50,100..=400:50 or 0.5s [default: {default}]"
    )
}

/// The help of `--strategy` for a command with this default.
pub(super) fn strategies_help(default: &str) -> String {
    format!("Strategies of this repository's node: a list of tree, hub and direct [default: {default}]")
}

impl ProgramArgs {
    /// The node with this label.
    pub(super) fn node(&self, label: Option<String>) -> NodeTable {
        let ProgramArgs { bin, node_args, node_env } = self.clone();
        NodeTable { bin, label, args: node_args, env: node_env }
    }
}

fn timeouts(text: &str) -> Result<ValueList, String> {
    match list::durations(text, DefaultUnit::Milliseconds) {
        Ok(_) => Ok(ValueList(text.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

fn parameter(text: &str) -> Result<(String, ValueList), String> {
    let (name, values) = text.split_once('=').ok_or_else(|| {
        format!("{text:?} does not give a parameter values; write NAME=LIST, as in fanout=2,3")
    })?;
    let name = name.trim();
    if ![BATCH_TIMEOUT, STRATEGY].contains(&name) && Setting::named(name).is_none() {
        UserParameter::parse(name, values).map_err(|error| error.to_string())?;
    }
    Ok((name.to_owned(), ValueList(values.to_owned())))
}

impl DescriptionArgs {
    /// The sweep, and why it has its engine. A resumed sweep in `directory` keeps its seed; any other has
    /// `default_seed`.
    ///
    /// # Errors
    /// If the file cannot be read, or what it and the flags say is not a sweep.
    pub(super) fn resolve(
        &self,
        settings: &SettingsArgs,
        limits: &LimitArgs,
        directory: &Path,
        resumes: bool,
        default_seed: impl FnOnce() -> u64,
    ) -> anyhow::Result<(SweepSpec, String)> {
        let (file, why) = self.file(settings, limits)?;
        Ok((complete(file, directory, resumes, default_seed)?, why))
    }

    /// What a file and the flags over it say, with the engine, and why that is the one that it is.
    ///
    /// # Errors
    /// If the file cannot be read, or the engine is not there.
    pub(super) fn file(
        &self,
        settings: &SettingsArgs,
        limits: &LimitArgs,
    ) -> anyhow::Result<(SpecFile, String)> {
        let file = match &self.spec {
            Some(path) if path.is_dir() => SpecFile::read(&path.join(SPEC_FILE))?,
            Some(path) => SpecFile::read(path)?,
            None => SpecFile::default(),
        };
        let file = self.preset.map_or(file.clone(), |challenge| file.overlaid(challenge.into()));
        let mut file = file.overlaid(self.flags(settings, limits));
        let (engine, why) = self.engine.choose(file.engine)?;
        file.engine = Some(engine);
        Ok((file, why))
    }

    /// What the flags say.
    fn flags(&self, settings: &SettingsArgs, limits: &LimitArgs) -> SpecFile {
        let NodeArgs { strategy, program, label } = &self.node;
        let mut parameters = settings.given().clone();
        parameters.extend(self.parameters.parameters.iter().cloned());
        if let Some(timeouts) = &self.batch_timeouts {
            parameters.insert(BATCH_TIMEOUT.to_owned(), timeouts.clone());
        }
        if !strategy.is_empty() {
            let names: Vec<&str> = strategy.iter().map(|strategy| strategy.name()).collect();
            parameters.insert(STRATEGY.to_owned(), ValueList(names.join(",")));
        }
        SpecFile {
            engine: None,
            seed: self.seed,
            repetitions: self.repetitions,
            sample: self.sample,
            x: self.axis.x.clone(),
            node: program.node(label.clone()),
            parameters,
            limits: limits.given().iter().map(Into::into).collect(),
            extends: Vec::new(),
        }
    }
}

/// The complete description. A sweep in `directory` that is to be resumed says which seed it began with.
///
/// # Errors
/// If what the file says is not a sweep.
pub(super) fn complete(
    file: SpecFile,
    directory: &Path,
    resumes: bool,
    default_seed: impl FnOnce() -> u64,
) -> anyhow::Result<SweepSpec> {
    let existing = if resumes { folder::spec_in(directory)? } else { None };
    let seed = existing.map_or_else(default_seed, |spec| spec.seed);
    // The engine that is taken where the file names none.
    file.resolve(EngineKind::Embedded, seed).map_err(|error| UsageError::caused_by(&error).into())
}

/// A seed that differs from one sweep to the next, small enough to type.
pub(super) fn random_seed() -> u64 {
    u64::from(jiff::Timestamp::now().as_nanosecond() as u32)
}
