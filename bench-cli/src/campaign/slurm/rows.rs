//! The rows of all shards, as they come.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::campaign::sweep::folder::shard_folder;
use crate::campaign::sweep::{CSV_FILE, Existing};
use crate::record::{RunRecord, csv_file};
use crate::spec::shard::Shard;
use crate::spec::{RunSpec, SweepSpec};

/// Reads a shard's file only if its length has changed: a shard costs the file system one `stat` each time.
#[derive(Debug)]
pub(super) struct Rows {
    files: Vec<(PathBuf, u64)>,
    /// A run that is repeated since it failed has another number of attempts.
    seen: HashSet<(RunSpec, u32)>,
}

impl Rows {
    /// Those of a sweep in `folder` with so many shards; none is read yet.
    pub(super) fn new(folder: &Path, shards: u32) -> Rows {
        let csv = |shard| shard_folder(folder, shard).join(CSV_FILE);
        Rows { files: Shard::all(shards).map(|shard| (csv(shard), 0)).collect(), seen: HashSet::new() }
    }

    /// The rows that have come since the last call. A file that cannot be read is one that a shard is just
    /// writing, or that [`merge`](crate::campaign::merge) will complain about.
    pub(super) fn new_rows(&mut self) -> Vec<RunRecord> {
        let mut new = Vec::new();
        for (csv, length) in &mut self.files {
            let Ok(now) = fs::metadata(&*csv).map(|file| file.len()) else { continue };
            if now == *length {
                continue;
            }
            if let Ok(rows) = csv_file::read(csv) {
                *length = now;
                new.extend(rows.records);
            }
        }
        new.retain(|record| self.seen.insert((record.run.identity(), record.measured.attempts)));
        new
    }
}

/// The number of runs of each shard that are still to be executed.
///
/// # Errors
/// If the description does not expand to runs.
pub(super) fn left(
    spec: &SweepSpec,
    shards: u32,
    records: &[RunRecord],
    existing: Existing,
) -> anyhow::Result<Vec<(Shard, usize)>> {
    let counts = |record: &&RunRecord| record.is_ok() || existing != Existing::RetryFailed;
    let done: HashSet<RunSpec> = records.iter().filter(counts).map(|record| record.run.identity()).collect();
    let count = |runs: &[RunSpec]| runs.iter().filter(|run| !done.contains(&run.identity())).count();
    let shards = spec.shards(shards)?.into_iter().map(|(shard, runs)| (shard, count(&runs)));
    Ok(shards.collect())
}
