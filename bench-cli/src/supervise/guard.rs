//! The guard, which kills the nodes if this process is killed by SIGKILL.
//!
//! A killed process cannot clean up, so another one does: the guard, a second process of this program. It
//! only reads a pipe that only this process holds open. This process reports the start and the end of
//! each process group. When the pipe ends, this process is gone, and the guard kills all groups that are
//! left.
//!
//! The guard does not kill a younger group with a reused number. A group's number becomes free only when this
//! process has waited for its leader, which it does just before it reports the end. A guard whose process is
//! gone acts within milliseconds.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use super::orphans::{self, Supervisor};

/// The hidden command that makes this program a guard.
pub const COMMAND: &str = "guard";

/// The pipe to the guard, if one runs. One guard serves the whole process.
static PIPE: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// The guard of this process, until dropped.
#[derive(Debug)]
#[must_use = "the guard ends when this is dropped"]
pub struct Guard(Child);

impl Guard {
    /// Starts `program`, which is this one, as the guard of this process.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: &Path) -> io::Result<Guard> {
        let mut guard = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Its working directory could not be unmounted.
            .current_dir("/")
            // Signals to this process's group (Ctrl-C, a supervisor) must not reach the guard.
            .process_group(0)
            .spawn()?;
        *lock() = guard.stdin.take();
        Ok(Guard(guard))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        *lock() = None;
        // It ends with its pipe. If the wait fails, it is already gone.
        let _ = self.0.wait();
    }
}

/// Makes the guard kill the process group if this process dies before it calls [`forget`].
pub fn watch(group: Pid) {
    report('+', group);
}

/// Reports that the group has ended.
pub fn forget(group: Pid) {
    report('-', group);
}

fn report(change: char, group: Pid) {
    if let Some(pipe) = lock().as_mut() {
        // One write for each line. An error means that the guard was killed. Only a SIGKILL needs the guard.
        let _ = pipe.write_all(format!("{change}{}\n", group.as_raw_nonzero()).as_bytes());
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<ChildStdin>> {
    PIPE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the guard until the process that it guards is gone.
pub fn main() {
    // A name of its own, so that `pkill bench-cli` does not end the guard. Only Linux names processes by a
    // file.
    let _ = std::fs::write("/proc/self/comm", "bench-guard");
    let guarded = Supervisor::parent();
    for group in left_over(io::stdin().lock()) {
        // ESRCH: the group ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
    orphans::end_all_of(guarded);
}

/// The groups that have started and not ended when `changes` ends.
fn left_over(changes: impl BufRead) -> Vec<Pid> {
    let mut groups = BTreeSet::new();
    for line in changes.lines().map_while(Result::ok) {
        let Some((change, number)) = line.split_at_checked(1) else { continue };
        // To kill the group of init (1) would be to kill every process that may be killed.
        let Some(group) = number.parse::<i32>().ok().filter(|&number| number > 1) else { continue };
        match change {
            "+" => drop(groups.insert(group)),
            "-" => drop(groups.remove(&group)),
            _ => {}
        }
    }
    groups.into_iter().filter_map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_started_and_have_not_ended_are_left() {
        let left = |text: &str| {
            left_over(text.as_bytes()).iter().map(|group| group.as_raw_nonzero().get()).collect::<Vec<_>>()
        };
        assert_eq!(left("+7\n+8\n+9\n-8\n"), [7, 9]);
        assert_eq!(left("+7\n-7\n+7\n"), [7]);
        assert_eq!(left(""), Vec::<i32>::new());
    }

    #[test]
    fn invalid_group_numbers_are_ignored() {
        assert!(left_over("+1\n+0\n+-1\n+-7\n+x\n\n+\n7\n*7\n+99999999999\né7\n".as_bytes()).is_empty());
    }
}
