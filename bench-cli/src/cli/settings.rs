//! The flags that say what a run is. They have the names of Maelstrom's own options.

use std::time::Duration;

use clap::Args;

use crate::settings::{
    Availability, Concurrency, Latency, LatencyDistribution, MessageFaults, Nemesis, Settings, Topology,
};
use crate::sweep::durations::{DefaultUnit, parse_duration};

/// Network, workload and faults of every run. The defaults are those of challenges 3d and 3e.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network, workload and faults (as in Maelstrom)")]
pub struct SettingsArgs {
    /// Number of nodes
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = positive)]
    node_count: usize,
    /// Number of clients, or how many a node (2n)
    #[arg(long, value_name = "N", default_value = "1n")]
    concurrency: Concurrency,
    /// Operations a second over all clients
    #[arg(long, value_name = "RATE", default_value = "100", value_parser = rate)]
    rate: f64,
    /// How long operations go on, in whole seconds
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = whole_seconds)]
    time_limit: Duration,
    /// Mean latency from one node to another
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = milliseconds)]
    latency: Duration,
    /// Distribution of the latency: constant, uniform or exponential
    #[arg(long, value_name = "NAME", default_value = "constant")]
    latency_dist: LatencyDistribution,
    /// Neighbours that nodes are told of: grid, line, tree, tree2, tree3, tree4 or total
    #[arg(long, value_name = "NAME", default_value = "grid")]
    topology: Topology,
    /// Faults to inject
    #[arg(long, value_name = "FAULT", value_parser = ["partition"])]
    nemesis: Option<String>,
    /// Mean time between fault operations
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = seconds)]
    nemesis_interval: Duration,
    /// Fraction of requests that must succeed: 0 to 1, or total
    #[arg(long, value_name = "FRACTION")]
    availability: Option<Availability>,
    /// Fraction of messages between nodes that get lost (simulated engine only)
    #[arg(long, value_name = "FRACTION", default_value = "0", value_parser = fraction)]
    loss: f64,
    /// Fraction of messages between nodes that arrive twice (simulated engine only)
    #[arg(long, value_name = "FRACTION", default_value = "0", value_parser = fraction)]
    duplication: f64,
}

impl SettingsArgs {
    /// The settings that the flags say.
    pub fn settings(&self) -> Settings {
        Settings {
            node_count: self.node_count,
            concurrency: self.concurrency,
            rate: self.rate,
            time_limit: self.time_limit,
            latency: Latency { mean: self.latency, distribution: self.latency_dist },
            topology: self.topology,
            nemesis: Nemesis { partition: self.nemesis.is_some(), interval: self.nemesis_interval },
            availability: self.availability,
            message_faults: MessageFaults { loss: self.loss, duplication: self.duplication },
        }
    }
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

fn whole_seconds(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    match duration.subsec_nanos() {
        0 => Ok(duration),
        _ => Err("Maelstrom takes whole seconds only, such as 20s".to_owned()),
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
        Probe::try_parse_from(words).map(|probe| probe.settings.settings()).map_err(|e| e.to_string())
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
            ("--nemesis kill", "partition"),
            ("--loss 1", "less than 1"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(hint), "{args}: {error}");
        }
    }
}
