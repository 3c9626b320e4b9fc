//! A sweep on a Slurm cluster: an array of jobs executes its shards, another job merges them.
//!
//! | module | what it does |
//! |---|---|
//! | [`client`] | calls `sbatch`, `squeue` and `scancel` |
//! | [`script`] | the batch scripts |
//! | [`job`] | which jobs execute a sweep, and where its files are |
//! | [`changes`] | what happened to tasks between two looks at the queue |
//! | `rows` | the rows of all shards, as they come |
//!
//! The jobs need nothing of the process that submitted them: it may detach, and attach again.

pub mod changes;
pub mod client;
pub mod job;
mod rows;
pub mod script;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use self::changes::Queue;
pub use self::changes::{Change, Changed};
use self::client::JobId;
pub use self::client::{SlurmError, State, Task};
pub use self::job::{Jobs, Layout};
use self::rows::Rows;
use self::script::Scripts;
use super::sweep::origin::Origin;
use super::sweep::{Existing, folder};
use crate::record::RunRecord;
use crate::spec::SweepSpec;
use crate::spec::shard::Shard;
use crate::supervise::stop::{Stop, StopSignal};
use crate::terminal::count;

/// How long rows are not looked for after the last look, and how much longer for each shard.
const ROWS_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(20));
/// The same for the queue, whose controller serves all users of the cluster.
const QUEUE_PAUSE: (Duration, Duration) = (Duration::from_secs(4), Duration::from_millis(20));

/// Follows a sweep on a cluster.
pub trait Watcher {
    /// A run has ended, and its record is on disk.
    fn completed(&mut self, record: &RunRecord);

    /// Something has happened to tasks; `advice` says what to do about it.
    fn changed(&mut self, changed: &Changed, advice: Option<&str>);

    /// The controller does not answer; the sweep continues without it.
    fn unanswered(&mut self, error: &SlurmError);
}

/// How following a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// All jobs are over.
    Over,
    /// The user has stopped following; the jobs keep running.
    Detached,
}

/// The jobs that are executing the sweep in `folder` now.
///
/// # Errors
/// If Slurm does not say.
pub fn active_jobs(folder: &Path) -> anyhow::Result<Option<Jobs>> {
    let Some(jobs) = Jobs::read(folder)? else { return Ok(None) };
    let tasks = client::tasks(&[jobs.array, jobs.merge])?;
    Ok(tasks.iter().any(|task| !task.state.is_over()).then_some(jobs))
}

/// Refuses to divide a sweep into shards of which some would have no runs.
///
/// # Errors
/// If there are more shards than runs.
fn refuse_empty_shards(spec: &SweepSpec, shards: u32) -> anyhow::Result<()> {
    let runs = spec.run_count();
    if shards as usize > runs {
        let has = count(runs, "run");
        bail!("the sweep has {has}, too few for {shards} shards; give --shards {runs} or fewer");
    }
    Ok(())
}

/// Cancels a job that nobody would know of.
fn cancel(job: JobId) {
    if let Err(error) = client::cancel(job) {
        log::warn!("job {job} is left: {error}");
    }
}

/// A sweep on a cluster, of which rows may be there.
#[derive(Debug)]
pub struct ClusterSweep<'a> {
    folder: &'a Path,
    spec: &'a SweepSpec,
    shards: u32,
    rows: Rows,
    /// All rows of all shards.
    pub records: Vec<RunRecord>,
    /// The shards with runs that are still to be executed, and how many those are; and shards with the
    /// description of an earlier stage of the sweep.
    pub remaining: Vec<(Shard, usize)>,
}

impl<'a> ClusterSweep<'a> {
    /// Looks at what is in `folder`, which is absolute. Of a sweep that is to be replaced, no row counts.
    ///
    /// # Errors
    /// If the sweep there is kept, and was made otherwise or has another number of shards; or there are more
    /// shards than runs.
    pub fn open(
        folder: &'a Path,
        spec: &'a SweepSpec,
        shards: u32,
        existing: Existing,
    ) -> anyhow::Result<ClusterSweep<'a>> {
        refuse_empty_shards(spec, shards)?;
        let mut rows = Rows::new(folder, shards);
        let records = match existing {
            Existing::Replace => Vec::new(),
            Existing::Resume | Existing::RetryFailed => {
                refuse_others(folder, shards)?;
                rows.new_rows()
            }
        };
        let mut remaining = Vec::new();
        for (shard, left) in rows::left(spec, shards, &records, existing)? {
            if left > 0 || is_behind(&folder::shard_folder(folder, shard), spec)? {
                remaining.push((shard, left));
            }
        }
        Ok(ClusterSweep { folder, spec, shards, rows, records, remaining })
    }

    /// How many runs are still to be executed.
    pub fn runs_left(&self) -> usize {
        self.remaining.iter().map(|(_, left)| left).sum()
    }

    /// Submits what remains: an array, and a job that merges after it.
    ///
    /// # Errors
    /// If Slurm refuses, or a file cannot be written. No job is left then.
    pub fn submit(&self, scripts: &Scripts) -> anyhow::Result<Jobs> {
        let layout = Layout(self.folder);
        fs::create_dir_all(layout.slurm())
            .with_context(|| format!("cannot make the folder {}", layout.slurm().display()))?;
        folder::write_spec(self.folder, self.spec, true)?;
        let write = |path: &Path, text: String| {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write(&layout.array_script(), scripts.array(&self.numbers()))?;
        write(&layout.merge_script(), scripts.merge())?;
        let array = client::submit(&layout.array_script(), None).map_err(|error| explain(error, &layout))?;
        let merge = client::submit(&layout.merge_script(), Some(array))
            .map_err(|error| explain(error, &layout))
            .inspect_err(|_| cancel(array))?;
        let jobs = Jobs { shards: self.shards, array, merge };
        jobs.write(self.folder).inspect_err(|_| [merge, array].into_iter().for_each(cancel))?;
        Ok(jobs)
    }

    /// The numbers of the shards that are to be executed.
    pub fn numbers(&self) -> Vec<u32> {
        self.remaining.iter().map(|(shard, _)| shard.index()).collect()
    }

    /// Follows the jobs until they are over or the user has seen enough.
    pub fn follow(&mut self, jobs: &Jobs, stop: &StopSignal, watcher: &mut impl Watcher) -> Followed {
        let mut queue = Queue::default();
        let (mut rows_at, mut queue_at) = (Instant::now(), Instant::now());
        let mut answered = true;
        loop {
            let now = Instant::now();
            if now >= rows_at {
                self.take_rows(watcher);
                rows_at = now + ROWS_PAUSE.0 + ROWS_PAUSE.1 * self.shards;
            }
            if now >= queue_at {
                match client::tasks(&[jobs.array, jobs.merge]) {
                    Ok(tasks) => {
                        answered = true;
                        let is_over = tasks.iter().all(|task| task.state.is_over());
                        self.take_changes(&mut queue, tasks, jobs, watcher);
                        if is_over {
                            return Followed::Over;
                        }
                    }
                    Err(error) if answered => {
                        answered = false;
                        watcher.unanswered(&error);
                    }
                    Err(_) => {}
                }
                queue_at = Instant::now() + QUEUE_PAUSE.0 + QUEUE_PAUSE.1 * self.shards;
            }
            if stop.current() != Stop::No {
                return Followed::Detached;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn take_rows(&mut self, watcher: &mut impl Watcher) {
        for record in self.rows.new_rows() {
            watcher.completed(&record);
            self.records.push(record);
        }
    }

    fn take_changes(&mut self, queue: &mut Queue, tasks: Vec<Task>, jobs: &Jobs, watcher: &mut impl Watcher) {
        // A task has written its rows before it ends.
        self.take_rows(watcher);
        let changed = queue.update(tasks.into_iter().filter(|task| task.job == jobs.array));
        for mut changed in changed {
            let mut advice = None;
            if let Change::Failed { node, .. } = &changed.change {
                // The exit status also says that runs are not ok, which their rows say better.
                changed.tasks.retain(|number| !self.is_complete(*number));
                let Some(first) = changed.tasks.first() else { continue };
                advice = Some(why(Layout(self.folder), *first, node));
            }
            watcher.changed(&changed, advice.as_deref());
        }
    }

    /// Whether a shard has a record of each of its runs.
    fn is_complete(&self, number: u32) -> bool {
        let left = rows::left(self.spec, self.shards, &self.records, Existing::Resume);
        left.is_ok_and(|left| left.iter().all(|(shard, left)| shard.index() != number || *left == 0))
    }
}

/// Refuses a folder with a sweep that was not divided into so many shards.
fn refuse_others(folder: &Path, shards: u32) -> anyhow::Result<()> {
    if Layout(folder).csv().exists() && Origin::read(folder)?.is_none() {
        bail!("{} has a sweep that was not made in shards; give another --out or --name", folder.display());
    }
    if let Some(jobs) = Jobs::read(folder)?.filter(|jobs| jobs.shards != shards) {
        bail!(
            "{} is divided into {}; give --shards {}, another --out or --name, or --force to replace it",
            folder.display(),
            count(jobs.shards as usize, "shard"),
            jobs.shards
        );
    }
    Ok(())
}

/// Whether a shard has the description of an earlier stage of the sweep. It must learn of an extension in
/// which it has no part, else it could not be merged.
fn is_behind(shard: &Path, spec: &SweepSpec) -> anyhow::Result<bool> {
    // Of a sweep that was never extended, no file is read.
    if spec.extends.is_empty() {
        return Ok(false);
    }
    Ok(folder::spec_in(shard)?.is_some_and(|there| there.extends.len() < spec.extends.len()))
}

/// Slurm's refusal of a script, with what helps.
fn explain(error: SlurmError, layout: &Layout<'_>) -> anyhow::Error {
    let remedy = match &error {
        SlurmError::Refused { words, .. } if words.contains("array") => {
            "give fewer --shards; scontrol show config says how many an array may have (MaxArraySize - 1)"
                .to_owned()
        }
        SlurmError::Refused { .. } => {
            format!("the script is {}; --sbatch sets its options", layout.array_script().display())
        }
        SlurmError::Missing { .. } | SlurmError::Unstartable { .. } => return error.into(),
    };
    anyhow::anyhow!("{error}\n{remedy}")
}

/// Why a task failed, from its log.
fn why(layout: Layout<'_>, number: u32, node: &str) -> String {
    let log = layout.log(number);
    let Ok(text) = fs::read(&log) else {
        return format!(
            "it wrote no log: does {node} see {}? The folder must be on a file system that all nodes share; give another \
             --out",
            layout.0.display()
        );
    };
    let text = String::from_utf8_lossy(&text);
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let error = lines().rfind(|line| line.contains("error:")).or_else(|| lines().next_back());
    format!("{}: {}", log.display(), error.unwrap_or("it is empty"))
}
