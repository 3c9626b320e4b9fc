//! Whether a batch timeout reliably meets limits.
//!
//! "Reliably" means that one further run at that timeout would stay below every limit with 95 % confidence:
//! its upper prediction bound, mean · (1 + t · s · √(1 + 1/r)), is below the limit.
//!
//! - s is the scatter of repetitions relative to their mean: the scatter of this timeout, or the one pooled
//!   over this timeout and its neighbours on either side, whichever is larger. Three runs alone would say
//!   little, a strategy may scatter differently far away, and quiet neighbours do not prove that this timeout
//!   is quiet. s is never less than the scatter of rounding.
//! - r is the number of runs at this timeout.
//! - t is one-sided Student's t at 0.05 divided by the number of limits (Bonferroni), so that all limits
//!   together are met with 95 % confidence.
//!
//! Likewise a timeout reliably misses limits if some lower bound is at or above its limit. It also fails if a
//! run failed, or if every run reached a limit: more runs of those would not help.
//!
//! The bounds assume scatter that is about normal, which a figure with rare outliers does not have. So a
//! timeout with any run at or above a limit never passes.

use std::fmt;

use crate::analysis::figure::Figure;
use crate::analysis::series::{Point, Series};
use crate::spec::Limits;
use crate::stats::distribution::t_quantile;
use crate::stats::groups::Groups;
use crate::stats::least_squares::CONFIDENCE;

/// Whether a setting meets limits. Tables, advice, report and summary all show this verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A further run would meet them, with 95 % confidence.
    Pass,
    /// The runs so far cannot tell.
    Unclear,
    /// A further run would not meet them, every run reached a limit, or a run has failed.
    Fail,
}

impl Verdict {
    /// Every verdict, the best first.
    pub const ALL: [Verdict; 3] = [Verdict::Pass, Verdict::Unclear, Verdict::Fail];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Unclear => "unclear",
            Verdict::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One timeout of one series, with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessed {
    /// The series' name.
    pub series: String,
    /// The value on the series' horizontal axis.
    pub x: f64,
    /// The value in words, such as `100 ms`.
    pub label: String,
    /// How many runs there were.
    pub runs: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// Each figure's mean over ok runs and half the width of its prediction interval, in the order of
    /// [`Figure::ALL`]; no width without repetitions.
    pub figures: [Option<Predicted>; Figure::ALL.len()],
}

/// What a further run should measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    /// The mean of the runs so far.
    pub mean: f64,
    /// A further run stays within mean ± this; `None` if neither this timeout nor a neighbour was repeated.
    pub margin: Option<f64>,
}

impl Assessed {
    /// The series and the value, for people.
    pub fn setting(&self) -> String {
        format!("{} at {}", self.series, self.label)
    }

    /// The batch timeout in milliseconds, of a series over batch timeouts.
    pub fn timeout_ms(&self) -> u64 {
        self.x as u64
    }

    /// A figure's prediction.
    pub fn figure(&self, figure: Figure) -> Option<Predicted> {
        self.figures[figure as usize]
    }
}

/// The verdict on every value on a series' horizontal axis.
pub fn assess(series: &Series<'_>, limits: &Limits) -> Vec<Assessed> {
    let samples = Figure::ALL.map(|figure| Groups::of(&series.figures(figure)));
    let tails = limits.figures().len().max(1) as f64;
    series
        .by_x()
        .into_iter()
        .map(|point| {
            let timeout = point.x;
            let figures = Figure::ALL.map(|figure| {
                let nearby = samples[figure as usize].around(timeout);
                predict(&nearby, timeout, (1.0 - CONFIDENCE) / tails, figure.resolution())
            });
            let exceeding = series.at(timeout).filter(|record| limits.are_exceeded_by(record)).count();
            let verdict = match verdict(&figures, limits) {
                _ if point.ok < point.runs || exceeding == point.runs => Verdict::Fail,
                Verdict::Pass if exceeding > 0 => Verdict::Unclear,
                of_figures => of_figures,
            };
            let Point { x, label, runs, .. } = point;
            Assessed { series: series.name.clone(), x, label, runs, verdict, figures }
        })
        .collect()
}

/// What one more run at `timeout` should measure, from the runs there and at its neighbours. Figures that are
/// written in steps (`resolution`) scatter by at least their rounding, even if all repetitions happen to be
/// equal.
fn predict(nearby: &Groups, timeout: f64, tail: f64, resolution: f64) -> Option<Predicted> {
    let here = nearby.as_slice().iter().find(|group| group.x == timeout)?;
    let (mean, count) = (here.mean(), here.ys.len() as f64);
    let margin = nearby.relative_noise().map(|pooled| {
        let own = here.deviation().unwrap_or(0.0);
        let noise = own.max(mean * pooled).max(resolution / 12_f64.sqrt());
        t_quantile(1.0 - tail, nearby.degrees_of_freedom() as f64) * noise * (1.0 + 1.0 / count).sqrt()
    });
    Some(Predicted { mean, margin })
}

fn verdict(figures: &[Option<Predicted>], limits: &Limits) -> Verdict {
    let mut verdict = Verdict::Pass;
    for (figure, limit) in limits.figures() {
        let of_figure = match figures[figure as usize] {
            None => Verdict::Unclear,
            Some(Predicted { mean, margin: None }) if mean >= limit => Verdict::Fail,
            Some(Predicted { margin: None, .. }) => Verdict::Unclear,
            Some(Predicted { mean, margin: Some(margin) }) if mean + margin < limit => Verdict::Pass,
            Some(Predicted { mean, margin: Some(margin) }) if mean - margin >= limit => Verdict::Fail,
            Some(_) => Verdict::Unclear,
        };
        verdict = match (verdict, of_figure) {
            (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
            (Verdict::Unclear, _) | (_, Verdict::Unclear) => Verdict::Unclear,
            _ => Verdict::Pass,
        };
    }
    verdict
}
