//! `sweep.toml`: a sweep's description in its folder, and the form in which a user writes one.
//!
//! A [`SpecFile`] may leave things out. Flags are one, too: what they say is laid over a file's, and what
//! nobody says has its default. A sweep writes the complete description, so that the file repeats the sweep
//! exactly.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use node::StrategyKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::durations::DefaultUnit;
use super::engine::EngineKind;
use super::limits::{Challenge, Limits};
use super::list;
use super::node::Node;
use super::parameter::{Parameter, UserParameter};
use super::setting::Setting;
use super::settings::{Noise, Settings};
use super::sweep::{Grid, SettingLists, SweepSpec};
use super::template::{ArgsTemplate, EnvTemplate};

/// The file of a sweep's folder that describes it.
pub const SPEC_FILE: &str = "sweep.toml";
/// The parameter that is the node's batch timeout.
pub const BATCH_TIMEOUT: &str = "batch_timeout";
/// The parameter that is the strategy of this repository's node.
pub const STRATEGY: &str = "strategy";
/// The batch timeouts of a sweep that names none.
pub const DEFAULT_BATCH_TIMEOUTS: &str = "50,100,150,300,500,800";
/// The repetitions of a sweep that names none.
pub const DEFAULT_REPETITIONS: u32 = 3;

/// A sweep as far as somebody described it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecFile {
    /// What executes the runs.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name")]
    pub engine: Option<EngineKind>,
    /// The seed of the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How often each point is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetitions: Option<u32>,
    /// How many points of the grid are measured, spread evenly over it; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u32>,
    /// The horizontal axis of plots and fits: the name of a numeric parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// What runs as a node.
    #[serde(default, skip_serializing_if = "NodeTable::is_bundled")]
    pub node: NodeTable,
    /// The parameters' values, by name. A name that is not built in is the user's.
    #[serde(default)]
    pub parameters: BTreeMap<String, ValueList>,
    /// What runs are to stay below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitsTable>,
    /// The grids that this one extends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<GridTable>,
}

/// What runs as a node; without a program, this repository's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTable {
    /// A program other than this repository's node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bin: Option<PathBuf>,
    /// Its name in tables and plots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The arguments of the node, with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<ArgsTemplate>,
    /// Variables added to the environment, each as `NAME=TEMPLATE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvTemplate>,
}

impl NodeTable {
    /// Whether it is this repository's node without further arguments.
    fn is_bundled(&self) -> bool {
        *self == NodeTable::default()
    }
}

/// An earlier grid of an extended sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridTable {
    /// How often each point was measured.
    pub repetitions: u32,
    /// How many points were measured, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u32>,
    /// The parameters' values, by name.
    pub parameters: BTreeMap<String, ValueList>,
}

/// Limits: the name of a challenge, or own ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsTable {
    /// A challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// Messages between nodes for each operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msgs_per_op: Option<f64>,
    /// The median stable latency in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<u64>,
    /// The maximum stable latency in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
}

/// The values of a parameter, each as it is typed. In a file it is a list, or one value, which may be a list
/// or a range as its flag takes it: `["50ms", "100ms"]`, `5`, `"50..=400:50"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueList(pub String);

/// A value as TOML has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Written>),
}

impl Written {
    /// A number as a number, everything else as text.
    fn of(text: &str) -> Written {
        let number = |number: f64| number.is_finite().then_some(Written::Number(number));
        let whole = text.parse().ok().map(Written::Whole);
        let number = whole.or_else(|| text.parse().ok().and_then(number));
        // Only if it reads back as it was typed: placeholders stand for the text.
        match number {
            Some(number) if number.to_text() == text => number,
            _ => Written::Text(text.to_owned()),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Written::Whole(number) => number.to_string(),
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text.clone(),
            Written::List(list) => list.iter().map(Written::to_text).collect::<Vec<_>>().join(","),
        }
    }
}

impl Serialize for ValueList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.split(',').map(Written::of))
    }
}

impl<'de> Deserialize<'de> for ValueList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ValueList, D::Error> {
        Written::deserialize(deserializer).map(|written| ValueList(written.to_text()))
    }
}

impl fmt::Display for ValueList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SpecFile {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is not a description of a sweep; the message names the line.
    pub fn read(path: &Path) -> anyhow::Result<SpecFile> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} does not describe a sweep", path.display()))
    }

    /// This description with what `over` says in place of what this says.
    pub fn overlaid(mut self, over: SpecFile) -> SpecFile {
        let extends = if over.parameters.is_empty() && over.repetitions.is_none() && over.sample.is_none() {
            self.extends
        } else {
            // Another grid is another sweep; which runs it shares with the old one does not matter.
            Vec::new()
        };
        if over.node.bin.is_some() {
            // Arguments and strategies of one program mean nothing to another.
            self.parameters.remove(STRATEGY);
        }
        self.parameters.extend(over.parameters);
        let node = match over.node.bin {
            Some(_) => over.node,
            None => NodeTable {
                bin: self.node.bin,
                label: over.node.label.or(self.node.label),
                args: over.node.args.or(self.node.args),
                env: if over.node.env.is_empty() { self.node.env } else { over.node.env },
            },
        };
        SpecFile {
            engine: over.engine.or(self.engine),
            seed: over.seed.or(self.seed),
            repetitions: over.repetitions.or(self.repetitions),
            sample: over.sample.or(self.sample),
            x: over.x.or(self.x),
            node,
            parameters: self.parameters,
            limits: if over.limits.is_empty() { self.limits } else { over.limits },
            extends,
        }
    }

    /// The complete description. `engine` and `seed` are the defaults.
    ///
    /// # Errors
    /// If a parameter does not exist or has no such value, or the node's arguments have a fault.
    pub fn resolve(self, engine: EngineKind, seed: u64) -> anyhow::Result<SweepSpec> {
        let limits = self.limits()?;
        let node = self.node.bin.map_or(Node::Bundled, Node::Program);
        let mentions_timeout = self.node.args.iter().any(|args| args.uses(BATCH_TIMEOUT))
            || self.node.env.iter().any(|variable| variable.uses(BATCH_TIMEOUT));
        // Any other node may not have one at all.
        let has_timeout = node == Node::Bundled || mentions_timeout;
        let counts = (self.repetitions.unwrap_or(DEFAULT_REPETITIONS), self.sample);
        let mut spec = SweepSpec {
            engine: self.engine.unwrap_or(engine),
            seed: self.seed.unwrap_or(seed),
            label: self.node.label,
            args: self.node.args.unwrap_or_default(),
            env: self.node.env,
            grid: grid((&node, has_timeout), counts, &self.parameters)?,
            limits,
            axis: None,
            extends: self
                .extends
                .iter()
                .map(|table| grid((&node, has_timeout), (table.repetitions, table.sample), &table.parameters))
                .collect::<Result<_, _>>()?,
            node,
        };
        if spec.run_count() == usize::MAX {
            bail!("the parameters have more combinations than can be counted; give fewer values");
        }
        let runs = spec.outline().context("--node-args, --node-env")?;
        spec.axis = self.x.map(|name| Parameter::axis(&name, &runs)).transpose()?;
        let beyond = |settings: &Settings| settings.message_faults.any() || settings.noise != Noise::Idle;
        if spec.engine != EngineKind::Simulated && runs.iter().any(|run| beyond(&run.settings)) {
            bail!("Maelstrom has no --loss, --duplication and --noise; use --engine simulated");
        }
        Ok(spec)
    }

    /// The limits.
    ///
    /// # Errors
    /// If there is no challenge of a name.
    pub fn limits(&self) -> anyhow::Result<Vec<Limits>> {
        self.limits.iter().map(LimitsTable::limits).collect()
    }

    /// The description as TOML.
    ///
    /// # Errors
    /// If a path in it is not text.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string(self).context("the description of the sweep cannot be written")
    }
}

impl From<Challenge> for SpecFile {
    /// The network and the workload of a challenge, and its limits. Both challenges have the defaults of
    /// [`Settings`].
    fn from(challenge: Challenge) -> SpecFile {
        const OF_CHALLENGE: [&str; 4] = ["node_count", "rate", "latency", "time_limit"];
        let settings = Settings::default();
        let value = |name: &str| Some((name.to_owned(), ValueList(Setting::named(name)?.text_of(&settings))));
        SpecFile {
            parameters: OF_CHALLENGE.into_iter().filter_map(value).collect(),
            limits: vec![LimitsTable::from(&challenge.into())],
            ..SpecFile::default()
        }
    }
}

impl From<&SweepSpec> for SpecFile {
    fn from(spec: &SweepSpec) -> SpecFile {
        let bin = if let Node::Program(program) = &spec.node { Some(program.clone()) } else { None };
        SpecFile {
            engine: Some(spec.engine),
            seed: Some(spec.seed),
            repetitions: Some(spec.grid.repetitions),
            sample: spec.grid.sample,
            x: spec.axis.as_ref().map(|axis| axis.name().to_owned()),
            node: NodeTable {
                bin,
                label: spec.label.clone(),
                args: Some(spec.args.clone()).filter(|args| !args.is_empty()),
                env: spec.env.clone(),
            },
            parameters: parameters(&spec.grid),
            limits: spec.limits.iter().map(LimitsTable::from).collect(),
            extends: spec
                .extends
                .iter()
                .map(|grid| GridTable {
                    repetitions: grid.repetitions,
                    sample: grid.sample,
                    parameters: parameters(grid),
                })
                .collect(),
        }
    }
}

/// A grid from the values that somebody gave, of a node that has a batch timeout or not.
fn grid(
    (node, has_timeout): (&Node, bool),
    (repetitions, sample): (u32, Option<u32>),
    given: &BTreeMap<String, ValueList>,
) -> anyhow::Result<Grid> {
    let mut settings = SettingLists::default();
    let mut users = Vec::new();
    let mut batch_timeouts = match has_timeout {
        true => list::durations(DEFAULT_BATCH_TIMEOUTS, DefaultUnit::Milliseconds)?,
        false => Vec::new(),
    };
    let mut strategies = match node {
        Node::Bundled => vec![StrategyKind::default()],
        Node::Program(_) => Vec::new(),
    };
    for (name, ValueList(values)) in given {
        let context = || format!("the parameter {name}");
        match (name.as_str(), node) {
            (BATCH_TIMEOUT, _) => {
                batch_timeouts = list::durations(values, DefaultUnit::Milliseconds).with_context(context)?;
            }
            (STRATEGY, Node::Bundled) => {
                let each = values.split(',').map(strategy).collect::<Result<_, _>>();
                strategies = each.map_err(anyhow::Error::msg).with_context(context)?;
            }
            (STRATEGY, Node::Program(_)) => {
                bail!("only this repository's node has strategies; leave out bin")
            }
            (name, _) => match Setting::named(name) {
                Some(setting) => settings.set(name, setting.parse_list(values).with_context(context)?)?,
                None => users.push(UserParameter::parse(name, values).with_context(context)?),
            },
        }
    }
    if repetitions == 0 {
        bail!("repetitions must be at least 1");
    }
    if sample == Some(0) {
        bail!("sample must be at least 1");
    }
    Ok(Grid { repetitions, sample, batch_timeouts, parameters: users, strategies, settings })
}

/// The values of a grid, each as it is typed.
pub fn parameters(grid: &Grid) -> BTreeMap<String, ValueList> {
    let list = |values: Vec<String>| ValueList(values.join(","));
    let settings = grid.settings.iter().map(|(setting, values)| {
        (setting.name.to_owned(), list(values.iter().map(|value| setting.text(value)).collect()))
    });
    let mut parameters: BTreeMap<String, ValueList> = settings.collect();
    let timeouts = grid.batch_timeouts.iter().map(|timeout| format!("{}ms", timeout.as_millis()));
    if !grid.batch_timeouts.is_empty() {
        parameters.insert(BATCH_TIMEOUT.to_owned(), list(timeouts.collect()));
    }
    for UserParameter { name, values } in &grid.parameters {
        parameters.insert(name.clone(), list(values.iter().map(|choice| choice.text.clone()).collect()));
    }
    if !grid.strategies.is_empty() {
        let names = grid.strategies.iter().map(|strategy| strategy.name().to_owned());
        parameters.insert(STRATEGY.to_owned(), list(names.collect()));
    }
    parameters
}

/// The strategy of this name.
///
/// # Errors
/// If there is none; the message lists them.
pub fn strategy(text: &str) -> Result<StrategyKind, String> {
    StrategyKind::ALL.into_iter().find(|strategy| strategy.name() == text).ok_or_else(|| {
        format!(
            "choose from {}; other nodes take --bin",
            StrategyKind::ALL.map(StrategyKind::name).join(", ")
        )
    })
}

impl LimitsTable {
    fn limits(&self) -> anyhow::Result<Limits> {
        let ms = |ms: Option<u64>| ms.map(std::time::Duration::from_millis);
        if let Some(challenge) = &self.challenge {
            return challenge.parse().map_err(anyhow::Error::msg).context("limits");
        }
        let LimitsTable { msgs_per_op, median_ms, max_ms, .. } = *self;
        Ok(Limits { name: String::new(), msgs_per_op, median: ms(median_ms), max: ms(max_ms) })
    }
}

impl From<&Limits> for LimitsTable {
    fn from(limits: &Limits) -> LimitsTable {
        if !limits.name.is_empty() {
            return LimitsTable { challenge: Some(limits.name.clone()), ..LimitsTable::default() };
        }
        let ms = |limit: Option<std::time::Duration>| limit.map(|limit| limit.as_millis() as u64);
        LimitsTable {
            challenge: None,
            msgs_per_op: limits.msgs_per_op,
            median_ms: ms(limits.median),
            max_ms: ms(limits.max),
        }
    }
}

/// An engine by its name.
mod by_name {
    use super::{Deserialize, Deserializer, EngineKind, Serializer};

    pub(super) fn serialize<S: Serializer>(
        kind: &Option<EngineKind>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.map_or("", EngineKind::name))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<EngineKind>, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Some).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> anyhow::Result<SweepSpec> {
        toml::from_str::<SpecFile>(text)?.resolve(EngineKind::Simulated, 7)
    }

    #[test]
    fn missing_keys_have_their_defaults() {
        let spec = resolve("").unwrap();
        assert_eq!((spec.engine, spec.seed, spec.grid.repetitions), (EngineKind::Simulated, 7, 3));
        assert_eq!(spec.runs().unwrap().len(), 18);
    }

    #[test]
    fn a_written_description_reads_back_as_it_was() {
        let text = "engine = \"embedded\"\nseed = 9\nrepetitions = 2\nsample = 9\nx = \"rate\"\n[node]\nbin = \"./a b.py\"\nlabel = \"my node\"\n\
            args = \"-t {batch_timeout_s}\"\nenv = [\"A=b c\", \"T={batch_timeout}\"]\n[parameters]\nbatch_timeout = \"50..=150:50\"\nnode_count = [5, 25]\n\
            rate = 0.5\nlatency = \"1s\"\navailability = \"none\"\n[[limits]]\nchallenge = \"3d\"\n[[limits]]\nmax_ms = 500\n";
        let spec = resolve(text).unwrap();
        assert_eq!(spec.runs().unwrap().len(), 2 * 3 * 2);
        let extended = spec.extended_to(Grid { repetitions: 3, ..spec.grid.clone() });
        for spec in [spec, extended] {
            let written = SpecFile::from(&spec).to_toml().unwrap();
            assert_eq!(resolve(&written).unwrap(), spec, "{written}");
        }
    }

    #[test]
    fn slips_are_named() {
        for (text, problem) in [
            ("engine = \"jepsen\"", "choose one of maelstrom, embedded, simulated"),
            ("sed = 5", "unknown field `sed`"),
            ("[parameters]\nnodes = 5", "nothing uses the parameter nodes: write {nodes} in --node-args"),
            ("[parameters]\nnode-count = 5", "\"node-count\" is not a name for a parameter"),
            ("[node]\nbin = \"x\"\nargs = \"{x}\"", "{x} is not a placeholder; the node has no parameters"),
            ("[parameters]\nnode_count = 0", "the parameter node_count: \"0\" is not a valid node-count"),
            ("[parameters]\nbatch_timeout = [\"x\"]", "the parameter batch_timeout: \"x\""),
            ("[node]\nargs = \"{x}\"", "{x} is not a placeholder"),
            (
                "[node]\nbin = \"x\"\n[parameters]\nstrategy = \"hub\"",
                "only this repository's node has strategies",
            ),
            ("engine = \"embedded\"\n[parameters]\nloss = 0.1", "--engine simulated"),
            ("repetitions = 0", "at least 1"),
            ("sample = 0", "sample must be at least 1"),
        ] {
            let error = format!("{:#}", resolve(text).unwrap_err());
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn a_preset_is_a_challenge_whatever_a_file_says() {
        let [_, efficiency] = Challenge::ALL;
        let file: SpecFile = toml::from_str("[parameters]\nnode_count = 5\ntopology = \"line\"").unwrap();
        let preset = SpecFile::from(efficiency);
        assert_eq!(preset.parameters.len(), 4, "{preset:?}");
        let spec = file.overlaid(preset).resolve(EngineKind::Simulated, 1).unwrap();
        let settings = spec.runs().unwrap()[0].settings.clone();
        assert_eq!((settings.node_count, settings.topology.to_string().as_str()), (25, "line"));
        assert_eq!(spec.limits, [Limits::from(efficiency)]);
    }

    #[test]
    fn flags_are_laid_over_a_file() {
        let file: SpecFile =
            toml::from_str("seed = 9\n[node]\nargs = \"-x\"\n[parameters]\nstrategy = \"tree\"\nrate = 5")
                .unwrap();
        let over: SpecFile = toml::from_str("repetitions = 5\n[parameters]\nrate = 10").unwrap();
        let both = file.clone().overlaid(over);
        assert_eq!((both.seed, both.repetitions), (Some(9), Some(5)));
        assert_eq!(both.parameters["rate"], ValueList("10".to_owned()));
        let other: SpecFile = toml::from_str("[node]\nbin = \"y\"").unwrap();
        let spec = file.overlaid(other).resolve(EngineKind::Embedded, 1).unwrap();
        assert!(spec.args.is_empty() && spec.grid.strategies.is_empty());
    }
}
