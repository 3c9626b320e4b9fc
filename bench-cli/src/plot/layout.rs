//! What every plot has around its charts: a title, a few lines on how to read it, and a footer.

use std::collections::BTreeSet;

use plotters::prelude::WHITE;

use super::canvas::{self, Area, Notes};
use super::draw::{bold, regular, text};
use super::page::Page;
use super::style::{INK, MUTED};
use crate::analysis::Series;
use crate::record::RunRecord;
use crate::spec::settings::{Faults, Settings};

/// Pixels between the plot's edges and its contents, and between charts side by side.
pub const MARGIN: i32 = 28;
/// Pixels for the title of one of several charts.
pub const CHART_TITLE: i32 = 30;
/// Pixels for the footer.
const FOOTER: i32 = 44;
/// Pixels for the title.
const TITLE: i32 = 56;
/// Pixels for each line of the subtitle.
const SUBTITLE: i32 = 20;

/// The text around a plot's charts.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    /// What the plot is drawn for.
    pub page: Page,
    /// The title.
    pub title: &'a str,
    /// How to read the plot, line by line.
    pub subtitle: &'a [&'a str],
    /// What holds for everything in the plot.
    pub footer: String,
}

impl Layout<'_> {
    /// The pixels above the contents.
    pub fn top(&self) -> i32 {
        if self.page.is_titled() { TITLE + SUBTITLE * self.subtitle.len() as i32 } else { MARGIN / 4 }
    }

    /// Draws contents of this width and height (pixels), the text around them, and returns the SVG. The
    /// contents begin at [`MARGIN`] from the left edge and [`Layout::top`] from the upper one.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn draw(
        &self,
        (width, height): (i32, i32),
        contents: impl FnOnce(&Area<'_>, &mut Notes) -> anyhow::Result<()>,
    ) -> anyhow::Result<String> {
        let footer = if self.page.is_titled() { FOOTER } else { 0 };
        let (width, height) = (width + 2 * MARGIN, self.top() + height + footer);
        canvas::draw(self.page, (width, height), |root, notes| {
            root.fill(&WHITE)?;
            if !self.page.is_titled() {
                return contents(root, notes);
            }
            text(root, (MARGIN, 34), self.title, &bold(24), INK)?;
            for (line, subtitle) in (0..).zip(self.subtitle) {
                text(root, (MARGIN, TITLE + 4 + line * SUBTITLE), subtitle, &regular(15), MUTED)?;
            }
            contents(root, notes)?;
            text(root, (MARGIN, height - 20), &self.footer, &regular(12), MUTED)
        })
    }
}

/// The pixels for contents between the margins of a page, or `screen` of them.
pub fn width(page: Page, screen: i32) -> i32 {
    page.width().map_or(screen, |width| width - 2 * MARGIN)
}

/// The height of a chart of this width: as on the screen, or of a page's proportions.
pub fn height(page: Page, width: i32, screen: i32) -> i32 {
    if page.width().is_none() { screen } else { width * 3 / 4 }
}

/// Writes the title of one of several charts, whose upper left corner is at these pixels.
///
/// # Errors
/// If drawing fails.
pub fn chart_title(root: &Area<'_>, (left, top): (i32, i32), title: &str) -> anyhow::Result<()> {
    text(root, (left, top - 14), title, &bold(16), INK)
}

/// The settings of all runs, as a footer.
pub fn settings<'a>(series: impl IntoIterator<Item = &'a Series<'a>>) -> String {
    let records: Vec<&RunRecord> =
        series.into_iter().flat_map(|series| series.records.iter().copied()).collect();
    let of = |text: &dyn Fn(&RunRecord) -> String| {
        let values: BTreeSet<String> = records.iter().map(|record| text(record)).collect();
        values.into_iter().collect::<Vec<_>>().join(" / ")
    };
    let of_settings = |text: &dyn Fn(&Settings) -> String| of(&|record| text(record.settings()));
    [
        of_settings(&|settings| format!("{} nodes", settings.node_count)),
        of_settings(&|settings| {
            format!("{} op/s for {} s", settings.rate, settings.time_limit.as_secs_f64())
        }),
        of_settings(&|settings| {
            format!("latency {} ms {}", settings.latency.mean.as_millis(), settings.latency.distribution)
        }),
        of_settings(&|settings| format!("topology {}", settings.topology)),
        of_settings(&|settings| match settings.nemesis.faults {
            Faults::NONE => "no faults".to_owned(),
            faults => format!("{faults} every {} s", settings.nemesis.interval.as_secs_f64()),
        }),
        of(&|record| {
            format!("engine {} {}", record.run.engine, record.measured.engine_version).trim_end().to_owned()
        }),
    ]
    .join("  ·  ")
}
