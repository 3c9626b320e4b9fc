//! The programs of Slurm that a sweep calls: `sbatch`, `squeue` and `scancel`. A cluster without accounting
//! has these, too.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// The number of a job; all tasks of an array share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u32);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a program of Slurm did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// It is not installed here.
    #[error(
        "{program} is not on PATH; run this on a machine from which jobs are submitted, or divide the sweep by hand with \
         --shard I/N"
    )]
    Missing {
        /// The name of the program.
        program: &'static str,
    },
    /// It could not be started.
    #[error("cannot start {program}: {error}")]
    Unstartable {
        /// The name of the program.
        program: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// It refused, in its own words.
    #[error("{program} refuses: {words}")]
    Refused {
        /// The name of the program.
        program: &'static str,
        /// Its words, in one line.
        words: String,
    },
}

/// Where a job or a task of it has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for a node, for the first time or again.
    Waiting,
    /// It runs on a node, or just ends there.
    Running,
    /// It ended with the exit status 0.
    Completed,
    /// A user or an administrator cancelled it.
    Cancelled,
    /// It ended in another way, by Slurm's word for it.
    Failed(String),
}

impl State {
    /// The state of this name in `squeue`.
    fn named(name: &str) -> State {
        match name {
            "RUNNING" | "COMPLETING" | "STAGE_OUT" | "SIGNALING" | "RESIZING" => State::Running,
            "COMPLETED" => State::Completed,
            "CANCELLED" | "REVOKED" => State::Cancelled,
            "FAILED" | "TIMEOUT" | "NODE_FAIL" | "PREEMPTED" | "OUT_OF_MEMORY" | "BOOT_FAIL" | "DEADLINE"
            | "LAUNCH_FAILED" | "RECONFIG_FAIL" => State::Failed(name.to_owned()),
            // Others are ways to wait: held, suspended, requeued, being configured.
            _ => State::Waiting,
        }
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        !matches!(self, State::Waiting | State::Running)
    }
}

/// A task of an array, or a job without an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The job.
    pub job: JobId,
    /// Its number in the array.
    pub number: Option<u32>,
    /// Where it has come to.
    pub state: State,
    /// How often Slurm started it again.
    pub restarts: u32,
    /// The node that it is or was on.
    pub node: String,
    /// Why it waits or has ended, by Slurm's word for it.
    pub reason: String,
}

/// The program that submits.
const SBATCH: &str = "sbatch";

/// What `squeue` is to print of a task, in the order in which [`Task::parse`] reads it.
const FIELDS: &str = "ArrayJobID:|,JobID:|,ArrayTaskID:|,State:|,RestartCnt:|,NodeList:|,Reason:|";

impl Task {
    fn parse(line: &str) -> Option<Task> {
        let mut fields = line.split('|').map(str::trim);
        // For a job that is not an array, some versions of Slurm print no array number, and others its own.
        let [array, own] = [fields.next()?, fields.next()?].map(|field| field.parse::<u32>().ok());
        Some(Task {
            job: JobId(array.filter(|&array| array != 0).or(own)?),
            number: fields.next()?.parse().ok(),
            state: State::named(fields.next()?),
            restarts: fields.next()?.parse().unwrap_or(0),
            node: fields.next()?.to_owned(),
            reason: fields.next()?.to_owned(),
        })
    }
}

/// Submits a batch script, which starts after the job `after` has ended in whichever way.
///
/// # Errors
/// If there is no `sbatch`, or it refuses the script.
pub fn submit(script: &Path, after: Option<JobId>) -> Result<JobId, SlurmError> {
    let mut sbatch = Command::new(SBATCH);
    sbatch.arg("--parsable");
    if let Some(job) = after {
        sbatch.arg(format!("--dependency=afterany:{job}"));
    }
    let said = output(SBATCH, sbatch.arg(script))?;
    // In a federation the cluster's name follows.
    let id = said.trim().split(';').next().and_then(|id| id.parse().ok());
    id.map(JobId).ok_or(SlurmError::Refused { program: SBATCH, words: one_line(&said) })
}

/// Looks for `sbatch`, and submits nothing.
///
/// # Errors
/// If it is not there, or cannot be started.
pub fn find_sbatch() -> Result<(), SlurmError> {
    match output(SBATCH, Command::new(SBATCH).arg("--version")) {
        // Whether it accepts a script is seen when it gets one.
        Ok(_) | Err(SlurmError::Refused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The tasks of these jobs. Slurm forgets a job some minutes after its end.
///
/// # Errors
/// If there is no `squeue`, or the controller does not answer it.
pub fn tasks(jobs: &[JobId]) -> Result<Vec<Task>, SlurmError> {
    const PROGRAM: &str = "squeue";
    let jobs = jobs.iter().map(JobId::to_string).collect::<Vec<_>>().join(",");
    let mut squeue = Command::new(PROGRAM);
    squeue.args(["--states=all", "--array", "--noheader", "--Format", FIELDS, "--jobs", &jobs]);
    match output(PROGRAM, &mut squeue) {
        Ok(said) => Ok(said.lines().filter_map(Task::parse).collect()),
        Err(SlurmError::Refused { words, .. }) if words.contains("Invalid job id") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Cancels a job.
///
/// # Errors
/// If there is no `scancel`, or it refuses.
pub fn cancel(job: JobId) -> Result<(), SlurmError> {
    const PROGRAM: &str = "scancel";
    output(PROGRAM, Command::new(PROGRAM).arg(job.to_string())).map(drop)
}

/// What a program prints.
fn output(program: &'static str, command: &mut Command) -> Result<String, SlurmError> {
    // In a group of its own, so that the Ctrl-C that detaches does not end it.
    let output =
        command.stdin(Stdio::null()).process_group(0).output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SlurmError::Missing { program },
            _ => SlurmError::Unstartable { program, error },
        })?;
    log::debug!("{:?} has ended: {}", command.get_args().collect::<Vec<&OsStr>>(), output.status);
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(SlurmError::Refused { program, words: one_line(&String::from_utf8_lossy(&output.stderr)) })
    }
}

/// Text without line ends and without the program's name in front of each line.
fn one_line(text: &str) -> String {
    let said = text.lines().map(|line| line.rsplit_once(" error: ").map_or(line, |(_, said)| said).trim());
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_squeue_are_tasks() {
        let task = |line| Task::parse(line).unwrap();
        let running = task("17|19|3|RUNNING|1|sim2|None|");
        assert_eq!((running.job, running.number, running.restarts), (JobId(17), Some(3), 1));
        assert_eq!((running.state, running.node.as_str()), (State::Running, "sim2"));
        let merge = task("N/A|20|N/A|PENDING|0||Dependency|");
        assert_eq!((merge.job, merge.number, merge.state), (JobId(20), None, State::Waiting));
        assert_eq!(task("17|21|4|NODE_FAIL|0|sim1|NodeDown|").state, State::Failed("NODE_FAIL".to_owned()));
        assert_eq!(Task::parse("slurm_load_jobs"), None);
    }

    #[test]
    fn slurm_s_words_fit_one_line() {
        assert_eq!(
            one_line(
                "sbatch: error: invalid partition: nope\nsbatch: error: Batch job submission failed: Invalid\n"
            ),
            "invalid partition: nope; Batch job submission failed: Invalid"
        );
    }
}
