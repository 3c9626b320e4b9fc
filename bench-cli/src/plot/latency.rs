//! Stable latency against batch timeout: every run a point, a line and its band for each quantile.

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::{bail, ensure};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, DashedLineSeries, EmptyElement, FontDesc, FontStyle,
    IntoFont as _, LineSeries, Polygon, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBColor, ShapeStyle, TextStyle};

use super::canvas::{self, Area, Note, SCALE};
use super::style::{self, GRID, INK, MUTED, Marker, PLOTTERS_FAMILY, QuantileStyle};
use crate::analysis::{FitError, Line, Series};
use crate::outcome::{Quantile, Row};

/// What is drawn, the highest first, as the curves lie in the picture. The 99th percentile is left to the tables: it
/// lies so close to the maximum that the two would hide each other.
const DRAWN: [Quantile; 3] = [Quantile::Max, Quantile::P95, Quantile::P50];
/// Panels in one row of the picture.
const COLUMNS: usize = 3;
/// Sizes in pixels.
const MARGIN: i32 = 28;
const HEADER: i32 = 74;
const FOOTER: i32 = 44;
const LEGEND_ROW: i32 = 22;
const CHART_HEIGHT: i32 = 430;
const RADIUS: f64 = 4.2;
/// One panel has more room for its chart than each of several.
const WIDE_PANEL: i32 = 800;
const NARROW_PANEL: i32 = 470;

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the picture for `rows`, one panel for each series, all on the same axes.
///
/// # Errors
/// If no row is ok, so that there is nothing to draw.
pub fn draw(rows: &[Row]) -> anyhow::Result<String> {
    let panels: Vec<Panel> = Series::group(rows).iter().map(Panel::of).collect();
    if panels.iter().all(|panel| panel.curves.iter().all(|curve| curve.points.is_empty())) {
        bail!("there is nothing to draw: none of the {} runs is ok", rows.len());
    }
    let axes = Axes::around(&panels);
    let columns = panels.len().min(COLUMNS) as i32;
    let lines = panels.len().div_ceil(COLUMNS) as i32;
    let panel_width = if columns == 1 { WIDE_PANEL } else { NARROW_PANEL };
    let panel_height = legend_height() + CHART_HEIGHT;
    let width = 2 * MARGIN + columns * panel_width + (columns - 1) * MARGIN;
    let height = HEADER + lines * panel_height + FOOTER;
    ensure!(height < 20_000, "{} series are too many for one picture", panels.len());
    let mut notes = Vec::new();
    let svg = canvas::draw(width.unsigned_abs(), height.unsigned_abs(), |root| {
        root.fill(&WHITE)?;
        text(root, (MARGIN, 34), "Stable latency against batch timeout", &bold(24), INK)?;
        let subtitle = "Points are runs. Lines are least squares: latency = k · timeout + b; bands and ± are 95 % confidence.";
        text(root, (MARGIN, 60), subtitle, &regular(15), MUTED)?;
        for (place, panel) in panels.iter().enumerate() {
            let (column, line) = ((place % COLUMNS) as i32, (place / COLUMNS) as i32);
            let x = MARGIN + column * (panel_width + MARGIN);
            let y = HEADER + line * panel_height;
            notes.extend(panel.draw(root, (x, y), panel_width, &axes, column == 0)?);
        }
        text(root, (MARGIN, height - 20), &footer(rows), &regular(12), MUTED)
    })?;
    Ok(canvas::annotate(&svg, &notes))
}

/// What one panel shows.
struct Panel<'a> {
    title: String,
    curves: Vec<Curve<'a>>,
}

/// One quantile of one series.
struct Curve<'a> {
    quantile: Quantile,
    points: Vec<(f64, f64)>,
    /// The run behind each point.
    runs: Vec<&'a Row>,
    fit: Result<Line, FitError>,
}

/// The axes that all panels share, both from 0, in milliseconds.
struct Axes {
    x: Range<f64>,
    y: Range<f64>,
}

impl Axes {
    fn around(panels: &[Panel<'_>]) -> Axes {
        let points = || panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
        let end = |value: f64| if value > 0.0 { value * 1.05 } else { 1.0 };
        let x = points().map(|point| point.0).fold(0.0, f64::max);
        let y = points().map(|point| point.1).fold(0.0, f64::max);
        Axes { x: 0.0..end(x), y: 0.0..end(y) }
    }
}

impl<'a> Panel<'a> {
    fn of(series: &Series<'a>) -> Panel<'a> {
        let curve = |quantile| {
            let points = series.points(quantile);
            let runs = series.rows.iter().copied().filter(|row| row.latency(quantile).is_some()).collect();
            let fit = Line::fit(&points);
            Curve { quantile, points, runs, fit }
        };
        let curves = DRAWN.into_iter().map(curve).collect();
        let ok = series.rows.iter().filter(|row| row.is_ok()).count();
        let runs = match series.rows.len() {
            all if all == ok => format!("{all} runs"),
            all => format!("{ok} of {all} runs ok"),
        };
        Panel { title: format!("{} ({runs})", series.name), curves }
    }

    /// Draws the panel, and returns what is to be said of its points.
    fn draw(
        &self,
        root: &Area<'_>,
        (x, y): (i32, i32),
        width: i32,
        axes: &Axes,
        first: bool,
    ) -> anyhow::Result<Vec<Note>> {
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
            curve.draw_line(&mut chart)?;
        }
        for curve in &self.curves {
            curve.draw_points(&mut chart)?;
        }
        Ok(self.curves.iter().flat_map(|curve| curve.notes(&chart)).collect())
    }

    /// A small table above the chart, where it cannot cover a point.
    fn draw_legend(&self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        let [sample, name, k, b, r] = [0, 54, 104, 214, 340].map(|offset| x + offset);
        text(root, (x, y + 14), &self.title, &bold(17), INK)?;
        let header = y + 40;
        for (at, label) in [(k, "slope k"), (b, "intercept b (ms)"), (r, "R²")] {
            text(root, (at, header), label, &regular(13), MUTED)?;
        }
        for (line, curve) in (1..).zip(&self.curves) {
            let middle = header + line * LEGEND_ROW;
            curve.draw_sample(root, (sample, middle))?;
            text(root, (name, middle), curve.quantile.name(), &bold(14), INK)?;
            match &curve.fit {
                Ok(fit) => {
                    let slope = format!("{:.2} ± {:.2}", fit.slope, fit.slope_margin());
                    let intercept = format!("{:.0} ± {:.0}", fit.intercept, fit.intercept_margin());
                    text(root, (k, middle), &slope, &regular(14), INK)?;
                    text(root, (b, middle), &intercept, &regular(14), INK)?;
                    text(root, (r, middle), &format!("{:.4}", fit.r_squared), &regular(14), INK)?;
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

impl Curve<'_> {
    fn style(&self) -> QuantileStyle {
        style::of(self.quantile)
    }

    /// The timeouts between which there are points; the line is not drawn beyond them.
    fn range(&self) -> Range<f64> {
        let xs = || self.points.iter().map(|point| point.0);
        xs().fold(f64::INFINITY, f64::min)..xs().fold(0.0, f64::max)
    }

    fn draw_band(&self, chart: &mut Chart<'_, '_>) -> anyhow::Result<()> {
        const STEPS: i32 = 60;
        let Ok(fit) = &self.fit else { return Ok(()) };
        let Range { start, end } = self.range();
        let xs = || (0..=STEPS).map(|step| start + (end - start) * f64::from(step) / f64::from(STEPS));
        let top = chart.y_range().end;
        let edge = |x: f64, sign: f64| (x, (fit.at(x) + sign * fit.band_margin(x)).clamp(0.0, top));
        let outline: Vec<(f64, f64)> =
            xs().map(|x| edge(x, 1.0)).chain(xs().rev().map(|x| edge(x, -1.0))).collect();
        let fill = self.style().colour.mix(0.16).filled();
        chart.draw_series(std::iter::once(Polygon::new(outline, fill)))?;
        Ok(())
    }

    fn draw_line(&self, chart: &mut Chart<'_, '_>) -> anyhow::Result<()> {
        let Ok(fit) = &self.fit else { return Ok(()) };
        let Range { start, end } = self.range();
        // The ends alone: points between them would be moved to whole pixels.
        let ends = [(start, fit.at(start)), (end, fit.at(end))];
        let style = stroke(self.style().colour, 2.0);
        match self.style().dash {
            None => chart.draw_series(LineSeries::new(ends, style))?,
            Some((dash, gap)) => {
                let (dash, gap) = (dash * SCALE, gap * SCALE);
                chart.draw_series(DashedLineSeries::new(ends, dash, gap, style))?
            }
        };
        Ok(())
    }

    fn draw_points(&self, chart: &mut Chart<'_, '_>) -> anyhow::Result<()> {
        let QuantileStyle { colour, marker, .. } = self.style();
        let area = chart.plotting_area();
        for &point in &self.points {
            // A white rim keeps points apart that lie on each other.
            for (fill, radius) in [(WHITE, RADIUS + 1.1), (colour, RADIUS)] {
                let fill = fill.filled();
                match outline(marker, radius) {
                    None => {
                        area.draw(&(EmptyElement::at(point) + Circle::new((0, 0), scaled(radius), fill)))?
                    }
                    Some(corners) => area.draw(&(EmptyElement::at(point) + Polygon::new(corners, fill)))?,
                }
            }
        }
        Ok(())
    }

    /// Which run each point is.
    fn notes(&self, chart: &Chart<'_, '_>) -> Vec<Note> {
        let area = chart.plotting_area();
        let note = |(point, run): (&(f64, f64), &&Row)| Note {
            at: area.map_coordinate(point),
            key: run.key(),
            text: format!("{} {:.0} ms\n{run}", self.quantile.name(), point.1),
        };
        self.points.iter().zip(&self.runs).map(note).collect()
    }

    /// The line and the marker, as the legend shows them.
    fn draw_sample(&self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        let QuantileStyle { colour, marker, dash } = self.style();
        let (start, end, y) = (x * SCALE, (x + 44) * SCALE, y * SCALE);
        let (dash, gap) = dash.map_or((end - start, 0), |(dash, gap)| (dash * SCALE, gap * SCALE));
        let mut at = start;
        while at < end {
            let piece = [(at, y), ((at + dash).min(end), y)];
            root.draw(&plotters::element::PathElement::new(piece, stroke(colour, 2.0)))?;
            at += dash + gap;
        }
        let middle = i32::midpoint(start, end);
        for (fill, radius) in [(WHITE, RADIUS + 1.1), (colour, RADIUS)] {
            let fill = fill.filled();
            match outline(marker, radius) {
                None => root.draw(&Circle::new((middle, y), scaled(radius), fill))?,
                Some(corners) => {
                    let moved: Vec<_> = corners.iter().map(|&(dx, dy)| (middle + dx, y + dy)).collect();
                    root.draw(&Polygon::new(moved, fill))?;
                }
            }
        }
        Ok(())
    }
}

/// The corners of a marker around the origin, or `None` for the disc. All markers cover about the same area.
fn outline(marker: Marker, radius: f64) -> Option<Vec<(i32, i32)>> {
    let corners: &[(f64, f64)] = match marker {
        Marker::Circle => return None,
        Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Marker::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
        Marker::Triangle => &[(0.0, -1.3), (1.2, 0.85), (-1.2, 0.85)],
    };
    Some(corners.iter().map(|&(x, y)| (scaled(x * radius), scaled(y * radius))).collect())
}

/// Pixels in the canvas's finer unit.
fn scaled(pixels: f64) -> i32 {
    (pixels * f64::from(SCALE)).round() as i32
}

fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    colour.stroke_width(scaled(width).unsigned_abs())
}

fn regular(size: i32) -> FontDesc<'static> {
    (PLOTTERS_FAMILY, size * SCALE).into_font()
}

fn bold(size: i32) -> FontDesc<'static> {
    (PLOTTERS_FAMILY, size * SCALE, FontStyle::Bold).into_font()
}

/// Writes text with its left end and its middle height at `(x, y)`.
fn text(
    root: &Area<'_>,
    (x, y): (i32, i32),
    text: &str,
    font: &FontDesc<'static>,
    colour: RGBColor,
) -> anyhow::Result<()> {
    let style = TextStyle::from(font.clone()).color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
    root.draw(&Text::new(text.to_owned(), (x * SCALE, y * SCALE), style))?;
    Ok(())
}

/// A whole number with narrow spaces between thousands.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 && digits.len() > 4 {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    grouped
}

/// The settings that all runs share, for the reader of the picture.
fn footer(rows: &[Row]) -> String {
    let of = |setting: &dyn Fn(&Row) -> String| {
        rows.iter().map(setting).collect::<BTreeSet<String>>().into_iter().collect::<Vec<_>>().join(" / ")
    };
    let faults = |row: &Row| match row.nemesis.as_str() {
        "none" => "no faults".to_owned(),
        fault => format!("{fault} every {} s", row.nemesis_interval_s),
    };
    [
        of(&|row| format!("{} nodes", row.node_count)),
        of(&|row| format!("{} op/s for {} s", row.rate, row.time_limit_s)),
        of(&|row| format!("latency {} ms {}", row.latency_ms, row.latency_dist)),
        of(&|row| format!("topology {}", row.topology)),
        of(&faults),
        of(&|row| format!("engine {} {}", row.engine, row.engine_version).trim_end().to_owned()),
    ]
    .join("  ·  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Status;
    use crate::outcome::row::tests::example;

    #[test]
    fn the_same_rows_give_the_same_picture() {
        let rows: Vec<Row> = (1..8).map(|step| example(step * 50, 1)).collect();
        let svg = draw(&rows).unwrap();
        assert_eq!(svg, draw(&rows).unwrap());
        assert!(svg.starts_with("<svg width=\"856\""), "{}", &svg[..80]);
        assert_eq!(svg.matches("<title>max ").count(), 7);
        assert!(svg.contains("<title>max 251 ms\nhub, 50 ms, repetition 1\n1.50 msgs/op"), "{svg}");
        for word in ["slope k", "batch timeout (ms)", "stable latency (ms)", "hub (7 runs)", "25 nodes"] {
            assert!(svg.contains(word), "{word}");
        }
    }

    #[test]
    fn each_series_has_its_panel() {
        let tree = |timeout| Row { strategy: "tree".to_owned(), ..example(timeout, 1) };
        let failed = Row { status: Status::TimedOut, ..example(400, 1) };
        let svg = draw(&[example(50, 1), example(100, 1), failed, tree(50)]).unwrap();
        assert!(svg.contains("hub (2 of 3 runs ok)") && svg.contains("tree (1 runs)"));
        assert!(svg.contains("a fit needs at least 3 usable runs; there are 2"));
    }

    #[test]
    fn runs_that_failed_are_nothing_to_draw() {
        let failed = Row { status: Status::Crashed, ..example(50, 1) };
        let error = draw(&[failed]).unwrap_err().to_string();
        assert_eq!(error, "there is nothing to draw: none of the 1 runs is ok");
    }

    #[test]
    fn thousands_are_grouped_from_five_digits_on() {
        let shown: Vec<String> = [0.0, 999.0, 4000.0, 12_000.0].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "999", "4000", "12\u{2009}000"]);
    }
}
