//! Reports of a sweep: an HTML page, and tables for a README and for other programs.
//!
//! Records and plots go in, text comes out; nothing here reads or writes files.
//!
//! | module | what it makes |
//! |---|---|
//! | [`advice`] | which timeouts meet limits, and the next sweep |
//! | [`comparison`] | the differences between sweeps as text, JSON and Markdown |
//! | [`confirm`] | recommended settings compared with further runs |
//! | [`page`] | `report.html`: settings, measurements, plots and every run in one self-contained file |
//! | [`index`] | all sweeps of a folder, as a page |
//! | [`parity`] | an engine compared with recorded runs, as a table and as CSV |
//! | [`runs`] | the page's table of runs |
//! | [`markdown`] | `summary.md`: the tables of medians and fits for a README |
//! | [`settings`] | `summary.csv`: the medians of each setting, for programs |
//! | [`json`] | `sweep.json`: the records with the names of the CSV's columns |
//! | [`html`] | tables and links as HTML |
//! | [`summary`] | the tables of a sweep, for the terminal and all of the above |
//! | [`brief`] | what fits a screen |
//! | [`pass_rate`] | how many runs passed |
//! | [`failures`] | the runs that are not ok, each reason once |

pub mod advice;
pub mod brief;
pub mod comparison;
pub mod confirm;
mod failures;
mod html;
pub mod index;
pub mod json;
pub mod markdown;
pub mod page;
pub mod parity;
mod pass_rate;
mod runs;
pub mod settings;
pub mod summary;

use std::collections::BTreeSet;

use crate::record::RunRecord;
use crate::spec::{Limits, Parameter, SweepSpec};

/// The contents of a report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The title of the page: the name of the sweep's folder, which its commands extend.
    pub title: &'a str,
    /// The name of the CSV with the runs, in the page's folder.
    pub csv: &'a str,
    /// Every run.
    pub records: &'a [RunRecord],
    /// The description of the sweep; `None` if its folder has none.
    pub spec: Option<&'a SweepSpec>,
    /// The horizontal axis of tables and plots, if the user asked for one.
    pub axis: Option<&'a Parameter>,
    /// The limits to advise on.
    pub limits: &'a [Limits],
    /// The plots, in the order in which they are shown.
    pub pictures: &'a [Picture],
    /// How far the sweep has come; `None` if it has ended.
    pub progress: Option<Progress>,
}

/// How many runs of a sweep have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The runs that have ended.
    pub done: usize,
    /// All runs of the sweep.
    pub planned: usize,
}

/// A plot of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The name of its files, without the extension.
    pub name: String,
    /// What it shows, in a few words.
    pub caption: String,
    /// The plot: an `<svg>` element.
    pub svg: String,
}

/// The different values of `value`, in the order in which they first appear.
fn distinct<'a, T: Ord + Clone>(
    records: impl IntoIterator<Item = &'a RunRecord>,
    value: impl Fn(&RunRecord) -> T,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    records.into_iter().map(value).filter(|value| seen.insert(value.clone())).collect()
}
