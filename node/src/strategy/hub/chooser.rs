//! How the hub of an `auto` cluster comes to a plan: it measures, chooses, and tells the leaves with its messages.
//!
//! Nothing depends on all nodes following the same plan at the same time. A leaf that sends to everyone says so
//! with its values (`direct`); whatever comes without that word the hub spreads, as always. A leaf that has not
//! heard of a change costs messages, never values.

use std::time::Duration;

use crate::config::Target;
use crate::strategy::Operations;
use crate::strategy::choice::{Choice, Seen};
use crate::time::Time;

/// How long the first measurement takes, and each later one.
const MEASURE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// What is seen must change by this factor before another plan is made.
const CHANGE: f64 = 1.3;

/// How many broadcasts Maelstrom's mix of requests counts for.
const PRIOR: f64 = 10.0;

#[derive(Debug)]
pub(super) struct Chooser {
    target: Target,
    nodes: u32,
    /// When the measurement that goes on began, and how many values were known.
    began: Option<(Time, usize)>,
    /// What the present plan is made for.
    chosen_for: Option<Seen>,
}

impl Chooser {
    pub(super) fn new(target: Target, nodes: u32) -> Chooser {
        Chooser { target, nodes, began: None, chosen_for: None }
    }

    /// A new plan if it is time for one, and for people, why. `values` is how many the node knows, `own` what its
    /// own clients asked so far; clients of other nodes are taken to read and broadcast in the same proportion.
    pub(super) fn choose(
        &mut self,
        now: Time,
        values: usize,
        own: Operations,
        latency: impl FnOnce() -> Option<Duration>,
    ) -> Option<(Choice, String)> {
        let &mut (since, values_then) = self.began.get_or_insert((now, values));
        let time = now.saturating_since(since);
        let enough = if self.chosen_for.is_none() { MEASURE.0 } else { MEASURE.1 };
        if time < enough || values == values_then {
            return None;
        }
        let latency = latency()?;
        self.began = Some((now, values));
        let rate = (values - values_then) as f64 / time.as_secs_f64();
        // A few requests tell little: they count beside Maelstrom's mix, as many reads as broadcasts.
        let each = (own.all as f64 + 2.0 * PRIOR) / (own.broadcasts as f64 + PRIOR);
        let seen = Seen { nodes: self.nodes, values: rate, operations: rate * each, latency };
        if self.chosen_for.is_some_and(|before| !has_changed(before, seen)) {
            return None;
        }
        self.chosen_for = Some(seen);
        let choice = seen.choose(self.target);
        Some((choice, explain(self.target, seen, choice)))
    }
}

fn has_changed(before: Seen, now: Seen) -> bool {
    let differ = |a: f64, b: f64| a > b * CHANGE || b > a * CHANGE;
    differ(before.values, now.values)
        || differ(before.operations, now.operations)
        || differ(before.latency.as_secs_f64(), now.latency.as_secs_f64())
}

fn explain(target: Target, seen: Seen, choice: Choice) -> String {
    let target = match target {
        Target::Latency(longest) => format!("at most {longest:?}"),
        Target::MsgsPerOp { thousandths } => {
            format!("at most {} messages per operation", f64::from(thousandths) / 1000.0)
        }
    };
    format!(
        "auto: {:?}, for {target}: with {} nodes, {:.1} values/s, {:.1} operations/s and {:.0?} from node to node it \
         should give {:.2} messages per operation and at most {:.0?}",
        choice.plan,
        seen.nodes,
        seen.values,
        seen.operations,
        seen.latency,
        choice.msgs_per_op,
        choice.longest
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Plan;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn own(all: u64) -> Operations {
        Operations { all, broadcasts: all / 2 }
    }

    #[test]
    fn a_plan_is_made_once_enough_was_seen_and_again_when_the_load_changes() {
        let mut chooser = Chooser::new(Target::Latency(Duration::from_millis(600)), 25);
        let latency = || Some(Duration::from_millis(100));
        assert_eq!(chooser.choose(at(0), 0, own(0), latency), None);
        assert_eq!(chooser.choose(at(1900), 95, own(8), latency), None, "too early");
        assert_eq!(chooser.choose(at(2000), 100, own(8), || None), None, "no latency measured");
        let (choice, why) = chooser.choose(at(2000), 100, own(8), latency).unwrap();
        assert_eq!(choice.plan, Plan::Hub(Duration::from_millis(400)));
        assert!(why.contains("50.0 values/s") && why.contains("100.0 operations/s"), "{why}");
        assert_eq!(chooser.choose(at(12_000), 600, own(48), latency), None, "nothing changed");
        assert!(chooser.choose(at(22_000), 610, own(49), latency).is_some());
    }
}
