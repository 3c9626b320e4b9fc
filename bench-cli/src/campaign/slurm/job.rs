//! `slurm/job.toml` in the folder of a sweep: which jobs execute it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::client::JobId;
use crate::campaign::sweep::CSV_FILE;
use crate::campaign::sweep::folder::replace_file;
use crate::spec::file::SPEC_FILE;

/// The jobs of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// The number of shards that the sweep is divided into.
    pub shards: u32,
    /// The array; task I executes shard I.
    pub array: JobId,
    /// The job that merges the shards.
    pub merge: JobId,
}

impl Jobs {
    /// The jobs of the sweep in `folder`, if it ever had any.
    ///
    /// # Errors
    /// If their file cannot be read.
    pub fn read(folder: &Path) -> anyhow::Result<Option<Jobs>> {
        let path = Layout(folder).jobs();
        match fs::read_to_string(&path) {
            Ok(text) => {
                toml::from_str(&text).map(Some).with_context(|| format!("{} cannot be read", path.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes them.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        replace_file(&Layout(folder).jobs(), &toml::to_string(self)?)
    }

    /// Their numbers, as `scancel` takes them.
    pub fn shown(&self) -> String {
        format!("{} {}", self.array, self.merge)
    }
}

/// Where things are in the folder of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a>(pub &'a Path);

impl Layout<'_> {
    /// The folder of what belongs to Slurm.
    pub fn slurm(self) -> PathBuf {
        self.0.join("slurm")
    }

    /// The file with the numbers of the submitted jobs.
    pub fn jobs(self) -> PathBuf {
        self.slurm().join("job.toml")
    }

    /// The script of the array.
    pub fn array_script(self) -> PathBuf {
        self.slurm().join("shards.sh")
    }

    /// The script of the merge.
    pub fn merge_script(self) -> PathBuf {
        self.slurm().join("merge.sh")
    }

    /// The path of each task's log, as `sbatch` takes it.
    pub fn log_pattern(self) -> PathBuf {
        self.slurm().join("shard-%a.log")
    }

    /// The log of one task.
    pub fn log(self, number: u32) -> PathBuf {
        self.slurm().join(format!("shard-{number}.log"))
    }

    /// The log of the merge.
    pub fn merge_log(self) -> PathBuf {
        self.slurm().join("merge.log")
    }

    /// The description of the sweep.
    pub fn spec(self) -> PathBuf {
        self.0.join(SPEC_FILE)
    }

    /// The merged rows.
    pub fn csv(self) -> PathBuf {
        self.0.join(CSV_FILE)
    }
}
