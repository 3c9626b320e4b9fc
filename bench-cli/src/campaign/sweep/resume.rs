//! Resuming a sweep: which of its runs are still to be done.
//!
//! `sweep.toml` says what was measured, `sweep.csv` which runs have ended. A sweep can be extended, too: more
//! repetitions or values of parameters are runs that are missing.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::record::RunRecord;
use crate::record::columns::to_the_second;
use crate::spec::parameter::UserParameter;
use crate::spec::value::Value;
use crate::spec::{RunSpec, SweepSpec};

/// What is left of a sweep.
#[derive(Debug)]
pub(super) struct Remaining {
    /// The runs to be done, in the plan's order.
    pub runs: Vec<RunSpec>,
    /// How often each of them was tried before.
    pub tried: Vec<u32>,
    /// The runs of the plan that are done.
    pub done: usize,
}

/// The runs of `plan` that have no record yet, or failed and are to be repeated.
pub(super) fn remaining(plan: Vec<RunSpec>, records: &[RunRecord], retry_failed: bool) -> Remaining {
    let done: HashMap<RunSpec, &RunRecord> =
        records.iter().map(|record| (record.run.identity(), record)).collect();
    let mut left = Remaining { runs: Vec::new(), tried: Vec::new(), done: 0 };
    for run in plan {
        match done.get(&run.identity()) {
            Some(record) if record.is_ok() || !retry_failed => left.done += 1,
            record => {
                left.tried.push(record.map_or(0, |record| record.measured.attempts));
                left.runs.push(run);
            }
        }
    }
    left
}

/// The description of a sweep that resumes `existing` and measures what `wanted` asks for.
///
/// # Errors
/// If `wanted` is another sweep; the message names what differs.
pub(super) fn extended(existing: &SweepSpec, wanted: &SweepSpec) -> anyhow::Result<SweepSpec> {
    refuse_other_settings(existing, wanted)?;
    if wanted.is_later_stage_of(existing) {
        // Of a shard that had no part in the stages between.
        return Ok(wanted.clone());
    }
    let mut grid = wanted.grid.clone();
    for choice in grid.parameters.iter_mut().flat_map(|parameter| &mut parameter.values) {
        let mut before = existing.grid.parameters.iter().flat_map(|parameter| &parameter.values);
        // The node is given the text, and `1500ms` should not be another run than `1.5s`.
        if let Some(same) = before.find(|same| *same == choice) {
            choice.text.clone_from(&same.text);
        }
    }
    let mut spec = existing.extended_to(grid);
    spec.limits.clone_from(&wanted.limits);
    // Neither a name nor an axis changes a run.
    spec.label.clone_from(&wanted.label);
    spec.axis = wanted.axis.clone().or(spec.axis);
    Ok(spec)
}

/// Refuses another sweep. A sweep may be extended, so the values that were measured must be among those that
/// are wanted; of batch timeouts, strategies and repetitions fewer may be wanted, too: what is no longer
/// asked for stays where it is.
fn refuse_other_settings(existing: &SweepSpec, wanted: &SweepSpec) -> anyhow::Result<()> {
    let mut differing = String::new();
    let mut compare = |name: &str, there: String, now: String| {
        if there != now {
            let shown = |text: String| if text.is_empty() { "none".to_owned() } else { text };
            let _ = writeln!(differing, "  {name}: {} there, {} now", shown(there), shown(now));
        }
    };
    compare("engine", existing.engine.to_string(), wanted.engine.to_string());
    compare("node_bin", existing.node.shown(), wanted.node.shown());
    compare("node_args", existing.args.to_string(), wanted.args.to_string());
    let env = |spec: &SweepSpec| spec.env.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    compare("node_env", env(existing), env(wanted));
    compare("seed", existing.seed.to_string(), wanted.seed.to_string());
    let names = |spec: &SweepSpec| spec.grid.strategies.iter().map(|one| one.name()).collect::<Vec<_>>();
    let has = |all: &[&str], some: &[&str]| some.iter().all(|name| all.contains(name));
    if !has(&names(wanted), &names(existing)) && !has(&names(existing), &names(wanted)) {
        compare("strategy", names(existing).join(", "), names(wanted).join(", "));
    }
    let values = |spec: &SweepSpec, name: &str| -> Vec<String> {
        let of = spec.grid.parameters.iter().find(|parameter| parameter.name == name);
        let choices = of.map(|parameter| parameter.values.as_slice()).unwrap_or_default();
        choices.iter().map(|choice| choice.text.clone()).collect()
    };
    for UserParameter { name, values: there } in &existing.grid.parameters {
        let now = wanted.grid.parameters.iter().find(|parameter| parameter.name == *name);
        if !there.iter().all(|choice| now.is_some_and(|now| now.values.contains(choice))) {
            compare(name, values(existing, name).join(", "), values(wanted, name).join(", "));
        }
    }
    for UserParameter { name, .. } in &wanted.grid.parameters {
        if values(existing, name).is_empty() {
            compare(name, String::new(), values(wanted, name).join(", "));
        }
    }
    for ((setting, there), (_, now)) in existing.grid.settings.iter().zip(wanted.grid.settings.iter()) {
        let gone: Vec<&Value> = there.iter().filter(|value| !now.contains(value)).collect();
        if !gone.is_empty() {
            let shown =
                |values: &[&Value]| values.iter().map(|one| setting.text(one)).collect::<Vec<_>>().join(", ");
            compare(setting.name, shown(&gone), shown(&now.iter().collect::<Vec<_>>()));
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    bail!(
        "it was measured with other settings:\n{differing}Give the same settings to resume it, another --out or --name \
         for a sweep of its own, or --force to replace it"
    )
}

/// Refuses records of an older build of `program`, the node: the rest would be measured with another one.
///
/// A build is known by when its file was last modified. What a script starts is not looked at, nor are
/// records that are to be measured again since they failed and `retry_failed` says so.
///
/// # Errors
/// If the program was modified after the first of the runs was started, or cannot be looked at.
pub(super) fn refuse_rebuilt(
    program: &Path,
    records: &[RunRecord],
    retry_failed: bool,
) -> anyhow::Result<()> {
    let stays = |record: &&RunRecord| record.is_ok() || !retry_failed;
    let started = |record: &RunRecord| record.measured.started_at;
    let Some(first) = records.iter().filter(stays).filter_map(started).min() else { return Ok(()) };
    let modified = program.metadata().and_then(|file| file.modified());
    let modified = modified.with_context(|| format!("cannot look at {}", program.display()))?;
    let modified = Timestamp::try_from(modified)?;
    // Records have whole seconds, rounded down.
    if modified.as_second() <= first.as_second() {
        return Ok(());
    }
    bail!(
        "{} was modified at {}, after the runs there had begun ({}); runs of two builds are not one sweep\nGive \
         another --out or --name to keep what is there, or --force to start over with the program as it is now",
        program.display(),
        to_the_second(modified),
        to_the_second(first)
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use node::StrategyKind;

    use super::*;
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::{EngineKind, Grid};

    fn spec(timeouts: &[u64], repetitions: u32) -> SweepSpec {
        let timeouts: Vec<Duration> = timeouts.iter().copied().map(Duration::from_millis).collect();
        let mut spec = SweepSpec::bundled(EngineKind::Embedded, &[StrategyKind::Hub], &timeouts);
        spec.grid.repetitions = repetitions;
        spec.seed = 1000;
        spec
    }

    fn records(spec: &SweepSpec) -> Vec<RunRecord> {
        spec.runs().unwrap().into_iter().map(|run| RunRecord { run, ..example(50, 1) }).collect()
    }

    /// What is left of `spec` once `records` are there.
    fn left(spec: &SweepSpec, records: &[RunRecord]) -> Vec<(u64, u32, Option<u64>)> {
        let left = remaining(spec.runs().unwrap(), records, false);
        left.runs.iter().map(|run| (run.batch_timeout_ms().unwrap(), run.repetition, run.seed)).collect()
    }

    #[test]
    fn missing_runs_keep_their_seeds() {
        let spec = spec(&[50, 100], 2);
        let all = records(&spec);
        let missing = [(100, 1, Some(1001)), (50, 2, Some(1002)), (100, 2, Some(1003))];
        assert_eq!(left(&spec, &all[..1]), missing);
        assert_eq!(left(&spec, &[all[3].clone(), all[0].clone()]), missing[..2]);
        assert!(left(&spec, &all).is_empty());
        assert_eq!(left(&spec, &[]).len(), 4);
    }

    /// Else its seeds would differ from those of other shards, and it could not be merged with them.
    #[test]
    fn a_shard_that_had_no_part_in_an_extension_takes_the_whole_description() {
        let first = spec(&[50], 2);
        let second = extended(&first, &spec(&[50, 100], 2)).unwrap();
        let third = extended(&second, &spec(&[50, 100, 200], 2)).unwrap();
        for there in [&first, &second, &third] {
            assert_eq!(extended(there, &third).unwrap(), third);
        }
    }

    #[test]
    fn a_sweep_can_be_extended_and_no_seed_comes_twice() {
        let first = spec(&[50, 100], 2);
        let all = records(&first);
        let more = extended(&first, &spec(&[50, 75, 100], 2)).unwrap();
        assert_eq!(left(&more, &all), [(75, 1, Some(1004)), (75, 2, Some(1005))]);
        assert_eq!(left(&extended(&first, &spec(&[50], 3)).unwrap(), &all), [(50, 3, Some(1004))]);
        assert_eq!(extended(&first, &first).unwrap(), first);
    }

    #[test]
    fn failed_runs_are_repeated_only_on_request_and_say_so() {
        let spec = spec(&[50, 100], 1);
        let mut all = records(&spec);
        all[1].measured.status = Status::TimedOut;
        all[1].measured.attempts = 2;
        let retry = |retry| remaining(spec.runs().unwrap(), &all, retry);
        assert_eq!((retry(false).runs.len(), retry(false).done), (0, 2));
        let again = retry(true);
        assert_eq!((again.runs, again.tried, again.done), (vec![all[1].run.clone()], vec![2], 1));
    }

    #[test]
    fn records_of_an_older_build_are_refused_unless_all_of_them_are_repeated() {
        let program = tempfile::NamedTempFile::new().unwrap();
        let first: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let at = |seconds: i64, repetition| {
            let started_at = first + jiff::SignedDuration::from_secs(seconds);
            example(50, repetition).with(|record| record.measured.started_at = Some(started_at))
        };
        let records = [at(20, 2), at(0, 1)];
        let failed =
            records.clone().map(|record| record.with(|record| record.measured.status = Status::Crashed));
        let modified = |millis: i64, records: &[RunRecord], retry_failed| {
            let time = first + jiff::SignedDuration::from_millis(millis);
            program.as_file().set_modified(SystemTime::try_from(time).unwrap()).unwrap();
            refuse_rebuilt(program.path(), records, retry_failed).map_err(|error| error.to_string())
        };
        // Built in the second in which the first run was started.
        assert_eq!(modified(900, &records, false), Ok(()));
        let error = modified(1000, &records, false).unwrap_err();
        assert!(
            error.contains("was modified at 2026-01-02T03:04:06Z, after the runs there had begun"),
            "{error}"
        );
        assert!(error.contains("--force") && error.contains("another --out"), "{error}");
        assert!(modified(1000, &records, true).is_err());
        assert!(modified(1000, &failed, false).is_err());
        assert_eq!(modified(1000, &failed, true), Ok(()));
        assert_eq!(modified(1000, &[], false), Ok(()));
    }

    #[test]
    fn other_settings_are_refused_by_name() {
        let there = spec(&[50, 100], 1);
        let other = |change: &dyn Fn(&mut SweepSpec)| {
            let mut now = there.clone();
            change(&mut now);
            extended(&there, &now).map(|_| ()).map_err(|error| error.to_string())
        };
        let set = |name: &'static str, values: &[Value]| {
            let values = values.to_vec();
            move |spec: &mut SweepSpec| spec.grid.settings.set(name, values.clone()).unwrap()
        };
        assert_eq!(other(&|_| {}), Ok(()));
        let rate = other(&set("rate", &[Value::number(50.0)])).unwrap_err();
        assert!(rate.contains("\n  rate: 100 there, 50 now\n"), "{rate}");
        // More values extend the sweep.
        assert_eq!(other(&set("rate", &[Value::number(50.0), Value::number(100.0)])), Ok(()));
        let both = other(&|spec| {
            spec.grid.strategies = vec![StrategyKind::Tree];
            set("availability", &[Value::word("total")])(spec);
        })
        .unwrap_err();
        assert!(both.contains("  strategy: hub there, tree now\n"), "{both}");
        assert!(both.contains("  availability: none there, total now\n"), "{both}");
        let both = vec![StrategyKind::Tree, StrategyKind::Hub];
        assert_eq!(other(&|spec| spec.grid.strategies.clone_from(&both)), Ok(()));
        let two =
            SweepSpec { grid: Grid { strategies: both.clone(), ..there.grid.clone() }, ..there.clone() };
        assert!(extended(&two, &there).is_ok(), "runs that are no longer asked for stay");
        let args = other(&|spec| spec.args = "-x".parse().unwrap()).unwrap_err();
        assert!(args.contains("node_args: none there, -x now"), "{args}");
        let seed = other(&|spec| spec.seed = 5).unwrap_err();
        assert!(seed.contains("  seed: 1000 there, 5 now\n"), "{seed}");
    }
}
