//! The figures of a simulated run, equal to those that its `results.edn` would give.

use std::time::Duration;

use super::Finished;
use crate::edn;
use crate::harness::checker::set_full::Quantiles;
use crate::harness::checker::{self, Validity};
use crate::record::{Figures, StableLatencies};

/// The figures of `finished`.
pub fn of(finished: &Finished) -> Figures {
    let Finished { counts, report, .. } = finished;
    let per_operation = checker::messages_per_operation(*counts, report.stats.invocations);
    let workload = &report.workload;
    Figures {
        validity: report.validity(),
        complaints: complaints(finished),
        operations: report.stats.all().count(),
        fail_count: report.stats.all().fail,
        info_count: report.stats.all().info,
        ok_fraction: Some(report.availability.ok_fraction.map_or(1.0, edn::shortest)),
        msgs_per_op: per_operation.map(|(_, servers)| edn::shortest(servers)),
        msgs_per_op_all: per_operation.map(|(all, _)| edn::shortest(all)),
        attempt_count: workload.attempts as u64,
        stable_count: workload.stable as u64,
        lost_count: workload.lost.len() as u64,
        never_read_count: workload.never_read.len() as u64,
        stable: workload.stable_latencies.map(latencies),
    }
}

fn complaints(finished: &Finished) -> Vec<String> {
    let report = &finished.report;
    let verdicts = [
        (":stats", report.stats.validity()),
        (":availability", report.availability.validity),
        (":workload", report.workload.validity),
    ];
    let unsatisfied = verdicts.into_iter().filter(|(_, verdict)| *verdict != Validity::Valid);
    unsatisfied.map(|(name, verdict)| format!("{name} is {verdict}")).collect()
}

fn latencies(quantiles: Quantiles) -> StableLatencies {
    let Quantiles { min, median, p95, p99, max } = quantiles;
    let ms = Duration::from_millis;
    StableLatencies { p0: ms(min), p50: ms(median), p95: ms(p95), p99: ms(p99), max: ms(max) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::results;
    use crate::record;
    use crate::spec::settings::{Availability, Faults, Nemesis, Settings};

    #[test]
    fn the_figures_are_those_that_results_edn_would_give() {
        let short = Settings { node_count: 5, time_limit: Duration::from_secs(4), ..Settings::default() };
        let cases = [
            short.clone(),
            Settings { rate: 0.0, ..short.clone() },
            Settings { availability: Some(Availability::Total), ..short.clone() },
            Settings {
                nemesis: Nemesis { faults: Faults::partition(), interval: Duration::from_secs(1) },
                ..short
            },
        ];
        for settings in cases {
            let finished = super::super::run(&settings, node::Config::default(), 5).unwrap();
            let printed = results::results(
                &finished.history,
                finished.counts,
                &finished.report,
                results::Plots::Skipped,
            )
            .pretty();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), printed).unwrap();
            assert_eq!(of(&finished), record::results::read(file.path()).unwrap());
        }
    }
}
