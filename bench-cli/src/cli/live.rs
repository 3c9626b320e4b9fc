//! The report of a running sweep, which is written again as runs end. It has no plots: drawing would take
//! time from the runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::artifacts::REPORT;
use super::limits::LimitArgs;
use super::output::Outputs;
use crate::analysis::Series;
use crate::campaign::sweep::folder::replace_file;
use crate::campaign::sweep::{CSV_FILE, Recorded};
use crate::report::{Progress, Report, page};

/// Writes at most once in this time.
const PAUSE: Duration = Duration::from_secs(2);

/// Keeps `report.html` up to date.
#[derive(Debug)]
pub(super) struct LiveReport {
    directory: PathBuf,
    limits: LimitArgs,
    planned: usize,
    written: Option<Instant>,
}

impl LiveReport {
    /// The report in `directory`.
    pub(super) fn new(directory: &Path, limits: &LimitArgs) -> LiveReport {
        LiveReport { directory: directory.to_owned(), limits: limits.clone(), planned: 0, written: None }
    }

    /// So many runs belong to the sweep.
    pub(super) fn planned(&mut self, runs: usize) {
        self.planned = runs;
    }

    /// A run has ended.
    ///
    /// # Errors
    /// If the records cannot be read or the report not be written. The sweep does not depend on it.
    pub(super) fn update(&mut self) -> anyhow::Result<()> {
        if self.written.is_some_and(|at| at.elapsed() < PAUSE) {
            return Ok(());
        }
        self.written = Some(Instant::now());
        let Recorded { csv, records, spec, .. } = Recorded::rows(&self.directory.join(CSV_FILE))?;
        let outputs = Outputs::next_to(&csv);
        let limits = self.limits.for_series(&Series::group(&records), spec.as_ref());
        let page = page::page(&Report {
            title: outputs.title(),
            csv: CSV_FILE,
            records: &records,
            spec: spec.as_ref(),
            axis: spec.as_ref().and_then(|spec| spec.axis.as_ref()),
            limits: &limits,
            pictures: &[],
            progress: Some(Progress { done: records.len(), planned: self.planned }),
        });
        replace_file(&self.directory.join(REPORT), &page)
    }
}
