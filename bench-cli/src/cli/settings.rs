//! The flags that say what a run is. They have the names of Maelstrom's own options.

use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use crate::spec::durations::{DefaultUnit, parse_duration, parse_list};
use crate::spec::numbers;
use crate::spec::settings::{
    Availability, Concurrency, Faults, InvalidSetting, LatencyDistribution, Nemesis, Settings, Topology,
};

/// Network, workload and faults of the runs. The defaults are those of challenges 3d and 3e. Most may be lists, such as
/// `5,25`, and numbers ranges, such as `5..=25:5`; each combination is a series.
#[derive(Clone, Debug, Args)]
#[command(
    next_help_heading = "Network, workload and faults (as in Maelstrom; a sweep takes lists, such as 5,25)"
)]
pub struct SettingsArgs {
    /// Number of nodes
    #[arg(long, value_name = "N", default_value = "25", value_parser = list_of(positive))]
    node_count: List<usize>,
    /// Number of clients, or how many a node (2n)
    #[arg(long, value_name = "N", default_value = "1n", value_parser = names::<Concurrency>)]
    concurrency: List<Concurrency>,
    /// Operations a second over all clients
    #[arg(long, value_name = "RATE", default_value = "100", value_parser = list_of(rate))]
    rate: List<f64>,
    /// How long operations go on, in whole seconds
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = whole_seconds)]
    time_limit: List<Duration>,
    /// Mean latency from one node to another
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = millisecond_list)]
    latency: List<Duration>,
    /// Distribution of the latency: constant, uniform or exponential
    #[arg(long, value_name = "NAME", default_value = "constant", value_parser = names::<LatencyDistribution>)]
    latency_dist: List<LatencyDistribution>,
    /// Neighbours that nodes are told of: grid, line, tree, tree2, tree3, tree4 or total
    #[arg(long, value_name = "NAME", default_value = "grid", value_parser = names::<Topology>)]
    topology: List<Topology>,
    /// Faults to inject: any of partition, kill and pause, with commas between
    #[arg(long, value_name = "FAULTS", default_value_t = Faults::NONE)]
    nemesis: Faults,
    /// Mean time between fault operations
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = second_list)]
    nemesis_interval: List<Duration>,
    /// Fraction of requests that must succeed: 0 to 1, or total
    #[arg(long, value_name = "FRACTION")]
    availability: Option<Availability>,
    /// Fraction of messages between nodes that get lost (simulated engine only)
    #[arg(long, value_name = "FRACTION", default_value = "0", value_parser = list_of(fraction))]
    loss: List<f64>,
    /// Fraction of messages between nodes that arrive twice (simulated engine only)
    #[arg(long, value_name = "FRACTION", default_value = "0", value_parser = list_of(fraction))]
    duplication: List<f64>,
}

/// The values of one flag, at least one.
#[derive(Clone, Debug, PartialEq)]
struct List<T>(Vec<T>);

impl SettingsArgs {
    /// The settings that the flags say: every combination of their values, the last flag's changing fastest.
    pub fn combinations(&self) -> Vec<Settings> {
        let availability = self.availability;
        let mut all = vec![Settings { availability, ..Settings::default() }];
        vary(&mut all, &self.node_count, |settings, &count| settings.node_count = count);
        vary(&mut all, &self.concurrency, |settings, &concurrency| settings.concurrency = concurrency);
        vary(&mut all, &self.rate, |settings, &rate| settings.rate = rate);
        vary(&mut all, &self.time_limit, |settings, &limit| settings.time_limit = limit);
        vary(&mut all, &self.latency, |settings, &mean| settings.latency.mean = mean);
        vary(&mut all, &self.latency_dist, |settings, &shape| settings.latency.distribution = shape);
        vary(&mut all, &self.topology, |settings, &topology| settings.topology = topology);
        let faults = self.nemesis;
        vary(&mut all, &self.nemesis_interval, |settings, &interval| {
            settings.nemesis = Nemesis { faults, interval };
        });
        vary(&mut all, &self.loss, |settings, &loss| settings.message_faults.loss = loss);
        vary(&mut all, &self.duplication, |settings, &fraction| {
            settings.message_faults.duplication = fraction;
        });
        all
    }

    /// The settings that the flags say, for a command that takes one of each.
    ///
    /// # Errors
    /// If a flag has several values.
    pub fn one(&self) -> anyhow::Result<Settings> {
        let mut all = self.combinations();
        match (all.pop(), all.len()) {
            (Some(settings), 0) => Ok(settings),
            (_, others) => bail!("only a sweep takes lists of settings; these are {}", others + 1),
        }
    }
}

/// Replaces each of `all` by one for each value.
fn vary<T>(all: &mut Vec<Settings>, values: &List<T>, set: impl Fn(&mut Settings, &T)) {
    let with = |settings: &Settings, value: &T| {
        let mut settings = settings.clone();
        set(&mut settings, value);
        settings
    };
    *all = all.iter().flat_map(|settings| values.0.iter().map(|value| with(settings, value))).collect();
}

/// A list of names.
fn names<T: FromStr<Err = InvalidSetting>>(text: &str) -> Result<List<T>, String> {
    let each = text.split(',').map(|name| name.trim().parse::<T>().map_err(|error| error.to_string()));
    each.collect::<Result<_, _>>().map(List)
}

/// A parser of numbers and ranges, each of which `valid` judges and reads.
fn list_of<T>(valid: fn(&str) -> Result<T, String>) -> impl Fn(&str) -> Result<List<T>, String> + Clone {
    move |text| {
        let numbers = numbers::expand(text).map_err(|error| error.to_string())?;
        numbers.iter().map(|number| valid(number)).collect::<Result<_, _>>().map(List)
    }
}

fn duration_list(text: &str, default: DefaultUnit) -> Result<List<Duration>, String> {
    parse_list(text, default).map(List).map_err(|error| error.to_string())
}

fn millisecond_list(text: &str) -> Result<List<Duration>, String> {
    duration_list(text, DefaultUnit::Milliseconds)
}

/// Durations above 0; numbers without a unit are seconds, as for Maelstrom.
fn second_list(text: &str) -> Result<List<Duration>, String> {
    let list = duration_list(text, DefaultUnit::Seconds)?;
    if list.0.iter().any(Duration::is_zero) { Err("it must be more than 0".to_owned()) } else { Ok(list) }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| "give a whole number of at least 1".to_owned())
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|fraction| (0.0..1.0).contains(fraction));
    fraction.ok_or_else(|| "give a fraction of at least 0 and less than 1, such as 0.05".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| "give operations a second as a number of at least 0, such as 100".to_owned())
}

/// A number without a unit is milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    parse_duration(text, DefaultUnit::Milliseconds).map_err(|error| error.to_string())
}

/// A duration above 0; a number without a unit is seconds, as for Maelstrom.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text, DefaultUnit::Seconds).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(duration) }
}

fn whole_seconds(text: &str) -> Result<List<Duration>, String> {
    let list = second_list(text)?;
    match list.0.iter().all(|duration| duration.subsec_nanos() == 0) {
        true => Ok(list),
        false => Err("Maelstrom takes whole seconds only, such as 20s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

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
        Probe::try_parse_from(words).unwrap().settings.combinations()
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
    fn no_flag_is_the_challenge() {
        assert_eq!(parse(""), Ok(Settings::default()));
    }

    #[test]
    fn numbers_without_units_mean_what_they_mean_to_maelstrom() {
        assert_eq!(
            parse("--latency 50 --time-limit 5 --nemesis partition --nemesis-interval 2"),
            parse("--latency 50ms --time-limit 5s --nemesis partition --nemesis-interval 2s")
        );
    }

    #[test]
    fn values_out_of_range_are_refused_with_what_to_type() {
        for (args, hint) in [
            ("--node-count 0", "at least 1"),
            ("--rate -1", "unexpected argument"),
            ("--rate=-1", "at least 0"),
            ("--rate inf", "at least 0"),
            ("--time-limit 1500ms", "whole seconds only"),
            ("--time-limit 0", "more than 0"),
            ("--topology ring", "choose one of grid"),
            ("--nemesis flood", "partition, kill, pause"),
            ("--loss 1", "less than 1"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(hint), "{args}: {error}");
        }
    }
}
