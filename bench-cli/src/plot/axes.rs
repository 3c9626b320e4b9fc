//! The axes of every plot: linear or logarithmic, with grid, labels and titles.

use std::ops::RangeInclusive;

use plotters::prelude::{PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, TextStyle};

use super::canvas::{Area, SCALE};
use super::draw::{regular, scaled, stroke, text_width};
use super::style::{GRID, INK, MUTED};

/// The title of an axis of stable latencies.
pub const STABLE_LATENCY: &str = "stable latency (ms)";
/// The title of an axis of messages.
pub const MESSAGES: &str = "messages between nodes per operation";

/// Pixels to the left of a chart for the labels and the title of its vertical axis.
pub const LEFT: i32 = 64;
/// Pixels below a chart for the labels and the title of its horizontal axis.
pub const BELOW: i32 = 60;
/// How far a label of the horizontal axis may reach beyond the chart's right edge, in pixels. A figure for a
/// paper has no more room there.
const PROTRUSION: i32 = 4;
/// Pixels between two labels of the horizontal axis. A label that has less room is left out.
const LABEL_GAP: i32 = 6;

/// How values map to distances on paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
    /// Words at equal distances. Each has a label, which is shortened if there is too little room.
    Words,
}

/// A value of an axis that has a grid line and a label.
#[derive(Clone, Debug, PartialEq)]
struct Tick {
    value: f64,
    label: String,
}

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    scale: Scale,
    start: f64,
    end: f64,
    ticks: Vec<Tick>,
    /// Empty if the axis needs none.
    title: String,
}

impl Axis {
    /// From 0 to 5 % above `largest`, with up to about eight round ticks.
    pub fn linear(largest: f64) -> Axis {
        let end = if largest > 0.0 { largest * 1.05 } else { 1.0 };
        Axis::new(Scale::Linear, (0.0, end), even_ticks(0.0, end), number)
    }

    /// Around `values`, which are above 0. Ticks are at 1, 2 and 5 times the powers of ten; if the axis holds
    /// fewer than four of those, at even distances. Without a value the axis runs from 1 to 10.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>) -> Axis {
        const ROOM: f64 = 1.25;
        const ENOUGH: usize = 4;
        let range = range(values).unwrap_or(1.0..=10.0);
        let (start, end) = (range.start() / ROOM, range.end() * ROOM);
        let ticks = powers_of_ten(start, end).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * power));
        let ticks: Vec<f64> = ticks.filter(|tick| (start..=end).contains(tick)).collect();
        let ticks = if ticks.len() < ENOUGH { even_ticks(start, end) } else { ticks };
        Axis::new(Scale::Logarithmic, (start, end), ticks, number)
    }

    /// A logarithmic axis over the whole powers of ten around `values`, which are above 0, with a tick at
    /// each power. Without a value the axis runs from 1 to 10.
    pub fn decades(values: impl IntoIterator<Item = f64>) -> Axis {
        let range = range(values).unwrap_or(1.0..=10.0);
        let (first, last) = (range.start().log10().floor(), range.end().log10().ceil());
        let (start, end) = (10_f64.powf(first), 10_f64.powf(last.max(first + 1.0)));
        Axis::new(Scale::Logarithmic, (start, end), powers_of_ten(start, end).collect(), power_of_ten)
    }

    /// An axis of words at equal distances, the first one at 0.
    pub fn words(words: impl IntoIterator<Item = String>) -> Axis {
        let tick = |(place, label)| Tick { value: f64::from(place), label };
        let ticks: Vec<Tick> = (0..).zip(words).map(tick).collect();
        let end = ticks.len() as f64 - 0.5;
        Axis { scale: Scale::Words, start: -0.5, end, ticks, title: String::new() }
    }

    fn new(scale: Scale, (start, end): (f64, f64), ticks: Vec<f64>, label: fn(f64) -> String) -> Axis {
        let ticks = ticks.into_iter().map(|value| Tick { value, label: label(value) }).collect();
        Axis { scale, start, end, ticks, title: String::new() }
    }

    /// The same axis with a title.
    pub fn titled(self, title: impl Into<String>) -> Axis {
        Axis { title: title.into(), ..self }
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
            match self.scale {
                Scale::Linear | Scale::Words => position,
                Scale::Logarithmic => 10_f64.powf(position),
            }
        })
    }

    fn contains(&self, value: f64) -> bool {
        (self.start..=self.end).contains(&value)
    }

    fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear | Scale::Words => value,
            Scale::Logarithmic => value.log10(),
        }
    }

    /// Where a value is between the start (0) and the end (1).
    fn share(&self, value: f64) -> f64 {
        let (from, to) = (self.position(self.start), self.position(self.end));
        (self.position(value) - from) / (to - from)
    }
}

/// The smallest and the largest value; `None` without any.
fn range(values: impl IntoIterator<Item = f64>) -> Option<RangeInclusive<f64>> {
    let around = |range: RangeInclusive<f64>, value: f64| range.start().min(value)..=range.end().max(value);
    values.into_iter().fold(None, |range, value| Some(around(range.unwrap_or(value..=value), value)))
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

/// The powers of ten from the one below `start` to the one above `end`.
fn powers_of_ten(start: f64, end: f64) -> impl Iterator<Item = f64> {
    let (first, last) = (start.log10().floor() as i32, end.log10().ceil() as i32);
    (first..=last).map(|power| 10_f64.powi(power))
}

/// A number as people write it.
fn number(value: f64) -> String {
    // Sums and products of steps are off in the last places.
    let value = (value * 1e6).round() / 1e6;
    if value.fract() == 0.0 { thousands(value) } else { format!("{value}") }
}

/// `0.1`, `1000`, `10⁶`: powers of ten as people write them.
fn power_of_ten(value: f64) -> String {
    const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let exponent = value.log10().round();
    let digit = |digit: char| SUPERSCRIPTS[digit.to_digit(10).unwrap_or_default() as usize];
    match exponent {
        4.0.. => format!("10{}", format!("{exponent:.0}").chars().map(digit).collect::<String>()),
        _ => number(value),
    }
}

/// A whole number with narrow spaces between thousands, from five digits on.
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

/// A chart's place in the plot, in pixels, and its two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    /// The left edge of the chart; labels are further left.
    pub left: i32,
    /// The upper edge.
    pub top: i32,
    /// The width.
    pub width: i32,
    /// The height; labels are below.
    pub height: i32,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
}

impl Axes {
    /// Where a point is, in the canvas's finer unit; a point beyond the axes is moved to the chart's edge.
    pub fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let place = |start: i32, length: i32, share: f64| {
            ((f64::from(start) + f64::from(length) * share.clamp(0.0, 1.0)) * f64::from(SCALE)).round() as i32
        };
        (place(self.left, self.width, self.x.share(x)), place(self.top, self.height, 1.0 - self.y.share(y)))
    }

    /// Whether a point is on the chart.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        self.x.contains(x) && self.y.contains(y)
    }

    /// Draws the grid, the axes, their labels and their titles.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn draw(&self, root: &Area<'_>) -> anyhow::Result<()> {
        let (x, y) = (&self.x, &self.y);
        let mut occupied = i32::MIN;
        for Tick { value, label } in &x.ticks {
            let (at, bottom) = self.at(*value, y.start);
            grid_line(root, [(at, bottom), self.at(*value, y.end)])?;
            let label = match x.scale {
                Scale::Words => &shortened(label, f64::from(self.width / x.ticks.len() as i32 - LABEL_GAP))?,
                Scale::Linear | Scale::Logarithmic => label,
            };
            let half = scaled(text_width(label, &regular(14))? / 2.0);
            let middle = at.min((self.left + self.width + PROTRUSION) * SCALE - half);
            if middle - half > occupied {
                let anchor = Pos::new(HPos::Center, VPos::Top);
                let place = (middle, bottom + 8 * SCALE);
                Label { size: 14, anchor, turned: FontTransform::None }.draw(root, place, label)?;
                occupied = middle + half + LABEL_GAP * SCALE;
            }
        }
        for Tick { value, label } in &y.ticks {
            let (left, at) = self.at(x.start, *value);
            grid_line(root, [(left, at), self.at(x.end, *value)])?;
            let anchor = Pos::new(HPos::Right, VPos::Center);
            let place = (left - 8 * SCALE, at);
            Label { size: 14, anchor, turned: FontTransform::None }.draw(root, place, label)?;
        }
        let axis = [self.at(x.start, y.end), self.at(x.start, y.start), self.at(x.end, y.start)];
        root.draw(&PathElement::new(axis.to_vec(), stroke(MUTED, 1.0)))?;
        self.draw_titles(root)
    }

    fn draw_titles(&self, root: &Area<'_>) -> anyhow::Result<()> {
        let middle = (self.left + self.width / 2, self.top + self.height / 2);
        if !self.x.title.is_empty() {
            let below = (middle.0 * SCALE, (self.top + self.height + 32) * SCALE);
            let anchor = Pos::new(HPos::Center, VPos::Top);
            Label { size: 15, anchor, turned: FontTransform::None }.draw(root, below, &self.x.title)?;
        }
        if !self.y.title.is_empty() {
            let next_to_it = ((self.left - 46) * SCALE, middle.1 * SCALE);
            let anchor = Pos::new(HPos::Center, VPos::Bottom);
            Label { size: 15, anchor, turned: FontTransform::Rotate270 }.draw(
                root,
                next_to_it,
                &self.y.title,
            )?;
        }
        Ok(())
    }
}

/// A label with at most this width (pixels); an ellipsis stands for what is left out, but for the first
/// character.
fn shortened(label: &str, width: f64) -> anyhow::Result<String> {
    let mut shown = label.to_owned();
    let mut kept: Vec<char> = label.chars().collect();
    while text_width(&shown, &regular(14))? > width && kept.len() > 1 {
        kept.pop();
        shown = kept.iter().collect::<String>() + "…";
    }
    Ok(shown)
}

fn grid_line(root: &Area<'_>, ends: [(i32, i32); 2]) -> anyhow::Result<()> {
    root.draw(&PathElement::new(ends.to_vec(), stroke(GRID, 1.0)))?;
    Ok(())
}

/// How a text of an axis is set.
struct Label {
    /// The size of the font in pixels.
    size: i32,
    /// Which point of the text is at the given place.
    anchor: Pos,
    turned: FontTransform,
}

impl Label {
    fn draw(self, root: &Area<'_>, place: (i32, i32), text: &str) -> anyhow::Result<()> {
        let font = regular(self.size).transform(self.turned);
        let style = TextStyle::from(font).color(&INK).pos(self.anchor);
        root.draw(&Text::new(text.to_owned(), place, style))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::Page;
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::linear(800.0)), ["0", "200", "400", "600", "800"]);
        assert_eq!(labels(&Axis::logarithmic([0.3, 24.0, 7.0])), ["0.5", "1", "2", "5", "10", "20"]);
        assert_eq!(labels(&Axis::logarithmic([300.0, 700.0])), ["300", "400", "500", "600", "700", "800"]);
        assert_eq!(labels(&Axis::logarithmic([0.6, 0.9])), ["0.5", "0.6", "0.7", "0.8", "0.9", "1", "1.1"]);
    }

    #[test]
    fn decades_hold_all_values_between_whole_powers_of_ten() {
        let axis = Axis::decades([0.4, 20_000.0]);
        assert_eq!(labels(&axis), ["0.1", "1", "10", "100", "1000", "10⁴", "10⁵"]);
        assert_eq!(labels(&Axis::decades([100.0])), ["100", "1000"]);
    }

    #[test]
    fn an_axis_without_values_is_drawn_all_the_same() {
        let axis = Axis::logarithmic([]);
        assert!(axis.start() < axis.end() && !axis.ticks.is_empty(), "{axis:?}");
    }

    #[test]
    fn points_lie_where_the_axes_say() {
        let (x, y) = (Axis::linear(100.0), Axis::logarithmic([1.25, 80.0]));
        let axes = Axes { left: 10, top: 20, width: 105, height: 200, x, y };
        assert_eq!(axes.at(0.0, 1.0), (10 * SCALE, 220 * SCALE));
        assert_eq!(axes.at(105.0, 100.0), (115 * SCALE, 20 * SCALE));
        assert_eq!(axes.at(0.0, 10.0), (10 * SCALE, 120 * SCALE));
        assert!(axes.contains(100.0, 10.0) && !axes.contains(106.0, 10.0));
        assert_eq!(axes.x.steps(2).collect::<Vec<_>>(), [0.0, 52.5, 105.0]);
    }

    #[test]
    fn labels_of_a_narrow_chart_neither_touch_nor_leave_it() {
        let labels = |width| {
            let (x, y) = (Axis::logarithmic([80.0, 10_000.0]), Axis::linear(1.0));
            let axes = Axes { left: LEFT, top: 0, width, height: 100, x, y };
            let size = (LEFT + width + 28, 160);
            let svg = super::super::canvas::draw(Page::SCREEN, size, |root, _| axes.draw(root)).unwrap();
            ["5000", "10\u{2009}000"].map(|label| svg.contains(&format!("\n{label}\n")))
        };
        assert_eq!((labels(500), labels(250)), ([true, true], [true, false]));
    }

    #[test]
    fn words_of_a_narrow_chart_are_shortened_and_not_dropped() {
        let words = ["constant", "uniform", "exponential"];
        let shown = |width| {
            let (x, y) = (Axis::words(words.map(str::to_owned)), Axis::linear(1.0));
            let axes = Axes { left: LEFT, top: 0, width, height: 100, x, y };
            let size = (LEFT + width + 28, 160);
            super::super::canvas::draw(Page::SCREEN, size, |root, _| axes.draw(root)).unwrap()
        };
        let wide = shown(300);
        assert!(words.iter().all(|word| wide.contains(&format!("\n{word}\n"))), "{wide}");
        let narrow = shown(120);
        let starts = narrow.lines().filter_map(|line| line.strip_suffix('…')).collect::<Vec<_>>();
        assert_eq!(starts.len(), 3, "{narrow}");
        assert!(starts.iter().zip(words).all(|(start, word)| word.starts_with(start)), "{starts:?}");
    }

    #[test]
    fn thousands_are_grouped_from_five_digits_on() {
        let shown: Vec<String> = [0.0, 999.0, 4000.0, 12_000.0].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "999", "4000", "12\u{2009}000"]);
    }
}
