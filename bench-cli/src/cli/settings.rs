//! The flags of Maelstrom's settings, from the table that defines them.

use std::collections::BTreeMap;

use anyhow::bail;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::usage::UsageError;
use crate::spec::SettingLists;
use crate::spec::durations::{DefaultUnit, parse_duration};
use crate::spec::file::ValueList;
use crate::spec::setting::Setting;
use crate::spec::settings::Settings;

/// The settings that were typed. Each may be a list; numbers and durations may be ranges.
#[derive(Clone, Debug, Default)]
pub struct SettingsArgs {
    given: BTreeMap<String, ValueList>,
}

impl SettingsArgs {
    /// The values that were typed, by the settings' names.
    pub fn given(&self) -> &BTreeMap<String, ValueList> {
        &self.given
    }

    /// The settings that the flags say, for a command that takes one of each.
    ///
    /// # Errors
    /// If a flag has several values.
    pub fn one(&self) -> anyhow::Result<Settings> {
        let mut lists = SettingLists::default();
        for (name, ValueList(text)) in &self.given {
            if let Some(setting) = Setting::named(name) {
                lists.set(name, setting.parse_list(text)?)?;
            }
        }
        match lists.only() {
            Some(settings) => Ok(settings),
            None => bail!(UsageError::new(format!(
                "only a sweep takes lists of settings; these are {}",
                lists.iter().fold(1, |all: usize, (_, values)| all.saturating_mul(values.len()))
            ))),
        }
    }
}

/// The heading of the flags in a command's help.
const HEADING: &str = "Network, workload and faults";

/// Changes the flags' heading in the help of a command that takes lists.
pub(super) fn with_lists(arg: Arg) -> Arg {
    match arg.get_help_heading() {
        Some(HEADING) => arg.help_heading(format!("{HEADING} (lists are allowed, such as 5,25)")),
        _ => arg,
    }
}

/// Other names of a flag that people type before they have read the help.
fn aliases(setting: &Setting) -> &'static [&'static str] {
    match setting.name {
        "node_count" => &["nodes"],
        "time_limit" => &["duration"],
        _ => &[],
    }
}

fn parser(setting: &'static Setting) -> impl Fn(&str) -> Result<ValueList, String> + Clone {
    move |text| match setting.parse_list(text) {
        Ok(_) => Ok(ValueList(text.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<SettingsArgs, clap::Error> {
        let mut args = SettingsArgs::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in Setting::ALL {
            if let Some(values) = matches.get_one::<ValueList>(setting.name) {
                self.given.insert(setting.name.to_owned(), values.clone());
            }
        }
        Ok(())
    }
}

impl Args for SettingsArgs {
    fn augment_args(command: Command) -> Command {
        let default = Settings::default();
        let flag = |setting: &'static Setting| {
            Arg::new(setting.name)
                .long(setting.flag())
                .aliases(aliases(setting))
                .value_name(setting.value_name)
                .help(format!("{} [default: {}]", setting.help, setting.text_of(&default)))
                .value_parser(parser(setting))
        };
        command.next_help_heading(HEADING).args(Setting::ALL.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A duration for a flag; a number without a unit is milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text, DefaultUnit::Milliseconds).map_err(|error| error.to_string())
}

/// A duration above 0 for a flag; a number without a unit is seconds, as for Maelstrom.
pub(super) fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let duration = parse_duration(text, DefaultUnit::Seconds).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::spec::settings::LatencyDistribution;
    use crate::spec::{EngineKind, SweepSpec};
    use clap::Parser;
    use node::StrategyKind;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    fn parse(args: &str) -> Result<Settings, String> {
        let words = std::iter::once("probe").chain(args.split_whitespace());
        let probe = Probe::try_parse_from(words).map_err(|error| error.to_string())?;
        probe.settings.one().map_err(|error| error.to_string())
    }

    fn combinations(args: &str) -> Vec<Settings> {
        let words = std::iter::once("probe").chain(args.split_whitespace());
        let mut lists = SettingLists::default();
        for (name, ValueList(text)) in Probe::try_parse_from(words).unwrap().settings.given() {
            lists.set(name, Setting::named(name).unwrap().parse_list(text).unwrap()).unwrap();
        }
        let mut sweep = SweepSpec::bundled(EngineKind::Simulated, &[StrategyKind::Hub], &[Duration::ZERO]);
        sweep.grid.repetitions = 1;
        sweep.grid.settings = lists;
        sweep.runs().unwrap().into_iter().map(|run| run.settings).collect()
    }

    #[test]
    fn lists_and_ranges_give_every_combination() {
        let all = combinations("--node-count 5..=15:5,25 --latency 10,1s --latency-dist constant,uniform");
        assert_eq!(all.len(), 4 * 2 * 2);
        let last = all.last().unwrap();
        assert_eq!((last.node_count, last.latency.mean), (25, Duration::from_secs(1)));
        assert_eq!(last.latency.distribution, LatencyDistribution::Uniform);
        assert!(parse("--rate 50,100").unwrap_err().contains("only a sweep takes lists"));
        assert_eq!(
            combinations("--rate 0.1..=0.5:0.2").iter().map(|s| s.rate).collect::<Vec<_>>(),
            [0.1, 0.3, 0.5]
        );
    }

    #[test]
    fn aliases_are_understood() {
        assert_eq!(parse("--nodes 5 --duration 3"), parse("--node-count 5 --time-limit 3s"));
    }

    #[test]
    fn no_flag_is_the_challenge() {
        assert_eq!(parse(""), Ok(Settings::default()));
    }

    #[test]
    fn numbers_without_units_have_maelstroms_units() {
        assert_eq!(
            parse("--latency 50 --time-limit 5 --nemesis partition --nemesis-interval 2"),
            parse("--latency 50ms --time-limit 5s --nemesis partition --nemesis-interval 2s")
        );
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_right_form() {
        for (args, hint) in [
            ("--node-count 0", "at least 1"),
            ("--node-count 5-25", "\"5-25\" should be written as 5..=25"),
            ("--latency 10-50ms", "\"10-50ms\" should be written as 10..=50ms:STEP"),
            ("--rate -1", "unexpected argument"),
            ("--rate=-1", "at least 0"),
            ("--rate inf", "at least 0"),
            ("--time-limit 1500ms", "whole seconds only"),
            ("--time-limit 0", "more than 0"),
            ("--topology ring", "choose one of grid"),
            ("--nemesis melt", "partition"),
            ("--loss 1", "less than 1"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(hint), "{args}: {error}");
        }
    }
}
