//! Which models, limits and published results runs may be compared with. That depends on how the runs were
//! made, and tables, advice and plots all ask here.

use crate::model::Cluster;
use crate::record::RunRecord;
use crate::spec::settings::{LatencyDistribution, Settings};

/// How runs were made, the strictest conditions first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conditions {
    /// As challenges 3d and 3e ask: their limits and published results apply, and everything that applies to
    /// regular runs.
    Challenge,
    /// As models assume: a constant latency, no faults, and one client for each node.
    Regular,
    /// Otherwise: runs can be compared only with runs of the same settings.
    Other,
}

impl Conditions {
    /// The conditions of one run.
    pub fn of(settings: &Settings) -> Conditions {
        let is_regular = settings.latency.distribution == LatencyDistribution::Constant
            && settings.nemesis.faults.is_empty()
            && !settings.message_faults.any()
            && settings.client_count() == settings.node_count;
        if !is_regular {
            return Conditions::Other;
        }
        let is_challenge =
            cluster(settings) == Cluster::CHALLENGE && settings.time_limit == Settings::default().time_limit;
        if is_challenge { Conditions::Challenge } else { Conditions::Regular }
    }

    /// The conditions that all of some runs have.
    pub fn of_all<'a>(records: impl IntoIterator<Item = &'a RunRecord>) -> Conditions {
        let conditions = records.into_iter().map(|record| Conditions::of(record.settings()));
        conditions.max().unwrap_or(Conditions::Other)
    }

    /// Whether models apply.
    pub fn are_regular(self) -> bool {
        self <= Conditions::Regular
    }
}

/// The cluster of a run, as models see it.
pub(super) fn cluster(settings: &Settings) -> Cluster {
    Cluster { node_count: settings.node_count, rate: settings.rate, latency: settings.latency.mean }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::examples::with_loss;
    use crate::record::tests::example;
    use crate::spec::settings::{Concurrency, Faults};

    fn with(change: impl FnOnce(&mut Settings)) -> Conditions {
        let mut settings = Settings::default();
        change(&mut settings);
        Conditions::of(&settings)
    }

    #[test]
    fn only_the_challenge_is_the_challenge_and_models_want_regular_runs() {
        assert_eq!(with(|_| ()), Conditions::Challenge);
        assert_eq!(with(|settings| settings.concurrency = Concurrency::Clients(25)), Conditions::Challenge);
        for regular in [
            with(|settings| settings.node_count = 5),
            with(|settings| settings.rate = 50.0),
            with(|settings| settings.latency.mean = Duration::from_millis(10)),
            with(|settings| settings.time_limit = Duration::from_secs(5)),
        ] {
            assert_eq!(regular, Conditions::Regular);
        }
        for other in [
            with(|settings| settings.latency.distribution = LatencyDistribution::Uniform),
            with(|settings| settings.nemesis.faults = Faults::partition()),
            with(|settings| settings.message_faults.loss = 0.1),
            with(|settings| settings.message_faults.duplication = 0.1),
            with(|settings| settings.concurrency = Concurrency::PerNode(2)),
            with(|settings| settings.concurrency = Concurrency::Clients(10)),
        ] {
            assert_eq!(other, Conditions::Other);
        }
    }

    #[test]
    fn one_run_of_another_kind_is_enough() {
        let records = [example(100, 1), with_loss(100)];
        assert_eq!(Conditions::of_all(&records[..1]), Conditions::Challenge);
        assert_eq!(Conditions::of_all(&records), Conditions::Other);
        assert_eq!(Conditions::of_all([]), Conditions::Other);
    }
}
