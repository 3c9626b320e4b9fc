//! What a reader should know before using a sweep's figures. Every output prints the same warnings: the
//! terminal, `summary.md`, `report.html`, `confirm.md` and `parity.txt`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::fit::Fit;
use super::hosts::HostEffect;
use super::series::Series;
use crate::record::{LOST_LATENCY, Quantile, RunRecord};
use crate::spec::Node;
use crate::spec::durations::milliseconds;
use crate::stats::lack_of_fit::LackOfFit;
use crate::stats::least_squares::{FitError, Line};
use crate::stats::theil_sen::TheilSen;
use crate::terminal::{count, were};

/// One warning.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// A machine delivered messages too late, so that latencies read too high.
    Late {
        /// The series, or the setting of it.
        subject: String,
        /// How many of its runs were late.
        late: usize,
        /// All of its runs.
        runs: usize,
        /// The 99th percentile of the delays in the worst run, if the engine reports it.
        worst_p99: Option<Duration>,
        /// If several machines made its runs: those with late runs and how many, most first. Else empty.
        hosts: Vec<(String, usize)>,
    },
    /// Runs of the same point have other latencies on other machines.
    Host(HostEffect),
    /// Nearly all values were lost in runs whose node may take its batch timeout in another unit.
    Unit {
        /// The series.
        series: String,
        /// How many of its runs lost nearly all values.
        lost: usize,
        /// All of its runs.
        runs: usize,
    },
    /// Nearly all values were lost in runs that ended before the node sent its first batch.
    LongTimeout {
        /// The series.
        series: String,
        /// How many of its runs these are.
        lost: usize,
        /// All of its runs.
        runs: usize,
    },
    /// The lack-of-fit test rejects a line over all timeouts.
    NotLinear {
        /// The series.
        series: String,
        /// The quantile of its stable latencies.
        quantile: Quantile,
        /// The test.
        test: LackOfFit,
        /// The longest range of timeouts (ms) that a line of its own fits, and that line.
        linear: Option<(RangeInclusive<f64>, Line)>,
    },
    /// The robust line is outside the intervals of least squares.
    RobustDisagrees {
        /// The series.
        series: String,
        /// The quantile of its stable latencies.
        quantile: Quantile,
        /// The robust line.
        robust: TheilSen,
    },
    /// A series has no fitted line.
    NoLine {
        /// The series.
        series: String,
        /// Why it has none.
        reason: FitError,
    },
}

impl Warning {
    /// Every warning about some series: wrong units, late runs and differing hosts first, then the fits of
    /// each series, then missing fits.
    pub fn on(series: &[Series<'_>]) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = series.iter().filter_map(Warning::long_timeout).collect();
        warnings.extend(series.iter().filter_map(Warning::unit));
        warnings.extend(Warning::lateness(series));
        warnings.extend(HostEffect::among(series).map(Warning::Host));
        let mut missing = Vec::new();
        for series in series {
            for quantile in Quantile::ALL {
                match Fit::of(series, quantile) {
                    Ok(fit) => warnings.extend(Warning::on_fit(&series.name, quantile, &fit)),
                    Err(reason) => missing.push(Warning::NoLine { series: series.name.clone(), reason }),
                }
            }
        }
        // Quantiles mostly lack a line for the same reason.
        missing.dedup();
        warnings.extend(missing);
        warnings
    }

    /// Whether runs lost nearly all values because their batch timeouts are longer than they are.
    fn long_timeout(series: &Series<'_>) -> Option<Warning> {
        let lost = series.records.iter().filter(|record| lost_nearly_all(record) && waits_for_ever(record));
        let lost = lost.count();
        let (series, runs) = (series.name.clone(), series.records.len());
        (lost > 0).then_some(Warning::LongTimeout { series, lost, runs })
    }

    /// Whether the node of a series seems to take milliseconds for seconds: then it sends no batch before the
    /// run has ended, and nearly all values stay where they are.
    fn unit(series: &Series<'_>) -> Option<Warning> {
        let is_suspect = |record: &&&RunRecord| lost_nearly_all(record) && may_take_seconds(record);
        let lost = series.records.iter().filter(is_suspect).count();
        let (series, runs) = (series.name.clone(), series.records.len());
        (2 * lost > runs).then_some(Warning::Unit { series, lost, runs })
    }

    /// Which series have late runs.
    pub fn lateness(series: &[Series<'_>]) -> Vec<Warning> {
        series.iter().filter_map(|one| Warning::late(&one.name, &one.records)).collect()
    }

    /// Whether some of these runs, which a reader knows as `subject`, were late.
    pub fn late(subject: &str, records: &[&RunRecord]) -> Option<Warning> {
        let late: Vec<_> = records.iter().filter(|record| record.measured.late == Some(true)).collect();
        (!late.is_empty()).then(|| Warning::Late {
            subject: subject.to_owned(),
            late: late.len(),
            runs: records.len(),
            worst_p99: late.iter().filter_map(|record| record.measured.timer_p99).max(),
            hosts: late_hosts(records),
        })
    }

    /// What to know about a fit. A line that does not fit is not compared with the robust one.
    fn on_fit(series: &str, quantile: Quantile, fit: &Fit) -> Option<Warning> {
        let series = series.to_owned();
        if let Some(test) = fit.lack_of_fit.filter(|test| !test.accepts()) {
            return Some(Warning::NotLinear { series, quantile, test, linear: fit.linear.clone() });
        }
        fit.robust_disagrees().then_some(Warning::RobustDisagrees { series, quantile, robust: fit.robust })
    }
}

/// The machines with late runs and how many, most first. Empty if one machine made all runs.
fn late_hosts(records: &[&RunRecord]) -> Vec<(String, usize)> {
    let mut late: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        *late.entry(&record.measured.host).or_default() += usize::from(record.measured.late == Some(true));
    }
    if late.len() == 1 {
        return Vec::new();
    }
    let mut hosts: Vec<(String, usize)> =
        late.into_iter().filter(|(_, late)| *late > 0).map(|(host, late)| (host.to_owned(), late)).collect();
    hosts.sort_by_key(|(_, late)| Reverse(*late));
    hosts
}

/// Machines in words, at most three by name: `sim2 (6 runs) and sim1 (1 run)`.
fn named(hosts: &[(String, usize)]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> =
        hosts.iter().take(SHOWN).map(|(host, late)| format!("{host} ({})", count(*late, "run"))).collect();
    if hosts.len() > SHOWN {
        names.push(count(hosts.len() - SHOWN, "other host"));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => "this machine".to_owned(),
    }
}

/// Whether so few values reached all nodes that single late ones are not the reason.
fn lost_nearly_all(record: &RunRecord) -> bool {
    const NEARLY_ALL: f64 = 0.9;
    if record.is_ok() {
        return false;
    }
    record.figures().is_some_and(|figures| {
        let lost = figures.lost_count + figures.never_read_count;
        let slow = figures.stable.is_some_and(|stable| stable.p50 >= LOST_LATENCY);
        slow || lost as f64 >= NEARLY_ALL * figures.attempt_count as f64
    })
}

/// Whether the node batches for longer than the run.
fn waits_for_ever(record: &RunRecord) -> bool {
    record.run.batch_timeout.is_some_and(|timeout| timeout >= record.settings().time_limit)
}

/// Whether a program that takes the number of milliseconds for seconds would batch for longer than the run.
/// One that is given seconds does not.
fn may_take_seconds(record: &RunRecord) -> bool {
    let Some(timeout) = record.run.batch_timeout else { return false };
    let seconds = timeout.as_secs_f64().to_string();
    let given = record.run.args.iter().chain(record.run.env.iter().map(|(_, value)| value));
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let is_given_seconds =
        given.into_iter().any(|word| word.split(|c| !is_number(c)).any(|number| number == seconds));
    matches!(record.run.node, Node::Program(_))
        && !is_given_seconds
        && timeout < record.settings().time_limit
        && timeout * 1000 >= record.settings().time_limit
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Late { subject, late, runs, worst_p99, hosts } => {
                let (busy, were) = (named(hosts), were(hosts.len().max(1)));
                let runs = count(*runs, "run");
                write!(
                    f,
                    "{subject}: in {late} of {runs} {busy} {were} too busy to deliver messages in time"
                )?;
                if let Some(worst) = worst_p99 {
                    write!(f, " (p99 up to {:.1} ms late)", milliseconds(*worst))?;
                }
                f.write_str(
                    ", so latencies read too high; run fewer at a time (--jobs) or end other programs",
                )
            }
            Warning::Host(HostEffect { quantile, test, lowest, highest }) => write!(
                f,
                "the host explains a difference in {}: runs on {} are {:+.0} % from the medians of their points, those on \
                 {} {:+.0} % (Kruskal–Wallis: H = {:.1}, {}); use equal machines, or compare runs of one host",
                quantile.name(),
                highest.0,
                100.0 * highest.1,
                lowest.0,
                100.0 * lowest.1,
                test.h,
                probability(test.p)
            ),
            Warning::Unit { series, lost, runs } => write!(
                f,
                "{series}: nearly all values were lost in {lost} of {}. Does the node take its batch timeout in seconds? It \
                 was given milliseconds; {{batch_timeout_s}} in --node-args or --node-env gives it seconds",
                count(*runs, "run")
            ),
            Warning::LongTimeout { series, lost, runs } => write!(
                f,
                "{series}: nearly all values were lost in {lost} of {} because the batch timeout is not shorter than the run. \
                 Use shorter timeouts (a number without a unit is milliseconds) or a longer --time-limit",
                count(*runs, "run")
            ),
            Warning::NotLinear { series, quantile, test, linear } => {
                write!(
                    f,
                    "{series}, {}: not linear over all timeouts (lack of fit: F = {:.1}, {}); ",
                    quantile.name(),
                    test.f,
                    probability(test.p)
                )?;
                match linear {
                    Some((range, line)) => write!(
                        f,
                        "linear from {} to {} ms, with k = {:.3} and b = {:.0} ms",
                        range.start(),
                        range.end(),
                        line.slope,
                        line.intercept
                    ),
                    None => f.write_str("no three neighbouring timeouts are on a line either"),
                }
            }
            Warning::RobustDisagrees { series, quantile, robust } => write!(
                f,
                "{series}, {}: the robust line (Theil–Sen: k = {:.3}, b = {:.0} ms) is outside the intervals of least \
                 squares; look for outliers or a bend",
                quantile.name(),
                robust.slope,
                robust.intercept
            ),
            Warning::NoLine { series, reason } => write!(f, "no line for {series}: {reason}"),
        }
    }
}

/// A probability for people.
fn probability(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::{late, of_program, with_max};
    use crate::record::Status;
    use crate::record::tests::example;

    fn said(records: &[RunRecord]) -> Vec<String> {
        Warning::on(&Series::group(records)).iter().map(Warning::to_string).collect()
    }

    /// Three runs at each timeout whose maxima scatter about `latency`.
    fn swept(latency: impl Fn(u64) -> u64) -> Vec<RunRecord> {
        [50, 100, 200, 400, 600, 800]
            .into_iter()
            .flat_map(|timeout| [0, 5, 11].map(|noise| with_max(timeout, 1, latency(timeout) + noise)))
            .collect()
    }

    #[test]
    fn a_straight_line_needs_no_warning() {
        assert_eq!(said(&swept(|timeout| timeout + 200)), Vec::<String>::new());
    }

    #[test]
    fn a_bend_is_reported_with_the_straight_range() {
        let warnings = said(&swept(|timeout| if timeout < 600 { timeout + 200 } else { 3 * timeout }));
        assert!(warnings[0].contains("linear from 50 to 400 ms, with k = 1.0"), "{warnings:?}");
        assert!(warnings[0].starts_with("hub, max: ") && warnings[0].contains("p < 0.001"), "{warnings:?}");
    }

    #[test]
    fn a_timeout_in_another_unit_is_suspected_where_nearly_all_is_lost() {
        let lost = |timeout, count| {
            of_program("node.py", timeout).with(|record| {
                record.measured.status = Status::Invalid;
                record.figures_mut().lost_count = count;
            })
        };
        let warning = "node: nearly all values were lost in 2 of 2 runs. Does the node take its batch timeout in seconds?";
        let warnings = said(&[lost(50, 990), lost(100, 1000)]);
        assert!(
            warnings[0].starts_with(warning) && warnings[0].contains("{batch_timeout_s}"),
            "{warnings:?}"
        );
        // Whatever the node is, it sends nothing in time.
        let long = lost(20_000, 1000);
        let bundled = long.clone().with(|record| record.run.node = Node::Bundled);
        for record in [long, bundled] {
            let warnings = said(&[record]);
            assert!(warnings[0].contains("lost in 1 of 1 run because the batch timeout"), "{warnings:?}");
        }
        // Other losses, a timeout that would be short in seconds, and this repository's node.
        let none = [lost(50, 500), lost(10, 1000)];
        let own = lost(50, 1000).with(|record| record.run.node = Node::Bundled);
        let seconds = lost(50, 1000).with(|record| record.run.args = vec!["--flush=0.05".to_owned()]);
        for records in [&none[..1], &none[1..], &[own], &[seconds]] {
            assert!(!said(records).iter().any(|one| one.contains("unit") || one.contains("seconds?")));
        }
    }

    #[test]
    fn of_several_hosts_the_late_ones_are_named() {
        let on = |host: &str, record: RunRecord| record.with(|record| record.measured.host = host.to_owned());
        let of = |records: &[RunRecord]| said(records).swap_remove(0);
        let mut records =
            vec![on("fast", example(100, 1)), on("slow", late(100, 2)), on("slow", late(100, 3))];
        assert!(
            of(&records).starts_with("hub: in 2 of 3 runs slow (2 runs) was too busy"),
            "{}",
            of(&records)
        );
        for (repetition, host) in (4..).zip(["a", "b", "c"]) {
            records.push(on(host, late(100, repetition)));
        }
        let all = "hub: in 5 of 6 runs slow (2 runs), a (1 run), b (1 run) and 1 other host were too busy";
        assert!(of(&records).starts_with(all), "{}", of(&records));
    }

    #[test]
    fn late_runs_come_first_and_each_reason_for_no_line_once() {
        let warnings = said(&[example(100, 1), late(100, 2)]);
        assert_eq!(
            warnings,
            [
                "hub: in 1 of 2 runs this machine was too busy to deliver messages in time (p99 up to 5.0 ms late), so \
                 latencies read too high; run fewer at a time (--jobs) or end other programs",
                "no line for hub: a fit needs at least 3 usable runs; there are 2",
            ]
        );
    }
}
