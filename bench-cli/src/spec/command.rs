//! The command line that makes a sweep.

use super::engine::EngineKind;
use super::node::Node;
use super::parameter::UserParameter;
use super::setting::Setting;
use super::settings::Settings;
use super::shell;
use super::sweep::SweepSpec;

/// The name of this program in files.
pub const PROGRAM: &str = "bench-cli";

impl SweepSpec {
    /// The command that makes this sweep, as one would type it. `None` for an extended sweep, whose seeds no
    /// flags give: its `sweep.toml` does.
    pub fn command(&self) -> Option<String> {
        self.extends.is_empty().then(|| self.typed(self.engine.takes_seed()))
    }

    /// The same for a seed chosen at random: further runs like these.
    pub fn command_without_seed(&self) -> String {
        self.typed(false)
    }

    /// The command that adds these runs to the sweep `there`, which is in `folder`.
    pub fn command_extending(&self, there: &SweepSpec, folder: &str) -> String {
        let mut words: Vec<String> =
            [PROGRAM, "sweep", "--spec", folder, "--out", folder].map(String::from).into();
        if self.grid.strategies != there.grid.strategies {
            words.push("--strategy".to_owned());
            words.push(list(self.grid.strategies.iter().map(|one| one.name().to_owned())));
        }
        let timeouts = list(self.grid.batch_timeouts.iter().map(|one| one.as_millis().to_string()));
        words.extend(["--batch-timeouts".to_owned(), timeouts]);
        words.extend(["--repetitions".to_owned(), self.grid.repetitions.to_string()]);
        shell::join(&words)
    }

    fn typed(&self, with_seed: bool) -> String {
        let mut words: Vec<String> = [PROGRAM, "sweep"].map(String::from).into();
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        flag("engine", self.engine.to_string());
        match &self.node {
            Node::Program(program) => flag("bin", program.display().to_string()),
            Node::Bundled => {
                flag("strategy", list(self.grid.strategies.iter().map(|one| one.name().to_owned())))
            }
        }
        if let Some(label) = &self.label {
            flag("label", label.clone());
        }
        if !self.args.is_empty() {
            flag("node-args", self.args.to_string());
        }
        self.env.iter().for_each(|variable| flag("node-env", variable.to_string()));
        if !self.grid.batch_timeouts.is_empty() {
            flag(
                "batch-timeouts",
                list(self.grid.batch_timeouts.iter().map(|one| one.as_millis().to_string())),
            );
        }
        for UserParameter { name, values } in &self.grid.parameters {
            flag("param", format!("{name}={}", list(values.iter().map(|one| one.text.clone()))));
        }
        flag("repetitions", self.grid.repetitions.to_string());
        if let Some(sample) = self.grid.sample {
            flag("sample", sample.to_string());
        }
        if let Some(axis) = &self.axis {
            flag("x", axis.name().to_owned());
        }
        // The seed chooses the sample, too.
        if with_seed || self.grid.sample.is_some() {
            flag("seed", self.seed.to_string());
        }
        let default = Settings::default();
        for (setting, values) in self.grid.settings.iter() {
            let text = list(values.iter().map(|value| setting.text(value)));
            if text != setting.text_of(&default) {
                flag(&setting.flag(), text);
            }
        }
        shell::join(&words)
    }
}

fn list(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",")
}

/// The flags that make a run in virtual time with these settings: those that are not at their defaults.
pub fn setting_flags(settings: &Settings) -> Vec<String> {
    let default = Settings::default();
    let differing = Setting::ALL.iter().filter(|setting| (setting.get)(settings) != (setting.get)(&default));
    differing.flat_map(|setting| [format!("--{}", setting.flag()), setting.text_of(settings)]).collect()
}

impl EngineKind {
    /// Whether a program of the user's can be run by it.
    pub const fn runs_programs(self) -> bool {
        !matches!(self, EngineKind::Simulated)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use node::StrategyKind;

    use super::*;
    use crate::spec::template::ArgsTemplate;
    use crate::spec::value::Value;
    use crate::spec::{Grid, Parameter};

    fn spec() -> SweepSpec {
        let timeouts = [400, 50].map(Duration::from_millis);
        let mut spec =
            SweepSpec::bundled(EngineKind::Embedded, &[StrategyKind::Tree, StrategyKind::Hub], &timeouts);
        spec.grid.repetitions = 2;
        spec.seed = 7;
        spec
    }

    #[test]
    fn a_sweep_is_one_command() {
        assert_eq!(
            spec().command().unwrap(),
            "bench-cli sweep --engine embedded --strategy tree,hub --batch-timeouts 400,50 --repetitions 2 --seed 7"
        );
        let maelstrom = SweepSpec { engine: EngineKind::Maelstrom, ..spec() };
        assert!(!maelstrom.command().unwrap().contains("--seed"));
        assert!(!spec().command_without_seed().contains("--seed"));
    }

    #[test]
    fn an_extension_names_only_new_values() {
        let mut more = spec();
        more.grid.strategies = vec![StrategyKind::Hub];
        more.grid.batch_timeouts = vec![Duration::from_millis(75)];
        more.grid.repetitions = 5;
        assert_eq!(
            more.command_extending(&spec(), "my sweep"),
            "bench-cli sweep --spec 'my sweep' --out 'my sweep' --strategy hub --batch-timeouts 75 --repetitions 5"
        );
    }

    #[test]
    fn commands_have_only_settings_that_are_not_the_default() {
        let mut spec = spec();
        for (name, values) in [
            ("node_count", vec![Value::count(25), Value::count(5)]),
            ("rate", vec![Value::number(12.5)]),
            ("latency", vec![Value::Duration(Duration::from_millis(20))]),
            ("nemesis", vec![Value::word("partition")]),
            ("availability", vec![Value::word("total")]),
        ] {
            spec.grid.settings.set(name, values).unwrap();
        }
        let command = spec.command().unwrap();
        assert!(
            command.ends_with(
                " --seed 7 --node-count 25,5 --rate 12.5 --latency 20ms --nemesis partition --availability total"
            ),
            "{command}"
        );
    }

    #[test]
    fn a_program_has_its_arguments_as_they_were_typed() {
        let args = ArgsTemplate::parse("--ms {batch_timeout_ms} 'a b {{x}}'").unwrap();
        let label = Some("my node".to_owned());
        let spec = SweepSpec { node: Node::Program("my node.py".into()), label, args, ..spec() };
        let spec = SweepSpec { axis: Some(Parameter::BatchTimeout), ..spec };
        let command = spec.command().unwrap();
        let words = shlex::split(&command).unwrap();
        let after = |flag: &str| &words[words.iter().position(|word| word == flag).unwrap() + 1];
        assert_eq!((after("--bin").as_str(), after("--label").as_str()), ("my node.py", "my node"));
        assert_eq!(after("--x"), "batch_timeout");
        assert_eq!(after("--node-args"), "--ms {batch_timeout_ms} 'a b {{x}}'");
    }

    #[test]
    fn no_command_makes_an_extended_sweep() {
        let extended = spec().extended_to(Grid { repetitions: 3, ..spec().grid });
        assert_eq!(extended.command(), None);
    }
}
