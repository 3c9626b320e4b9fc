//! Messages against latency: what each strategy reaches, what is possible, what the challenges ask for and what
//! others published.

use std::time::Duration;

use anyhow::bail;
use plotters::prelude::{PathElement, Polygon, WHITE};
use plotters::style::{Color as _, RGBColor};

use super::canvas::{self, Area, Note, Notes, SCALE};
use super::frame::{Frame, Scale};
use super::labels::Labels;
use super::pen::{bold, footer, marker, note, path, regular, sample, stroke, text, text_width};
use super::published::{self, Published};
use super::style::{self, INK, Look, MUTED};
use crate::analysis::limit::Cluster;
use crate::analysis::{Challenge, Figure, Series};
use crate::outcome::Row;

/// Sizes in pixels.
const MARGIN: i32 = 28;
const HEADER: i32 = 76;
const LEGEND: i32 = 34;
const FOOTER: i32 = 44;
const AXIS_LEFT: i32 = 64;
const AXIS_BELOW: i32 = 62;
const CHART: (i32, i32) = (540, 520);
const PANEL_TITLE: i32 = 30;
/// Of single runs, which are drawn small below their timeout's mean.
const RUN_RADIUS: f64 = 1.8;
const MEAN_RADIUS: f64 = 4.2;
const STEPS: u32 = 240;

/// A series' run: latency, messages, what to say of it.
struct Run {
    timeout_ms: u64,
    median_ms: f64,
    max_ms: f64,
    msgs_per_op: f64,
    note: Note,
}

/// A series to draw.
struct Curve {
    name: String,
    look: Look,
    runs: Vec<Run>,
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

/// Draws the picture for `rows`.
///
/// # Errors
/// If no row is ok, so that there is nothing to draw.
pub fn draw(rows: &[Row]) -> anyhow::Result<String> {
    let series = Series::group(rows);
    let curves: Vec<Curve> =
        series.iter().enumerate().map(|(place, series)| Curve::of(place, series)).collect();
    if curves.iter().all(|curve| curve.runs.is_empty()) {
        bail!("there is nothing to draw: none of the {} runs is ok", rows.len());
    }
    let scene = Scene::of(&series, curves)?;
    let width = 2 * MARGIN + 2 * (AXIS_LEFT + CHART.0) + MARGIN;
    let height = HEADER + LEGEND + PANEL_TITLE + CHART.1 + AXIS_BELOW + FOOTER;
    canvas::draw(width, height, |root, notes| {
        root.fill(&WHITE)?;
        text(root, (MARGIN, 34), "Messages against latency", &bold(24), INK)?;
        text(root, (MARGIN, 60), &scene.subtitle(), &regular(15), MUTED)?;
        scene.draw_legend(root, (MARGIN, HEADER + LEGEND / 2))?;
        for (place, which) in (0..).zip([Which::Median, Which::Max]) {
            let left = MARGIN + AXIS_LEFT + place * (AXIS_LEFT + CHART.0 + MARGIN);
            let top = HEADER + LEGEND + PANEL_TITLE;
            text(root, (left, top - 14), which.title(), &bold(16), INK)?;
            scene.draw_panel(root, notes, which, (left, top))?;
        }
        text(root, (MARGIN, height - 20), &footer(rows), &regular(12), MUTED)
    })
}

impl Curve {
    fn of(place: usize, series: &Series<'_>) -> Curve {
        let run = |row: &&Row| {
            let run = Run {
                timeout_ms: row.batch_timeout_ms,
                median_ms: Figure::P50.of(row)?,
                max_ms: Figure::Max.of(row)?,
                msgs_per_op: Figure::MsgsPerOp.of(row)?,
                note: note(row),
            };
            // Neither has a place on a logarithmic axis.
            (run.median_ms > 0.0 && run.msgs_per_op > 0.0).then_some(run)
        };
        let mut runs: Vec<Run> = series.rows.iter().filter_map(run).collect();
        runs.sort_by_key(|run| run.timeout_ms);
        Curve { name: series.name.clone(), look: style::of_series(place), runs }
    }

    /// The mean latency and messages of each timeout, shortest first.
    fn means(&self, which: Which) -> Vec<(f64, f64)> {
        let timeouts = self.runs.chunk_by(|a, b| a.timeout_ms == b.timeout_ms);
        let mean = |runs: &[Run], value: &dyn Fn(&Run) -> f64| {
            runs.iter().map(value).sum::<f64>() / runs.len() as f64
        };
        timeouts.map(|runs| (mean(runs, &|run| which.of(run)), mean(runs, &|run| run.msgs_per_op))).collect()
    }
}

/// All that is drawn.
struct Scene {
    curves: Vec<Curve>,
    /// The cluster whose limits are drawn, if all runs had the same.
    cluster: Option<Cluster>,
    /// Results of others, if they are comparable.
    published: Vec<Published>,
}

impl Scene {
    fn of(series: &[Series<'_>], curves: Vec<Curve>) -> anyhow::Result<Scene> {
        let mut clusters = series.iter().filter_map(Series::cluster);
        let first = clusters.next();
        let cluster = first.filter(|first| clusters.all(|other| other == *first));
        let faultless = series.iter().flat_map(|series| &series.rows).all(|row| row.nemesis == "none");
        let comparable = cluster == Some(Cluster::CHALLENGE) && faultless;
        Ok(Scene { curves, cluster, published: if comparable { published::all()? } else { Vec::new() } })
    }

    fn subtitle(&self) -> String {
        let mut subtitle = "Down and left is better. Large points are means over runs, in the order of timeouts; small points are runs.".to_owned();
        if self.cluster.is_some() {
            subtitle.push_str(
                " A read that waits behind a message in flight hides up to one hop: the grey bands.",
            );
        }
        subtitle
    }

    fn draw_legend(&self, root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
        let mut x = x;
        for curve in &self.curves {
            sample(root, (x, y), curve.look)?;
            text(root, (x + 52, y), &curve.name, &bold(14), INK)?;
            x += 52 + text_width(root, &curve.name, &bold(14))?.ceil() as i32 + 28;
        }
        if !self.published.is_empty() {
            cross(root, ((x + 6) * SCALE, y * SCALE))?;
            text(root, (x + 18, y), "published by others (25 nodes, 100 op/s, 100 ms)", &regular(14), INK)?;
        }
        Ok(())
    }

    /// The axes that hold every point, and the challenges' limits where they apply.
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

    fn draw_panel(
        &self,
        root: &Area<'_>,
        notes: &mut Notes,
        which: Which,
        place: (i32, i32),
    ) -> anyhow::Result<()> {
        let frame = self.frame(which, place);
        let mut labels = Labels::new((frame.left, frame.top, frame.width, frame.height));
        if self.cluster == Some(Cluster::CHALLENGE) {
            for challenge in &Challenge::ALL {
                shade_challenge(root, &frame, challenge, which)?;
            }
        }
        frame.draw(
            root,
            &format!("{} (ms)", which.title().to_lowercase()),
            "messages between nodes per operation",
        )?;
        let limits = self.cluster.map(|cluster| limits(&cluster, which, &frame)).unwrap_or_default();
        for limit in &limits {
            limit.draw(root, &mut labels)?;
        }
        self.draw_curves(root, notes, &frame, which, &mut labels)?;
        if self.cluster == Some(Cluster::CHALLENGE) {
            for challenge in &Challenge::ALL {
                label_challenge(root, &frame, challenge, which, &mut labels)?;
            }
        }
        for limit in &limits {
            limit.label(root, &mut labels)?;
        }
        self.draw_published(root, notes, &frame, which, &mut labels)
    }

    fn draw_curves(
        &self,
        root: &Area<'_>,
        notes: &mut Notes,
        frame: &Frame,
        which: Which,
        labels: &mut Labels,
    ) -> anyhow::Result<()> {
        for curve in &self.curves {
            let line: Vec<(i32, i32)> = curve.means(which).iter().map(|&(x, y)| frame.at(x, y)).collect();
            path(root, &line, curve.look, 1.4)?;
            labels.avoid_line(&line);
        }
        for curve in &self.curves {
            for run in &curve.runs {
                let at = frame.at(which.of(run), run.msgs_per_op);
                marker(root, at, curve.look, RUN_RADIUS)?;
                notes.add(at, &run.note);
                labels.avoid(at, 3.0);
            }
        }
        for curve in &self.curves {
            for (x, y) in curve.means(which) {
                let at = frame.at(x, y);
                marker(root, at, curve.look, MEAN_RADIUS)?;
                labels.avoid(at, 6.0);
            }
        }
        Ok(())
    }

    fn draw_published(
        &self,
        root: &Area<'_>,
        notes: &mut Notes,
        frame: &Frame,
        which: Which,
        labels: &mut Labels,
    ) -> anyhow::Result<()> {
        let place = |one: &Published| frame.at(which.published(one), one.msgs_per_op);
        for one in &self.published {
            labels.avoid(place(one), 5.0);
        }
        for one in &self.published {
            cross(root, place(one))?;
            let Published { name, language, msgs_per_op, median_ms, max_ms, protocol, source } = one;
            let said = format!(
                "{name} ({language}): {protocol}\nmedian {median_ms}, max {max_ms} ms\n{msgs_per_op} msgs/op\n{source}"
            );
            notes.add(place(one), &Note { run: None, text: said });
            labels.write(root, place(one), name, 11, INK)?;
        }
        Ok(())
    }
}

/// A limit curve and the band of what reads may hide.
struct LimitCurve {
    name: &'static str,
    /// From left to right, in the canvas's finer unit.
    line: Vec<(i32, i32)>,
    hidden: Vec<(i32, i32)>,
}

const LIMIT_LOOK: Look = Look { colour: INK, marker: super::style::Marker::Circle, dash: Some((7, 4)) };

impl LimitCurve {
    /// Draws the curve, and keeps labels off it.
    fn draw(&self, root: &Area<'_>, labels: &mut Labels) -> anyhow::Result<()> {
        let band: Vec<_> = self.line.iter().chain(self.hidden.iter().rev()).copied().collect();
        root.draw(&Polygon::new(band, MUTED.mix(0.13).filled()))?;
        labels.avoid_line(&self.line);
        path(root, &self.line, LIMIT_LOOK, 1.3)
    }

    fn label(&self, root: &Area<'_>, labels: &mut Labels) -> anyhow::Result<()> {
        let Some(&middle) = self.line.get(self.line.len() * 3 / 4) else { return Ok(()) };
        labels.write(root, middle, self.name, 13, MUTED)
    }
}

/// The fewest messages for a latency, with one hop and with two.
fn limits(cluster: &Cluster, which: Which, frame: &Frame) -> Vec<LimitCurve> {
    type Model<'a> = (&'static str, &'a dyn Fn(Duration) -> f64, &'a dyn Fn(Duration) -> Duration);
    let hop = cluster.latency;
    let one_hop = |window| cluster.one_hop(window);
    let one_hop_latency = |window| match which {
        Which::Median => cluster.one_hop_median(window),
        Which::Max => hop + window,
    };
    let two_hops = |window| match which {
        // The median of windows that first values open is not that of a period.
        Which::Median => cluster.two_hops_on_a_period(window),
        Which::Max => cluster.two_hops(window),
    };
    let two_hops_latency = |window| match which {
        Which::Median => cluster.two_hops_median(window),
        Which::Max => 2 * hop + window,
    };
    let names = match which {
        // The protocols that reach the limit of the maximum have these medians; that is no limit by itself.
        Which::Median => ["model, one hop", "model, two hops"],
        Which::Max => ["limit, one hop", "limit, two hops"],
    };
    let models: [Model<'_>; 2] =
        [(names[0], &one_hop, &one_hop_latency), (names[1], &two_hops, &two_hops_latency)];
    let longest = Duration::from_secs_f64(frame.x.end() * 2.0 / 1e3);
    let windows = || (0..=STEPS).map(|step| longest.mul_f64((f64::from(step) / f64::from(STEPS)).powi(2)));
    let curve = |(name, msgs, latency): Model<'_>| {
        let points = windows().map(|window| (latency(window), msgs(window)));
        let ms = |latency: Duration| latency.as_secs_f64() * 1e3;
        let shown: Vec<(Duration, f64)> = points.filter(|&(d, m)| frame.contains(ms(d), m)).collect();
        LimitCurve {
            name,
            line: shown.iter().map(|&(d, m)| frame.at(ms(d), m)).collect(),
            hidden: shown
                .iter()
                .map(|&(d, m)| frame.at(ms(d.saturating_sub(hop)).max(frame.x.start()), m))
                .collect(),
        }
    };
    models.into_iter().map(curve).filter(|curve| curve.line.len() > 1).collect()
}

/// Fills what passes a challenge.
fn shade_challenge(
    root: &Area<'_>,
    frame: &Frame,
    challenge: &Challenge,
    which: Which,
) -> anyhow::Result<()> {
    let corner = frame.at(which.limit(challenge), challenge.msgs_per_op);
    let base = frame.at(frame.x.start(), frame.y.start());
    super::pen::shade(root, [(base.0, corner.1), (corner.0, base.1)], MUTED, 0.05)?;
    Ok(())
}

/// Outlines what passes a challenge, and names it at its upper right corner.
fn label_challenge(
    root: &Area<'_>,
    frame: &Frame,
    challenge: &Challenge,
    which: Which,
    labels: &mut Labels,
) -> anyhow::Result<()> {
    let corner = frame.at(which.limit(challenge), challenge.msgs_per_op);
    let base = frame.at(frame.x.start(), frame.y.start());
    let edge = [(base.0, corner.1), corner, (corner.0, base.1)];
    root.draw(&PathElement::new(edge.to_vec(), stroke(MUTED, 1.0)))?;
    labels.write_in_corner(root, corner, &format!("{} passes", challenge.name), 13, MUTED)
}

/// The marker of a published result.
fn cross(root: &Area<'_>, (x, y): (i32, i32)) -> anyhow::Result<()> {
    const ARM: i32 = 4 * SCALE;
    const COLOURS: [(RGBColor, f64); 2] = [(WHITE, 3.4), (INK, 1.6)];
    for (colour, width) in COLOURS {
        for (dx, dy) in [(ARM, ARM), (ARM, -ARM)] {
            root.draw(&PathElement::new([(x - dx, y - dy), (x + dx, y + dy)], stroke(colour, width)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Status;
    use crate::outcome::row::tests::example;

    #[test]
    fn the_challenge_has_limits_boxes_and_others_results() {
        let rows: Vec<Row> = (1..8).map(|step| example(step * 50, 1)).collect();
        let svg = draw(&rows).unwrap();
        assert_eq!(svg, draw(&rows).unwrap());
        for word in [
            "limit, one hop",
            "limit, two hops",
            "3d passes",
            "3e passes",
            "DnMllr",
            "hub, 50 ms, repetition 1",
        ] {
            assert!(svg.contains(word), "{word}");
        }
    }

    #[test]
    fn another_cluster_is_not_compared_with_the_challenge() {
        let rows: Vec<Row> = (1..8).map(|step| Row { node_count: 5, ..example(step * 50, 1) }).collect();
        let svg = draw(&rows).unwrap();
        assert!(svg.contains("limit, two hops") && !svg.contains("3d passes") && !svg.contains("DnMllr"));
    }

    #[test]
    fn runs_that_failed_are_nothing_to_draw() {
        let failed = Row { status: Status::Crashed, ..example(50, 1) };
        assert!(draw(&[failed]).unwrap_err().to_string().contains("nothing to draw"));
    }
}
