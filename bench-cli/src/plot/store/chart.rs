//! A chart over time with jepsen's layout: 900 by 400 pixels, the legend on the right, faults shaded in rows
//! at the top.

use std::fmt::Write as _;

use super::operations::Operations;
use crate::markup::escape;
use crate::plot::style::FAMILIES;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 400.0;
/// The plotting area.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 730.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 350.0;
/// The height of a row of shaded faults, as a part of the plotting area, and the gaps above and below it.
const FAULT_ROW: f64 = 0.0834;
const FAULT_GAP: f64 = 0.00615;
/// From one line of the legend to the next.
const LEGEND_STEP: f64 = 18.0;

/// The vertical axis.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// From zero to a little above the highest value.
    Linear { highest: f64 },
    /// Powers of ten around the values. Values below the least one are drawn there.
    Logarithmic { least: f64, highest: f64 },
}

/// The shape of a point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Marker {
    Disc,
    Square,
}

/// A chart that is being drawn.
pub(super) struct Chart {
    svg: String,
    scale: Scale,
    /// The right end of the time axis, in seconds.
    end: f64,
    legend: usize,
}

impl Chart {
    /// A chart with axes and faults, and without data.
    pub(super) fn new(title: &str, unit: &str, scale: Scale, operations: &Operations) -> Chart {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"{}\" \
             font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            escape(FAMILIES)
        );
        let middle = (LEFT + RIGHT) / 2.0;
        let _ = write!(
            svg,
            "<text x=\"{middle}\" y=\"22\" font-size=\"15\" text-anchor=\"middle\">{}</text>\
             <text x=\"{middle}\" y=\"388\" text-anchor=\"middle\">Time (s)</text>\
             <text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(title),
            (TOP + BOTTOM) / 2.0,
            escape(unit)
        );
        let mut chart = Chart { svg, scale, end: operations.end.max(1.0), legend: 0 };
        chart.faults(operations);
        chart.axes();
        chart
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.end).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let part = match self.scale {
            Scale::Linear { highest } => value / ceiling(highest),
            Scale::Logarithmic { least, highest } => {
                let (low, high) = (least.log10().floor(), highest.log10().ceil());
                (value.max(least).log10() - low) / (high - low)
            }
        };
        BOTTOM - part.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }

    fn faults(&mut self, operations: &Operations) {
        for (row, fault) in (1_u8..).zip(&operations.faults) {
            let height = BOTTOM - TOP;
            let bottom = TOP + height * FAULT_ROW * f64::from(row);
            let (top, bottom) = (bottom - height * (FAULT_ROW - FAULT_GAP), bottom - height * FAULT_GAP);
            for &(from, to) in &fault.intervals {
                let (from, to) = (self.x(from), self.x(to));
                let _ = write!(
                    self.svg,
                    "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\" \
                     fill-opacity=\"0.6\"/>",
                    to - from,
                    bottom - top,
                    fault.kind.colour
                );
            }
            for &at in &fault.events {
                let x = self.x(at);
                let _ =
                    write!(self.svg, "<path d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"{}\"/>", fault.kind.colour);
            }
            let y = self.next_legend_line();
            let _ = write!(
                self.svg,
                "<path d=\"M{} {y}h20\" stroke=\"{}\" stroke-width=\"6\"/>",
                RIGHT + 12.0,
                fault.kind.colour
            );
            self.legend_text(y, fault.kind.name);
        }
    }

    fn axes(&mut self) {
        let step = ceiling(self.end / 10.0);
        let mut at = 0.0;
        while at <= self.end {
            let x = self.x(at);
            let _ = write!(
                self.svg,
                "<path d=\"M{x:.1} {BOTTOM}v5\" stroke=\"black\"/><text x=\"{x:.1}\" y=\"{}\" \
                 text-anchor=\"middle\">{at}</text>",
                BOTTOM + 18.0
            );
            at += step;
        }
        for value in self.ticks() {
            let y = self.y(value);
            let _ = write!(
                self.svg,
                "<path d=\"M{LEFT} {y:.1}h-5\" stroke=\"black\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                // Powers of ten below one are not exact.
                (value * 1e6).round() / 1e6
            );
        }
        let _ = write!(
            self.svg,
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"black\"/>",
            RIGHT - LEFT,
            BOTTOM - TOP
        );
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear { highest } => {
                (0..=5).map(|part| ceiling(highest) * f64::from(part) / 5.0).collect()
            }
            Scale::Logarithmic { least, highest } => {
                let (low, high) = (least.log10().floor() as i32, highest.log10().ceil() as i32);
                (low..=high).map(|power| 10_f64.powi(power)).collect()
            }
        }
    }

    /// Adds points of one kind.
    pub(super) fn points(&mut self, name: &str, colour: &str, marker: Marker, points: &[(f64, f64)]) {
        for &(at, value) in points {
            let (x, y) = (self.x(at), self.y(value));
            self.mark(marker, colour, x, y);
        }
        self.entry(name, colour, marker);
    }

    /// Adds points of one kind, and the line through them.
    pub(super) fn curve(&mut self, name: &str, colour: &str, marker: Marker, points: &[(f64, f64)]) {
        let line: Vec<String> =
            points.iter().map(|&(at, value)| format!("{:.1},{:.1}", self.x(at), self.y(value))).collect();
        let _ = write!(
            self.svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            line.join(" ")
        );
        self.points(name, colour, marker, points);
    }

    fn mark(&mut self, marker: Marker, colour: &str, x: f64, y: f64) {
        let _ = match marker {
            Marker::Disc => {
                write!(self.svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>")
            }
            Marker::Square => write!(
                self.svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"5\" height=\"5\" fill=\"none\" stroke=\"{colour}\"/>",
                x - 2.5,
                y - 2.5
            ),
        };
    }

    fn entry(&mut self, name: &str, colour: &str, marker: Marker) {
        let y = self.next_legend_line();
        self.mark(marker, colour, RIGHT + 22.0, y);
        self.legend_text(y, name);
    }

    fn next_legend_line(&mut self) -> f64 {
        self.legend += 1;
        TOP + LEGEND_STEP * self.legend as f64 - LEGEND_STEP / 2.0
    }

    fn legend_text(&mut self, y: f64, name: &str) {
        let _ = write!(self.svg, "<text x=\"{}\" y=\"{}\">{}</text>", RIGHT + 40.0, y + 4.0, escape(name));
    }

    /// The chart as SVG.
    pub(super) fn finish(self) -> String {
        self.svg + "</svg>\n"
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below a positive value.
fn ceiling(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|&step| step >= value).unwrap_or(value)
}
