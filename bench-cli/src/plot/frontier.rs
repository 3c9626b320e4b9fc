//! Messages against latency: the runs of each strategy, the models, the challenges' limits and published
//! results.
//!
//! [`curves`] draws the measured runs, and [`models`] the models of one hop and of two hops. [`challenges`]
//! draws the boxes of challenges 3d and 3e, and [`published_points`] the results of others.

mod challenges;
mod curves;
mod models;
mod published_points;

use std::ops::Range;

use anyhow::{bail, ensure};

use self::curves::{Curve, Run};
use super::axes::{self, Axes, Axis};
use super::canvas::{Area, Notes};
use super::labels::Labels;
use super::layout::{self, CHART_TITLE, Layout, MARGIN};
use super::legend::{Entry, Legend, Symbol};
use super::multiples::multiples;
use super::page::Page;
use super::published::{self, By, Published};
use super::runs::nothing_to_draw;
use super::style;
use crate::analysis::Series;
use crate::analysis::pareto::{self, Fronts, Latency};
use crate::model::Cluster;
use crate::spec::Parameter;
use crate::spec::durations::milliseconds;
use crate::spec::limits::Challenge;

/// The size of each chart in pixels.
const CHART: (i32, i32) = (540, 520);
/// From this width on, in pixels, a chart has room for the names of others' results.
const ROOM_FOR_NAMES: i32 = 400;

/// Draws the plot.
///
/// # Errors
/// If no run is ok.
pub fn draw(series: &[Series<'_>], page: Page) -> anyhow::Result<String> {
    let scene = Scene::of(series)?;
    let subtitle = scene.subtitle(series);
    let subtitle: Vec<&str> = subtitle.iter().map(String::as_str).collect();
    let layout = Layout {
        page,
        title: "Messages against latency",
        subtitle: &subtitle,
        footer: layout::settings(series),
    };
    let width = layout::width(page, 2 * (axes::LEFT + CHART.0) + MARGIN);
    // Two charts side by side on a screen, one below the other in a column.
    let (columns, rows) = if page.width().is_some() { (1, 2) } else { (2, 1) };
    let chart = (width + MARGIN) / columns - MARGIN - axes::LEFT;
    let chart = (chart, layout::height(page, chart, CHART.1));
    let legends = scene.rows.iter().map(|row| Legend::row(scene.legend(row.clone()), width));
    let legends: Vec<Legend> = legends.collect::<anyhow::Result<_>>()?;
    let panel_height = CHART_TITLE + chart.1 + axes::BELOW;
    let height = legends.iter().map(|legend| legend.height() + rows * panel_height).sum();
    ensure!(height < 20_000, "{} series are too many for one plot", series.len());
    layout.draw((width, height), |root, notes, mut top| {
        for (series, legend) in scene.rows.iter().zip(&legends) {
            legend.draw(root, (MARGIN, top))?;
            top += legend.height();
            for (place, which) in (0..).zip(Latency::ALL) {
                let (column, row) = (place % columns, place / columns);
                let left = MARGIN + axes::LEFT + column * (axes::LEFT + chart.0 + MARGIN);
                let top = top + CHART_TITLE + row * panel_height;
                layout::chart_title(root, (left, top), which.title())?;
                let axes = scene.axes(which, (left, top), chart);
                let labels = Labels::new((axes.left, axes.top, axes.width, axes.height));
                scene.draw_panel(&mut Panel { root, notes, labels, axes, which }, series.clone())?;
            }
            top += rows * panel_height;
        }
        Ok(())
    })
}

/// What a panel shows of each latency.
impl Latency {
    /// The latency of a run on the logarithmic axis: 0, which is less than half a millisecond, is at 1 ms.
    fn of(self, run: &Run) -> f64 {
        match self {
            Latency::Median => run.median_ms,
            Latency::Max => run.max_ms,
        }
        .max(1.0)
    }

    fn published(self, one: &Published) -> f64 {
        match self {
            Latency::Median => one.median_ms,
            Latency::Max => one.max_ms,
        }
    }

    fn limit(self, challenge: &Challenge) -> f64 {
        milliseconds(match self {
            Latency::Median => challenge.median,
            Latency::Max => challenge.max,
        })
    }

    const fn title(self) -> &'static str {
        match self {
            Latency::Median => "Median stable latency",
            Latency::Max => "Maximum stable latency",
        }
    }
}

/// One of the two charts while it is drawn.
struct Panel<'a, 'b> {
    root: &'a Area<'b>,
    notes: &'a mut Notes,
    labels: Labels,
    axes: Axes,
    which: Latency,
}

/// The contents of the plot.
struct Scene {
    curves: Vec<Curve>,
    /// The curves of each row of panels.
    rows: Vec<Range<usize>>,
    /// The cluster whose models are drawn, if models apply and all runs had the same cluster.
    cluster: Option<Cluster>,
    /// The challenges, if all runs were made as those ask.
    challenges: &'static [Challenge],
    /// Others' results in the challenges, one of each node.
    published: Vec<Published>,
    /// What the rings around points mean.
    front: &'static str,
}

impl Scene {
    fn of(series: &[Series<'_>]) -> anyhow::Result<Scene> {
        let mut standings = pareto::standings(series);
        let is_beaten = |fronts: Fronts| !fronts.median || !fronts.max;
        // Rings around every point would tell nothing apart.
        let tells = standings.iter().filter_map(|standing| standing.fronts).any(is_beaten);
        standings.retain(|_| tells);
        let mut curves: Vec<Curve> = Vec::new();
        let mut rows = Vec::new();
        for row in multiples(series) {
            let looks = row.iter().zip(style::of_series(row));
            let start = curves.len();
            curves.extend(looks.map(|(series, look)| Curve::of(series, look, &standings)));
            rows.push(start..curves.len());
        }
        if curves.iter().all(|curve| curve.runs.is_empty()) {
            bail!(nothing_to_draw(series));
        }
        let first = series.first().and_then(Series::cluster);
        let same = |series: &Series<'_>| series.axis == Parameter::BatchTimeout && series.cluster() == first;
        let cluster = first.filter(|_| series.iter().all(same));
        let challenges = Series::challenges(series);
        let published = if challenges.is_empty() { Vec::new() } else { published::best_known()? };
        let front = match pareto::fronts(series) {
            0 | 1 => "Pareto front: no other setting is better beyond noise",
            _ => {
                "Pareto front of each network, workload and set of faults: no other setting is better beyond noise"
            }
        };
        Ok(Scene { curves, rows, cluster, challenges, published, front })
    }

    /// How to read it, a line each.
    fn subtitle(&self, series: &[Series<'_>]) -> Vec<String> {
        let words = series.first().map_or_else(String::new, |series| series.axis.words());
        let mut lines = vec![format!(
            "Down and left is better. Small points are runs, large ones the medians of each {words}, joined in its order."
        )];
        if self.rows.len() > 1 {
            lines.push("Grey points are the medians of the series in other rows.".to_owned());
        }
        if self.curves.iter().any(Curve::has_zero) {
            lines.push("Latencies of 0 are at 1 ms, since a logarithmic axis has no 0.".to_owned());
        }
        if self.cluster.is_some() {
            lines.push(
                "Requests that wait behind a message in flight hide up to one hop (the grey bands) and are batched at no \
                 extra cost, so short timeouts fall below the models."
                    .to_owned(),
            );
        }
        lines
    }

    /// The entries of the legend of a row of panels.
    fn legend(&self, row: Range<usize>) -> Vec<Entry> {
        let entry = |symbol, name: &str| Entry { symbol, name: name.to_owned(), remark: String::new() };
        let curves = self.curves[row].iter().map(|curve| entry(Symbol::Series(curve.look), &curve.name));
        let front = self.curves.iter().any(Curve::has_fronts);
        let front = front.then(|| entry(Symbol::Front, self.front));
        let models = self.cluster.map(|_| entry(models::SYMBOL, "model, and up to one hop less"));
        let others = [
            (By::Author, Symbol::Published, "published by others"),
            (By::Us, Symbol::Measured, "others' nodes, measured side by side"),
        ];
        let others = others.into_iter().filter(|(by, ..)| self.published.iter().any(|one| one.by == *by));
        let others = others.map(|(_, symbol, name)| entry(symbol, name));
        curves.chain(front).chain(models).chain(others).collect()
    }

    /// The axes that hold every point.
    fn axes(&self, which: Latency, (left, top): (i32, i32), (width, height): (i32, i32)) -> Axes {
        let runs = || self.curves.iter().flat_map(|curve| &curve.runs);
        let latencies =
            runs().map(|run| which.of(run)).chain(self.published.iter().map(|one| which.published(one)));
        // Both panels have the same vertical axis, so it must not depend on which.
        let messages =
            runs().map(|run| run.msgs_per_op).chain(self.published.iter().map(|one| one.msgs_per_op));
        Axes {
            left,
            top,
            width,
            height,
            x: Axis::logarithmic(latencies).titled(format!("{} (ms)", which.title().to_lowercase())),
            y: Axis::logarithmic(messages).titled(axes::MESSAGES),
        }
    }

    fn draw_panel(&self, panel: &mut Panel<'_, '_>, row: Range<usize>) -> anyhow::Result<()> {
        let own = &self.curves[row.clone()];
        for challenge in self.challenges {
            challenges::shade(panel, challenge)?;
        }
        panel.axes.draw(panel.root)?;
        // All that labels have to avoid comes before any label.
        let models = self.cluster.map(|cluster| models::of(&cluster, panel)).unwrap_or_default();
        for model in &models {
            model.draw(panel)?;
        }
        for challenge in self.challenges {
            challenges::outline(panel, challenge)?;
        }
        curves::draw_pale(panel, &self.curves[..row.start])?;
        curves::draw_pale(panel, &self.curves[row.end..])?;
        curves::draw(panel, own)?;
        published_points::draw(panel, &self.published)?;
        for challenge in self.challenges {
            challenges::label(panel, challenge)?;
        }
        if panel.axes.width >= ROOM_FOR_NAMES {
            published_points::label(panel, &self.published)?;
        }
        curves::label(panel, own)?;
        for model in &models {
            model.label(panel)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{failed, with_loss, with_nodes, with_partitions};
    use crate::record::tests::example;
    use crate::record::{RunRecord, Status};
    use crate::spec::settings::LatencyDistribution;

    #[test]
    fn the_challenge_has_models_boxes_and_others_results() {
        let records: Vec<RunRecord> = (1..8).map(|step| example(step * 50, 1)).collect();
        let series = Series::group(&records);
        let svg = draw(&series, Page::SCREEN).unwrap();
        assert_eq!(svg, draw(&series, Page::SCREEN).unwrap());
        for word in [
            "model, one hop",
            "model, two hops",
            "3d passes",
            "3e passes",
            "DnMllr",
            "hub, 50 ms, repetition 1",
            ">\n350 ms\n</text>",
        ] {
            assert!(svg.contains(word), "{word}");
        }
    }

    #[test]
    fn another_cluster_is_not_compared_with_the_challenge() {
        let records: Vec<RunRecord> = (1..8).map(|step| with_nodes(5, step * 50, 1)).collect();
        let svg = draw(&Series::group(&records), Page::SCREEN).unwrap();
        assert!(svg.contains("model, two hops") && !svg.contains("3d passes") && !svg.contains("DnMllr"));
    }

    #[test]
    fn runs_with_faults_are_compared_with_no_model_and_no_challenge() {
        let uniform = |timeout| {
            example(timeout, 1)
                .with(|record| record.run.settings.latency.distribution = LatencyDistribution::Uniform)
        };
        for faulty in [with_partitions, with_loss, uniform] {
            let slower =
                faulty(400).with(|record| record.stable_mut().max = std::time::Duration::from_millis(600));
            let svg = draw(&Series::group(&[faulty(50), slower]), Page::SCREEN).unwrap();
            for word in ["two hops", "3d passes", "DnMllr", "grey bands"] {
                assert!(!svg.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn runs_that_failed_are_nothing_to_draw() {
        let failed = failed(50, 1, Status::Crashed);
        assert!(
            draw(&Series::group(&[failed]), Page::SCREEN)
                .unwrap_err()
                .to_string()
                .contains("nothing to draw")
        );
    }
}
