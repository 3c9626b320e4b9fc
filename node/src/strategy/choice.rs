//! What `auto` chooses: one hop or two, and the window, from a target and what the first node has seen.
//!
//! N nodes, latency L, b new values/s in the whole cluster, R operations/s; D is the longest time from a value's
//! acceptance until every node has it, m the messages between nodes for each operation. The formulas:
//!
//! - **One hop**, window W at each origin: D = W + L, m = N(N−1) / (W + N/b) / R.
//! - **Two hops**, period W at the hub: D = W + 2L, m = (N−1)·[(1 − e^(−Wb/N)) + (1 − e^(−Wb))] / (W·R); with
//!   windows that the first value opens, which is cheaper for short W, m = (N−1)·[b/N + b/(Wb + 1)] / R.
//!
//! Every m falls as W grows, so each target has one best W for each way, and the better of the two is taken.

use std::time::Duration;

use crate::config::Target;
use crate::message::Plan;

/// No plan lets a value wait longer than this, however few messages are asked for: the rate may be low for a moment
/// only, and an answer that takes longer looks like a failure.
const LONGEST: Duration = Duration::from_secs(3);

/// What the choice depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) nodes: u32,
    /// New values a second, in the whole cluster.
    pub(super) values: f64,
    /// Client operations a second, in the whole cluster.
    pub(super) operations: f64,
    /// From one node to another.
    pub(super) latency: Duration,
}

/// A plan, and what it should give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) plan: Plan,
    pub(super) msgs_per_op: f64,
    /// The longest time until every node has a value.
    pub(super) longest: Duration,
}

impl Seen {
    /// The plan that meets `target` at the least of the other quantity; the nearest one if none meets it.
    pub(super) fn choose(&self, target: Target) -> Choice {
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
                let meets = |choice: &Choice| choice.msgs_per_op <= most;
                if meets(&one) && (!meets(&two) || one.longest <= two.longest) { one } else { two }
            }
        }
    }

    fn one_hop(&self, window: Duration) -> Choice {
        let (n, w) = (f64::from(self.nodes), window.as_secs_f64());
        let msgs_per_op = n * (n - 1.0) / (w + n / self.values) / self.operations;
        Choice { plan: Plan::Direct(window), msgs_per_op, longest: window + self.latency }
    }

    fn two_hops(&self, period: Duration) -> Choice {
        let (n, w, b) = (f64::from(self.nodes), period.as_secs_f64(), self.values);
        let windows = b / n + b / (w * b + 1.0);
        let periodic = (-(-w * b / n).exp_m1() - (-w * b).exp_m1()) / w;
        // `min` passes over the NaN of a period of zero.
        let msgs_per_op = (n - 1.0) * windows.min(periodic) / self.operations;
        Choice { plan: Plan::Hub(period), msgs_per_op, longest: period + self.latency * 2 }
    }
}

/// The shortest window, in whole milliseconds, that costs at most `most`; [`LONGEST`] if none does.
fn shortest(choice: impl Fn(Duration) -> Choice, most: f64) -> Choice {
    let (mut low, mut high) = (0, LONGEST.as_millis() as u64);
    while low < high {
        let middle = (low + high) / 2;
        if choice(Duration::from_millis(middle)).msgs_per_op <= most {
            high = middle
        } else {
            low = middle + 1
        }
    }
    choice(Duration::from_millis(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const CHALLENGE: Seen =
        Seen { nodes: 25, values: 50.0, operations: 100.0, latency: Duration::from_millis(100) };

    #[test]
    fn a_latency_target_takes_the_hub_where_there_is_time_for_two_hops() {
        let choice = CHALLENGE.choose(Target::Latency(MS * 600));
        assert_eq!(choice.plan, Plan::Hub(MS * 400));
        assert!((choice.msgs_per_op - 0.93).abs() < 0.005, "{choice:?}");
        assert_eq!(CHALLENGE.choose(Target::Latency(MS * 150)).plan, Plan::Direct(MS * 50));
        let impossible = CHALLENGE.choose(Target::Latency(MS * 50));
        assert_eq!((impossible.plan, impossible.longest), (Plan::Direct(Duration::ZERO), MS * 100));
    }

    #[test]
    fn a_message_target_takes_the_shortest_window_that_meets_it() {
        let most = |thousandths| CHALLENGE.choose(Target::MsgsPerOp { thousandths });
        assert_eq!(most(12_500).plan, Plan::Direct(Duration::ZERO));
        let choice = most(930);
        let Plan::Hub(period) = choice.plan else { panic!("{choice:?}") };
        assert!(period >= MS * 398 && period <= MS * 402, "{choice:?}");
        assert!(choice.msgs_per_op <= 0.93);
        assert!(most(300).longest > MS * 1700);
    }

    #[test]
    fn two_nodes_need_no_hub() {
        let pair = Seen { nodes: 2, ..CHALLENGE };
        assert_eq!(pair.choose(Target::Latency(MS * 600)).plan, Plan::Direct(MS * 500));
    }
}
