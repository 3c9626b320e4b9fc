//! What every plot has around its charts: a title, a few lines on how to read it, and a footer.

use std::collections::BTreeSet;

use plotters::prelude::WHITE;
use plotters::style::FontDesc;

use super::canvas::{self, Area, Notes};
use super::draw::{bold, regular, text, text_width};
use super::page::Page;
use super::style::{INK, MUTED};
use crate::analysis::Series;
use crate::record::RunRecord;
use crate::spec::settings::{Faults, MessageFaults, Settings};
use crate::terminal::count;
use crate::wrap;

/// Pixels between the plot's edges and its contents, and between charts side by side.
pub const MARGIN: i32 = 28;
/// Pixels for the title of one of several charts.
pub const CHART_TITLE: i32 = 30;
/// Pixels between the contents and the middle of the footer's first line.
const FOOTER_GAP: i32 = 24;
/// Pixels for each line of the footer.
const FOOTER_LINE: i32 = 20;
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
    /// How to read the plot, line by line; a line that is too long is broken.
    pub subtitle: &'a [&'a str],
    /// What holds for everything in the plot.
    pub footer: String,
}

impl Layout<'_> {
    /// Draws contents of this width and height (pixels), the text around them, and returns the SVG. The
    /// contents begin at [`MARGIN`] from the left edge. They are told where they begin from the upper one,
    /// since texts that are wider than the contents take further lines.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn draw(
        &self,
        (width, height): (i32, i32),
        contents: impl FnOnce(&Area<'_>, &mut Notes, i32) -> anyhow::Result<()>,
    ) -> anyhow::Result<String> {
        if !self.page.is_titled() {
            let top = MARGIN / 4;
            return canvas::draw(self.page, (width + 2 * MARGIN, top + height), |root, notes| {
                root.fill(&WHITE)?;
                contents(root, notes, top)
            });
        }
        let subtitle = Paragraph::of(self.subtitle, regular(15), SUBTITLE, width)?;
        let footer = Paragraph::of(&[&self.footer], regular(12), FOOTER_LINE, width)?;
        let top = TITLE + subtitle.height();
        let below = top + height + FOOTER_GAP;
        let size = (width + 2 * MARGIN, below + footer.height());
        canvas::draw(self.page, size, |root, notes| {
            root.fill(&WHITE)?;
            text(root, (MARGIN, 34), self.title, &bold(24), INK)?;
            subtitle.draw(root, TITLE + 4)?;
            contents(root, notes, top)?;
            footer.draw(root, below)
        })
    }
}

/// Text in lines that fit the plot.
struct Paragraph {
    lines: Vec<String>,
    font: FontDesc<'static>,
    /// Pixels from one line to the next.
    spacing: i32,
}

impl Paragraph {
    /// Breaks lines at spaces so that none is wider than this, in pixels. A single word may be.
    fn of(texts: &[&str], font: FontDesc<'static>, spacing: i32, width: i32) -> anyhow::Result<Paragraph> {
        let mut lines: Vec<String> = Vec::new();
        for text in texts {
            let fits = |_, line: &str| Ok::<_, anyhow::Error>(text_width(line, &font)? <= f64::from(width));
            lines.extend(wrap::lines(text, fits)?);
        }
        Ok(Paragraph { lines, font, spacing })
    }

    fn height(&self) -> i32 {
        self.spacing * self.lines.len() as i32
    }

    /// Writes the lines in grey, the middle of the first at this height.
    fn draw(&self, root: &Area<'_>, top: i32) -> anyhow::Result<()> {
        for (line, words) in (0..).zip(&self.lines) {
            text(root, (MARGIN, top + line * self.spacing), words, &self.font, MUTED)?;
        }
        Ok(())
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

/// The faults of a run, those of single messages included.
fn faults(settings: &Settings) -> String {
    let nemesis = match settings.nemesis.faults {
        Faults::NONE => None,
        faults => Some(format!("{faults} every {} s", settings.nemesis.interval.as_secs_f64())),
    };
    let MessageFaults { loss, duplication } = settings.message_faults;
    let share = |share: f64, done: &str| (share > 0.0).then(|| format!("{} % {done}", 100.0 * share));
    let all = [nemesis, share(loss, "of messages lost"), share(duplication, "of messages doubled")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { "no faults".to_owned() } else { all.join(", ") }
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
        of_settings(&|settings| count(settings.node_count, "node")),
        of_settings(&|settings| {
            format!("{} op/s for {} s", settings.rate, settings.time_limit.as_secs_f64())
        }),
        of_settings(&|settings| {
            format!("latency {} ms {}", settings.latency.mean.as_millis(), settings.latency.distribution)
        }),
        of_settings(&|settings| format!("topology {}", settings.topology)),
        of_settings(&faults),
        of(&|record| {
            format!("engine {} {}", record.run.engine, record.measured.engine_version).trim_end().to_owned()
        }),
    ]
    .join("  ·  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_messages_are_faults() {
        let mut settings = Settings::default();
        assert_eq!(faults(&settings), "no faults");
        settings.message_faults = MessageFaults { loss: 0.05, duplication: 0.0 };
        assert_eq!(faults(&settings), "5 % of messages lost");
        settings.nemesis.faults = Faults::partition();
        assert_eq!(faults(&settings), "partition every 10 s, 5 % of messages lost");
    }

    #[test]
    fn long_lines_break_at_spaces() {
        let texts = ["one two three four five six seven", "short", "much-too-long-to-be-broken"];
        let broken = Paragraph::of(&texts, regular(15), 20, 120).unwrap();
        assert!(broken.lines.len() > texts.len() && broken.height() == 20 * broken.lines.len() as i32);
        assert_eq!(broken.lines.join(" "), texts.join(" "));
        for line in broken.lines.iter().filter(|line| line.contains(' ')) {
            assert!(text_width(line, &broken.font).unwrap() <= 120.0, "{line}");
        }
    }
}
