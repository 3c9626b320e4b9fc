//! When the hub of an `auto` cluster makes a plan: once it has measured enough, and again when the load
//! changes.

use std::time::Duration;

use super::planner::{Load, Prediction};
use crate::config::Target;
use crate::strategy::Operations;
use crate::time::Time;

/// How long the first measurement takes.
const FIRST_MEASUREMENT: Duration = Duration::from_secs(2);
/// How long each later measurement takes.
const MEASUREMENT: Duration = Duration::from_secs(10);
/// The load must change by this factor before the controller makes another plan.
const CHANGE: f64 = 1.3;

/// The weight, in broadcasts, of the assumption that clients read as often as they broadcast. A few requests
/// tell little about the mix.
const PRIOR_BROADCASTS: f64 = 10.0;

#[derive(Debug)]
pub(in crate::strategy) struct Controller {
    target: Target,
    nodes: u32,
    /// When the present measurement began, and how many values the node knew then.
    began: Option<(Time, usize)>,
    /// The load that the present plan is made for.
    planned_for: Option<Load>,
}

impl Controller {
    pub(in crate::strategy) fn new(target: Target, nodes: u32) -> Controller {
        Controller { target, nodes, began: None, planned_for: None }
    }

    /// A new plan if it is time for one, and an explanation for people. `values` is how many values the node
    /// knows, `own` counts the requests of its own clients. The mix of reads and broadcasts is taken to be
    /// the same at all nodes.
    pub(in crate::strategy) fn update(
        &mut self,
        now: Time,
        values: usize,
        own: Operations,
        latency: impl FnOnce() -> Option<Duration>,
    ) -> Option<(Prediction, String)> {
        let &mut (since, values_then) = self.began.get_or_insert((now, values));
        let time = now.saturating_since(since);
        let enough = if self.planned_for.is_none() { FIRST_MEASUREMENT } else { MEASUREMENT };
        if time < enough || values == values_then {
            return None;
        }
        let latency = latency()?;
        self.began = Some((now, values));
        let rate = (values - values_then) as f64 / time.as_secs_f64();
        let operations_per_value =
            (own.all as f64 + 2.0 * PRIOR_BROADCASTS) / (own.broadcasts as f64 + PRIOR_BROADCASTS);
        let load = Load { nodes: self.nodes, values: rate, operations: rate * operations_per_value, latency };
        if self.planned_for.is_some_and(|before| !has_changed(before, load)) {
            return None;
        }
        self.planned_for = Some(load);
        let prediction = load.best_plan(self.target);
        Some((prediction, explain(self.target, load, prediction)))
    }
}

fn has_changed(before: Load, now: Load) -> bool {
    let differ = |a: f64, b: f64| a > b * CHANGE || b > a * CHANGE;
    differ(before.values, now.values)
        || differ(before.operations, now.operations)
        || differ(before.latency.as_secs_f64(), now.latency.as_secs_f64())
}

fn explain(target: Target, load: Load, prediction: Prediction) -> String {
    let target = match target {
        Target::Latency(longest) => format!("at most {longest:?}"),
        Target::MsgsPerOp { thousandths } => {
            format!("at most {} messages per operation", f64::from(thousandths) / 1000.0)
        }
    };
    format!(
        "auto: {:?}, for {target}: with {} nodes, {:.1} values/s, {:.1} operations/s and {:.0?} from node to node it \
         should give {:.2} messages per operation and at most {:.0?}",
        prediction.plan,
        load.nodes,
        load.values,
        load.operations,
        load.latency,
        prediction.msgs_per_op,
        prediction.longest
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
        let mut controller = Controller::new(Target::Latency(Duration::from_millis(600)), 25);
        let latency = || Some(Duration::from_millis(100));
        assert_eq!(controller.update(at(0), 0, own(0), latency), None);
        assert_eq!(controller.update(at(1900), 95, own(8), latency), None, "too early");
        assert_eq!(controller.update(at(2000), 100, own(8), || None), None, "no latency measured");
        let (prediction, why) = controller.update(at(2000), 100, own(8), latency).unwrap();
        assert_eq!(prediction.plan, Plan::Hub(Duration::from_millis(400)));
        assert!(why.contains("50.0 values/s") && why.contains("100.0 operations/s"), "{why}");
        assert_eq!(controller.update(at(12_000), 600, own(48), latency), None, "nothing changed");
        assert!(controller.update(at(22_000), 610, own(49), latency).is_some());
    }
}
