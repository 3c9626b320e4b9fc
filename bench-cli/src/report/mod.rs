//! A sweep for people who were not there: one HTML page, and tables for a README and for other programs.
//!
//! Rows and pictures go in, text comes out; nothing here reads or writes files.
//!
//! | module | what it makes |
//! |---|---|
//! | [`advice`] | which timeouts meet limits, and the next sweep |
//! | [`confirm`] | how recommended settings fared when they were run again |
//! | [`page`] | `report.html`: what was run, figures, pictures and every run, in one file that needs no other |
//! | [`parity`] | an engine's figures beside recorded ones, as a table and as CSV |
//! | [`repeat`] | the command lines that run a sweep again, or go on from it |
//! | [`markdown`] | `summary.md`: the tables of medians and fits for a README |
//! | [`json`] | `sweep.json`: the rows with the CSV's names |
//! | [`html`] | tables and links as HTML |
//! | [`summary`] | the tables that a sweep ends with, on the terminal and for all of the above |
//! | [`pass_rate`] | how many runs passed, in words |

pub mod advice;
pub mod confirm;
pub mod html;
pub mod json;
pub mod markdown;
pub mod page;
pub mod parity;
pub mod pass_rate;
pub mod repeat;
pub mod summary;

use std::collections::BTreeSet;

use crate::analysis::Envelope;
use crate::record::Row;

/// What goes into a report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What the page is called: the name of the sweep's folder.
    pub title: &'a str,
    /// The name of the CSV that the runs are in, beside the page.
    pub csv: &'a str,
    /// Every run.
    pub rows: &'a [Row],
    /// The limits that it is to advise on.
    pub limits: &'a [Envelope],
    /// The pictures, in the order in which they are shown.
    pub pictures: &'a [Picture],
}

/// A picture of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its files' name without the extension.
    pub name: String,
    /// What it shows, in a few words.
    pub caption: String,
    /// The picture itself: an `<svg>` element.
    pub svg: String,
}

/// The different values of `setting`, in the order in which they first appear.
fn distinct<'a, T: Ord + Clone>(
    rows: impl IntoIterator<Item = &'a Row>,
    setting: impl Fn(&Row) -> T,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    rows.into_iter().map(setting).filter(|value| seen.insert(value.clone())).collect()
}
