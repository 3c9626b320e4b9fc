//! What the figures of runs may be held against, which depends on how the runs were made. The one place that decides
//! it, for tables, advice and pictures alike.

use std::time::Duration;

use crate::model::Cluster;
use crate::record::Row;
use crate::spec::settings::{Concurrency, LatencyDistribution, Settings};

/// How runs were made, the strictest conditions first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conditions {
    /// As challenges 3d and 3e are run: their limits, and what others published, may be held against these runs, and
    /// all that may be held against regular ones.
    Challenge,
    /// As models assume: a constant latency, no faults, and one client for each node.
    Regular,
    /// Otherwise: only like runs can be compared.
    Other,
}

impl Conditions {
    /// Those of one run.
    pub fn of(row: &Row) -> Conditions {
        let is_regular = row.latency_dist == LatencyDistribution::Constant.name()
            && row.nemesis == "none"
            && row.message_loss == 0.0
            && row.message_duplication == 0.0
            && row
                .concurrency
                .parse::<Concurrency>()
                .is_ok_and(|clients| clients.among(row.node_count) == row.node_count);
        if !is_regular {
            return Conditions::Other;
        }
        let is_challenge = cluster(row) == Cluster::CHALLENGE
            && row.time_limit_s == Settings::default().time_limit.as_secs_f64();
        if is_challenge { Conditions::Challenge } else { Conditions::Regular }
    }

    /// Those that all of some runs have.
    pub fn of_all<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Conditions {
        rows.into_iter().map(Conditions::of).max().unwrap_or(Conditions::Other)
    }

    /// Whether models apply.
    pub fn are_regular(self) -> bool {
        self <= Conditions::Regular
    }
}

/// The cluster of a run, as models see it.
pub(super) fn cluster(row: &Row) -> Cluster {
    Cluster { node_count: row.node_count, rate: row.rate, latency: Duration::from_millis(row.latency_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::tests::example;

    #[test]
    fn only_the_challenge_is_the_challenge_and_theory_wants_regular_runs() {
        let row = || example(100, 1);
        assert_eq!(Conditions::of(&row()), Conditions::Challenge);
        assert_eq!(Conditions::of(&Row { concurrency: "25".to_owned(), ..row() }), Conditions::Challenge);
        for regular in [
            Row { node_count: 5, ..row() },
            Row { rate: 50.0, ..row() },
            Row { latency_ms: 10, ..row() },
            Row { time_limit_s: 5.0, ..row() },
        ] {
            assert_eq!(Conditions::of(&regular), Conditions::Regular, "{regular:?}");
        }
        for other in [
            Row { latency_dist: "uniform".to_owned(), ..row() },
            Row { nemesis: "partition".to_owned(), ..row() },
            Row { message_loss: 0.1, ..row() },
            Row { message_duplication: 0.1, ..row() },
            Row { concurrency: "2n".to_owned(), ..row() },
            Row { concurrency: "10".to_owned(), ..row() },
        ] {
            assert_eq!(Conditions::of(&other), Conditions::Other, "{other:?}");
        }
    }

    #[test]
    fn one_run_of_another_kind_is_enough() {
        let rows = [example(100, 1), Row { message_loss: 0.1, ..example(100, 2) }];
        assert_eq!(Conditions::of_all(&rows[..1]), Conditions::Challenge);
        assert_eq!(Conditions::of_all(&rows), Conditions::Other);
        assert_eq!(Conditions::of_all([]), Conditions::Other);
    }
}
