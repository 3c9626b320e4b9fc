//! Labels next to points that cover neither each other nor the points.

use plotters::prelude::{PathElement, WHITE};
use plotters::style::RGBColor;

use super::canvas::{Area, SCALE};
use super::draw::{regular, scaled, shade, stroke, text, text_width};
use super::style::MUTED;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rect {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Rect {
    fn overlaps(&self, other: &Rect) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }

    fn is_inside(&self, other: &Rect) -> bool {
        self.left >= other.left
            && self.top >= other.top
            && self.left + self.width <= other.left + other.width
            && self.top + self.height <= other.top + other.height
    }

    /// The point of the rectangle that is nearest to `(x, y)`.
    fn nearest(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (x.clamp(self.left, self.left + self.width), y.clamp(self.top, self.top + self.height))
    }
}

/// Places labels in a chart.
#[derive(Debug)]
pub struct Labels {
    bounds: Rect,
    labels: Vec<Rect>,
    points: Vec<Rect>,
    /// Pieces of lines.
    lines: Vec<Rect>,
}

impl Labels {
    /// For a chart at these pixels: left, top, width, height.
    pub fn new((left, top, width, height): (i32, i32, i32, i32)) -> Labels {
        let [left, top, width, height] = [left, top, width, height].map(f64::from);
        Labels {
            bounds: Rect { left, top, width, height },
            labels: Vec::new(),
            points: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Keeps labels off the surroundings of `(x, y)`, which are in the canvas's finer unit.
    pub fn avoid(&mut self, at: (i32, i32), radius: f64) {
        let (x, y) = pixels(at);
        self.points.push(Rect {
            left: x - radius,
            top: y - radius,
            width: 2.0 * radius,
            height: 2.0 * radius,
        });
    }

    /// Keeps labels off a line of corners in the canvas's finer unit.
    pub fn avoid_line(&mut self, corners: &[(i32, i32)]) {
        for pair in corners.windows(2) {
            self.lines.extend(pieces(pixels(pair[0]), pixels(pair[1])));
        }
    }

    /// Writes a label that ends at this corner: its upper right one, in the canvas's finer unit.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn write_in_corner(
        &mut self,
        root: &Area<'_>,
        corner: (i32, i32),
        label: &str,
        size: i32,
        colour: RGBColor,
    ) -> anyhow::Result<()> {
        const INSET: f64 = 6.0;
        let font = regular(size);
        let (width, height) = (text_width(label, &font)?, f64::from(size) * 1.05);
        let (right, top) = pixels(corner);
        let place = Rect { left: right - INSET - width, top: top + INSET, width, height };
        self.labels.push(place);
        put(root, place, label, size, colour)
    }

    /// Writes a label as near to a point (in the canvas's finer unit) as possible. A thin line joins the two
    /// if they are not next to each other. Without room there is no label.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn write(
        &mut self,
        root: &Area<'_>,
        at: (i32, i32),
        label: &str,
        size: i32,
        colour: RGBColor,
    ) -> anyhow::Result<()> {
        self.write_within(root, f64::INFINITY, at, label, size, colour)
    }

    /// The same, but no farther from the point than `reach` pixels.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn write_within(
        &mut self,
        root: &Area<'_>,
        reach: f64,
        at: (i32, i32),
        label: &str,
        size: i32,
        colour: RGBColor,
    ) -> anyhow::Result<()> {
        let font = regular(size);
        let (width, height) = (text_width(label, &font)?, f64::from(size) * 1.05);
        let point = pixels(at);
        let Some(place) = self.place(point, width, height, reach) else { return Ok(()) };
        if let Some(end) = leader(point, &place) {
            let ends = [at, ((end.0 * f64::from(SCALE)) as i32, (end.1 * f64::from(SCALE)) as i32)];
            root.draw(&PathElement::new(ends.to_vec(), stroke(MUTED, 0.6)))?;
            self.lines.extend(pieces(point, end));
        }
        self.labels.push(place);
        put(root, place, label, size, colour)
    }

    /// Writes a label once, next to the first of some points (in the canvas's finer unit) that has room
    /// nearby. If none has, there is no label.
    ///
    /// # Errors
    /// If drawing fails.
    pub fn write_along(
        &mut self,
        root: &Area<'_>,
        points: &[(i32, i32)],
        label: &str,
        size: i32,
        colour: RGBColor,
    ) -> anyhow::Result<()> {
        const NEAR: f64 = 26.0;
        let (width, height) = (text_width(label, &regular(size))?, f64::from(size) * 1.05);
        let has_room = |&&at: &&(i32, i32)| self.place(pixels(at), width, height, NEAR).is_some();
        match points.iter().find(has_room) {
            Some(&at) => self.write_within(root, NEAR, at, label, size, colour),
            None => Ok(()),
        }
    }

    /// The free place of this size that is nearest to a point, and no farther from it than `reach`.
    fn place(&self, (x, y): (f64, f64), width: f64, height: f64, reach: f64) -> Option<Rect> {
        const DISTANCES: [f64; 11] = [7.0, 12.0, 18.0, 26.0, 36.0, 48.0, 62.0, 80.0, 100.0, 125.0, 150.0];
        /// What is as near to the point as this may be the point itself.
        const OWN: f64 = 7.0;
        // Right first, as one reads, then left, above, below and the corners.
        const SIDES: [(f64, f64); 8] = [
            (1.0, 0.0),
            (-1.0, 0.0),
            (0.0, -1.0),
            (0.0, 1.0),
            (0.8, -0.8),
            (-0.8, -0.8),
            (0.8, 0.8),
            (-0.8, 0.8),
        ];
        let near = DISTANCES.into_iter().filter(|distance| *distance <= reach);
        let places =
            near.flat_map(|distance| SIDES.map(|side| (distance, side))).map(|(distance, (dx, dy))| {
                let middle_x = x + dx * (distance + width / 2.0 * f64::from(u8::from(dx != 0.0)));
                let middle_y = y + dy * (distance + height / 2.0);
                (distance, Rect { left: middle_x - width / 2.0, top: middle_y - height / 2.0, width, height })
            });
        let taken = || self.labels.iter().chain(&self.points).chain(&self.lines);
        let is_free =
            |place: &Rect| place.is_inside(&self.bounds) && !taken().any(|taken| taken.overlaps(place));
        // A line that joins a label to its point crosses no other label. That it crosses points, or other
        // lines, is as bad as so many pixels more.
        const POINTS: f64 = 60.0;
        const LINES: f64 = 25.0;
        let crosses = |place: &Rect, things: &[Rect]| {
            let end = leader((x, y), place);
            let pieces = end.map(|end| pieces((x, y), end)).unwrap_or_default();
            let others = || things.iter().filter(|thing| thing.nearest((x, y)) != (x, y));
            let beyond = |piece: &&Rect| (piece.left + 2.0 - x).hypot(piece.top + 2.0 - y) > OWN;
            pieces.iter().filter(beyond).any(|piece| others().any(|thing| thing.overlaps(piece)))
        };
        let mut best: Option<(f64, Rect)> = None;
        for (distance, place) in places {
            // No place costs less than its distance, and they come nearest first.
            if best.is_some_and(|(least, _)| least <= distance) {
                break;
            }
            if !is_free(&place) || crosses(&place, &self.labels) {
                continue;
            }
            let extra = |things, pixels| if crosses(&place, things) { pixels } else { 0.0 };
            let cost = distance + extra(&self.points, POINTS) + extra(&self.lines, LINES);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, place));
            }
        }
        best.map(|(_, place)| place)
    }
}

/// Where the line that joins a point to its label ends; `None` if the label is so near that it needs none.
fn leader(point: (f64, f64), label: &Rect) -> Option<(f64, f64)> {
    let end = label.nearest(point);
    ((end.0 - point.0).hypot(end.1 - point.1) > 10.0).then_some(end)
}

/// Squares along a line.
fn pieces(from: (f64, f64), to: (f64, f64)) -> Vec<Rect> {
    const STEP: f64 = 5.0;
    let steps = ((to.0 - from.0).hypot(to.1 - from.1) / STEP).ceil().max(1.0);
    let piece = |step: u32| {
        let share = f64::from(step) / steps;
        let at = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
        Rect { left: at.0 - 2.0, top: at.1 - 2.0, width: 4.0, height: 4.0 }
    };
    (0..=steps as u32).map(piece).collect()
}

/// Writes a label on a pale ground, which keeps it legible where it cannot avoid a line.
fn put(root: &Area<'_>, place: Rect, label: &str, size: i32, colour: RGBColor) -> anyhow::Result<()> {
    let Rect { left, top, width, height } = place;
    let ground = [(left - 2.0, top), (left + width + 2.0, top + height)];
    shade(root, ground.map(|(x, y)| (scaled(x), scaled(y))), WHITE, 0.6)?;
    let middle = (left.round() as i32, (top + height / 2.0).round() as i32);
    text(root, middle, label, &regular(size), colour)
}

fn pixels((x, y): (i32, i32)) -> (f64, f64) {
    (f64::from(x) / f64::from(SCALE), f64::from(y) / f64::from(SCALE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_nor_leave_the_chart() {
        let mut labels = Labels::new((0, 0, 300, 200));
        let mut placed = 0;
        for step in 0..30 {
            let point = (f64::from(step * 37 % 300), f64::from(step * 53 % 200));
            let Some(place) = labels.place(point, 60.0, 12.0, f64::INFINITY) else { continue };
            assert!(place.is_inside(&labels.bounds));
            assert!(labels.labels.iter().all(|taken| !taken.overlaps(&place)));
            labels.labels.push(place);
            placed += 1;
        }
        assert!(placed > 20, "{placed}");
    }

    #[test]
    fn a_label_is_right_of_its_point_where_there_is_room() {
        let mut labels = Labels::new((0, 0, 300, 200));
        let place = labels.place((100.0, 100.0), 50.0, 10.0, 7.0).unwrap();
        assert_eq!((place.left, place.top), (107.0, 95.0));
        labels.avoid((120 * SCALE, 100 * SCALE), 4.0);
        assert_eq!(labels.place((100.0, 100.0), 50.0, 10.0, 7.0).unwrap().left, 43.0);
    }

    #[test]
    fn a_joining_line_crosses_no_other_label() {
        let mut labels = Labels::new((0, 0, 300, 200));
        // Something just right of the point leaves room behind it only.
        labels.avoid_line(&[(112 * SCALE, 90 * SCALE), (112 * SCALE, 110 * SCALE)]);
        for (left, top, width) in [(0.0, 0.0, 300.0), (0.0, 112.0, 300.0), (0.0, 80.0, 90.0)] {
            labels.labels.push(Rect { left, top, width, height: 88.0 });
        }
        assert_eq!(labels.place((100.0, 100.0), 50.0, 10.0, 100.0).unwrap().left, 118.0);
        labels.labels.push(Rect { left: 110.0, top: 98.0, width: 4.0, height: 4.0 });
        assert_eq!(labels.place((100.0, 100.0), 50.0, 10.0, 100.0), None);
    }

    #[test]
    fn a_label_goes_no_farther_than_it_may() {
        let mut labels = Labels::new((0, 0, 300, 200));
        labels.avoid((100 * SCALE, 100 * SCALE), 20.0);
        assert_eq!(labels.place((100.0, 100.0), 50.0, 10.0, 18.0), None);
        assert!(labels.place((100.0, 100.0), 50.0, 10.0, 26.0).is_some());
    }
}
