//! Messages per operation against the batch timeout, with the prediction of each strategy's model.

use std::time::Duration;

use anyhow::{bail, ensure};

use super::axes::{self, Axes, Axis};
use super::canvas::{Area, Notes};
use super::draw::{RADIUS, path};
use super::layout::{self, Layout, MARGIN};
use super::legend::{Entry, Legend, Symbol};
use super::multiples::multiples;
use super::page::Page;
use super::runs::{self, Run, note, nothing_to_draw};
use super::style::{self, Look};
use crate::analysis::{Figure, Series};
use crate::model::MessageModel;
use crate::record::RunRecord;
use crate::stats::groups::{Group, Groups};
use crate::stats::median::Spread;

/// The size of the chart in pixels.
const CHART: (i32, i32) = (760, 440);
/// Into how many pieces a model's curve is cut.
const STEPS: u32 = 200;

/// Draws the plot.
///
/// # Errors
/// If no run is ok.
pub fn draw(series: &[Series<'_>], page: Page) -> anyhow::Result<String> {
    let panels: Vec<Vec<Curve>> = multiples(series).into_iter().map(curves).collect();
    let all = || panels.iter().flatten();
    if all().all(|curve| curve.runs.is_empty()) {
        bail!(nothing_to_draw(series));
    }
    let has_models = all().any(|curve| curve.model.is_some());
    let subtitle: &[&str] = if has_models {
        &[
            "Points are runs. Curves are models for clients that take turns, not fits.",
            "Requests that wait behind a message in flight are batched at no extra cost, so short timeouts fall below.",
        ]
    } else {
        &["Down is better. Points are runs; lines join the medians."]
    };
    let title = format!("Messages against {}", series[0].axis.words());
    let layout = Layout { page, title: &title, subtitle, footer: layout::settings(series) };
    let (x, y) = axes_around(&all().collect::<Vec<_>>(), series[0].axis_title());
    let legends =
        panels.iter().map(|panel| Legend::column(panel.iter().map(|curve| curve.entry(has_models))));
    let legends: Vec<Legend> = legends.collect();
    let all_width = layout::width(page, axes::LEFT + CHART.0);
    let (left, width) = (MARGIN + axes::LEFT, all_width - axes::LEFT);
    let height = layout::height(page, width, CHART.1);
    let all_height = legends.iter().map(|legend| legend.height() + height + axes::BELOW).sum();
    ensure!(all_height < 20_000, "{} series are too many for one plot", series.len());
    layout.draw((all_width, all_height), |root, notes, mut top| {
        for (panel, legend) in panels.iter().zip(&legends) {
            legend.draw(root, (MARGIN, top))?;
            top += legend.height();
            let axes = Axes { left, top, width, height, x: x.clone(), y: y.clone() };
            axes.draw(root)?;
            panel.iter().try_for_each(|curve| curve.draw(root, notes, &axes))?;
            top += height + axes::BELOW;
        }
        Ok(())
    })
}

/// The curves of one panel.
fn curves(series: &[Series<'_>]) -> Vec<Curve> {
    series.iter().zip(style::of_series(series)).map(|(series, look)| Curve::of(series, look)).collect()
}

/// The axes that hold every run, and the models at the longest timeout.
fn axes_around(curves: &[&Curve], title: String) -> (Axis, Axis) {
    let runs = || curves.iter().flat_map(|curve| &curve.runs).map(|run| run.at);
    let longest = runs().map(|at| at.0).fold(0.0, f64::max);
    let models = curves.iter().filter_map(|curve| Some(at_ms(curve.model.as_ref()?, longest)));
    let messages = Axis::logarithmic(runs().map(|at| at.1).chain(models));
    (Axis::linear(longest).titled(title), messages.titled(axes::MESSAGES))
}

/// Messages per operation that a model predicts for this batch timeout in milliseconds.
fn at_ms(model: &MessageModel, timeout: f64) -> f64 {
    model.msgs_per_op(Duration::from_secs_f64(timeout / 1e3))
}

/// A series and its model.
struct Curve {
    name: String,
    look: Look,
    runs: Vec<Run>,
    model: Option<MessageModel>,
}

impl Curve {
    fn of(series: &Series<'_>, look: Look) -> Curve {
        let run = |record: &&RunRecord| {
            let msgs = Figure::MsgsPerOp.of(record).filter(|&msgs| msgs > 0.0)?;
            Some(Run { at: (series.x(record)?, msgs), note: note(series, record) })
        };
        Curve {
            name: series.name.clone(),
            look,
            runs: series.records.iter().filter_map(run).collect(),
            model: series.message_model(),
        }
    }

    /// Its entry in the legend, which says so if it has no model but others have.
    fn entry(&self, has_models: bool) -> Entry {
        let none = if has_models { "no model" } else { "" };
        let model = self.model.as_ref().map_or(none, |model| model.name());
        Entry { symbol: Symbol::Series(self.look), name: self.name.clone(), remark: model.to_owned() }
    }

    fn draw(&self, root: &Area<'_>, notes: &mut Notes, axes: &Axes) -> anyhow::Result<()> {
        if let Some(model) = &self.model {
            let points = axes.x.steps(STEPS).map(|x| (x, at_ms(model, x)));
            let line: Vec<_> =
                points.filter(|&(x, y)| axes.contains(x, y)).map(|(x, y)| axes.at(x, y)).collect();
            path(root, &line, self.look, 1.6)?;
        } else {
            let runs: Vec<(f64, f64)> = self.runs.iter().map(|run| run.at).collect();
            let groups = Groups::of(&runs);
            let median = |group: &Group| Some((group.x, Spread::of(group.ys.iter().copied())?.median));
            let medians = groups.as_slice().iter().filter_map(median).map(|(x, y)| axes.at(x, y));
            path(root, &medians.collect::<Vec<_>>(), self.look, 1.2)?;
        }
        runs::draw(root, notes, axes, (self.look, RADIUS - 0.7), &self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::StrategyKind;

    use crate::analysis::examples::of_strategy;
    use crate::record::tests::example;

    #[test]
    fn only_strategies_with_a_model_have_a_curve() {
        let tree = |timeout| of_strategy(StrategyKind::Tree, timeout);
        let records = [example(50, 1), example(400, 1), tree(50), tree(400)];
        let svg = draw(&Series::group(&records), Page::SCREEN).unwrap();
        for word in
            ["two hops, one period for all", "no model", "batch timeout (ms)", "tree, 400 ms, repetition 1"]
        {
            assert!(svg.contains(word), "{word}");
        }
        let without = draw(&Series::group(&records[2..]), Page::SCREEN).unwrap();
        assert!(!without.contains("models for clients"));
    }
}
