//! Stable latency against the batch timeout: every run a point, and for each quantile a line and its band.

use std::ops::Range;

use anyhow::{bail, ensure};

use super::axes::{self, Axes, Axis};
use super::canvas::{Area, Notes};
use super::draw::{RADIUS, bold, fill, path, regular, text};
use super::layout::{self, Layout, MARGIN};
use super::legend::sample;
use super::page::Page;
use super::runs::{self, Run, note, nothing_to_draw};
use super::style::{self, INK, Look, MUTED};
use crate::analysis::{Fit, FitError, Series};
use crate::record::Quantile;
use crate::stats::least_squares::Line;
use crate::terminal::count;

/// The quantiles drawn, highest first, as the curves are ordered in the plot. The 99th percentile is in the
/// tables only: it is so close to the maximum that the two would hide each other.
const DRAWN: [Quantile; 3] = [Quantile::Max, Quantile::P95, Quantile::P50];
/// Panels in one row of the plot.
const COLUMNS: usize = 3;
/// Sizes in pixels.
const LEGEND_ROW: i32 = 22;
const LEGEND: i32 = 40 + (DRAWN.len() as i32 + 1) * LEGEND_ROW;
const SHORT_LEGEND: i32 = 56;
const CHART_HEIGHT: i32 = 382;
/// A single panel is wider than each of several.
const WIDE_PANEL: i32 = 800;
const NARROW_PANEL: i32 = 470;
/// Pixels to the right of a chart, for the end of its last label.
const CHART_RIGHT: i32 = 10;
/// Pixels between two rows of panels.
const ROW_GAP: i32 = 18;

/// Draws the plot, one panel for each series, all on the same axes.
///
/// # Errors
/// If no run is ok.
pub fn draw(series: &[Series<'_>], page: Page) -> anyhow::Result<String> {
    let panels: Vec<Panel> = series.iter().map(Panel::of).collect();
    if panels.iter().all(|panel| panel.curves.iter().all(|curve| curve.runs.is_empty())) {
        bail!(nothing_to_draw(series));
    }
    // There is a run, so there is a series.
    let (words, x_title) = (series[0].axis.words(), series[0].axis_title());
    let title = format!("Stable latency against {words}");
    let line = format!(
        "Points are runs. Lines are least squares: latency = k · {words} + b; bands and ± are 95 % confidence."
    );
    let linear = match series[0].axis_unit().trim() {
        "" => "linear".to_owned(),
        unit => format!("linear ({unit})"),
    };
    let layout = Layout {
        page,
        title: &title,
        subtitle: &[&line, "Dashed: where the linear fit does not hold (lack-of-fit test on repetitions)."],
        footer: layout::settings(series),
    };
    let in_row = if page.width().is_some() { 1 } else { COLUMNS };
    let columns = panels.len().min(in_row) as i32;
    let rows = panels.len().div_ceil(in_row) as i32;
    let width = layout::width(page, if columns == 1 { WIDE_PANEL } else { NARROW_PANEL });
    let chart = layout::height(page, width - axes::LEFT, CHART_HEIGHT);
    // A column has no room for a table of fits; its caption has them.
    let legend = if page.width().is_some() { SHORT_LEGEND } else { LEGEND };
    let height = legend + chart + axes::BELOW;
    let size = (columns * (width + MARGIN) - MARGIN, rows * (height + ROW_GAP) - ROW_GAP);
    ensure!(size.1 < 20_000, "{} series are too many for one plot", panels.len());
    let (x, y) = axes_around(&panels);
    layout.draw(size, |root, notes, top| {
        for (place, panel) in panels.iter().enumerate() {
            let (column, row) = ((place % in_row) as i32, (place / in_row) as i32);
            let (left, top) = (MARGIN + column * (width + MARGIN), top + row * (height + ROW_GAP));
            // The panels of a row share a vertical axis, so one title is enough.
            let y = if column == 0 { y.clone().titled(axes::STABLE_LATENCY) } else { y.clone() };
            match page.width() {
                Some(_) => panel.draw_short_legend(root, (left, top))?,
                None => panel.draw_legend(root, (left, top), &linear)?,
            }
            let axes = Axes {
                left: left + axes::LEFT,
                top: top + legend,
                width: width - axes::LEFT - CHART_RIGHT,
                height: chart,
                x: x.clone().titled(x_title.as_str()),
                y,
            };
            panel.draw_chart(root, notes, &axes)?;
        }
        Ok(())
    })
}

/// The two axes that hold every run, both from 0, in milliseconds.
fn axes_around(panels: &[Panel]) -> (Axis, Axis) {
    let runs = || panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.runs);
    let x = runs().map(|run| run.at.0).fold(0.0, f64::max);
    let y = runs().map(|run| run.at.1).fold(0.0, f64::max);
    (Axis::linear(x), Axis::linear(y))
}

/// One series.
struct Panel {
    title: String,
    curves: Vec<Curve>,
}

/// One quantile of one series.
struct Curve {
    quantile: Quantile,
    runs: Vec<Run>,
    fit: Result<Fit, FitError>,
}

impl Panel {
    fn of(series: &Series<'_>) -> Panel {
        let ok = series.records.iter().filter(|record| record.is_ok()).count();
        let runs = match series.records.len() {
            all if all == ok => count(all, "run"),
            all => format!("{ok} of {} ok", count(all, "run")),
        };
        let curves = DRAWN.into_iter().map(|quantile| Curve::of(series, quantile)).collect();
        Panel { title: format!("{} ({runs})", series.name), curves }
    }

    fn draw_chart(&self, root: &Area<'_>, notes: &mut Notes, axes: &Axes) -> anyhow::Result<()> {
        axes.draw(root)?;
        for curve in &self.curves {
            curve.draw_band(root, axes)?;
        }
        for curve in &self.curves {
            curve.draw_line(root, axes)?;
        }
        // The maximum last: limits are about it, and the 95th percentile is close below it.
        for curve in self.curves.iter().rev() {
            runs::draw(root, notes, axes, (curve.look(), RADIUS), &curve.runs)?;
        }
        Ok(())
    }

    /// The series and the quantiles' names above the chart.
    fn draw_short_legend(&self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        text(root, (x, y + 10), &self.title, &bold(14), INK)?;
        let mut at = x;
        for curve in &self.curves {
            sample(root, (at, y + 34), curve.look())?;
            text(root, (at + 52, y + 34), curve.quantile.name(), &regular(14), INK)?;
            at += 100;
        }
        Ok(())
    }

    /// A small table above the chart, where it cannot cover a point.
    fn draw_legend(&self, root: &Area<'_>, (x, y): (i32, i32), range: &str) -> anyhow::Result<()> {
        let [sample_x, name, k, b, r, linear] = [0, 54, 104, 214, 332, 396].map(|offset| x + offset);
        text(root, (x, y + 14), &self.title, &bold(17), INK)?;
        let header = y + 40;
        for (at, label) in [(k, "slope k"), (b, "intercept b (ms)"), (r, "R²"), (linear, range)] {
            text(root, (at, header), label, &regular(13), MUTED)?;
        }
        for (line, curve) in (1..).zip(&self.curves) {
            let middle = header + line * LEGEND_ROW;
            sample(root, (sample_x, middle), curve.look())?;
            text(root, (name, middle), curve.quantile.name(), &bold(14), INK)?;
            match &curve.fit {
                Ok(Fit { line: fit, .. }) => {
                    let slope = format!("{:.2} ± {:.2}", fit.slope, fit.slope_margin());
                    let intercept = format!("{:.0} ± {:.0}", fit.intercept, fit.intercept_margin());
                    text(root, (k, middle), &slope, &regular(14), INK)?;
                    text(root, (b, middle), &intercept, &regular(14), INK)?;
                    text(root, (r, middle), &format!("{:.4}", fit.r_squared), &regular(14), INK)?;
                    text(root, (linear, middle), &curve.linear(), &regular(14), INK)?;
                }
                Err(error) => text(root, (k, middle), &error.to_string(), &regular(13), MUTED)?,
            }
        }
        Ok(())
    }
}

impl Curve {
    fn of(series: &Series<'_>, quantile: Quantile) -> Curve {
        let usable = series.records.iter().filter(|record| record.latency(quantile).is_some());
        let run = |(at, record)| Run { at, note: note(series, record) };
        Curve {
            quantile,
            runs: series.points(quantile).into_iter().zip(usable.copied()).map(run).collect(),
            fit: Fit::of(series, quantile),
        }
    }

    fn look(&self) -> Look {
        style::of(self.quantile)
    }

    /// The timeouts between which there are runs; the line is not drawn beyond them.
    fn range(&self) -> Range<f64> {
        let xs = || self.runs.iter().map(|run| run.at.0);
        xs().fold(f64::INFINITY, f64::min)..xs().fold(0.0, f64::max)
    }

    /// The timeouts between which the latency is linear: all of them if the repetitions cannot tell.
    fn straight(&self) -> Range<f64> {
        let Ok(fit) = &self.fit else { return self.range() };
        match &fit.linear {
            _ if fit.lack_of_fit.is_none_or(|test| test.accepts()) => self.range(),
            Some((range, _)) => *range.start()..*range.end(),
            None => 0.0..0.0,
        }
    }

    /// The same in words.
    fn linear(&self) -> String {
        let tested = self.fit.as_ref().is_ok_and(|fit| fit.lack_of_fit.is_some());
        match self.straight() {
            _ if !tested => "–".to_owned(),
            Range { start, end } if start < end => format!("{start:.0}–{end:.0}"),
            _ => "nowhere".to_owned(),
        }
    }

    fn draw_band(&self, root: &Area<'_>, axes: &Axes) -> anyhow::Result<()> {
        const STEPS: i32 = 60;
        let Ok(Fit { line: fit, .. }) = &self.fit else { return Ok(()) };
        let Range { start, end } = self.range();
        let xs = || (0..=STEPS).map(|step| start + (end - start) * f64::from(step) / f64::from(STEPS));
        let edge = |x: f64, sign: f64| axes.at(x, fit.at(x) + sign * fit.band_margin(x));
        let outline = xs().map(|x| edge(x, 1.0)).chain(xs().rev().map(|x| edge(x, -1.0))).collect();
        fill(root, outline, self.look().colour, 0.16)
    }

    fn draw_line(&self, root: &Area<'_>, axes: &Axes) -> anyhow::Result<()> {
        const DASHED: Option<(i32, i32)> = Some((5, 4));
        let Ok(Fit { line: fit, .. }) = &self.fit else { return Ok(()) };
        let (all, straight) = (visible(self.range(), fit, axes), self.straight());
        let look = self.look();
        let dashed = Look { dash: DASHED, ..look };
        let pieces = if straight.start < straight.end {
            vec![
                (all.start..straight.start.min(all.end), dashed),
                (straight.start.max(all.start)..straight.end.min(all.end), look),
                (straight.end.max(all.start)..all.end, dashed),
            ]
        } else {
            vec![(all, dashed)]
        };
        for (Range { start, end }, look) in pieces.into_iter().filter(|(piece, _)| piece.start < piece.end) {
            // The ends alone: points between them would be moved to whole pixels.
            path(root, &[start, end].map(|x| axes.at(x, fit.at(x))), look, 2.0)?;
        }
        Ok(())
    }
}

/// The part of `range` in which a line is on the chart.
fn visible(range: Range<f64>, line: &Line, axes: &Axes) -> Range<f64> {
    if line.slope == 0.0 {
        return range;
    }
    let crossings = [axes.y.start(), axes.y.end()].map(|y| (y - line.intercept) / line.slope);
    let [low, high] = if line.slope > 0.0 { crossings } else { [crossings[1], crossings[0]] };
    range.start.max(low)..range.end.min(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::StrategyKind;

    use crate::analysis::examples::{failed, of_strategy, with_max};
    use crate::record::tests::example;
    use crate::record::{RunRecord, Status};

    #[test]
    fn the_same_rows_give_the_same_picture() {
        let records: Vec<RunRecord> = (1..8).map(|step| example(step * 50, 1)).collect();
        let series = Series::group(&records);
        let svg = draw(&series, Page::SCREEN).unwrap();
        assert_eq!(svg, draw(&series, Page::SCREEN).unwrap());
        assert!(svg.starts_with("<svg width=\"856\""), "{}", &svg[..80]);
        for word in ["slope k", "batch timeout (ms)", "stable latency (ms)", "hub (7 runs)", "25 nodes"] {
            assert!(svg.contains(word), "{word}");
        }
    }

    /// Two runs at each timeout whose maximum grows as `latency` says.
    fn swept(latency: impl Fn(u64) -> u64) -> Vec<RunRecord> {
        let run =
            |timeout, repetition| with_max(timeout, repetition, latency(timeout) + u64::from(repetition));
        [200, 400, 600, 800, 1000].into_iter().flat_map(|timeout| [1, 2].map(|n| run(timeout, n))).collect()
    }

    #[test]
    fn a_line_is_solid_where_it_fits_alone() {
        let max = |records: &[RunRecord]| {
            let panel = Panel::of(&Series::group(records)[0]);
            (panel.curves[0].straight(), panel.curves[0].linear())
        };
        assert_eq!(max(&swept(|timeout| timeout + 100)), (200.0..1000.0, "200–1000".to_owned()));
        let bent = swept(|timeout| if timeout < 800 { timeout + 100 } else { 3 * timeout });
        assert_eq!(max(&bent), (200.0..600.0, "200–600".to_owned()));
        let nowhere = swept(|timeout| 500 + timeout / 200 % 2 * 1000);
        assert_eq!(max(&nowhere).1, "nowhere");
        let single: Vec<RunRecord> = bent.iter().step_by(2).cloned().collect();
        assert_eq!(max(&single), (200.0..1000.0, "–".to_owned()));
    }

    #[test]
    fn the_maximum_is_drawn_over_all_else() {
        let svg = draw(&Series::group(&swept(|timeout| timeout + 200)), Page::SCREEN).unwrap();
        let colour = |quantile| {
            let colour = style::of(quantile).colour;
            format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
        };
        let last = |quantile| svg.rfind(&colour(quantile)).unwrap();
        assert!(last(Quantile::P50) < last(Quantile::P95) && last(Quantile::P95) < last(Quantile::Max));
    }

    #[test]
    fn each_series_has_its_panel() {
        let failed = failed(400, 1, Status::TimedOut);
        let records = [example(50, 1), example(100, 1), failed, of_strategy(StrategyKind::Tree, 50)];
        let svg = draw(&Series::group(&records), Page::SCREEN).unwrap();
        assert!(svg.contains("hub (2 of 3 runs ok)") && svg.contains("tree (1 run)"));
        assert!(svg.contains("a fit needs at least 3 usable runs; there are 2"));
    }

    #[test]
    fn runs_that_failed_are_nothing_to_draw() {
        let error =
            draw(&Series::group(&[failed(50, 1, Status::Crashed)]), Page::SCREEN).unwrap_err().to_string();
        assert_eq!(error, "there is nothing to draw: none of the 1 runs is ok");
    }
}
