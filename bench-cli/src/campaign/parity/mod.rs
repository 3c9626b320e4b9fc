//! Compares an engine's figures with recorded runs of real Maelstrom, or with those of another engine.

pub mod reference;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};
use node::StrategyKind;

use self::reference::{RECORDED_STRATEGY, Reference};
use crate::analysis::parity::{Parity, Tolerance, compare};
use crate::analysis::sample::Sample;
use crate::analysis::tails;
use crate::record::RunRecord;
use crate::spec::{EngineKind, Node, SweepSpec};

/// The default number of runs of each point.
const REPETITIONS: u32 = 7;

/// The sweep that measures what a reference has: its strategies, or another program, at its timeouts.
///
/// # Errors
/// If the reference has no strategy of this repository's node and there is no other program.
pub fn sweep_of(
    reference: &Reference,
    engine: EngineKind,
    program: Option<PathBuf>,
    repetitions: Option<u32>,
    seed: Option<u64>,
) -> anyhow::Result<SweepSpec> {
    let timeouts: BTreeSet<Duration> = reference.samples.iter().map(|sample| sample.batch_timeout).collect();
    let timeouts: Vec<Duration> = timeouts.into_iter().collect();
    let is_recorded = |kind: &StrategyKind| reference.samples.iter().any(|one| one.strategy == Some(*kind));
    let strategies: Vec<StrategyKind> = match program {
        Some(_) => Vec::new(),
        None => StrategyKind::ALL.into_iter().filter(is_recorded).collect(),
    };
    ensure!(
        program.is_some() || !strategies.is_empty(),
        "no run that is ok in {} is of this repository's node; --bin says which node to run",
        reference.name
    );
    let mut spec = SweepSpec::bundled(engine, &strategies, &timeouts);
    spec.node = program.map_or(Node::Bundled, Node::Program);
    spec.grid.repetitions = repetitions.or(reference.repetitions).unwrap_or(REPETITIONS);
    spec.seed = seed.or(reference.seed).unwrap_or(1);
    Ok(spec)
}

/// Compares records with a reference, at each timeout.
///
/// # Errors
/// If they have nothing in common.
pub fn compare_with(reference: &Reference, records: &[RunRecord]) -> anyhow::Result<Parity> {
    let mut measured: Vec<Sample> = records.iter().filter_map(Sample::of).collect();
    if reference.are_built_in {
        // They are of one protocol, whoever wrote the node; a node that is not this repository's has no
        // strategy.
        measured.iter_mut().for_each(|sample| sample.strategy = sample.strategy.or(Some(RECORDED_STRATEGY)));
    }
    let is_virtual = records.first().is_some_and(|record| record.run.engine == EngineKind::Simulated);
    let tolerance = if is_virtual { Tolerance::VIRTUAL_TIME } else { Tolerance::REAL_TIME };
    let comparisons = compare(&reference.samples, &measured, tolerance);
    if comparisons.is_empty() {
        bail!(
            "there is nothing to compare: no run that is ok has the strategy and the batch timeout of a run in {}",
            reference.name
        );
    }
    Ok(Parity { comparisons, tails: tails::compare(&reference.samples, &measured), tolerance })
}
