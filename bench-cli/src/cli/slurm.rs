//! `--on slurm`: executes a sweep on a cluster, and follows it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::artifacts;
use super::limits::LimitArgs;
use super::output::{self, Extent, FormatArgs, Results};
use super::progress::Screen;
use super::typed::Commands;
use crate::campaign::merge;
use crate::campaign::slurm::script::{self, Scripts};
use crate::campaign::slurm::{
    self, Changed, ClusterSweep, Followed, Jobs, Layout, SlurmError, Watcher, active_jobs, client,
};
use crate::campaign::sweep::origin::ORIGIN_FILE;
use crate::campaign::sweep::{
    self, CSV_FILE, Ended, Existing, Observer as _, Options, Plan, Recorded, SHARDS_FOLDER,
};
use crate::engine::Engine;
use crate::record::RunRecord;
use crate::record::distribution::LATENCIES_FILE;
use crate::spec::file::SPEC_FILE;
use crate::spec::{Names, SweepSpec};
use crate::terminal::count;

/// The flags of clusters.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Clusters")]
pub struct ClusterArgs {
    /// Execute the sweep as an array of Slurm jobs, and follow them; Ctrl-C detaches, and the same command
    /// attaches again or submits missing shards
    #[arg(long, value_enum, value_name = "CLUSTER", requires = "shards", conflicts_with = "shard")]
    pub(super) on: Option<Cluster>,
    /// Number of shards, each a task of the array; required with --on
    #[arg(long, value_name = "N", requires = "on")]
    pub(super) shards: Option<NonZeroU32>,
    /// Options of sbatch for all jobs, such as '--partition=short --time=2:00:00'
    #[arg(long, value_name = "OPTIONS", requires = "on", allow_hyphen_values = true, value_parser = sbatch_options)]
    pub(super) sbatch: Option<SbatchOptions>,
}

/// The values of `--on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Cluster {
    Slurm,
}

/// The value of `--sbatch`: options, each with its value.
#[derive(Clone, Debug)]
pub(super) struct SbatchOptions(Vec<Vec<String>>);

fn sbatch_options(text: &str) -> Result<SbatchOptions, String> {
    script::options(text).map(SbatchOptions)
}

/// A sweep for a cluster.
pub(super) struct Request<'a> {
    pub spec: SweepSpec,
    /// The options, with an absolute folder.
    pub options: &'a Options,
    pub shards: NonZeroU32,
    pub sbatch: Option<&'a SbatchOptions>,
    /// Flags of `sweep` for each task.
    pub sweep_flags: Vec<String>,
    pub limits: &'a LimitArgs,
    pub formats: &'a FormatArgs,
    pub extent: Extent,
    pub commands: &'a Commands,
}

impl Request<'_> {
    /// Prints the scripts that would be submitted.
    ///
    /// # Errors
    /// If the sweep is not possible, or another one is there.
    pub(super) fn print_scripts(&self) -> anyhow::Result<()> {
        sweep::validate(&self.spec, self.options)?;
        slurm::refuse_empty_shards(&self.spec, self.shards.get())?;
        let replaces = self.options.existing == Existing::Replace;
        let extended =
            if replaces { self.spec.clone() } else { sweep::extended(&self.spec, &self.options.directory)? };
        // Without Slurm here, no job is known.
        if let Some(jobs) = active_jobs(&self.options.directory).ok().flatten() {
            eprintln!(
                "jobs {} execute the sweep now; without --dry-run, bench-cli attaches to them",
                jobs.shown()
            );
            return Ok(());
        }
        let numbers =
            if replaces { (1..=self.shards.get()).collect() } else { self.open(&extended)?.numbers() };
        if numbers.is_empty() {
            eprintln!("all runs are done already; nothing would be submitted");
            return Ok(());
        }
        let scripts = self.scripts()?;
        let layout = Layout(&self.options.directory);
        print!("{}", scripts.array(&numbers));
        println!("\n{}", scripts.merge().trim_end());
        eprintln!(
            "{} would be submitted as {} and {}; nothing was done",
            count(numbers.len(), "shard"),
            layout.array_script().display(),
            layout.merge_script().display()
        );
        Ok(())
    }

    /// Submits the missing shards, follows the jobs, and prints the results. `prepare` runs before anything
    /// is submitted. `None` if the user detached.
    ///
    /// # Errors
    /// If the sweep is not possible, another one is there, or Slurm refuses it.
    pub(super) fn run(
        &self,
        screen: Screen,
        prepare: impl Fn(&Screen) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<Ended>> {
        let directory = &self.options.directory;
        sweep::validate(&self.spec, self.options)?;
        if self.options.existing == Existing::Replace {
            // What may fail comes before anything is removed.
            slurm::refuse_empty_shards(&self.spec, self.shards.get())?;
            client::find_sbatch()?;
            if let Some(jobs) = active_jobs(directory)? {
                bail!(
                    "jobs {0} still execute the sweep in {1}; to cancel them: scancel {0}",
                    jobs.shown(),
                    directory.display()
                );
            }
            prepare(&screen)?;
            self.remove()?;
        } else {
            artifacts::refuse_strangers(directory)?;
        }
        let spec = sweep::extended(&self.spec, directory)?;
        let mut sweep = self.open(&spec)?;
        let attached = active_jobs(directory)?;
        let jobs = match attached {
            Some(jobs) => {
                screen.note(&format!("attached to jobs {}", jobs.shown()));
                Some(jobs)
            }
            None if sweep.remaining.is_empty() => None,
            None => {
                if self.options.existing != Existing::Replace {
                    prepare(&screen)?;
                }
                let jobs = sweep.submit(&self.scripts()?)?;
                screen.note(&format!(
                    "submitted {} as job {}, and the merge as job {}",
                    count(sweep.remaining.len(), "shard"),
                    jobs.array,
                    jobs.merge
                ));
                Some(jobs)
            }
        };
        if let Some(jobs) = jobs {
            let mut watcher = self.watcher(screen, &spec, &sweep)?;
            let followed = sweep.follow(&jobs, &self.options.stop, &mut watcher);
            watcher.screen.ended();
            if followed == Followed::Detached {
                self.say_detached(&jobs);
                return Ok(None);
            }
        }
        let ended = self.conclude(&spec, sweep.records)?;
        if ended.stopped {
            eprintln!(
                "{} of {} runs are missing; to submit them again:\n  {}",
                ended.planned - ended.records.len(),
                ended.planned,
                self.commands.resume
            );
        }
        Ok(Some(ended))
    }

    fn open<'a>(&'a self, spec: &'a SweepSpec) -> anyhow::Result<ClusterSweep<'a>> {
        ClusterSweep::open(&self.options.directory, spec, self.shards.get(), self.options.existing)
    }

    /// Removes an earlier sweep.
    fn remove(&self) -> anyhow::Result<()> {
        let directory = &self.options.directory;
        artifacts::remove(directory)?;
        for folder in [directory.join(SHARDS_FOLDER), Layout(directory).slurm()] {
            removed(&folder, fs::remove_dir_all(&folder))?;
        }
        for name in [CSV_FILE, LATENCIES_FILE, ORIGIN_FILE, SPEC_FILE] {
            let file = directory.join(name);
            removed(&file, fs::remove_file(&file))?;
        }
        Ok(())
    }

    fn scripts(&self) -> anyhow::Result<Scripts> {
        Ok(Scripts {
            folder: self.options.directory.clone(),
            working_directory: std::env::current_dir()?,
            program: self.options.programs.bench_cli.clone(),
            shards: self.shards.get(),
            options: self.sbatch.map(|options| options.0.clone()).unwrap_or_default(),
            sweep_flags: self.sweep_flags.clone(),
            merge_flags: self.formats.words(),
        })
    }

    fn watcher(
        &self,
        mut screen: Screen,
        spec: &SweepSpec,
        sweep: &ClusterSweep<'_>,
    ) -> anyhow::Result<ClusterScreen> {
        let plan = spec.runs()?;
        let engine = Engine::new(spec.engine, &self.options.programs)?;
        let each = self.options.most_jobs(&engine, &spec.node).get();
        screen.planned(&Plan {
            engine: spec.engine,
            directory: &self.options.directory,
            runs: sweep.runs_left(),
            done: plan.len() - sweep.runs_left(),
            jobs: each * sweep.remaining.len(),
            first_alone: false,
            expected: plan.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default(),
            torn_line: None,
            orphans: crate::supervise::orphans::Ended::default(),
            replaced: false,
        })?;
        Ok(ClusterScreen { screen, names: Names::among(&plan), index: 0 })
    }

    fn say_detached(&self, jobs: &Jobs) {
        eprintln!(
            "detached; jobs {0} keep running. To attach again:\n  {1}\nTo cancel them:\n  scancel {0}",
            jobs.shown(),
            self.commands.resume
        );
    }

    /// Prints the results, and first merges the shards if no job has.
    fn conclude(&self, spec: &SweepSpec, rows: Vec<RunRecord>) -> anyhow::Result<Ended> {
        let directory = &self.options.directory;
        let planned = spec.run_count();
        let key = |record: &RunRecord| (record.run.identity(), record.measured.attempts);
        let merged = Recorded::read(directory).map(|sweep| sweep.records).unwrap_or_default();
        let there: HashSet<_> = merged.iter().map(key).collect();
        let ended = |records: Vec<RunRecord>| {
            let stopped = records.len() < planned;
            Ended { spec: spec.clone(), records, planned, stopped }
        };
        if rows.is_empty() {
            return Ok(ended(rows));
        }
        if rows.iter().all(|row| there.contains(&key(row))) {
            let ended = ended(merged);
            let results = Results { records: &ended.records, spec: Some(spec), axis: spec.axis.as_ref() };
            output::print(results, directory, self.extent, self.limits);
            return Ok(ended);
        }
        let merged = merge::merge(directory, &merge::shards_in(directory)?, false)?;
        let ended = ended(merged.records);
        output::conclude(&ended, directory, self.extent, self.limits, self.formats)?;
        Ok(ended)
    }
}

/// A missing file counts as removed.
fn removed(path: &Path, removed: io::Result<()>) -> anyhow::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The terminal while a user follows a sweep on a cluster.
struct ClusterScreen {
    screen: Screen,
    names: Names,
    index: usize,
}

impl Watcher for ClusterScreen {
    fn completed(&mut self, record: &RunRecord) {
        let name = self.names.run(&record.run);
        self.screen.started(self.index, &name);
        self.screen.completed(self.index, &name, record);
        self.index += 1;
    }

    fn changed(&mut self, changed: &Changed, advice: Option<&str>) {
        eprintln!("{changed}{}", advice.map(|advice| format!("\n  {advice}")).unwrap_or_default());
    }

    fn unanswered(&mut self, error: &SlurmError) {
        eprintln!("Slurm does not answer ({error}); its jobs keep running, and bench-cli asks again");
    }
}

/// The absolute path of a place that jobs write to, whichever directory they start in.
pub(super) fn shared(directory: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(directory).with_context(|| format!("cannot find {}", directory.display()))
}
