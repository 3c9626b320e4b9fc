//! All sweeps below a folder, with how far each has come.

use std::fs;
use std::path::{Path, PathBuf};

use super::folder::{CSV_FILE, RUNS_FOLDER, Recorded};
use crate::record::csv_file;
use crate::spec::SweepSpec;

/// How deep sweeps may be below the folder: `results/cluster/tune-1/search` is.
const DEPTH: usize = 5;

/// A sweep below the folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its folder, relative to the one that was searched; empty for that one itself.
    pub folder: PathBuf,
    /// What it measured, or why it cannot be read.
    pub recorded: Result<Recorded, String>,
    /// How many runs it is to have, if its description says.
    pub planned: Option<usize>,
    /// Whether a process is measuring it now.
    pub is_running: bool,
}

/// The sweeps below `root`, by folder. Links are not followed, and what cannot be read is left out.
pub fn sweeps_below(root: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    search(root, Path::new(""), DEPTH, &mut entries);
    entries
}

fn search(root: &Path, relative: &Path, depth: usize, entries: &mut Vec<Entry>) {
    let folder = root.join(relative);
    let csv = folder.join(CSV_FILE);
    if csv.is_file() {
        let is_running = csv_file::is_being_written(&csv);
        // A sweep writes its first line when its first run has ended.
        let has_none = is_running && fs::metadata(&csv).is_ok_and(|file| file.len() == 0);
        let recorded = if has_none { Recorded::without_runs(&folder) } else { Recorded::rows(&csv) };
        let recorded = recorded.map_err(|error| format!("{error:#}"));
        let spec = recorded.as_ref().ok().and_then(|recorded| recorded.spec.as_ref());
        entries.push(Entry {
            folder: relative.to_owned(),
            planned: spec.map(SweepSpec::run_count),
            recorded,
            is_running,
        });
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    let folders = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = folders
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        // A run's folder has stores and logs, but no sweeps.
        .filter(|name| name != RUNS_FOLDER)
        .collect();
    folders.sort();
    for name in folders {
        search(root, &relative.join(name), depth, entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parameter_columns::ParameterColumns;

    #[test]
    fn sweeps_are_found_wherever_they_are_and_a_writer_is_seen() {
        let place = tempfile::tempdir().unwrap();
        for folder in ["a", "b/c", "b/runs/x"] {
            fs::create_dir_all(place.path().join(folder)).unwrap();
            fs::write(place.path().join(folder).join(CSV_FILE), "").unwrap();
        }
        let csv = place.path().join("b/c").join(CSV_FILE);
        fs::remove_file(&csv).unwrap();
        let open = csv_file::CsvFile::open(&csv, ParameterColumns::default(), false, false).unwrap();
        let found = || -> Vec<(PathBuf, bool)> {
            sweeps_below(place.path()).into_iter().map(|entry| (entry.folder, entry.is_running)).collect()
        };
        assert_eq!(found(), [("a".into(), false), ("b/c".into(), true)]);
        let begun = sweeps_below(place.path()).remove(1).recorded.unwrap();
        assert!(begun.records.is_empty(), "a sweep whose first run has not ended");
        drop(open);
        assert_eq!(found()[1], ("b/c".into(), false));
        assert!(sweeps_below(place.path())[0].recorded.is_err(), "an empty file is not a sweep");
    }
}
