//! The soak: simulated runs with random settings and faults, searched for lost values, traffic that never
//! ends and blown message budgets.
//!
//! A [`Case`] is derived from one number and checked by [`Case::check`]; a failing one is reduced to a
//! smaller one that fails in the same way. Nothing here prints or knows the command line.

mod case;
mod verdict;

pub use case::Case;
pub use verdict::{Failure, Passed};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;

/// How many reductions are tried at most before a failing case is reported as it is.
const REDUCTIONS: usize = 300;

/// The result of one case.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The case.
    pub case: Case,
    /// Whether it passed.
    pub verdict: Result<Passed, Failure>,
}

/// Checks the cases numbered `numbers`, several at a time, and sends each result as it comes. Returns early
/// once `stop` is set.
pub fn run(
    numbers: std::ops::Range<u64>,
    jobs: usize,
    strategies: &[node::StrategyKind],
    stop: &AtomicBool,
    results: &Sender<Checked>,
) {
    let next = AtomicU64::new(numbers.start);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (next, results, end) = (&next, results.clone(), numbers.end);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return;
                    }
                    let case = Case::draw(number, strategies);
                    let verdict = case.check();
                    if results.send(Checked { case, verdict }).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// A smaller case that fails in the same way, or the case itself if no smaller one does.
pub fn reduce(case: &Case, failure: &Failure) -> (Case, Failure) {
    let mut smallest = (case.clone(), failure.clone());
    let mut tried = 0;
    'reducing: loop {
        for candidate in smallest.0.simpler() {
            tried += 1;
            if tried > REDUCTIONS {
                return smallest;
            }
            if let Err(failure) = candidate.check()
                && std::mem::discriminant(&failure) == std::mem::discriminant(&smallest.1)
            {
                smallest = (candidate, failure);
                continue 'reducing;
            }
        }
        return smallest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::simulated::Storage;
    use crate::harness::history::{Event, Function, History, OpValue};
    use crate::spec::settings::{Fault, Faults, MessageFaults, Nemesis, Settings};
    use node::StrategyKind;
    use std::time::Duration;

    #[test]
    fn a_hundred_random_cases_pass() {
        let (sender, receiver) = std::sync::mpsc::channel();
        run(0..100, 2, &StrategyKind::ALL, &AtomicBool::new(false), &sender);
        drop(sender);
        let checked: Vec<Checked> = receiver.iter().collect();
        assert_eq!(checked.len(), 100);
        for Checked { case, verdict } in checked {
            if let Err(failure) = verdict {
                panic!("{failure}; to see it again: {}", case.command());
            }
        }
    }

    /// A value that only one node has is missed by the others' final reads, whichever comes last.
    #[test]
    fn values_that_come_after_the_final_reads_are_late() {
        let config = node::Config { strategy: StrategyKind::Direct, batch_timeout: Duration::from_secs(30) };
        let settings =
            Settings { node_count: 2, rate: 1.0, time_limit: Duration::from_secs(1), ..Settings::default() };
        let verdicts = (0..20).map(|seed| {
            Case { settings: settings.clone(), config, storage: Storage::Log, seed, budget: None }.check()
        });
        for (seed, verdict) in verdicts.enumerate() {
            match verdict {
                Err(Failure::Late { .. }) => {}
                Ok(passed) if passed.msgs_per_op == 0.0 => {}
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }

    /// The first failure among cases in which nodes are killed and keep their values in this way.
    fn first_failure(storage: Storage, strategies: &[StrategyKind]) -> Option<(Case, Failure)> {
        let cases = (0..400).map(|number| Case { storage, ..Case::draw(number, strategies) });
        let mut killed = cases.filter(|case| case.settings.nemesis.faults.contains(Fault::Kill));
        killed.find_map(|case| case.check().err().map(|failure| (case, failure)))
    }

    #[test]
    fn nodes_that_acknowledge_before_they_write_are_found() {
        let delay = Duration::from_millis(50);
        for behind in [Storage::WriteBehind(delay), Storage::WritePeersBehind(delay)] {
            let found = first_failure(behind, &StrategyKind::ALL);
            let (case, failure) = found.expect("values that only a killed node had");
            assert!(matches!(failure, Failure::Lost { .. }), "{failure}");
            assert!(Case { storage: Storage::Log, ..case.clone() }.check().is_ok(), "{case:?} with a log");
            let (reduced, failure) = reduce(&case, &failure);
            assert!(matches!(failure, Failure::Lost { .. }), "{reduced:?}: {failure}");
        }
    }

    /// The hardest cases: the hub dies or stops, and so do all nodes at once.
    #[test]
    fn a_dead_hub_and_a_dead_cluster_lose_nothing() {
        let counts = |history: &History, function: Function, value: &str| {
            let matches = |event: &&Event| match &event.value {
                OpValue::Fault(fault) => event.function == function && fault.to_string().contains(value),
                _ => false,
            };
            history.events().iter().filter(matches).count()
        };
        for strategy in StrategyKind::ALL {
            let (mut all_killed, mut hub_killed, mut hub_paused) = (0, 0, 0);
            for seed in 0..12 {
                let faults = Faults::of([Fault::Kill, Fault::Pause]);
                let settings = Settings {
                    node_count: 10,
                    nemesis: Nemesis { faults, interval: Duration::from_secs(2) },
                    ..Settings::default()
                };
                let config = node::Config { strategy, batch_timeout: Duration::from_millis(200) };
                let case = Case { settings, config, storage: Storage::Log, seed, budget: None };
                if let Err(failure) = case.check() {
                    panic!("{failure}; to see it again: {}", case.command());
                }
                let history = case.simulate().expect("nodes that start").history;
                all_killed += counts(&history, Function::Kill, ":all");
                hub_killed += counts(&history, Function::Kill, "\"n0\" :killed");
                hub_paused += counts(&history, Function::Pause, "\"n0\" :paused");
            }
            assert!(
                all_killed > 2 && hub_killed > 5 && hub_paused > 5,
                "{all_killed} {hub_killed} {hub_paused}"
            );
        }
    }

    /// In the direct plan of `auto`, a leaf may die after it has acknowledged a value whose message to
    /// another leaf was lost. The hub has the value and owes it to nobody.
    #[test]
    fn auto_loses_nothing_in_its_direct_plan() {
        let target = node::Target::Latency(Duration::from_millis(250));
        for seed in 0..100 {
            let faults = Faults::of([Fault::Kill]);
            let settings = Settings {
                node_count: 5,
                nemesis: Nemesis { faults, interval: Duration::from_secs(1) },
                message_faults: MessageFaults { loss: 0.3, duplication: 0.0 },
                ..Settings::default()
            };
            let strategy = StrategyKind::Auto(target);
            let config = node::Config { strategy, batch_timeout: Duration::from_millis(50) };
            let case = Case { settings, config, storage: Storage::Log, seed, budget: None };
            if let Err(failure) = case.check() {
                panic!("seed {seed}: {failure}");
            }
        }
        for number in 0..100 {
            let case = Case::draw(number, &[StrategyKind::Auto(target)]);
            if let Err(failure) = case.check() {
                panic!("case {number}: {failure}");
            }
        }
    }

    /// As every published node does, the tutorial's among them.
    #[test]
    fn nodes_without_a_log_lose_what_they_acknowledged() {
        for strategy in StrategyKind::ALL {
            let (_, failure) = first_failure(Storage::Memory, &[strategy]).expect("lost values");
            assert!(
                matches!(failure, Failure::Lost { .. } | Failure::Late { .. }),
                "{strategy:?}: {failure}"
            );
        }
    }

    #[test]
    fn reductions_come_to_an_end() {
        for number in 0..200 {
            let mut case = Case::draw(number, &StrategyKind::ALL);
            for _ in 0..REDUCTIONS {
                let candidates = case.simpler();
                let is_smaller = |other: &Case| other.settings.node_count <= case.settings.node_count;
                assert!(candidates.iter().all(is_smaller), "{case:?}");
                // The last one, so that the first ones' turn comes when nothing else is left.
                match candidates.into_iter().next_back() {
                    Some(smaller) => case = smaller,
                    None => break,
                }
            }
            assert_eq!(case.simpler(), [], "case {number}");
        }
    }

    #[test]
    fn a_failing_case_is_reduced_to_one_that_fails_alike() {
        // A cluster that may say nothing blows its budget with the first value.
        let large = |case: &Case| case.settings.node_count > 8 && case.settings.message_faults.any();
        let case = (0..).map(|number| Case::draw(number, &[StrategyKind::Hub])).find(large);
        let case = Case { budget: Some(0), ..case.unwrap() };
        let failure = case.check().unwrap_err();
        assert!(matches!(failure, Failure::OverBudget { budget: 0, .. }), "{failure}");
        let (reduced, failure) = reduce(&case, &failure);
        assert!(matches!(failure, Failure::OverBudget { budget: 0, .. }), "{failure}");
        assert_eq!(reduced.settings.node_count, 2, "{reduced:?}");
        assert!(!reduced.settings.message_faults.any(), "{reduced:?}");
    }
}
