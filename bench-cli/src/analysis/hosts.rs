//! The machines that runs were made on, and whether they differ.

use std::collections::BTreeMap;
use std::time::Duration;

use super::series::Series;
use crate::record::{Quantile, RunRecord};
use crate::stats::kruskal_wallis::{FEWEST, KruskalWallis};
use crate::stats::lack_of_fit::{NEGLIGIBLE, SIGNIFICANCE};
use crate::stats::median::Spread;

/// The runs of one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Its name; empty if it is not known.
    pub name: String,
    /// How many runs it made.
    pub runs: usize,
    /// How many of them are ok.
    pub ok: usize,
    /// How many of them delivered messages too late.
    pub late: usize,
    /// The 99th percentile of the delays in its worst run, if the engine reports it.
    pub worst_p99: Option<Duration>,
    /// How far its runs' largest stable latencies are from the medians of their points, as a fraction: the
    /// median over all runs of points that other hosts measured, too.
    pub deviation: Option<f64>,
}

impl Host {
    /// The machines of some series, by name.
    pub fn all(series: &[Series<'_>]) -> Vec<Host> {
        let mut by_name: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
        for record in series.iter().flat_map(|series| series.records.iter().copied()) {
            by_name.entry(record.measured.host.as_str()).or_default().push(record);
        }
        let deviations = deviations(series, Quantile::Max);
        let host = |(name, records): (&str, Vec<&RunRecord>)| Host {
            name: name.to_owned(),
            runs: records.len(),
            ok: records.iter().filter(|record| record.is_ok()).count(),
            late: records.iter().filter(|record| record.measured.late == Some(true)).count(),
            worst_p99: records.iter().filter_map(|record| record.measured.timer_p99).max(),
            deviation: deviations.get(name).and_then(|all| median(all)),
        };
        by_name.into_iter().map(host).collect()
    }
}

/// A difference between hosts that is unlikely by chance and large enough to matter.
#[derive(Clone, Debug, PartialEq)]
pub struct HostEffect {
    /// Of which quantile of the stable latencies.
    pub quantile: Quantile,
    /// The test.
    pub test: KruskalWallis,
    /// The host with the lowest latencies, and their median distance from those of the points, as a fraction.
    pub lowest: (String, f64),
    /// The host with the highest.
    pub highest: (String, f64),
}

impl HostEffect {
    /// The difference between the hosts of some series: that of the quantile in which it is the least likely.
    /// Hosts with fewer than five comparable runs are left out.
    pub fn among(series: &[Series<'_>]) -> Option<HostEffect> {
        let effects = [Quantile::P50, Quantile::Max].into_iter().filter_map(|quantile| {
            let mut groups = deviations(series, quantile);
            groups.retain(|_, values| values.len() >= FEWEST);
            let test = KruskalWallis::test(&groups.values().cloned().collect::<Vec<_>>())?;
            let medians = || groups.iter().filter_map(|(name, all)| Some(((*name).to_owned(), median(all)?)));
            let lowest = medians().min_by(|a, b| a.1.total_cmp(&b.1))?;
            let highest = medians().max_by(|a, b| a.1.total_cmp(&b.1))?;
            // Of two quantiles one must be twice as unlikely.
            let matters = test.p < SIGNIFICANCE / 2.0 && highest.1 - lowest.1 > NEGLIGIBLE;
            matters.then_some(HostEffect { quantile, test, lowest, highest })
        });
        effects.min_by(|a, b| a.test.p.total_cmp(&b.test.p))
    }
}

fn median(values: &[f64]) -> Option<f64> {
    Spread::of(values.iter().copied()).map(|spread| spread.median)
}

/// How far each ok run's latency is from the median of its point, as a fraction, by host. A point that one
/// host measured alone says nothing of hosts.
fn deviations<'a>(series: &[Series<'a>], quantile: Quantile) -> BTreeMap<&'a str, Vec<f64>> {
    let mut by_host: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for series in series {
        for point in series.by_x() {
            let latency = |record: &'a RunRecord| {
                let stable = record.figures().filter(|_| record.is_ok())?.stable?;
                Some((record.measured.host.as_str(), quantile.of(&stable).as_secs_f64()))
            };
            let runs: Vec<(&str, f64)> = series.at(point.x).filter_map(latency).collect();
            let hosts = runs.iter().any(|(host, _)| *host != runs[0].0);
            let median = Spread::of(runs.iter().map(|(_, latency)| *latency)).map(|spread| spread.median);
            let Some(median) = median.filter(|&median| hosts && median > 0.0) else { continue };
            for (host, latency) in runs {
                by_host.entry(host).or_default().push(latency / median - 1.0);
            }
        }
    }
    by_host
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Warning;
    use crate::analysis::examples::{late, with_max};

    /// Six points, two runs of each on each of two hosts, one of which adds `slower` ms.
    fn on_two_hosts(slower: u64) -> Vec<RunRecord> {
        let run = |timeout: u64, repetition: u32| {
            let (host, added) = if repetition.is_multiple_of(2) { ("fast", 0) } else { ("slow", slower) };
            let noise = (timeout / 50 * 7 + u64::from(repetition) * 5) % 11;
            with_max(timeout, repetition, timeout + 200 + noise + added)
                .with(|record| record.measured.host = host.to_owned())
        };
        let points = [50, 100, 200, 400, 600, 800];
        points
            .into_iter()
            .flat_map(|timeout| (1..=4).map(move |repetition| run(timeout, repetition)))
            .collect()
    }

    #[test]
    fn a_slow_host_is_named_and_equal_ones_are_not() {
        let effect = |slower| HostEffect::among(&Series::group(&on_two_hosts(slower)));
        assert_eq!(effect(0), None);
        let found = effect(80).unwrap();
        assert_eq!((found.lowest.0.as_str(), found.highest.0.as_str()), ("fast", "slow"));
        assert_eq!(found.quantile, Quantile::Max);
        let records = on_two_hosts(80);
        let warnings = Warning::on(&Series::group(&records));
        let said = warnings.iter().map(Warning::to_string).find(|said| said.contains("host")).unwrap();
        assert!(
            said.starts_with("the host explains a difference in max: ") && said.contains("slow"),
            "{said}"
        );
    }

    #[test]
    fn one_host_or_points_of_one_host_each_say_nothing() {
        let mut records = on_two_hosts(80);
        for record in &mut records {
            let is_short = record.batch_timeout_ms() < Some(300);
            record.measured.host = if is_short { "one" } else { "other" }.to_owned();
        }
        assert_eq!(HostEffect::among(&Series::group(&records)), None);
        assert_eq!(
            Host::all(&Series::group(&records)).iter().map(|host| host.deviation).collect::<Vec<_>>(),
            [None, None]
        );
    }

    #[test]
    fn lateness_is_per_host() {
        let records = [1, 2, 3].map(|repetition| {
            let host = if repetition == 1 { "busy" } else { "idle" };
            let run = if repetition == 1 { late(100, 1) } else { with_max(100, repetition, 300) };
            run.with(|record| record.measured.host = host.to_owned())
        });
        let hosts = Host::all(&Series::group(&records));
        let shown: Vec<(&str, usize, usize)> =
            hosts.iter().map(|host| (host.name.as_str(), host.runs, host.late)).collect();
        assert_eq!(shown, [("busy", 1, 1), ("idle", 2, 0)]);
    }
}
