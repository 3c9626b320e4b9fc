//! A chart's frame: axes, linear or logarithmic, with their grid and labels.

use std::ops::RangeInclusive;

use plotters::prelude::{PathElement, Text};
use plotters::style::FontTransform;
use plotters::style::TextStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, SCALE};
use super::pen::{regular, stroke, thousands};
use super::style::{GRID, INK, MUTED};

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    logarithmic: bool,
    start: f64,
    end: f64,
    ticks: Vec<f64>,
}

impl Scale {
    /// From 0 to a little more than `largest`, with up to about eight round ticks.
    pub fn linear(largest: f64) -> Scale {
        let end = if largest > 0.0 { largest * 1.05 } else { 1.0 };
        Scale { logarithmic: false, start: 0.0, end, ticks: even_ticks(0.0, end) }
    }

    /// Around `values`, all above 0. Ticks are at 1, 2 and 5 times the powers of ten if that makes enough of them.
    pub fn logarithmic(values: RangeInclusive<f64>) -> Scale {
        const ROOM: f64 = 1.25;
        const ENOUGH: usize = 4;
        let (start, end) = (values.start() / ROOM, values.end() * ROOM);
        let first = start.log10().floor() as i32;
        let last = end.log10().ceil() as i32;
        let ticks = (first..=last).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let ticks: Vec<f64> = ticks.filter(|tick| (start..=end).contains(tick)).collect();
        let ticks = if ticks.len() < ENOUGH { even_ticks(start, end) } else { ticks };
        Scale { logarithmic: true, start, end, ticks }
    }

    /// The first value of the axis.
    pub fn start(&self) -> f64 {
        self.start
    }

    /// The last value of the axis.
    pub fn end(&self) -> f64 {
        self.end
    }

    /// Values from the start to the end at equal distances on paper.
    pub fn steps(&self, count: u32) -> impl Iterator<Item = f64> {
        let (from, to) = (self.position(self.start), self.position(self.end));
        (0..=count).map(move |step| {
            let position = from + (to - from) * f64::from(step) / f64::from(count);
            if self.logarithmic { 10_f64.powf(position) } else { position }
        })
    }

    fn position(&self, value: f64) -> f64 {
        if self.logarithmic { value.log10() } else { value }
    }

    /// Where a value lies between the start (0) and the end (1).
    fn share(&self, value: f64) -> f64 {
        let (from, to) = (self.position(self.start), self.position(self.end));
        (self.position(value) - from) / (to - from)
    }

    fn label(value: f64) -> String {
        // Sums and products of steps are off in the last places.
        let value = (value * 1e6).round() / 1e6;
        if value.fract() == 0.0 { thousands(value) } else { format!("{value}") }
    }
}

/// Up to about eight multiples of a round step.
fn even_ticks(start: f64, end: f64) -> Vec<f64> {
    let rough = (end - start) / 8.0;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * magnitude).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let ticks = (0..).map(|tick| ((start / step).ceil() + f64::from(tick)) * step);
    ticks.take_while(|tick| *tick <= end).collect()
}

/// A chart's place in the picture, in pixels, and its axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The left end of the chart itself, its labels lie further left.
    pub left: i32,
    /// The upper end.
    pub top: i32,
    /// The width.
    pub width: i32,
    /// The height; labels lie below.
    pub height: i32,
    /// The horizontal axis.
    pub x: Scale,
    /// The vertical axis.
    pub y: Scale,
}

impl Frame {
    /// Where a point lies, in the canvas's finer unit; points beyond the axes lie on the frame.
    pub fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let place = |start: i32, length: i32, share: f64| {
            ((f64::from(start) + f64::from(length) * share.clamp(0.0, 1.0)) * f64::from(SCALE)).round() as i32
        };
        (place(self.left, self.width, self.x.share(x)), place(self.top, self.height, 1.0 - self.y.share(y)))
    }

    /// Whether a point lies on the chart.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let inside = |scale: &Scale, value: f64| (scale.start..=scale.end).contains(&value);
        inside(&self.x, x) && inside(&self.y, y)
    }

    /// Draws grid, labels and titles.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn draw(&self, root: &Area<'_>, x_title: &str, y_title: &str) -> anyhow::Result<()> {
        let (x, y) = (&self.x, &self.y);
        for &tick in &x.ticks {
            self.line(root, [self.at(tick, y.start), self.at(tick, y.end)], 1.0)?;
            let (at, bottom) = self.at(tick, y.start);
            let place = (at, bottom + 8 * SCALE);
            label(root, place, &Scale::label(tick), (14, HPos::Center, VPos::Top), FontTransform::None)?;
        }
        for &tick in &y.ticks {
            self.line(root, [self.at(x.start, tick), self.at(x.end, tick)], 1.0)?;
            let (left, at) = self.at(x.start, tick);
            let place = (left - 8 * SCALE, at);
            label(root, place, &Scale::label(tick), (14, HPos::Right, VPos::Center), FontTransform::None)?;
        }
        let axis = [self.at(x.start, y.end), self.at(x.start, y.start), self.at(x.end, y.start)];
        root.draw(&PathElement::new(axis.to_vec(), stroke(MUTED, 1.0)))?;
        let middle = (self.left + self.width / 2, self.top + self.height / 2);
        let below = (middle.0 * SCALE, (self.top + self.height + 32) * SCALE);
        label(root, below, x_title, (15, HPos::Center, VPos::Top), FontTransform::None)?;
        let beside = ((self.left - 46) * SCALE, middle.1 * SCALE);
        label(root, beside, y_title, (15, HPos::Center, VPos::Bottom), FontTransform::Rotate270)
    }

    fn line(&self, root: &Area<'_>, ends: [(i32, i32); 2], width: f64) -> anyhow::Result<()> {
        root.draw(&PathElement::new(ends.to_vec(), stroke(GRID, width)))?;
        Ok(())
    }
}

fn label(
    root: &Area<'_>,
    place: (i32, i32),
    text: &str,
    (size, horizontal, vertical): (i32, HPos, VPos),
    turned: FontTransform,
) -> anyhow::Result<()> {
    let font = regular(size).transform(turned);
    let style = TextStyle::from(font).color(&INK).pos(Pos::new(horizontal, vertical));
    root.draw(&Text::new(text.to_owned(), place, style))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::linear(800.0).ticks, [0.0, 200.0, 400.0, 600.0, 800.0]);
        assert_eq!(Scale::logarithmic(0.3..=24.0).ticks, [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        let labels = |ticks: &[f64]| ticks.iter().map(|tick| Scale::label(*tick)).collect::<Vec<_>>();
        assert_eq!(
            labels(&Scale::logarithmic(300.0..=700.0).ticks),
            ["300", "400", "500", "600", "700", "800"]
        );
        assert_eq!(
            labels(&Scale::logarithmic(0.6..=0.9).ticks),
            ["0.5", "0.6", "0.7", "0.8", "0.9", "1", "1.1"]
        );
    }

    #[test]
    fn points_lie_where_the_axes_say() {
        let (x, y) = (Scale::linear(100.0), Scale::logarithmic(1.25..=80.0));
        let frame = Frame { left: 10, top: 20, width: 105, height: 200, x, y };
        assert_eq!(frame.at(0.0, 1.0), (10 * SCALE, 220 * SCALE));
        assert_eq!(frame.at(105.0, 100.0), (115 * SCALE, 20 * SCALE));
        assert_eq!(frame.at(0.0, 10.0), (10 * SCALE, 120 * SCALE));
        assert!(frame.contains(100.0, 10.0) && !frame.contains(106.0, 10.0));
        assert_eq!(frame.x.steps(2).collect::<Vec<_>>(), [0.0, 52.5, 105.0]);
    }
}
