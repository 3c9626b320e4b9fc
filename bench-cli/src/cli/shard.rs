//! `--shard`: the part of a sweep's runs that this process executes.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::progress::Screen;
use crate::record::csv_file;
use crate::spec::shard::{InvalidShard, Shard};
use crate::supervise::stop::{Stop, StopSignal};
use crate::terminal;

/// The value of `--shard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardChoice {
    /// A shard that the user named.
    Given(Shard),
    /// The scheduler that started this process says which.
    Auto {
        /// How many there are; without it, the scheduler says that, too.
        count: Option<u32>,
    },
}

impl FromStr for ShardChoice {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<ShardChoice, InvalidShard> {
        const AUTO: &str = "auto";
        match text.split_once('/') {
            None if text == AUTO => Ok(ShardChoice::Auto { count: None }),
            Some((index, count)) if index == AUTO => {
                // The last shard of so many is valid if there can be so many.
                let last: Shard = format!("{count}/{count}").parse()?;
                Ok(ShardChoice::Auto { count: Some(last.count()) })
            }
            _ => text.parse().map(ShardChoice::Given),
        }
    }
}

impl ShardChoice {
    /// The shard.
    ///
    /// # Errors
    /// If it is to be taken from the environment, which does not say it or contradicts itself.
    pub(super) fn resolve(self) -> anyhow::Result<Shard> {
        self.resolve_in(|name| std::env::var(name).ok())
    }

    fn resolve_in(self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Shard> {
        let count = match self {
            ShardChoice::Given(shard) => return Ok(shard),
            ShardChoice::Auto { count } => count,
        };
        let number = |name: &str| -> anyhow::Result<Option<u32>> {
            let text = variable(name);
            text.map(|text| text.parse().with_context(|| format!("{name} is {text:?}"))).transpose()
        };
        if let Some(task) = number("SLURM_ARRAY_TASK_ID")? {
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(1);
            let last = number("SLURM_ARRAY_TASK_MAX")?.unwrap_or(task);
            let count = match count {
                Some(count) => count,
                None => number("SLURM_ARRAY_TASK_COUNT")?.context("SLURM_ARRAY_TASK_COUNT is not set")?,
            };
            // A part of an array, such as --array=3,7, would count itself as all of it.
            ensure!(
                first <= 1 && last.checked_sub(first).and_then(|last| last.checked_add(1)) == Some(count),
                "the tasks of this job array are not 1-{count} or 0-{}; give --shard I/N",
                count.saturating_sub(1)
            );
            return shard("SLURM_ARRAY_TASK_ID", task, first, count);
        }
        const COMPLETION: &str = "JOB_COMPLETION_INDEX";
        let Some(index) = number(COMPLETION)? else {
            anyhow::bail!(
                "--shard auto finds neither SLURM_ARRAY_TASK_ID of a Slurm job array nor JOB_COMPLETION_INDEX of a \
                 Kubernetes indexed job; give --shard I/N"
            );
        };
        let count = count.context(
            "a Kubernetes indexed job does not say how many completions it has; give --shard auto/N, where N is \
             the job's .spec.completions",
        )?;
        shard(COMPLETION, index, 0, count)
    }
}

/// Waits while another process writes the rows of this task's shard, if a Slurm job executes it. Slurm starts
/// a task again when it no longer hears of the first node, on which runs may still be executed. There is
/// nothing to do until those have ended, and an error would not start the task again. Returns whether the
/// other process has ended, and not this wait because of `stop`.
pub(super) fn wait_for_predecessor(csv: &Path, stop: &StopSignal, screen: &Screen) -> bool {
    const PAUSE: Duration = Duration::from_secs(1);
    if std::env::var_os("SLURM_JOB_ID").is_none() || !csv_file::is_being_written(csv) {
        return true;
    }
    screen.note("another process executes this shard; waiting until it ends");
    while csv_file::is_being_written(csv) {
        if stop.current() != Stop::No {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
    true
}

/// The shard of a task whose number is in this variable; the first task has the number `first`.
fn shard(variable: &str, task: u32, first: u32, count: u32) -> anyhow::Result<Shard> {
    let index = task.checked_sub(first).and_then(|index| index.checked_add(1));
    index.and_then(|index| Shard::new(index, count)).with_context(|| {
        format!(
            "{variable} is {task}, but the tasks of {} are {first} to {}",
            terminal::count(count as usize, "shard"),
            first + (count - 1)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(choice: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let choice: ShardChoice = choice.parse().unwrap();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        choice.resolve_in(variable).map(|shard| shard.to_string()).map_err(|error| error.to_string())
    }

    fn array<'a>(task: &'a str, first: &'a str, last: &'a str, count: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("SLURM_ARRAY_TASK_ID", task),
            ("SLURM_ARRAY_TASK_MIN", first),
            ("SLURM_ARRAY_TASK_MAX", last),
            ("SLURM_ARRAY_TASK_COUNT", count),
        ]
    }

    #[test]
    fn a_scheduler_says_which_shard_it_is() {
        assert_eq!(resolve("auto", &array("3", "1", "16", "16")).as_deref(), Ok("3/16"));
        assert_eq!(resolve("auto", &array("0", "0", "3", "4")).as_deref(), Ok("1/4"));
        assert_eq!(resolve("auto/8", &[("JOB_COMPLETION_INDEX", "7")]).as_deref(), Ok("8/8"));
        assert_eq!(resolve("2/3", &array("1", "1", "9", "9")).as_deref(), Ok("2/3"));
    }

    #[test]
    fn a_part_of_an_array_does_not_pass_for_all_of_it() {
        for part in [array("3", "3", "3", "1"), array("7", "1", "7", "2"), array("4", "2", "5", "4")] {
            assert!(resolve("auto", &part).unwrap_err().contains("give --shard I/N"));
        }
        assert!(resolve("auto/16", &array("3", "3", "7", "2")).is_err());
    }

    #[test]
    fn missing_numbers_are_asked_for() {
        assert!(resolve("auto", &[]).unwrap_err().contains("neither SLURM_ARRAY_TASK_ID"));
        assert!(resolve("auto", &[("JOB_COMPLETION_INDEX", "7")]).unwrap_err().contains("--shard auto/N"));
        assert!(
            resolve("auto/7", &[("JOB_COMPLETION_INDEX", "7")])
                .unwrap_err()
                .contains("JOB_COMPLETION_INDEX is 7, but the tasks of 7 shards are 0 to 6")
        );
        assert!(["auto/0", "auto/x", "automatic"].iter().all(|text| text.parse::<ShardChoice>().is_err()));
    }
}
