//! No node outlives a run, not even if this process is killed by SIGKILL.
//!
//! A process that is killed cannot clean up, so another one does: the guard, this program again, which does nothing
//! but read a pipe that only this process holds open. It is told of each process group that is started and of each
//! that has ended. When the pipe ends, this process has gone, one way or another, and the guard kills whatever groups
//! are left.
//!
//! A number is not taken for that of a younger group: a group's number is free again only after its leader has been
//! waited for, which this process does just before it tells the guard; a guard whose process has gone acts within
//! milliseconds.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use super::orphans::{self, Supervisor};

/// The hidden command by which this program becomes a guard.
pub const COMMAND: &str = "guard";

/// The pipe to the guard, if one runs. The life of processes is a matter of this whole process, so there is one.
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
            // A folder that it stands in could not be unmounted.
            .current_dir("/")
            // What ends this process by its group (Ctrl-C, a supervisor) must not reach the guard.
            .process_group(0)
            .spawn()?;
        *lock() = guard.stdin.take();
        Ok(Guard(guard))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        *lock() = None;
        // It ends with its pipe. If it cannot be waited for, it is gone already.
        let _ = self.0.wait();
    }
}

/// Has the guard kill the process group `group` should this process die before it calls [`forget`].
pub fn watch(group: Pid) {
    tell('+', group);
}

/// The group has ended, or belongs to nobody any more.
pub fn forget(group: Pid) {
    tell('-', group);
}

fn tell(change: char, group: Pid) {
    if let Some(pipe) = lock().as_mut() {
        // One write for one line. Somebody may have killed the guard; all ways to end but SIGKILL work without it.
        let _ = pipe.write_all(format!("{change}{}\n", group.as_raw_nonzero()).as_bytes());
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<ChildStdin>> {
    PIPE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the guard does until the process that it guards has gone.
pub fn main() {
    // So that `pkill bench-cli` ends what is guarded and not the guard. Only Linux names processes by a file.
    let _ = std::fs::write("/proc/self/comm", "bench-guard");
    let guarded = Supervisor::parent();
    for group in left_over(io::stdin().lock()) {
        // ESRCH: it ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
    orphans::end_all_of(guarded);
}

/// The groups that were started and have not ended when `changes` ends.
fn left_over(changes: impl BufRead) -> Vec<Pid> {
    let mut groups = BTreeSet::new();
    for line in changes.lines().map_while(Result::ok) {
        let Some((change, number)) = line.split_at_checked(1) else { continue };
        // 1 is init, and killing its group would be killing everything that may be killed.
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
    fn what_was_started_and_has_not_ended_is_left() {
        let left = |text: &str| {
            left_over(text.as_bytes()).iter().map(|group| group.as_raw_nonzero().get()).collect::<Vec<_>>()
        };
        assert_eq!(left("+7\n+8\n+9\n-8\n"), [7, 9]);
        assert_eq!(left("+7\n-7\n+7\n"), [7]);
        assert_eq!(left(""), Vec::<i32>::new());
    }

    #[test]
    fn what_is_no_group_is_never_killed() {
        assert!(left_over("+1\n+0\n+-1\n+-7\n+x\n\n+\n7\n*7\n+99999999999\né7\n".as_bytes()).is_empty());
    }
}
