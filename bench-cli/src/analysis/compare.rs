//! Whether two sweeps differ by more than noise.
//!
//! Each point (series × timeout) of both is compared by Welch's t test on its repetitions, which does not assume
//! equal variances (Welch, *Biometrika* 34, 1947). All points of a series together give one more test, of the mean of
//! their logarithmic ratios: it finds a small change that no single point shows. p values are corrected for the
//! number of tests by Holm's method (*Scandinavian Journal of Statistics* 6, 1979).

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::series::Series;
use crate::outcome::{Quantile, Row};

/// Differences with a corrected p value below this are beyond noise.
pub const SIGNIFICANCE: f64 = 0.05;

/// What is compared. Of all of them, more is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Messages between nodes for each operation.
    MsgsPerOp,
    /// A quantile of the stable latencies.
    Latency(Quantile),
}

impl Quantity {
    /// Every quantity, in the order of tables.
    pub const ALL: [Quantity; 4] = [
        Quantity::MsgsPerOp,
        Quantity::Latency(Quantile::P50),
        Quantity::Latency(Quantile::P95),
        Quantity::Latency(Quantile::Max),
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Quantity::MsgsPerOp => "msgs/op",
            Quantity::Latency(quantile) => quantile.name(),
        }
    }

    fn of(self, row: &Row) -> Option<f64> {
        match self {
            Quantity::MsgsPerOp => row.msgs_per_op.filter(|_| row.is_ok()),
            Quantity::Latency(quantile) => row.latency(quantile).map(|latency| latency.as_secs_f64() * 1e3),
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The series that both sweeps have.
    pub series: String,
    /// The batch timeout in milliseconds; `None` for all timeouts together.
    pub timeout_ms: Option<u64>,
    /// What is compared.
    pub quantity: Quantity,
    /// The means of the first and the second sweep; of all timeouts together, 1 and the mean ratio.
    pub means: (f64, f64),
    /// The probability of such a difference by chance, corrected for the number of tests. `None` if either side
    /// has fewer than two usable runs.
    pub p_value: Option<f64>,
}

impl Difference {
    /// The second mean as a multiple of the first.
    pub fn ratio(&self) -> f64 {
        if self.means.0 == self.means.1 { 1.0 } else { self.means.1 / self.means.0 }
    }

    /// Whether the two differ by more than noise.
    pub fn is_significant(&self) -> bool {
        self.p_value.is_some_and(|p| p < SIGNIFICANCE)
    }

    /// Whether the second sweep is worse by more than noise, and by more than the fraction `tolerance`.
    pub fn is_regression(&self, tolerance: f64) -> bool {
        self.is_significant() && self.ratio() > 1.0 + tolerance
    }
}

/// Compares every point that both sweeps have, in the first one's order; then all points of a series together.
pub fn compare(first: &[Row], second: &[Row]) -> Vec<Difference> {
    let second = Series::group(second);
    let mut differences = Vec::new();
    for series in Series::group(first) {
        let Some(other) = second.iter().find(|other| other.name == series.name) else { continue };
        for quantity in Quantity::ALL {
            let points = shared_points(&series, other, quantity);
            let name = &series.name;
            differences.extend(points.iter().map(|(timeout, a, b)| Difference {
                series: name.clone(),
                timeout_ms: Some(*timeout),
                quantity,
                means: (a.mean, b.mean),
                p_value: welch(a, b),
            }));
            differences.extend(overall(name, quantity, &points));
        }
    }
    correct_by_holm(&mut differences);
    differences
}

/// Mean and the variance of that mean.
#[derive(Clone, Copy, Debug)]
struct Sample {
    count: f64,
    mean: f64,
    variance_of_mean: f64,
}

impl Sample {
    fn of(values: &[f64]) -> Option<Sample> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let variance_of_mean = squares / (count - 1.0).max(1.0) / count;
        (!values.is_empty()).then_some(Sample { count, mean, variance_of_mean })
    }
}

fn shared_points(a: &Series<'_>, b: &Series<'_>, quantity: Quantity) -> Vec<(u64, Sample, Sample)> {
    let sample = |series: &Series<'_>, timeout: u64| {
        let rows = series.rows.iter().filter(|row| row.batch_timeout_ms == timeout);
        Sample::of(&rows.filter_map(|row| quantity.of(row)).collect::<Vec<f64>>())
    };
    let timeouts = a.by_timeout().into_iter().map(|point| point.timeout_ms);
    timeouts.filter_map(|timeout| Some((timeout, sample(a, timeout)?, sample(b, timeout)?))).collect()
}

/// The p value of Welch's test, or `None` without repetitions.
fn welch(a: &Sample, b: &Sample) -> Option<f64> {
    if a.count < 2.0 || b.count < 2.0 {
        return None;
    }
    let variances = [(a.variance_of_mean, a.count - 1.0), (b.variance_of_mean, b.count - 1.0)];
    p_value(b.mean - a.mean, &variances)
}

/// The two-sided p value of a difference whose variance is a sum of independent parts, each with its degrees of
/// freedom (Welch and Satterthwaite).
fn p_value(difference: f64, parts: &[(f64, f64)]) -> Option<f64> {
    let variance: f64 = parts.iter().map(|(variance, _)| variance).sum();
    if variance == 0.0 {
        // Repetitions that do not vary at all: any difference is one.
        return Some(if difference == 0.0 { 1.0 } else { 0.0 });
    }
    let spread: f64 = parts.iter().map(|(variance, freedom)| variance.powi(2) / freedom).sum();
    let students_t = StudentsT::new(0.0, 1.0, variance.powi(2) / spread).ok()?;
    Some(2.0 * students_t.sf((difference / variance.sqrt()).abs()))
}

/// The mean logarithmic ratio over all points that have repetitions and are not zero.
fn overall(series: &str, quantity: Quantity, points: &[(u64, Sample, Sample)]) -> Option<Difference> {
    let usable = |sample: &Sample| sample.count >= 2.0 && sample.mean > 0.0;
    let points: Vec<_> = points.iter().filter(|(_, a, b)| usable(a) && usable(b)).collect();
    if points.len() < 2 {
        return None;
    }
    let weight = 1.0 / points.len() as f64;
    let ratio: f64 = points.iter().map(|(_, a, b)| weight * (b.mean / a.mean).ln()).sum();
    // The variance of ln x is that of x over x², to first order.
    let part = |sample: &Sample| {
        (weight.powi(2) * sample.variance_of_mean / sample.mean.powi(2), sample.count - 1.0)
    };
    let parts: Vec<(f64, f64)> = points.iter().flat_map(|(_, a, b)| [part(a), part(b)]).collect();
    Some(Difference {
        series: series.to_owned(),
        timeout_ms: None,
        quantity,
        means: (1.0, ratio.exp()),
        p_value: p_value(ratio, &parts),
    })
}

fn correct_by_holm(differences: &mut [Difference]) {
    let mut tested: Vec<&mut f64> =
        differences.iter_mut().filter_map(|difference| difference.p_value.as_mut()).collect();
    tested.sort_by(|a, b| a.total_cmp(b));
    let mut largest = 0.0_f64;
    let count = tested.len();
    for (rank, p_value) in tested.into_iter().enumerate() {
        largest = largest.max((*p_value * (count - rank) as f64).min(1.0));
        *p_value = largest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::row::tests::example;

    /// Rows of the hub at two timeouts; `noise` is added to the latencies, repetition by repetition.
    fn rows(factor: f64, noise: [i64; 5]) -> Vec<Row> {
        let scale = |ms: Option<u64>, noise: i64| ms.map(|ms| ((ms as f64 * factor) as i64 + noise) as u64);
        let mut rows = Vec::new();
        for timeout in [100, 400] {
            for (repetition, noise) in noise.into_iter().enumerate() {
                let row = example(timeout, repetition as u32 + 1);
                rows.push(Row {
                    stable_p50_ms: scale(row.stable_p50_ms, noise),
                    stable_p95_ms: scale(row.stable_p95_ms, noise),
                    stable_max_ms: scale(row.stable_max_ms, noise),
                    msgs_per_op: row.msgs_per_op.map(|msgs| msgs + noise as f64 / 1e3),
                    ..row
                });
            }
        }
        rows
    }

    #[test]
    fn welchs_p_value_is_that_of_r() {
        // R: t.test(c(27.5,21.0,19.0,23.6,17.0,17.9), c(27.1,22.0,20.8,23.4,23.4,23.5,25.8,22.0))$p.value
        let a = Sample::of(&[27.5, 21.0, 19.0, 23.6, 17.0, 17.9]).unwrap();
        let b = Sample::of(&[27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0]).unwrap();
        let p = welch(&a, &b).unwrap();
        assert!((p - 0.201_988_677_353_455).abs() < 1e-9, "{p}");
    }

    #[test]
    fn holms_correction_is_that_of_r() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        let mut differences: Vec<Difference> = [0.01, 0.04, 0.03, 0.005]
            .map(|p| Difference {
                series: String::new(),
                timeout_ms: None,
                quantity: Quantity::MsgsPerOp,
                means: (1.0, 1.0),
                p_value: Some(p),
            })
            .into();
        correct_by_holm(&mut differences);
        let corrected: Vec<f64> = differences.iter().filter_map(|difference| difference.p_value).collect();
        for (corrected, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((corrected - expected).abs() < 1e-12, "{corrected} {expected}");
        }
    }

    #[test]
    fn a_slowdown_of_a_tenth_is_found_and_noise_is_not() {
        let (before, again) = (rows(1.0, [-6, 3, 0, 5, -2]), rows(1.0, [4, -5, 2, -3, 1]));
        let slower = rows(1.1, [-6, 3, 0, 5, -2]);
        assert!(compare(&before, &again).iter().all(|difference| !difference.is_significant()));
        let differences = compare(&before, &slower);
        let regressions: Vec<&Difference> =
            differences.iter().filter(|difference| difference.is_regression(0.02)).collect();
        // Three quantiles at two timeouts and together; the message count did not change.
        assert_eq!(regressions.len(), 9, "{differences:#?}");
        assert!(regressions.iter().all(|difference| (difference.ratio() - 1.1).abs() < 0.02));
        assert!(compare(&slower, &before).iter().all(|difference| !difference.is_regression(0.0)));
    }

    #[test]
    fn single_runs_are_shown_but_not_judged() {
        let differences = compare(&[example(100, 1)], &[example(100, 1)]);
        assert_eq!(differences.len(), 4);
        assert!(differences.iter().all(|difference| difference.p_value.is_none()));
    }
}
