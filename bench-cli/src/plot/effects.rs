//! Which parameters matter: for each of them a panel with the medians at its values, a row for each figure.

use anyhow::bail;

use super::axes::{self, Axes, Axis};
use super::canvas::Area;
use super::draw::{RADIUS, bold, marker, path, regular, text, text_width};
use super::layout::{self, Layout, MARGIN};
use super::page::Page;
use super::runs::nothing_to_draw;
use super::style::{INK, Look, MUTED, Marker, PALE};
use crate::analysis::effects::{Effects, Level, Main, Term, Verdict};
use crate::analysis::{Figure, Series};

/// The figures, a row each.
const FIGURES: [Figure; 3] = [Figure::MsgsPerOp, Figure::P50, Figure::Max];
/// The most parameters that have a panel; the tables have all.
const MOST: usize = 5;
/// Sizes in pixels.
const CHART: (i32, i32) = (250, 190);
const ABOVE: i32 = 46;
/// The narrowest chart that is legible.
const NARROWEST: i32 = 90;
/// The radius of a setting's median.
const SETTING_RADIUS: f64 = 2.0;

/// Draws the plot.
///
/// # Errors
/// If no run is ok, or fewer than two parameters vary.
pub fn draw(series: &[Series<'_>], page: Page) -> anyhow::Result<String> {
    let rows: Vec<Effects> = FIGURES.into_iter().filter_map(|figure| Effects::of(series, figure)).collect();
    let Some(first) = rows.first() else {
        if series.iter().all(|series| series.figures(Figure::P50).is_empty()) {
            bail!(nothing_to_draw(series));
        }
        bail!("fewer than two parameters vary");
    };
    let shown = strongest(&rows, first.parameters.len());
    let left_out = match first.parameters.len() - shown.len() {
        0 => String::new(),
        more => format!(" The {more} parameters that explain least are in the tables only."),
    };
    let first_line = format!(
        "Down is better. Large points: the average over all values of the other parameters.{left_out}"
    );
    let layout = Layout {
        page,
        title: "Effects of the parameters",
        subtitle: &[
            &first_line,
            "Small points: the median of each setting. Per cent: how much of the variance the parameter explains by itself; \
             noise: no more than chance does.",
        ],
        footer: layout::settings(series),
    };
    let columns = shown.len() as i32;
    let all = layout::width(page, columns * (axes::LEFT + CHART.0 + MARGIN) - MARGIN);
    let width = (all + MARGIN) / columns - MARGIN;
    let chart = (width - axes::LEFT, CHART.1);
    if chart.0 < NARROWEST {
        bail!("a panel for each of {columns} parameters needs a larger --width");
    }
    let height = ABOVE + chart.1 + axes::BELOW;
    let size = (all, rows.len() as i32 * height);
    layout.draw(size, |root, _, top| {
        for (row, effects) in (0..).zip(&rows) {
            let y = vertical(effects);
            for (column, &place) in (0..).zip(&shown) {
                let corner = (MARGIN + column * (width + MARGIN), top + row * height);
                let y = if column == 0 { y.clone().titled(title(effects.figure)) } else { y.clone() };
                let panel = Panel { main: &effects.parameters[place], term: &effects.terms[place], chart };
                panel.draw(root, corner, y)?;
            }
        }
        Ok(())
    })
}

/// The parameters that explain most of some figure, in their order.
fn strongest(rows: &[Effects], count: usize) -> Vec<usize> {
    let strength = |place: &usize| rows.iter().map(|effects| effects.terms[*place].share).fold(0.0, f64::max);
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    places.truncate(MOST);
    places.sort_unstable();
    places
}

const fn title(figure: Figure) -> &'static str {
    match figure {
        Figure::MsgsPerOp => "messages per operation",
        Figure::P50 => "median latency (ms)",
        Figure::P95 => "95th percentile (ms)",
        Figure::Max => "maximum latency (ms)",
    }
}

/// The axis that all panels of a row share, from 0.
fn vertical(effects: &Effects) -> Axis {
    let levels = effects.parameters.iter().flat_map(|main| &main.levels);
    let values = levels.flat_map(|level| level.medians.iter().copied().chain([level.mean]));
    Axis::linear(values.fold(0.0, f64::max))
}

/// One parameter's effect on one figure.
struct Panel<'a> {
    main: &'a Main,
    term: &'a Term,
    /// The chart's width and height.
    chart: (i32, i32),
}

impl Panel<'_> {
    fn draw(&self, root: &Area<'_>, (left, top): (i32, i32), y: Axis) -> anyhow::Result<()> {
        let chart = left + axes::LEFT;
        text(root, (chart, top + 14), &self.main.parameter.words(), &bold(15), INK)?;
        let (width, height) = self.chart;
        let mut share = explained(self.term);
        if text_width(&share, &regular(13))? > f64::from(width) {
            // The subtitle says of what.
            share = share.replace(OF_THE_VARIANCE, "");
        }
        text(root, (chart, top + 32), &share, &regular(13), MUTED)?;
        let x = self.horizontal().titled(self.main.title.clone());
        let axes = Axes { left: chart, top: top + ABOVE, width, height, x, y };
        axes.draw(root)?;
        let look = Look { colour: INK, marker: Marker::Circle, dash: None };
        for (place, level) in self.main.levels.iter().enumerate() {
            for median in &level.medians {
                let at = axes.at(self.x(place, level), *median);
                marker(root, at, Look { colour: PALE, ..look }, SETTING_RADIUS)?;
            }
        }
        let average = |(place, level)| axes.at(self.x(place, level), level.mean);
        let averages: Vec<(i32, i32)> = self.main.levels.iter().enumerate().map(average).collect();
        // Words have no order that a line could follow.
        if self.is_numeric() {
            path(root, &averages, look, 1.6)?;
        }
        averages.into_iter().try_for_each(|at| marker(root, at, look, RADIUS))
    }

    fn is_numeric(&self) -> bool {
        self.main.levels.iter().all(|level| level.x.is_some())
    }

    fn x(&self, place: usize, level: &Level) -> f64 {
        level.x.filter(|_| self.is_numeric()).unwrap_or(place as f64)
    }

    fn horizontal(&self) -> Axis {
        let levels = &self.main.levels;
        if self.is_numeric() {
            Axis::linear(levels.iter().filter_map(|level| level.x).fold(0.0, f64::max))
        } else {
            Axis::words(levels.iter().map(|level| level.label.clone()))
        }
    }
}

/// What a share is of, where there is room to say it.
const OF_THE_VARIANCE: &str = " of the variance";

/// What a parameter explains, in words.
fn explained(term: &Term) -> String {
    let percent =
        if term.share < 0.01 { "less than 1".to_owned() } else { format!("{:.0}", 100.0 * term.share) };
    let share = format!("{percent} %{OF_THE_VARIANCE}");
    match term.verdict {
        Verdict::Effect => share,
        Verdict::Noise => format!("noise ({share})"),
        Verdict::Untested => format!("{share} (not tested)"),
        Verdict::Confounded => "varies with other parameters only".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::with_nodes;
    use crate::record::RunRecord;
    use crate::record::tests::example;
    use crate::spec::value::Value;

    #[test]
    fn each_parameter_has_a_panel_for_each_figure() {
        let run = |nodes: usize, topology: &str| {
            with_nodes(nodes, 100, 1).with(|record| {
                record.run.parameters = vec![("mode".to_owned(), Value::word(topology))];
                record.figures_mut().msgs_per_op = Some(nodes as f64);
            })
        };
        let records: Vec<RunRecord> =
            [5, 10, 25].into_iter().flat_map(|nodes| ["push", "pull"].map(|mode| run(nodes, mode))).collect();
        let svg = draw(&Series::group(&records), Page::SCREEN).unwrap();
        for word in ["mode", "push", "pull", "node count", "messages per operation", "maximum latency (ms)"] {
            assert!(svg.contains(word), "{word}\n{svg}");
        }
        let alone = draw(&Series::group(&[example(50, 1), example(100, 1)]), Page::SCREEN).unwrap_err();
        assert_eq!(alone.to_string(), "fewer than two parameters vary");
    }
}
