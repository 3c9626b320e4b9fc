//! Runs the settings that a sweep recommends again, and compares them with what it predicted.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::sweep::{Impossible, Recorded};
use crate::analysis::confirm::{Confirmation, Recommended};
use crate::analysis::{Advice, Series};
use crate::record::RunRecord;
use crate::spec::{EngineKind, Limits, Parameter, RunSpec, SweepSpec};
use crate::terminal::{are, count};

/// What a sweep recommends for each of some limits: the settings with the fewest messages and with the lowest
/// latency.
///
/// # Errors
/// If there are no limits, several combinations of settings, or nothing that reliably meets the limits.
pub fn recommended(sweep: &Recorded, limits: &[Limits]) -> anyhow::Result<Vec<Recommended>> {
    let series = Series::group(&sweep.records);
    let one_setting = series.iter().all(|one| one.settings == series[0].settings);
    ensure!(
        one_setting,
        "{} has several combinations of settings, each with its own recommendation; confirm a sweep of one combination",
        sweep.csv.display()
    );
    ensure!(
        !limits.is_empty(),
        Impossible("set limits: --limit 3d, or your own, such as --max-latency 500ms")
    );
    let of_limits = |limits: &Limits| {
        let advice = Advice::on(&series, limits.clone());
        let recommended = advice.recommended().into_iter().map(|(aim, assessed)| Recommended {
            limits: limits.clone(),
            aim,
            assessed: assessed.clone(),
        });
        recommended.collect::<Vec<_>>()
    };
    let recommended: Vec<Recommended> = limits.iter().flat_map(of_limits).collect();
    if recommended.is_empty() {
        bail!(
            "nothing in {0} reliably meets the limits; bench-cli plot {0} says what to measure next",
            sweep.csv.display()
        );
    }
    Ok(recommended)
}

/// The sweep that runs every recommended strategy at every recommended timeout.
///
/// # Errors
/// If the sweep has no description, and its records do not say what arguments the node has at other timeouts.
pub fn sweep_of(
    sweep: &Recorded,
    recommended: &[Recommended],
    engine: Option<EngineKind>,
    repetitions: u32,
    seed: u64,
) -> anyhow::Result<SweepSpec> {
    let series = Series::group(&sweep.records);
    let is_recommended =
        |series: &&Series<'_>| recommended.iter().any(|one| one.assessed.series == series.name);
    let is_value = |x: Option<f64>| recommended.iter().any(|one| Some(one.assessed.x) == x);
    let runs = series.iter().filter(is_recommended).flat_map(|series| {
        let recommended = series.records.iter().filter(|record| is_value(series.x(record)));
        recommended.map(|record| &record.run).collect::<Vec<&RunSpec>>()
    });
    let runs: Vec<&RunSpec> = runs.collect();
    let mut timeouts: Vec<u64> = recommended.iter().map(|one| one.assessed.timeout_ms()).collect();
    timeouts.sort_unstable();
    timeouts.dedup();
    let mut spec = SweepSpec::like(sweep.spec.as_ref(), &runs).with_context(|| {
        format!(
            "{} has no sweep.toml next to it, and its records do not say what arguments the node has at other batch timeouts",
            sweep.csv.display()
        )
    })?;
    if series.iter().all(|series| series.axis == Parameter::BatchTimeout) {
        spec.grid.batch_timeouts = timeouts.into_iter().map(Duration::from_millis).collect();
    }
    spec.grid.repetitions = repetitions;
    spec.seed = seed;
    spec.engine = engine.unwrap_or(spec.engine);
    Ok(spec)
}

/// Refuses to count runs that are older than the sweep: they confirmed an earlier one.
///
/// # Errors
/// If there are such runs.
pub fn refuse_older_runs(sweep: &Recorded, confirming: &Recorded) -> anyhow::Result<()> {
    let newest = sweep.records.iter().filter_map(|record| record.measured.started_at).max();
    let older = confirming.records.iter().filter(|record| record.measured.started_at < newest).count();
    ensure!(
        older == 0,
        "{} in {} {} older than the newest of {}, so the sweep there confirms an earlier one; --force replaces it, \
         --out takes another folder",
        count(older, "run"),
        confirming.csv.display(),
        are(older),
        sweep.csv.display()
    );
    Ok(())
}

/// Compares what was recommended with runs of it.
pub fn compare(recommended: Vec<Recommended>, records: &[RunRecord]) -> Vec<Confirmation> {
    let series = Series::group(records);
    recommended.into_iter().map(|one| Confirmation::against(one, &series)).collect()
}
