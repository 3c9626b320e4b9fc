//! The best plan for a target: one hop or two, and the window.
//!
//! The one-way latency between nodes is `L`, and the window or period is `W`. From a value's acceptance until
//! every node has it, at most W + L pass for one hop, and W + 2·L for two. The number of messages is that of
//! the [`cost_model`], and falls as W grows. So for each target and each number of hops there is one best W,
//! and the better of the two plans wins.

use std::time::Duration;

use super::cost_model::{self, Poisson};
use crate::config::Target;
use crate::message::Plan;

/// No plan lets a value wait longer than this, however few messages the user asks for. The rate may be low
/// only for a moment, and to people a longer delay looks like a failure.
const LONGEST: Duration = Duration::from_secs(3);

/// The load of a cluster, as far as plans depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) nodes: u32,
    /// New values per second in the whole cluster.
    pub(super) values: f64,
    /// Client operations per second in the whole cluster.
    pub(super) operations: f64,
    /// The one-way latency between nodes.
    pub(super) latency: Duration,
}

/// A plan, and what the model predicts for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::strategy) struct Prediction {
    pub(in crate::strategy) plan: Plan,
    /// Messages between nodes for each client operation.
    pub(super) msgs_per_op: f64,
    /// The longest time until every node has a value.
    pub(super) longest: Duration,
}

impl Load {
    /// The plan that meets `target` and minimises the other quantity; the nearest one if none meets it.
    pub(super) fn best_plan(&self, target: Target) -> Prediction {
        match target {
            Target::Latency(longest) => {
                let longest = longest.min(LONGEST);
                let one = self.one_hop(longest.saturating_sub(self.latency));
                match longest.checked_sub(self.latency * 2).map(|period| self.two_hops(period)) {
                    Some(two) if two.msgs_per_op < one.msgs_per_op => two,
                    _ => one,
                }
            }
            Target::MsgsPerOp { thousandths } => {
                let most = f64::from(thousandths) / 1000.0;
                let one = shortest(|window| self.one_hop(window), most);
                let two = shortest(|period| self.two_hops(period), most);
                let meets = |prediction: &Prediction| prediction.msgs_per_op <= most;
                if meets(&one) && (!meets(&two) || one.longest <= two.longest) { one } else { two }
            }
        }
    }

    fn arrivals(&self) -> Poisson {
        Poisson { nodes: self.nodes, values_per_second: self.values }
    }

    fn one_hop(&self, window: Duration) -> Prediction {
        let msgs_per_op = cost_model::one_hop(&self.arrivals(), window) / self.operations;
        Prediction { plan: Plan::Direct(window), msgs_per_op, longest: window + self.latency }
    }

    /// The hub itself chooses between a period and windows; see [`FlushSchedule`](crate::strategy::hub).
    fn two_hops(&self, period: Duration) -> Prediction {
        let arrivals = self.arrivals();
        let on_period = cost_model::two_hops_on_a_period(&arrivals, period);
        let on_first_values = cost_model::two_hops_on_first_values(&arrivals, Duration::ZERO, period);
        let msgs_per_op = on_period.min(on_first_values) / self.operations;
        Prediction { plan: Plan::Hub(period), msgs_per_op, longest: period + self.latency * 2 }
    }
}

/// The plan with the shortest window, in whole milliseconds, that costs at most `most` messages per
/// operation; that with [`LONGEST`] if none does.
fn shortest(plan: impl Fn(Duration) -> Prediction, most: f64) -> Prediction {
    let (mut low, mut high) = (0, LONGEST.as_millis() as u64);
    while low < high {
        let middle = (low + high) / 2;
        if plan(Duration::from_millis(middle)).msgs_per_op <= most { high = middle } else { low = middle + 1 }
    }
    plan(Duration::from_millis(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const CHALLENGE: Load =
        Load { nodes: 25, values: 50.0, operations: 100.0, latency: Duration::from_millis(100) };

    #[test]
    fn a_latency_target_takes_the_hub_where_there_is_time_for_two_hops() {
        let prediction = CHALLENGE.best_plan(Target::Latency(MS * 600));
        assert_eq!(prediction.plan, Plan::Hub(MS * 400));
        assert!((prediction.msgs_per_op - 0.93).abs() < 0.005, "{prediction:?}");
        assert_eq!(CHALLENGE.best_plan(Target::Latency(MS * 150)).plan, Plan::Direct(MS * 50));
        let impossible = CHALLENGE.best_plan(Target::Latency(MS * 50));
        assert_eq!((impossible.plan, impossible.longest), (Plan::Direct(Duration::ZERO), MS * 100));
    }

    #[test]
    fn a_message_target_takes_the_shortest_window_that_meets_it() {
        let most = |thousandths| CHALLENGE.best_plan(Target::MsgsPerOp { thousandths });
        assert_eq!(most(12_500).plan, Plan::Direct(Duration::ZERO));
        let prediction = most(930);
        let Plan::Hub(period) = prediction.plan else { panic!("{prediction:?}") };
        assert!(period >= MS * 398 && period <= MS * 402, "{prediction:?}");
        assert!(prediction.msgs_per_op <= 0.93);
        assert!(most(300).longest > MS * 1700);
    }

    #[test]
    fn two_nodes_need_no_hub() {
        let pair = Load { nodes: 2, ..CHALLENGE };
        assert_eq!(pair.best_plan(Target::Latency(MS * 600)).plan, Plan::Direct(MS * 500));
    }
}
