//! The search for the settings that are worth a check: coarse first, finer where limits begin to be missed.

use std::collections::BTreeSet;

use super::{Prefer, SIMULATED, Tuning};
use crate::analysis::advice::Judged;
use crate::analysis::{Advice, Series};
use crate::outcome::Row;

/// How a search goes about it.
struct Plan {
    /// Its folder.
    folder: &'static str,
    /// The timeouts to begin with (ms): the whole range that makes sense, coarsely.
    first: &'static [u64],
    /// Repetitions in each sweep, of which it makes so many unless the best setting is known finely enough earlier.
    repetitions: &'static [u32],
    /// Whether further sweeps look at all that is open and add repetitions to all timeouts, or at the surroundings of
    /// the best setting alone.
    is_thorough: bool,
}

/// In virtual time runs cost next to nothing.
const VIRTUAL: Plan = Plan {
    folder: SIMULATED,
    first: &[0, 25, 50, 100, 200, 400, 800, 1200, 1600],
    repetitions: &[5, 10, 15, 20],
    is_thorough: true,
};

/// In real time each takes half a minute. A node may well take a timeout of 0 for a busy loop.
const REAL: Plan = Plan {
    folder: "search",
    first: &[25, 50, 100, 200, 400, 800, 1600],
    repetitions: &[3, 5, 8],
    is_thorough: false,
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
        for repetitions in plan.repetitions {
            let list: Vec<u64> = timeouts.iter().copied().collect();
            let repetitions = repetitions.to_string();
            let measured = self.sweep(engine, &self.args.strategy, &list, &repetitions, plan.folder)?;
            if measured.stopped {
                return Ok(None);
            }
            rows = measured.rows;
            let advice = Advice::on(&Series::group(&rows), self.envelope.clone());
            let next = if plan.is_thorough { advice.next } else { advice.next_for(self.args.prefer.aim()) };
            if next.is_empty() {
                break;
            }
            if !plan.is_thorough {
                timeouts.clear();
            }
            timeouts.extend(next.iter().flat_map(|next| &next.timeouts_ms));
        }
        Ok(Some(rows))
    }
}

/// The settings that surely meet the limits, best first, each clearly apart from the one before.
pub(super) fn candidates(advice: &Advice, prefer: Prefer) -> Vec<&Judged> {
    let value =
        |one: &Judged| one.figure(prefer.aim().figure()).map_or(f64::INFINITY, |predicted| predicted.mean);
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
