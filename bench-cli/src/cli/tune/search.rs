//! The search for the settings that are worth a check: coarse first, finer where limits begin to be missed.

use std::collections::BTreeSet;

use super::{Prefer, SIMULATED, Tuning};
use crate::analysis::advice::Judged;
use crate::analysis::{Advice, Figure, Series};
use crate::outcome::Row;

/// How a search goes about it.
struct Plan {
    /// Its folder.
    folder: &'static str,
    /// The timeouts to begin with (ms): the whole range that makes sense, coarsely.
    first: &'static [u64],
    /// Sweeps until the boundary must be known finely enough.
    rounds: u32,
    /// Repetitions in the first sweep, and what each further one adds.
    repetitions: u32,
    /// Whether a further sweep adds repetitions to all timeouts, or measures the new ones alone.
    adds_to_all: bool,
}

/// In virtual time runs cost next to nothing.
const VIRTUAL: Plan = Plan {
    folder: SIMULATED,
    first: &[0, 25, 50, 100, 200, 400, 800, 1200, 1600],
    rounds: 4,
    repetitions: 5,
    adds_to_all: true,
};

/// In real time each takes half a minute. A node may well take a timeout of 0 for a busy loop.
const REAL: Plan = Plan {
    folder: "search",
    first: &[25, 50, 100, 200, 400, 800, 1600],
    rounds: 3,
    repetitions: 3,
    adds_to_all: false,
};

/// Settings to check before giving up.
const CANDIDATES: usize = 3;
/// A candidate that failed its check is followed by one whose timeout differs by at least this fraction of its own.
const STEP: f64 = 0.04;

impl Tuning<'_> {
    /// Sweeps, finer and finer where the limits begin to be missed. `None` if it was interrupted.
    pub(super) fn search(&self) -> anyhow::Result<Option<Vec<Row>>> {
        let (plan, engine) = match &self.args.bin {
            Some(_) => (REAL, self.args.engine.as_str()),
            None => (VIRTUAL, SIMULATED),
        };
        let mut timeouts: BTreeSet<u64> = plan.first.iter().copied().collect();
        let mut rows = Vec::new();
        for round in 1..=plan.rounds {
            let list: Vec<u64> = timeouts.iter().copied().collect();
            let repetitions = (plan.repetitions * round).to_string();
            let measured = self.sweep(engine, &self.args.strategy, &list, &repetitions, plan.folder)?;
            if measured.stopped {
                return Ok(None);
            }
            rows = measured.rows;
            let advice = Advice::on(&Series::group(&rows), self.envelope.clone());
            if advice.next.is_empty() {
                break;
            }
            if !plan.adds_to_all {
                timeouts.clear();
            }
            timeouts.extend(advice.next.iter().flat_map(|next| &next.timeouts_ms));
        }
        Ok(Some(rows))
    }
}

/// The settings that surely meet the limits, best first, each clearly apart from the one before.
pub(super) fn candidates(advice: &Advice, prefer: Prefer) -> Vec<&Judged> {
    let figure = match prefer {
        Prefer::Messages => Figure::MsgsPerOp,
        Prefer::Latency => Figure::Max,
    };
    let value = |one: &Judged| one.figure(figure).map_or(f64::INFINITY, |predicted| predicted.mean);
    let mut meeting: Vec<&Judged> = advice.meeting().collect();
    meeting.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let mut candidates: Vec<&Judged> = Vec::new();
    for one in meeting {
        let apart = |other: &&Judged| {
            let step = one.timeout_ms.abs_diff(other.timeout_ms) as f64;
            other.series != one.series || step >= STEP * other.timeout_ms as f64
        };
        if candidates.iter().all(apart) {
            candidates.push(one);
        }
    }
    candidates.truncate(CANDIDATES);
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Envelope;
    use crate::outcome::row::tests::example;

    #[test]
    fn candidates_are_the_best_and_apart_from_each_other() {
        let run = |timeout: u64, repetition| Row {
            msgs_per_op: Some(300.0 / timeout as f64),
            ..example(timeout, repetition)
        };
        let timeouts = [100, 101, 102, 110, 120, 130, 131];
        let rows: Vec<Row> = timeouts.into_iter().flat_map(|ms| [1, 2, 3].map(|n| run(ms, n))).collect();
        let limit = Envelope { name: String::new(), msgs_per_op: Some(5.0), median: None, max: None };
        let advice = Advice::on(&Series::group(&rows), limit);
        let chosen =
            |prefer| candidates(&advice, prefer).iter().map(|one| one.timeout_ms).collect::<Vec<_>>();
        assert_eq!(chosen(Prefer::Messages), [131, 120, 110]);
        assert_eq!(chosen(Prefer::Latency), [100, 110, 120]);
    }
}
