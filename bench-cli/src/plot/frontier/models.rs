//! The messages that the models of one hop and of two hops cost at a latency.

use std::time::Duration;

use super::Panel;
use crate::analysis::pareto::Latency;
use crate::model::Cluster;
use crate::plot::draw::{fill, path};
use crate::plot::legend::Symbol;
use crate::plot::style::{INK, Look, MUTED, Marker};
use crate::spec::durations::milliseconds;

/// How finely a curve is drawn.
const STEPS: u32 = 240;

/// The curve of a model, and the band of latencies that reads may hide.
pub(super) struct ModelCurve {
    name: &'static str,
    /// From left to right, in the canvas's finer unit.
    line: Vec<(i32, i32)>,
    hidden: Vec<(i32, i32)>,
}

/// How opaque a band is.
const BAND: f64 = 0.13;

const LOOK: Look = Look { colour: INK, marker: Marker::Circle, dash: Some((7, 4)) };
/// A model in the legend.
pub(super) const SYMBOL: Symbol = Symbol::Model { look: LOOK, band: BAND };

impl ModelCurve {
    /// Draws the curve, and keeps labels off it.
    pub(super) fn draw(&self, panel: &mut Panel<'_, '_>) -> anyhow::Result<()> {
        let band: Vec<_> = self.line.iter().chain(self.hidden.iter().rev()).copied().collect();
        fill(panel.root, band, MUTED, BAND)?;
        panel.labels.avoid_line(&self.line);
        path(panel.root, &self.line, LOOK, 1.3)
    }

    pub(super) fn label(&self, panel: &mut Panel<'_, '_>) -> anyhow::Result<()> {
        // From three quarters of the curve on, where both are apart, then towards its middle.
        let shares = [75, 80, 70, 85, 65, 90, 60, 95, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10];
        let points: Vec<_> =
            shares.iter().filter_map(|share| self.line.get(self.line.len() * share / 100).copied()).collect();
        panel.labels.write_along(panel.root, &points, self.name, 13, MUTED)
    }
}

/// The messages for a latency, with one hop and with two.
pub(super) fn of(cluster: &Cluster, panel: &Panel<'_, '_>) -> Vec<ModelCurve> {
    type Model<'a> = (&'static str, &'a dyn Fn(Duration) -> f64, &'a dyn Fn(Duration) -> Duration);
    let (which, axes) = (panel.which, &panel.axes);
    let hop = cluster.latency;
    let one_hop = |window| cluster.one_hop(window);
    let one_hop_latency = |window| match which {
        Latency::Median => cluster.one_hop_median(window),
        Latency::Max => hop + window,
    };
    let two_hops = |window| match which {
        // The median of windows that first values open is not that of a period.
        Latency::Median => cluster.two_hops_on_a_period(window),
        Latency::Max => cluster.two_hops(window),
    };
    let two_hops_latency = |window| match which {
        Latency::Median => cluster.two_hops_median(window),
        Latency::Max => 2 * hop + window,
    };
    let models: [Model<'_>; 2] =
        [("model, one hop", &one_hop, &one_hop_latency), ("model, two hops", &two_hops, &two_hops_latency)];
    let longest = Duration::from_secs_f64(axes.x.end() * 2.0 / 1e3);
    let windows = || (0..=STEPS).map(|step| longest.mul_f64((f64::from(step) / f64::from(STEPS)).powi(2)));
    let curve = |(name, msgs, latency): Model<'_>| {
        // Messages take far longer to compute than latencies.
        let in_sight = |&window: &Duration| milliseconds(latency(window)) <= axes.x.end();
        let points = windows().take_while(in_sight).map(|window| (latency(window), msgs(window)));
        let shown: Vec<(Duration, f64)> =
            points.filter(|&(d, m)| axes.contains(milliseconds(d), m)).collect();
        ModelCurve {
            name,
            line: shown.iter().map(|&(d, m)| axes.at(milliseconds(d), m)).collect(),
            hidden: shown
                .iter()
                .map(|&(d, m)| axes.at(milliseconds(d.saturating_sub(hop)).max(axes.x.start()), m))
                .collect(),
        }
    };
    models.into_iter().map(curve).filter(|curve| curve.line.len() > 1).collect()
}
