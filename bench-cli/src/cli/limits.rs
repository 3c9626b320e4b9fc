//! The flags of limits: what runs should stay below.

use std::time::Duration;

use clap::{Arg, ArgAction, Args};

use super::settings::milliseconds;
use crate::analysis::Series;
use crate::spec::limits::Challenge;
use crate::spec::{Limits, SweepSpec};

/// Limits. Without any, the challenges 3d and 3e are the limits of their own cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
pub struct LimitArgs {
    /// Limits of challenges. A command that takes one challenge changes this help.
    #[arg(long, value_name = "NAME", value_delimiter = ',', action = ArgAction::Set, help = format!(
        "{}; both: 3d,3e [default: those of sweep.toml, else both for 25 nodes at 100 op/s and 100 ms]",
        challenges()))]
    limit: Vec<Limits>,
    /// Upper limit of messages between nodes per operation
    #[arg(long, value_name = "N", value_parser = messages)]
    max_msgs_per_op: Option<f64>,
    /// Upper limit of the median stable latency
    #[arg(long, value_name = "TIME", value_parser = latency)]
    max_median: Option<Duration>,
    /// Upper limit of the maximum stable latency
    #[arg(long, value_name = "TIME", value_parser = latency)]
    max_latency: Option<Duration>,
}

/// The heading of the flags in a command's help.
const HEADING: &str = "Limits";

/// Changes the flags' heading in the help of a command that looks for settings within them.
pub(super) fn to_meet(arg: Arg) -> Arg {
    if arg.get_help_heading() == Some(HEADING) { arg.help_heading("Limits to meet") } else { arg }
}

/// The challenges and their limits, for the help of `--limit`.
fn challenges() -> String {
    let challenges = Challenge::ALL.map(|challenge| Limits::from(challenge).to_string());
    format!("Limits of a challenge: {}", challenges.join(" or "))
}

/// The help of `--limit` for a command that takes one challenge, with this default.
pub(super) fn one_challenge_help(default: &str) -> String {
    format!("{} [default: {default}]", challenges())
}

impl LimitArgs {
    /// The limits that were asked for.
    pub fn given(&self) -> Vec<Limits> {
        let own = Limits {
            name: String::new(),
            msgs_per_op: self.max_msgs_per_op,
            median: self.max_median,
            max: self.max_latency,
        };
        let own = (!own.is_empty()).then_some(own);
        self.limit.iter().cloned().chain(own).collect()
    }

    /// The limits to check these series against: those that were typed, else those of the sweep's
    /// description, else the challenges' where these are their settings.
    pub fn for_series(&self, series: &[Series<'_>], spec: Option<&SweepSpec>) -> Vec<Limits> {
        let given = self.given();
        if !given.is_empty() {
            return given;
        }
        match spec {
            Some(spec) if !spec.limits.is_empty() => spec.limits.clone(),
            _ => Series::challenges(series).iter().copied().map(|one: Challenge| one.into()).collect(),
        }
    }
}

/// No latency is below 0.
fn latency(text: &str) -> Result<Duration, String> {
    let limit = milliseconds(text)?;
    if limit.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(limit) }
}

fn messages(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "give messages for each operation as a number above 0, such as 20".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunRecord;
    use crate::record::tests::example;
    use crate::spec::settings::Faults;
    use clap::Parser;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        limits: LimitArgs,
    }

    fn try_parse(args: &str) -> Result<LimitArgs, String> {
        let words = std::iter::once("probe").chain(args.split_whitespace());
        Probe::try_parse_from(words).map(|probe| probe.limits).map_err(|error| error.to_string())
    }

    fn parse(args: &str) -> LimitArgs {
        try_parse(args).unwrap()
    }

    #[test]
    fn a_limit_that_nothing_can_meet_is_refused() {
        for args in ["--max-median 0", "--max-latency 0ms", "--max-msgs-per-op 0"] {
            let error = try_parse(args).unwrap_err();
            assert!(error.contains("more than 0") || error.contains("above 0"), "{args}: {error}");
        }
    }

    #[test]
    fn challenges_and_own_limits_are_several() {
        let given = parse("--limit 3d,3e --max-msgs-per-op 2 --max-latency 1.5s").given();
        let shown: Vec<String> = given.iter().map(Limits::to_string).collect();
        assert_eq!(shown[2], "msgs/op < 2.00, max < 1500 ms");
        assert_eq!(given.len(), 3);
    }

    #[test]
    fn the_challenges_are_limits_of_their_own_cluster_only() {
        let limits_of = |records: &[RunRecord]| parse("").for_series(&Series::group(records), None).len();
        assert_eq!(limits_of(&[example(50, 1)]), 2);
        assert_eq!(limits_of(&[example(50, 1).with(|record| record.run.settings.node_count = 5)]), 0);
        assert_eq!(
            limits_of(&[
                example(50, 1).with(|record| record.run.settings.nemesis.faults = Faults::partition())
            ]),
            0
        );
        assert_eq!(
            limits_of(&[example(50, 1).with(|record| record.run.settings.message_faults.loss = 0.1)]),
            0
        );
    }
}
