//! Messages against latency: what each strategy reaches, what a model says, what the challenges ask for and what
//! others published.
//!
//! [`curves`] draws what was measured, [`models`] what models of one hop and of two hops say, [`challenges`] the boxes of
//! challenges 3d and 3e, [`others`] published results, and [`legend`] says which curve is whose.

mod challenges;
mod curves;
mod legend;
mod models;
mod others;

use anyhow::bail;
use plotters::prelude::WHITE;

use self::curves::{Curve, Run};
use self::legend::Legend;
use super::canvas::{self, Area, Notes};
use super::frame::{Frame, Scale};
use super::labels::Labels;
use super::pen::{bold, footer, nothing_to_draw, regular, text};
use super::published::{self, Published};
use super::style::{self, INK, MUTED};
use crate::analysis::{Challenge, Series};
use crate::model::Cluster;

/// Sizes in pixels.
const MARGIN: i32 = 28;
/// With one line of subtitle; each further one takes as much again as [`SUBTITLE`].
const HEADER: i32 = 76;
const SUBTITLE: i32 = 20;
const FOOTER: i32 = 44;
const AXIS_LEFT: i32 = 64;
const AXIS_BELOW: i32 = 62;
const CHART: (i32, i32) = (540, 520);
const PANEL_TITLE: i32 = 30;

/// Draws the picture.
///
/// # Errors
/// If no run is ok, so that there is nothing to draw.
pub fn draw(series: &[Series<'_>]) -> anyhow::Result<String> {
    let scene = Scene::of(series)?;
    let width = 2 * MARGIN + 2 * (AXIS_LEFT + CHART.0) + MARGIN;
    let legend = Legend::of(&scene, width - 2 * MARGIN)?;
    let header = HEADER + SUBTITLE * (scene.subtitle().len() as i32 - 1);
    let top = header + legend.height() + PANEL_TITLE;
    let height = top + CHART.1 + AXIS_BELOW + FOOTER;
    canvas::draw(width, height, |root, notes| {
        root.fill(&WHITE)?;
        text(root, (MARGIN, 34), "Messages against latency", &bold(24), INK)?;
        for (line, subtitle) in (0..).zip(scene.subtitle()) {
            text(root, (MARGIN, 60 + line * SUBTITLE), subtitle, &regular(15), MUTED)?;
        }
        legend.draw(root, (MARGIN, header))?;
        for (place, which) in (0..).zip([Which::Median, Which::Max]) {
            let left = MARGIN + AXIS_LEFT + place * (AXIS_LEFT + CHART.0 + MARGIN);
            text(root, (left, top - 14), which.title(), &bold(16), INK)?;
            let frame = scene.frame(which, (left, top));
            let labels = Labels::new((frame.left, frame.top, frame.width, frame.height));
            scene.draw_panel(&mut Panel { root, notes, labels, frame, which })?;
        }
        text(root, (MARGIN, height - 20), &footer(series), &regular(12), MUTED)
    })
}

/// Which latency a panel shows.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    Median,
    Max,
}

impl Which {
    fn of(self, run: &Run) -> f64 {
        match self {
            Which::Median => run.median_ms,
            Which::Max => run.max_ms,
        }
    }

    fn published(self, one: &Published) -> f64 {
        match self {
            Which::Median => one.median_ms,
            Which::Max => one.max_ms,
        }
    }

    fn limit(self, challenge: &Challenge) -> f64 {
        match self {
            Which::Median => challenge.median,
            Which::Max => challenge.max,
        }
        .as_secs_f64()
            * 1e3
    }

    const fn title(self) -> &'static str {
        match self {
            Which::Median => "Median stable latency",
            Which::Max => "Maximum stable latency",
        }
    }
}

/// One of the two charts while it is drawn.
struct Panel<'a, 'b> {
    root: &'a Area<'b>,
    notes: &'a mut Notes,
    labels: Labels,
    frame: Frame,
    which: Which,
}

/// All that is drawn.
struct Scene {
    curves: Vec<Curve>,
    /// The cluster whose models are drawn, if they apply and all runs had the same.
    cluster: Option<Cluster>,
    /// The challenges, if all runs were made as those ask.
    challenges: &'static [Challenge],
    /// Results of others in the challenges.
    published: Vec<Published>,
}

impl Scene {
    fn of(series: &[Series<'_>]) -> anyhow::Result<Scene> {
        let curves: Vec<Curve> = series
            .iter()
            .zip(style::of_series(series))
            .map(|(series, look)| Curve::of(series, look))
            .collect();
        if curves.iter().all(|curve| curve.runs.is_empty()) {
            bail!(nothing_to_draw(series));
        }
        let first = series.first().and_then(Series::cluster);
        let cluster = first.filter(|_| series.iter().all(|series| series.cluster() == first));
        let challenges = Series::challenges(series);
        let published = if challenges.is_empty() { Vec::new() } else { published::all()? };
        Ok(Scene { curves, cluster, challenges, published })
    }

    /// How to read it, a line each.
    fn subtitle(&self) -> Vec<&'static str> {
        let mut lines = vec![
            "Down and left is better. Small points are runs, large ones the medians of each batch timeout, joined in \
             the order of timeouts.",
        ];
        if self.cluster.is_some() {
            lines.push(
                "Requests that wait behind a message in flight hide up to one hop (the grey bands) and are batched for \
                 free, so short timeouts fall below the models.",
            );
        }
        lines
    }

    /// The axes that hold every point.
    fn frame(&self, which: Which, (left, top): (i32, i32)) -> Frame {
        let runs = || self.curves.iter().flat_map(|curve| &curve.runs);
        let own = runs().map(|run| (which.of(run), run.msgs_per_op));
        let others = self.published.iter().map(|one| (which.published(one), one.msgs_per_op));
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(f64::INFINITY..=0.0, |range, v| range.start().min(v)..=range.end().max(v))
        };
        let points: Vec<(f64, f64)> = own.chain(others).collect();
        let x = Scale::logarithmic(range(&mut points.iter().map(|p| p.0)));
        // Both panels have the same vertical axis, so it must not depend on which.
        let y = Scale::logarithmic(range(&mut points.iter().map(|p| p.1)));
        Frame { left, top, width: CHART.0, height: CHART.1, x, y }
    }

    fn draw_panel(&self, panel: &mut Panel<'_, '_>) -> anyhow::Result<()> {
        for challenge in self.challenges {
            challenges::shade(panel, challenge)?;
        }
        let latency = format!("{} (ms)", panel.which.title().to_lowercase());
        panel.frame.draw(panel.root, &latency, "messages between nodes per operation")?;
        // All that labels have to avoid comes before any label.
        let models = self.cluster.map(|cluster| models::of(&cluster, panel)).unwrap_or_default();
        for model in &models {
            model.draw(panel)?;
        }
        for challenge in self.challenges {
            challenges::outline(panel, challenge)?;
        }
        curves::draw(panel, &self.curves)?;
        others::draw(panel, &self.published)?;
        for challenge in self.challenges {
            challenges::label(panel, challenge)?;
        }
        others::label(panel, &self.published)?;
        curves::label(panel, &self.curves)?;
        for model in &models {
            model.label(panel)?;
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
    fn the_challenge_has_models_boxes_and_others_results() {
        let rows: Vec<Row> = (1..8).map(|step| example(step * 50, 1)).collect();
        let series = Series::group(&rows);
        let svg = draw(&series).unwrap();
        assert_eq!(svg, draw(&series).unwrap());
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
        let rows: Vec<Row> = (1..8).map(|step| Row { node_count: 5, ..example(step * 50, 1) }).collect();
        let svg = draw(&Series::group(&rows)).unwrap();
        assert!(svg.contains("model, two hops") && !svg.contains("3d passes") && !svg.contains("DnMllr"));
    }

    #[test]
    fn runs_with_faults_are_held_against_no_model_and_no_challenge() {
        for faulty in [
            Row { nemesis: "partition".to_owned(), ..example(50, 1) },
            Row { message_loss: 0.1, ..example(50, 1) },
            Row { latency_dist: "uniform".to_owned(), ..example(50, 1) },
        ] {
            let rows = [faulty.clone(), Row { batch_timeout_ms: 400, stable_max_ms: Some(600), ..faulty }];
            let svg = draw(&Series::group(&rows)).unwrap();
            for word in ["two hops", "3d passes", "DnMllr", "grey bands"] {
                assert!(!svg.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn runs_that_failed_are_nothing_to_draw() {
        let failed = Row { status: Status::Crashed, ..example(50, 1) };
        assert!(draw(&Series::group(&[failed])).unwrap_err().to_string().contains("nothing to draw"));
    }
}
