//! What has happened to the tasks of an array between two looks at the queue.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::client::{State, Task};
use super::script::ranges;

/// What happened to a task that a user should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Slurm started it again, or will; it was on this node.
    Requeued {
        /// The node that it was on.
        node: String,
        /// How often it was started again.
        restarts: u32,
    },
    /// It waits for something other than its turn, by Slurm's word for it.
    Held(String),
    /// A user or an administrator cancelled it.
    Cancelled,
    /// It ended on this node in another way than it should have.
    Failed {
        /// The node.
        node: String,
        /// Slurm's word for the way.
        state: String,
    },
}

/// A change with the tasks that it happened to, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The change of their state.
    pub change: Change,
    /// The tasks' numbers.
    pub tasks: Vec<u32>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tasks, was) = match self.tasks.as_slice() {
            [_] => ("task", "was"),
            _ => ("tasks", "were"),
        };
        write!(f, "{tasks} {}", ranges(&self.tasks))?;
        match &self.change {
            Change::Requeued { node, restarts } => {
                write!(f, " {was} requeued")?;
                if !node.is_empty() {
                    write!(f, " after leaving {node}")?;
                }
                write!(f, " (restart {restarts}); each resumes where its shard stopped")
            }
            Change::Held(reason) => write!(f, ": Slurm does not start it ({reason})"),
            Change::Cancelled => write!(f, " {was} cancelled"),
            Change::Failed { node, state } => write!(f, " failed on {} ({state})", somewhere(node)),
        }
    }
}

fn somewhere(node: &str) -> &str {
    if node.is_empty() { "an unknown node" } else { node }
}

/// Reasons to wait that are normal.
const USUAL_REASONS: [&str; 8] =
    ["None", "Priority", "Resources", "Dependency", "BeginTime", "Prolog", "JobArrayTaskLimit", "Cleaning"];

/// The tasks as they were at the last look.
#[derive(Debug, Default)]
pub(super) struct Queue(HashMap<u32, Task>);

impl Queue {
    /// Takes note of how tasks are now, and says what has happened since the last look.
    pub(super) fn update(&mut self, now: impl IntoIterator<Item = Task>) -> Vec<Changed> {
        let mut changes: BTreeMap<Change, Vec<u32>> = BTreeMap::new();
        for task in now {
            let Some(number) = task.number else { continue };
            for change in self.changes(number, &task) {
                changes.entry(change).or_default().push(number);
            }
            self.0.insert(number, task);
        }
        let changes = changes.into_iter().map(|(change, mut tasks)| {
            tasks.sort_unstable();
            Changed { change, tasks }
        });
        changes.collect()
    }

    fn changes(&self, number: u32, now: &Task) -> Vec<Change> {
        let before = self.0.get(&number);
        let mut changes = Vec::new();
        if now.restarts > before.map_or(0, |before| before.restarts) {
            let node = before.map_or_else(String::new, |before| before.node.clone());
            changes.push(Change::Requeued { node, restarts: now.restarts });
        }
        if before.is_some_and(|before| before.state == now.state && before.reason == now.reason) {
            return changes;
        }
        match &now.state {
            State::Cancelled => changes.push(Change::Cancelled),
            State::Failed(state) => {
                changes.push(Change::Failed { node: now.node.clone(), state: state.clone() });
            }
            State::Waiting if !USUAL_REASONS.contains(&now.reason.as_str()) => {
                changes.push(Change::Held(now.reason.clone()));
            }
            State::Waiting | State::Running | State::Completed => {}
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::JobId;
    use super::*;

    fn task(number: u32, state: State, restarts: u32, reason: &str) -> Task {
        let node = "sim1".to_owned();
        Task { job: JobId(1), number: Some(number), state, restarts, node, reason: reason.to_owned() }
    }

    fn said(queue: &mut Queue, tasks: &[Task]) -> Vec<String> {
        queue.update(tasks.to_vec()).iter().map(Changed::to_string).collect()
    }

    #[test]
    fn each_change_is_printed_once_and_tasks_share_a_line() {
        let mut queue = Queue::default();
        let running = [1, 2, 3].map(|number| task(number, State::Running, 0, "None"));
        assert_eq!(said(&mut queue, &running), Vec::<String>::new());
        let requeued = [task(2, State::Waiting, 1, "BeginTime")];
        let line = "task 2 was requeued after leaving sim1 (restart 1); each resumes where its shard stopped";
        assert_eq!(said(&mut queue, &requeued), [line]);
        assert_eq!(said(&mut queue, &requeued), Vec::<String>::new());
        let cancelled =
            [1, 2, 3].map(|number| task(number, State::Cancelled, u32::from(number == 2), "None"));
        assert_eq!(said(&mut queue, &cancelled), ["tasks 1-3 were cancelled"]);
    }

    #[test]
    fn failures_and_unusual_waits_are_named() {
        let mut queue = Queue::default();
        let failed = task(3, State::Failed("TIMEOUT".to_owned()), 0, "TimeLimit");
        assert_eq!(said(&mut queue, &[failed]), ["task 3 failed on sim1 (TIMEOUT)"]);
        assert_eq!(said(&mut queue, &[task(4, State::Waiting, 0, "Resources")]), Vec::<String>::new());
        let held = [task(4, State::Waiting, 0, "JobHeldUser")];
        assert_eq!(said(&mut queue, &held), ["task 4: Slurm does not start it (JobHeldUser)"]);
    }
}
