//! A part of a sweep's runs, so that several machines measure one sweep.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::run::RunSpec;
use super::sweep::SweepSpec;
use super::template::TemplateError;

/// One of several parts of a sweep, numbered from 1: `3/16` is the third of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: NonZeroU32,
    count: NonZeroU32,
}

/// Text that does not name a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a valid shard; use I/N with 1 <= I <= N, such as 3/16")]
pub struct InvalidShard(String);

impl Shard {
    /// The shard `index` of `count`. `None` unless 1 ≤ index ≤ count.
    pub fn new(index: u32, count: u32) -> Option<Shard> {
        let (index, count) = (NonZeroU32::new(index)?, NonZeroU32::new(count)?);
        (index <= count).then_some(Shard { index, count })
    }

    /// All shards of a sweep that is divided into `count`.
    pub fn all(count: u32) -> impl Iterator<Item = Shard> + Clone {
        (1..=count).filter_map(move |index| Shard::new(index, count))
    }

    /// Which one it is, from 1.
    pub fn index(self) -> u32 {
        self.index.get()
    }

    /// How many shards the sweep has.
    pub fn count(self) -> u32 {
        self.count.get()
    }

    /// The name of its folder.
    pub fn folder_name(self) -> String {
        format!("{}-of-{}", self.index, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Shard, InvalidShard> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            let number = |text: &str| text.parse::<u32>().ok();
            Shard::new(number(index)?, number(count)?)
        });
        numbers.ok_or_else(|| InvalidShard(text.to_owned()))
    }
}

impl TryFrom<String> for Shard {
    type Error = InvalidShard;

    fn try_from(text: String) -> Result<Shard, InvalidShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl SweepSpec {
    /// The runs of one shard, or of the whole sweep, in the order in which they are executed.
    ///
    /// The repetitions of a point go to as many shards as possible, so that a missing shard costs repetitions
    /// and not points; of two shards neither has more than one run more than the other. A sweep that is
    /// extended leaves every run in the shard where it was, just as it leaves seeds.
    ///
    /// # Errors
    /// If the node's arguments have a placeholder that no parameter fills.
    pub fn runs_of(&self, shard: Option<Shard>) -> Result<Vec<RunSpec>, TemplateError> {
        let mut runs = self.runs()?;
        let Some(shard) = shard else { return Ok(runs) };
        let owners = self.owners(shard.count())?;
        runs.retain(|run| owners.get(&run.identity()) == Some(&shard));
        Ok(runs)
    }

    /// Every shard of the sweep with its runs, if there are `count`.
    ///
    /// # Errors
    /// As [`SweepSpec::runs_of`].
    pub fn shards(&self, count: u32) -> Result<Vec<(Shard, Vec<RunSpec>)>, TemplateError> {
        let owners = self.owners(count)?;
        let mut shards: Vec<(Shard, Vec<RunSpec>)> =
            Shard::all(count).map(|shard| (shard, Vec::new())).collect();
        for run in self.runs()? {
            if let Some(owner) = owners.get(&run.identity()) {
                shards[owner.index() as usize - 1].1.push(run);
            }
        }
        Ok(shards)
    }

    /// The shard of each run, if there are `count`.
    fn owners(&self, count: u32) -> Result<HashMap<RunSpec, Shard>, TemplateError> {
        let mut owners = HashMap::new();
        let mut all = Shard::all(count).cycle();
        for earlier in 0..=self.extends.len() {
            let mut spec = self.clone();
            spec.extends.truncate(earlier);
            if let Some(grid) = self.extends.get(earlier) {
                spec.grid.clone_from(grid);
            }
            for run in by_point(spec.runs()?) {
                let run = run.identity();
                if !owners.contains_key(&run) {
                    owners.extend(all.next().map(|shard| (run, shard)));
                }
            }
        }
        Ok(owners)
    }
}

/// The runs with the repetitions of each point one after the other.
fn by_point(runs: Vec<RunSpec>) -> Vec<RunSpec> {
    let mut points: HashMap<RunSpec, usize> = HashMap::new();
    let mut numbered: Vec<(usize, RunSpec)> = Vec::with_capacity(runs.len());
    for run in runs {
        let next = points.len();
        let point = RunSpec { repetition: 0, ..run.identity() };
        numbered.push((*points.entry(point).or_insert(next), run));
    }
    numbered.sort_by_key(|(point, _)| *point);
    numbered.into_iter().map(|(_, run)| run).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use node::StrategyKind;

    use super::*;
    use crate::spec::EngineKind;

    fn spec(points: u64, repetitions: u32) -> SweepSpec {
        let timeouts: Vec<Duration> = (1..=points).map(|ms| Duration::from_millis(ms * 10)).collect();
        let mut spec = SweepSpec::bundled(EngineKind::Embedded, &[StrategyKind::Hub], &timeouts);
        spec.grid.repetitions = repetitions;
        spec
    }

    fn shards(spec: &SweepSpec, count: u32) -> Vec<Vec<RunSpec>> {
        let shards: Vec<_> =
            Shard::all(count).map(|shard| (shard, spec.runs_of(Some(shard)).unwrap())).collect();
        assert_eq!(shards, spec.shards(count).unwrap());
        shards.into_iter().map(|(_, runs)| runs).collect()
    }

    #[test]
    fn shards_are_written_as_they_are_read() {
        let shard: Shard = "3/16".parse().unwrap();
        assert_eq!((shard.index(), shard.count(), shard.to_string().as_str()), (3, 16, "3/16"));
        assert_eq!(shard.folder_name(), "3-of-16");
        for wrong in ["", "3", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_run_is_in_one_shard_and_shards_are_equally_long() {
        for (points, repetitions, count) in
            [(6, 3, 1), (6, 3, 4), (6, 3, 16), (4, 8, 4), (5, 1, 3), (2, 2, 9)]
        {
            let spec = spec(points, repetitions);
            let shards = shards(&spec, count);
            let lengths: Vec<usize> = shards.iter().map(Vec::len).collect();
            assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1, "{lengths:?}");
            let all: HashSet<RunSpec> = shards.concat().into_iter().collect();
            assert_eq!(all, spec.runs().unwrap().into_iter().collect());
            assert_eq!(shards.concat().len(), all.len());
        }
    }

    #[test]
    fn a_missing_shard_costs_repetitions_and_not_points() {
        // As many points as shards: dealt out in the order of execution, a shard would have all of one point.
        for (points, repetitions, count) in [(4, 4, 4), (6, 3, 6), (6, 5, 3), (8, 2, 4)] {
            for shard in shards(&spec(points, repetitions), count) {
                for timeout in (1..=points).map(|ms| ms * 10) {
                    let here =
                        shard.iter().filter(|run| run.batch_timeout_ms() == Some(timeout)).count() as u32;
                    assert!(here <= repetitions.div_ceil(count) && here < repetitions, "{here} of {timeout}");
                }
            }
        }
    }

    #[test]
    fn an_extended_sweep_leaves_every_run_in_its_shard() {
        let first = spec(5, 2);
        let more = first.extended_to(spec(7, 3).grid);
        for (before, after) in shards(&first, 4).iter().zip(shards(&more, 4)) {
            assert!(before.iter().all(|run| after.contains(run)));
        }
        assert_eq!(shards(&more, 4).concat().len(), 21);
    }
}
