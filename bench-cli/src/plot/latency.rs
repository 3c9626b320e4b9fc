//! Stable latency against batch timeout: every run a point, a line and its band for each quantile.

use std::ops::Range;

use anyhow::{bail, ensure};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{Cartesian2d, ChartBuilder, ChartContext, Polygon, SVGBackend, WHITE};
use plotters::style::Color as _;

use super::canvas::{self, Area, Note, Notes, SCALE};
use super::pen::{
    RADIUS, bold, footer, marker, note, nothing_to_draw, path, regular, sample, stroke, text, thousands,
};
use super::style::{self, GRID, INK, Look, MUTED};
use crate::analysis::{Fit, FitError, Series};
use crate::record::Quantile;

/// What is drawn, the highest first, as the curves lie in the picture. The 99th percentile is left to the tables: it
/// lies so close to the maximum that the two would hide each other.
const DRAWN: [Quantile; 3] = [Quantile::Max, Quantile::P95, Quantile::P50];
/// Panels in one row of the picture.
const COLUMNS: usize = 3;
/// Sizes in pixels.
const MARGIN: i32 = 28;
const HEADER: i32 = 98;
const FOOTER: i32 = 44;
const LEGEND_ROW: i32 = 22;
const CHART_HEIGHT: i32 = 430;
/// Between two rows of panels.
const ROW_GAP: i32 = 30;
/// One panel has more room for its chart than each of several.
const WIDE_PANEL: i32 = 800;
const NARROW_PANEL: i32 = 470;

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the picture, one panel for each series, all on the same axes.
///
/// # Errors
/// If no run is ok, so that there is nothing to draw.
pub fn draw(series: &[Series<'_>]) -> anyhow::Result<String> {
    let panels: Vec<Panel> = series.iter().map(Panel::of).collect();
    if panels.iter().all(|panel| panel.curves.iter().all(|curve| curve.points.is_empty())) {
        bail!(nothing_to_draw(series));
    }
    let axes = Axes::around(&panels);
    let columns = panels.len().min(COLUMNS) as i32;
    let lines = panels.len().div_ceil(COLUMNS) as i32;
    let panel_width = if columns == 1 { WIDE_PANEL } else { NARROW_PANEL };
    let panel_height = legend_height() + CHART_HEIGHT;
    let width = 2 * MARGIN + columns * panel_width + (columns - 1) * MARGIN;
    let height = HEADER + lines * panel_height + (lines - 1) * ROW_GAP + FOOTER;
    ensure!(height < 20_000, "{} series are too many for one picture", panels.len());
    canvas::draw(width, height, |root, notes| {
        root.fill(&WHITE)?;
        text(root, (MARGIN, 34), "Stable latency against batch timeout", &bold(24), INK)?;
        let subtitle = "Points are runs. Lines are least squares: latency = k · timeout + b; bands and ± are 95 % confidence.";
        text(root, (MARGIN, 60), subtitle, &regular(15), MUTED)?;
        let dashed = "Dashed: where the law bends away from one line (lack-of-fit test on repetitions).";
        text(root, (MARGIN, 80), dashed, &regular(15), MUTED)?;
        for (place, panel) in panels.iter().enumerate() {
            let (column, line) = ((place % COLUMNS) as i32, (place / COLUMNS) as i32);
            let x = MARGIN + column * (panel_width + MARGIN);
            let y = HEADER + line * (panel_height + ROW_GAP);
            panel.draw(root, notes, (x, y), panel_width, &axes, column == 0)?;
        }
        text(root, (MARGIN, height - 20), &footer(series), &regular(12), MUTED)
    })
}

/// What one panel shows.
struct Panel {
    title: String,
    curves: Vec<Curve>,
}

/// One quantile of one series.
struct Curve {
    quantile: Quantile,
    points: Vec<(f64, f64)>,
    /// What to say of each point.
    notes: Vec<Note>,
    fit: Result<Fit, FitError>,
}

/// The axes that all panels share, both from 0, in milliseconds.
struct Axes {
    x: Range<f64>,
    y: Range<f64>,
}

impl Axes {
    fn around(panels: &[Panel]) -> Axes {
        let points = || panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
        let end = |value: f64| if value > 0.0 { value * 1.05 } else { 1.0 };
        let x = points().map(|point| point.0).fold(0.0, f64::max);
        let y = points().map(|point| point.1).fold(0.0, f64::max);
        Axes { x: 0.0..end(x), y: 0.0..end(y) }
    }
}

impl Panel {
    fn of(series: &Series<'_>) -> Panel {
        let curve = |quantile| {
            let points = series.points(quantile);
            let fit = series.fit(quantile);
            let shown = series.rows.iter().filter(|row| row.latency(quantile).is_some());
            let notes = shown.map(|row| note(series, row)).collect();
            Curve { quantile, points, notes, fit }
        };
        let curves = DRAWN.into_iter().map(curve).collect();
        let ok = series.rows.iter().filter(|row| row.is_ok()).count();
        let runs = match series.rows.len() {
            all if all == ok => format!("{all} runs"),
            all => format!("{ok} of {all} runs ok"),
        };
        Panel { title: format!("{} ({runs})", series.name), curves }
    }

    fn draw(
        &self,
        root: &Area<'_>,
        notes: &mut Notes,
        (x, y): (i32, i32),
        width: i32,
        axes: &Axes,
        first: bool,
    ) -> anyhow::Result<()> {
        self.draw_legend(root, (x, y))?;
        let chart = root
            .clone()
            .shrink((x * SCALE, (y + legend_height()) * SCALE), (width * SCALE, CHART_HEIGHT * SCALE));
        let mut chart = ChartBuilder::on(&chart)
            .margin_right(10 * SCALE)
            .x_label_area_size(48 * SCALE)
            .y_label_area_size(64 * SCALE)
            .build_cartesian_2d(axes.x.clone(), axes.y.clone())?;
        draw_axes(&mut chart, first)?;
        for curve in &self.curves {
            curve.draw_band(&mut chart)?;
        }
        for curve in &self.curves {
            curve.draw_line(root, &chart)?;
        }
        // The maximum last: it is what limits are about, and the 95th percentile lies close below it.
        for curve in self.curves.iter().rev() {
            curve.draw_points(root, notes, &chart)?;
        }
        Ok(())
    }

    /// A small table above the chart, where it cannot cover a point.
    fn draw_legend(&self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        let [sample_x, name, k, b, r, linear] = [0, 54, 104, 214, 332, 396].map(|offset| x + offset);
        text(root, (x, y + 14), &self.title, &bold(17), INK)?;
        let header = y + 40;
        for (at, label) in [(k, "slope k"), (b, "intercept b (ms)"), (r, "R²"), (linear, "linear (ms)")] {
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

fn legend_height() -> i32 {
    40 + (DRAWN.len() as i32 + 1) * LEGEND_ROW
}

fn draw_axes(chart: &mut Chart<'_, '_>, first: bool) -> anyhow::Result<()> {
    let number = |value: &f64| thousands(*value);
    let mut mesh = chart.configure_mesh();
    mesh.x_labels(8)
        .y_labels(8)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .label_style(regular(14).color(&INK))
        .axis_desc_style(regular(15).color(&INK))
        .axis_style(stroke(MUTED, 1.0))
        .bold_line_style(stroke(GRID, 1.0))
        .light_line_style(WHITE.mix(0.0))
        .set_all_tick_mark_size(5 * SCALE)
        .x_desc("batch timeout (ms)");
    if first {
        mesh.y_desc("stable latency (ms)");
    }
    mesh.draw()?;
    Ok(())
}

impl Curve {
    fn look(&self) -> Look {
        style::of(self.quantile)
    }

    /// The timeouts between which there are points; the line is not drawn beyond them.
    fn range(&self) -> Range<f64> {
        let xs = || self.points.iter().map(|point| point.0);
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

    fn draw_band(&self, chart: &mut Chart<'_, '_>) -> anyhow::Result<()> {
        const STEPS: i32 = 60;
        let Ok(Fit { line: fit, .. }) = &self.fit else { return Ok(()) };
        let Range { start, end } = self.range();
        let xs = || (0..=STEPS).map(|step| start + (end - start) * f64::from(step) / f64::from(STEPS));
        let top = chart.y_range().end;
        let edge = |x: f64, sign: f64| (x, (fit.at(x) + sign * fit.band_margin(x)).clamp(0.0, top));
        let outline: Vec<(f64, f64)> =
            xs().map(|x| edge(x, 1.0)).chain(xs().rev().map(|x| edge(x, -1.0))).collect();
        let fill = self.look().colour.mix(0.16).filled();
        chart.draw_series(std::iter::once(Polygon::new(outline, fill)))?;
        Ok(())
    }

    fn draw_line(&self, root: &Area<'_>, chart: &Chart<'_, '_>) -> anyhow::Result<()> {
        const BENDS: Option<(i32, i32)> = Some((5, 4));
        let Ok(Fit { line: fit, .. }) = &self.fit else { return Ok(()) };
        let (all, straight) = (self.range(), self.straight());
        let look = self.look();
        let bent = Look { dash: BENDS, ..look };
        let pieces = if straight.start < straight.end {
            vec![(all.start..straight.start, bent), (straight.clone(), look), (straight.end..all.end, bent)]
        } else {
            vec![(all, bent)]
        };
        for (Range { start, end }, look) in pieces.into_iter().filter(|(piece, _)| piece.start < piece.end) {
            // The ends alone: points between them would be moved to whole pixels.
            let ends = [start, end].map(|x| chart.backend_coord(&(x, fit.at(x))));
            path(root, &ends, look, 2.0)?;
        }
        Ok(())
    }

    fn draw_points(&self, root: &Area<'_>, notes: &mut Notes, chart: &Chart<'_, '_>) -> anyhow::Result<()> {
        for (point, text) in self.points.iter().zip(&self.notes) {
            let at = chart.backend_coord(point);
            marker(root, at, self.look(), RADIUS)?;
            notes.add(at, text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::tests::example;
    use crate::record::{Row, Status};

    #[test]
    fn the_same_rows_give_the_same_picture() {
        let rows: Vec<Row> = (1..8).map(|step| example(step * 50, 1)).collect();
        let series = Series::group(&rows);
        let svg = draw(&series).unwrap();
        assert_eq!(svg, draw(&series).unwrap());
        assert!(svg.starts_with("<svg width=\"856\""), "{}", &svg[..80]);
        for word in ["slope k", "batch timeout (ms)", "stable latency (ms)", "hub (7 runs)", "25 nodes"] {
            assert!(svg.contains(word), "{word}");
        }
    }

    /// Two runs at each timeout whose maximum grows as `latency` says.
    fn swept(latency: impl Fn(u64) -> u64) -> Vec<Row> {
        let run = |timeout, repetition| Row {
            stable_max_ms: Some(latency(timeout) + u64::from(repetition)),
            ..example(timeout, repetition)
        };
        [200, 400, 600, 800, 1000].into_iter().flat_map(|timeout| [1, 2].map(|n| run(timeout, n))).collect()
    }

    #[test]
    fn a_line_is_solid_where_it_fits_alone() {
        let max = |rows: &[Row]| {
            let panel = Panel::of(&Series::group(rows)[0]);
            (panel.curves[0].straight(), panel.curves[0].linear())
        };
        assert_eq!(max(&swept(|timeout| timeout + 100)), (200.0..1000.0, "200–1000".to_owned()));
        let bent = swept(|timeout| if timeout < 800 { timeout + 100 } else { 3 * timeout });
        assert_eq!(max(&bent), (200.0..600.0, "200–600".to_owned()));
        let nowhere = swept(|timeout| 500 + timeout / 200 % 2 * 1000);
        assert_eq!(max(&nowhere).1, "nowhere");
        let single: Vec<Row> = bent.iter().step_by(2).cloned().collect();
        assert_eq!(max(&single), (200.0..1000.0, "–".to_owned()));
    }

    #[test]
    fn the_maximum_is_drawn_over_all_else() {
        let svg = draw(&Series::group(&swept(|timeout| timeout + 200))).unwrap();
        let colour = |quantile| {
            let colour = style::of(quantile).colour;
            format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
        };
        let last = |quantile| svg.rfind(&colour(quantile)).unwrap();
        assert!(last(Quantile::P50) < last(Quantile::P95) && last(Quantile::P95) < last(Quantile::Max));
    }

    #[test]
    fn each_series_has_its_panel() {
        let tree = |timeout| Row { strategy: "tree".to_owned(), ..example(timeout, 1) };
        let failed = Row { status: Status::TimedOut, ..example(400, 1) };
        let rows = [example(50, 1), example(100, 1), failed, tree(50)];
        let svg = draw(&Series::group(&rows)).unwrap();
        assert!(svg.contains("hub (2 of 3 runs ok)") && svg.contains("tree (1 runs)"));
        assert!(svg.contains("a fit needs at least 3 usable runs; there are 2"));
    }

    #[test]
    fn runs_that_failed_are_nothing_to_draw() {
        let failed = Row { status: Status::Crashed, ..example(50, 1) };
        let error = draw(&Series::group(&[failed])).unwrap_err().to_string();
        assert_eq!(error, "there is nothing to draw: none of the 1 runs is ok");
    }
}
