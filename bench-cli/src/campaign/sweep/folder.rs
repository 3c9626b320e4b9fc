//! A sweep's folder: its description, its records, and a directory for each run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::record::RunRecord;
use crate::record::csv_file::{self, Rows};
use crate::record::distribution;
use crate::spec::file::{SPEC_FILE, SpecFile};
use crate::spec::shard::Shard;
use crate::spec::{EngineKind, SweepSpec};

/// The file of a sweep's folder that holds its records.
pub const CSV_FILE: &str = "sweep.csv";
/// The folder of a sweep's folder in which each run has its own.
pub const RUNS_FOLDER: &str = "runs";

/// The folder of a sweep's folder in which each shard has its own.
pub const SHARDS_FOLDER: &str = "shards";

/// The folder of a shard of the sweep in `folder`.
pub fn shard_folder(folder: &Path, shard: Shard) -> PathBuf {
    folder.join(SHARDS_FOLDER).join(shard.folder_name())
}

/// A sweep that was made before.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its records' file.
    pub csv: PathBuf,
    /// Its records, in the order in which the runs ended.
    pub records: Vec<RunRecord>,
    /// Its description. A folder of an earlier version has none, and neither has a CSV by itself.
    pub spec: Option<SweepSpec>,
    /// The number of a last line that was cut off in the writing; it is not among the records.
    pub torn_line: Option<usize>,
}

impl Recorded {
    /// Reads a sweep, given by its folder or by its CSV.
    ///
    /// # Errors
    /// If the CSV or the description cannot be read.
    pub fn read(path: &Path) -> anyhow::Result<Recorded> {
        let mut recorded = Recorded::rows(path)?;
        add_distributions(&mut recorded.records, recorded.csv.parent().unwrap_or(Path::new(".")));
        Ok(recorded)
    }

    /// The same without the distributions of latencies, which are twice as long as the CSV.
    ///
    /// # Errors
    /// As [`Recorded::read`].
    pub fn rows(path: &Path) -> anyhow::Result<Recorded> {
        let csv = if path.is_dir() { path.join(CSV_FILE) } else { path.to_owned() };
        ensure!(
            path.exists(),
            "{} does not exist; name the folder of a sweep or its {CSV_FILE}",
            path.display()
        );
        ensure!(csv.exists(), "{} has no {CSV_FILE}; name the folder of a sweep", path.display());
        let Rows { mut records, torn_line } = csv_file::read(&csv)?;
        // A folder has one sweep.csv, but may hold other CSVs, of which sweep.toml says nothing.
        let spec = match csv.file_name() {
            Some(name) if name == CSV_FILE => spec_in(csv.parent().unwrap_or(Path::new(".")))?,
            _ => None,
        };
        if let Some(spec) = &spec {
            label(&mut records, spec);
        }
        Ok(Recorded { csv, records, spec, torn_line })
    }

    /// The sweep in a folder before its first run has ended.
    pub(super) fn without_runs(folder: &Path) -> anyhow::Result<Recorded> {
        let (csv, spec) = (folder.join(CSV_FILE), spec_in(folder)?);
        Ok(Recorded { csv, records: Vec::new(), spec, torn_line: None })
    }
}

/// Gives the records the distributions of their latencies that are in the folder, as far as they are.
pub(in crate::campaign) fn add_distributions(records: &mut [RunRecord], folder: &Path) {
    let mut found = distribution::read(folder);
    for record in records.iter_mut().filter(|record| record.is_ok()) {
        record.measured.distribution = found.remove(&record.run.identity());
    }
}

/// Calls the records what their sweep's description does: the CSV has no labels.
pub(in crate::campaign) fn label(records: &mut [RunRecord], spec: &SweepSpec) {
    for record in records {
        record.run.label = spec.label_of(record.run.strategy);
    }
}

/// The description in a sweep's folder. `None` if there is none.
///
/// # Errors
/// If it cannot be read.
pub fn spec_in(folder: &Path) -> anyhow::Result<Option<SweepSpec>> {
    let path = folder.join(SPEC_FILE);
    if !path.exists() {
        return Ok(None);
    }
    // A written description is complete, so it takes nothing from these two.
    let spec = SpecFile::read(&path)?.resolve(EngineKind::Embedded, 0);
    spec.map(Some).with_context(|| format!("{} does not describe a sweep", path.display()))
}

/// Writes a sweep's description. A crash leaves either the old or the new one. `is_whole` says whether the
/// runs are all of the grid, or were chosen among them.
///
/// # Errors
/// If it cannot be written.
pub(in crate::campaign) fn write_spec(folder: &Path, spec: &SweepSpec, is_whole: bool) -> anyhow::Result<()> {
    let path = folder.join(SPEC_FILE);
    let heading = if is_whole {
        format!(
            "# What this sweep measured. To repeat it exactly: bench-cli sweep --spec {SPEC_FILE} --out ANOTHER-FOLDER"
        )
    } else {
        "# The values among which bench-cli tune chose the settings to run; sweep.csv has the runs."
            .to_owned()
    };
    let text = format!("{heading}\n{}", SpecFile::from(spec).to_toml()?);
    // A full disk takes no second copy, and a resumed sweep needs none.
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    replace_file(&path, &text)
}

/// Writes a file so that a crash, or somebody who reads it meanwhile, finds either the old one or the new
/// one.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn replace_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let written: io::Result<()> = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}
