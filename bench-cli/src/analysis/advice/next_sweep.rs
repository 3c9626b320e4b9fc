//! What to measure next to know better which timeouts meet limits.

use super::Aim;
use super::verdict::{Assessed, Verdict};
use crate::analysis::figure::Figure;
use crate::spec::Limits;

/// Runs that would make an unclear verdict clear, or find a better timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextSweep {
    /// The series.
    pub series: String,
    /// The batch timeouts in milliseconds.
    pub timeouts_ms: Vec<u64>,
    /// The number of runs of each timeout.
    pub repetitions: usize,
}

/// Neighbours that differ by less than this fraction need no further timeout between them.
const FINE: f64 = 0.06;
/// Runs at each timeout.
const REPETITIONS: usize = 5;

/// Whether a gap between timeouts is too wide to leave unmeasured.
pub(super) fn is_wide(low: u64, high: u64) -> bool {
    high.saturating_sub(low) as f64 > FINE * high as f64
}

/// What to measure next: the timeouts whose verdict is unclear, those in a wide gap at an end of the range
/// that meets the limits, and those `beyond` the measured ones. Longer timeouts mean fewer messages and
/// higher latencies, so the best timeouts are at the ends of that range.
pub(super) fn next_sweep(assessed: &[Assessed], beyond: Vec<u64>) -> Option<NextSweep> {
    let unclear = assessed.iter().filter(|assessed| assessed.verdict == Verdict::Unclear);
    let mut timeouts: Vec<u64> = unclear.map(|assessed| assessed.timeout_ms()).chain(beyond).collect();
    for pair in assessed.windows(2) {
        let (low, high) = (pair[0].timeout_ms(), pair[1].timeout_ms());
        let boundary = (pair[0].verdict == Verdict::Pass) != (pair[1].verdict == Verdict::Pass);
        if boundary && is_wide(low, high) {
            timeouts.extend(between(low, high));
        }
    }
    timeouts.sort_unstable();
    timeouts.dedup();
    let series = assessed.first()?.series.clone();
    (!timeouts.is_empty()).then_some(NextSweep { series, timeouts_ms: timeouts, repetitions: REPETITIONS })
}

/// Timeouts beyond those of a series that may be better for `aim`, as its outermost one meets the limits.
pub(super) fn beyond(own: &[Assessed], limits: &Limits, aim: Aim) -> Vec<u64> {
    match aim {
        Aim::FewestMessages => longer(own, limits),
        Aim::LowestLatency => shorter(own),
    }
}

/// Timeouts beyond the longest one if that meets the limits. None if no latency is limited: then longer is
/// always better.
fn longer(own: &[Assessed], limits: &Limits) -> Vec<u64> {
    let longest = own.last().filter(|last| last.verdict == Verdict::Pass).map(|last| last.timeout_ms());
    match longest.zip(limits.timeout_bound_ms()) {
        Some((longest @ 1.., bound)) if 2 * longest < bound => {
            vec![longest + longest / 4, longest + longest / 2, 2 * longest]
        }
        Some((longest, bound)) if is_wide(longest, bound) => between(longest, bound),
        _ => Vec::new(),
    }
}

/// Timeouts below the shortest one if that meets the limits, and is not a small part of the latency anyway.
pub(super) fn shorter(own: &[Assessed]) -> Vec<u64> {
    let shortest = own.first().filter(|first| first.verdict == Verdict::Pass);
    let worth_it = |first: &&Assessed| {
        first.figure(Figure::Max).is_some_and(|max| first.timeout_ms() as f64 > FINE * max.mean)
    };
    shortest.filter(worth_it).map(|first| between(0, first.timeout_ms())).unwrap_or_default()
}

/// Round timeouts inside a gap, about three.
pub(super) fn between(low: u64, high: u64) -> Vec<u64> {
    let step = round_step((high - low) as f64 / 4.0);
    let first = low / step * step + step;
    (first..high).step_by(step as usize).collect()
}

/// The largest of 1, 2, 5, 10, 20, 50, … that is at most `step`, and at least 1.
fn round_step(step: f64) -> u64 {
    let magnitude = 10_f64.powf(step.max(1.0).log10().floor());
    let digit = [5.0, 2.0, 1.0].into_iter().find(|digit| digit * magnitude <= step).unwrap_or(1.0);
    (digit * magnitude).round() as u64
}
