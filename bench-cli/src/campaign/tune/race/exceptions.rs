//! Late runs that say nothing about longer timeouts.
//!
//! A few runs are much later than all others of their setting: of 1,000 simulated runs of the hub at 478 ms,
//! one takes 40 ms longer. Their setting is out, but the search should still try longer timeouts.

use super::{Candidate, Race, number};
use crate::analysis::Figure;
use crate::analysis::advice::{Predicted, Verdict};
use crate::record::RunRecord;

/// A late run is an exception if it is so many times as far from the mean of the others as the margin within
/// which one more run stays.
const FAR: f64 = 2.0;
/// Runs that tell whether a single late one is an exception.
const SECOND_LOOK: u32 = 3;

impl Race {
    /// Whether a late run is far from the other runs of a candidate, which reliably meet the limits. That may
    /// happen at any setting, so it says nothing about the neighbours.
    pub(in crate::campaign::tune) fn is_exception(&self, place: usize, late: &RunRecord) -> bool {
        let Some(others) = &self.candidates[place].without_late else { return false };
        let is_far = |(figure, limit): (Figure, f64)| match (figure.of(late), others.figure(figure)) {
            (Some(value), _) if value < limit => true,
            (Some(value), Some(Predicted { mean, margin: Some(margin) })) => value - mean > FAR * margin,
            _ => false,
        };
        let is_proven = others.verdict == Verdict::Pass && others.runs > 1;
        is_proven && late.is_ok() && self.limits.figures().into_iter().all(is_far)
    }

    /// Whether the limits are missed around a candidate, too: it is out, and not for exceptions alone.
    pub(super) fn is_bound(&self, place: usize) -> bool {
        let one = &self.candidates[place];
        let is_late = |record: &&RunRecord| !self.limits.are_met_by(record);
        let late: Vec<&RunRecord> = one.records.iter().filter(is_late).collect();
        let is_chance = !late.is_empty() && late.iter().all(|record| self.is_exception(place, record));
        self.is_out(place) && (one.is_refuted || !is_chance)
    }

    /// The candidates whose single late run hides a gap from the search, with one run more than they have: if
    /// that run was an exception, better settings may be in the gap.
    pub(super) fn second_looks(&self, fine: f64) -> Vec<(usize, u32)> {
        let Some(leader) = self.leader() else { return Vec::new() };
        let bar = self.score(leader) * (1.0 - fine);
        let mut looks: Vec<(usize, u32)> = Vec::new();
        for axis in self.space.numeric() {
            for line in self.lines(axis) {
                let both_ways = line
                    .windows(3)
                    .flat_map(|three| [[three[0], three[1], three[2]], [three[2], three[1], three[0]]]);
                for [near, place, far] in both_ways {
                    let hides = !self.is_bound(near)
                        && self.is_bound(far)
                        && self.gap(axis, place, far).abs() > fine
                        && self.score(place).min(self.score(far)) < bar
                        && self.is_surprising(axis, [near, place, far]);
                    if hides {
                        looks.push((place, self.candidates[place].records.len() as u32 + 1));
                    }
                }
            }
        }
        // A candidate is in a line of each axis.
        looks.sort_unstable();
        looks.dedup();
        looks
    }

    /// Whether the only late run of the middle one of three candidates is far from what the others suggest: a
    /// line through their means.
    fn is_surprising(&self, axis: usize, [near, place, far]: [usize; 3]) -> bool {
        let Candidate { records, is_refuted, .. } = &self.candidates[place];
        let late: Vec<&RunRecord> = records.iter().filter(|record| !self.limits.are_met_by(record)).collect();
        let [late] = late[..] else { return false };
        if *is_refuted || !late.is_ok() || records.len() as u32 >= SECOND_LOOK {
            return false;
        }
        let x = |place: usize| number(&self.candidates[place].point[axis]).unwrap_or_default();
        let share = (x(place) - x(near)) / (x(far) - x(near));
        self.limits.figures().into_iter().all(|(figure, limit)| {
            let predicted = |place: usize| self.candidates[place].assessed.as_ref()?.figure(figure);
            let (Some(value), Some(near), Some(far)) = (figure.of(late), predicted(near), predicted(far))
            else {
                return false;
            };
            let expected = near.mean + share * (far.mean - near.mean);
            let is_far = near.margin.is_some_and(|margin| value - expected > FAR * margin);
            value < limit || expected < limit && is_far
        })
    }
}
