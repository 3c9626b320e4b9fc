//! The names of the files that are made from a sweep's records, and written next to them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::campaign::sweep::CSV_FILE;
use crate::plot;

/// The page with everything.
pub(super) const REPORT: &str = "report.html";
/// The rows as JSON.
pub(super) const JSON: &str = "sweep.json";
/// The tables for a README.
pub(super) const SUMMARY: &str = "summary.md";
/// The medians of each setting.
pub(super) const SETTINGS: &str = "summary.csv";
/// The results of `bench-cli confirm`.
pub(super) const CONFIRMATION: &str = "confirm.md";
/// The comparison with another engine, for people.
pub(super) const PARITY_TEXT: &str = "parity.txt";
/// The same for programs.
pub(super) const PARITY_CSV: &str = "parity.csv";
/// The plot of several sweeps, next to the last of them.
pub(super) const COMPARISON: &str = "comparison.svg";
/// The plot of the fits; each series also has one of its own.
pub(super) const LATENCY_FIT: &str = "latency-fit";
/// The formats of every plot.
pub(super) const PICTURE_FORMATS: [&str; 2] = ["svg", "png"];

/// The folder of figures for a paper, and their formats.
pub(super) const FIGURES: &str = "figures";
pub(super) const FIGURE_FORMATS: [&str; 3] = ["svg", "png", "pdf"];

/// All artifacts except the plots of a sweep.
const OTHERS: [&str; 8] =
    [REPORT, JSON, SUMMARY, SETTINGS, CONFIRMATION, PARITY_TEXT, PARITY_CSV, COMPARISON];

/// Whether a file of this name is made from the `sweep.csv` next to it.
fn is_artifact(name: &str) -> bool {
    let is_picture = |stem: &str| {
        let of_series = stem.strip_prefix(LATENCY_FIT).is_some_and(|rest| rest.starts_with('-'));
        of_series || plot::PICTURES.iter().any(|(picture, ..)| *picture == stem)
    };
    let picture = PICTURE_FORMATS.iter().any(|format| {
        name.strip_suffix(format).and_then(|name| name.strip_suffix('.')).is_some_and(is_picture)
    });
    picture || OTHERS.contains(&name)
}

/// The artifacts in a folder, by name; none if it does not exist.
fn found(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_artifact) && !entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Refuses a folder that has artifacts but no rows from which they could be made.
///
/// # Errors
/// If it is such a folder, or cannot be read.
pub(super) fn refuse_strangers(folder: &Path) -> anyhow::Result<()> {
    if folder.join(CSV_FILE).exists() {
        return Ok(());
    }
    if let Some(file) = found(folder).with_context(|| format!("cannot read {}", folder.display()))?.first() {
        bail!("{} exists, but there is no {CSV_FILE} next to it; --force replaces it", file.display());
    }
    Ok(())
}

/// Removes the artifacts of rows that have been replaced.
///
/// # Errors
/// If something cannot be removed.
pub(super) fn remove(folder: &Path) -> anyhow::Result<()> {
    for file in found(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_known_by_their_names() {
        for name in ["report.html", "frontier.png", "msgs-per-op.svg", "latency-fit-hub-5nodes.svg"] {
            assert!(is_artifact(name), "{name}");
        }
        for name in ["sweep.csv", "README.md", "frontier.csv", "my-frontier.png", "latency-fits.svg", "svg"] {
            assert!(!is_artifact(name), "{name}");
        }
    }

    #[test]
    fn artifacts_without_rows_are_refused_and_nothing_else_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(place.path().join(name), "").unwrap();
        refuse_strangers(&place.path().join("none")).unwrap();
        write("notes.md");
        refuse_strangers(place.path()).unwrap();
        write("latency-fit-tree.png");
        let error = refuse_strangers(place.path()).unwrap_err().to_string();
        assert!(
            error.contains("latency-fit-tree.png exists, but there is no sweep.csv next to it; --force"),
            "{error}"
        );
        write(CSV_FILE);
        refuse_strangers(place.path()).unwrap();
        remove(place.path()).unwrap();
        let left = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["notes.md", "sweep.csv"]);
    }
}
