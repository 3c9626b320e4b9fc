//! Orphans: processes that have outlived their run. A mark in their environment identifies them.
//!
//! A run's process group is killed when the run is over, and by [`super::guard`] when this process is killed.
//! Both miss a process that has left its group. If the guard is killed too, nothing happens until the next
//! start. A file cannot name the remaining processes then, because process numbers are reused.
//!
//! So each process of a run carries a mark in its environment, which its children inherit: its supervisor,
//! when that started, and the run's directory. Marked processes of a completed run are orphans. So are marked
//! processes whose supervisor is dead.
//!
//! Only Linux shows the environments of processes. Elsewhere nothing is marked and nothing is found.

use std::ffi::OsString;
use std::path::Path;

/// The variable that holds the mark.
pub const VARIABLE: &str = "BENCH_CLI_RUN";

/// The variable and the value that mark the processes of the run in `directory`, which this process
/// supervises. `None` on systems without marks, or if this process belongs to a marked run, whose mark its
/// children inherit.
pub fn mark(directory: &Path) -> Option<(&'static str, OsString)> {
    if is_marked() {
        return None;
    }
    let mark = system::Supervisor::this()?.mark(&std::path::absolute(directory).ok()?);
    Some((VARIABLE, mark))
}

/// Whether this process belongs to a run that another one supervises.
pub fn is_marked() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

pub use system::Supervisor;

/// How many orphans were killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Orphans that were killed.
    pub killed: usize,
    /// Orphans that could not be killed.
    pub left: usize,
}

/// Kills the orphans of the completed run in `directory`, which this process has supervised.
pub fn end_run(directory: &Path) {
    let (Some(this), Ok(directory)) = (system::Supervisor::this(), std::path::absolute(directory)) else {
        return;
    };
    let ended = system::end(|supervisor, of| supervisor == this && of.starts_with(&directory));
    if ended != Ended::default() {
        log::warn!("left by the run in {}: {ended:?}", directory.display());
    }
}

/// Kills the orphans of all runs of `supervisor`, which is about to end or has ended.
pub fn end_all_of(supervisor: Option<Supervisor>) {
    if let Some(supervisor) = supervisor {
        system::end(|other, _| other == supervisor);
    }
}

/// Kills the orphans of runs in or below `folder` whose supervisors are dead.
pub fn end(folder: &Path) -> Ended {
    let Ok(folder) = std::path::absolute(folder) else { return Ended::default() };
    let ended = system::end(|supervisor, directory| directory.starts_with(&folder) && !supervisor.is_alive());
    if ended.killed > 0 {
        let folder = folder.display();
        log::warn!("killed {} of runs below {folder} whose supervisor is dead", processes(ended.killed));
    }
    ended
}

fn processes(number: usize) -> String {
    format!("{number} process{}", if number == 1 { "" } else { "es" })
}

impl Ended {
    /// What to tell the user of orphans in `folder`, a sentence each; empty if there were none.
    pub fn messages(self, folder: &Path) -> Vec<String> {
        let Ended { killed, left } = self;
        let folder = folder.display();
        let mut messages = Vec::new();
        if killed > 0 {
            let killed = processes(killed);
            messages.push(format!("ended {killed} that an earlier, killed run in {folder} had left behind"));
        }
        if left > 0 {
            messages.push(format!(
                "warning: {} of an earlier run in {folder} cannot be ended and may slow this one down. To see which: \
                 grep -lsz ^{VARIABLE}= /proc/[0-9]*/environ",
                processes(left)
            ));
        }
        messages
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeSet;
    use std::ffi::{OsStr, OsString};
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;
    use std::time::Duration;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::{Ended, VARIABLE};

    /// A process. Its start time distinguishes it from other processes with the same number.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Supervisor {
        process: i32,
        /// In clock ticks since the system started.
        started: u64,
    }

    impl Supervisor {
        pub(super) fn this() -> Option<Supervisor> {
            Supervisor::of(rustix::process::getpid())
        }

        /// The process that started this one. `None` if it has ended.
        pub fn parent() -> Option<Supervisor> {
            Supervisor::of(rustix::process::getppid()?)
        }

        fn of(process: Pid) -> Option<Supervisor> {
            let process = process.as_raw_nonzero().get();
            Some(Supervisor { process, started: started(process)? })
        }

        pub(super) fn is_alive(self) -> bool {
            started(self.process) == Some(self.started)
        }

        pub(super) fn mark(self, directory: &Path) -> OsString {
            let mut mark = OsString::from(format!("{} {} ", self.process, self.started));
            mark.push(directory);
            mark
        }

        /// The supervisor and the directory in a mark.
        pub(super) fn parse(mark: &[u8]) -> Option<(Supervisor, &Path)> {
            let mut parts = mark.splitn(3, |&byte| byte == b' ');
            let mut number = || std::str::from_utf8(parts.next()?).ok();
            let (process, started) = (number()?.parse().ok()?, number()?.parse().ok()?);
            Some((Supervisor { process, started }, Path::new(OsStr::from_bytes(parts.next()?))))
        }
    }

    /// The start time of a process that has not ended: the 22nd field of its `stat`.
    fn started(process: i32) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may contain any character.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let ended = ["Z", "X"].contains(&fields.next()?);
        fields.nth(18)?.parse().ok().filter(|_| !ended)
    }

    /// Whether `process` carries a mark of a run that `is_over`.
    fn is_orphan(process: i32, is_over: &impl Fn(Supervisor, &Path) -> bool) -> bool {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let mark = environment
            .split(|&byte| byte == 0)
            .find_map(|entry| entry.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="));
        let mark = mark.and_then(Supervisor::parse);
        mark.is_some_and(|(supervisor, directory)| is_over(supervisor, directory))
    }

    fn orphans(is_over: &impl Fn(Supervisor, &Path) -> bool) -> Vec<i32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let numbers = entries.filter_map(|entry| entry.file_name().into_string().ok()?.parse().ok());
        numbers.filter(|&process| is_orphan(process, is_over)).collect()
    }

    /// Kills the orphans of runs that are over, and the processes that these start meanwhile.
    pub(super) fn end(is_over: impl Fn(Supervisor, &Path) -> bool) -> Ended {
        /// A process that waits for a disk takes its time to die.
        const ROUNDS: u32 = 100;
        const PAUSE: Duration = Duration::from_millis(10);
        let mut killed = BTreeSet::new();
        let mut left = orphans(&is_over);
        for _ in 0..ROUNDS {
            if left.is_empty() {
                break;
            }
            killed.extend(left.iter().copied().filter(|&process| kill(process, &is_over)));
            std::thread::sleep(PAUSE);
            left = orphans(&is_over);
        }
        let left: BTreeSet<i32> = left.into_iter().collect();
        Ended { killed: killed.difference(&left).count(), left: left.len() }
    }

    /// Kills an orphan. The descriptor refers to the process that is checked, so a process that reuses its
    /// number is safe.
    fn kill(process: i32, is_over: &impl Fn(Supervisor, &Path) -> bool) -> bool {
        let Some(pid) = Pid::from_raw(process) else { return false };
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        is_orphan(process, is_over) && pidfd_send_signal(descriptor, Signal::KILL).is_ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::os::unix::ffi::OsStringExt as _;
        use std::process::{Child, Command, Stdio};

        fn sleeper(mark: OsString) -> Child {
            Command::new("sleep").arg("1000").env(VARIABLE, mark).stdin(Stdio::null()).spawn().unwrap()
        }

        #[test]
        fn a_mark_names_the_supervisor_and_the_directory() {
            let this = Supervisor::this().unwrap();
            assert!(this.is_alive());
            let mark = this.mark(Path::new("/où ça/1 2"));
            let bytes = mark.clone().into_vec();
            assert_eq!(Supervisor::parse(&bytes), Some((this, Path::new("/où ça/1 2"))));
            for broken in ["", "7", "7 x /a", "x 7 /a", "7 7"] {
                assert_eq!(Supervisor::parse(broken.as_bytes()), None, "{broken}");
            }
        }

        #[test]
        fn only_processes_without_a_supervisor_are_killed_and_only_below_the_folder() {
            let folder = tempfile::tempdir().unwrap();
            let this = Supervisor::this().unwrap();
            // This process reuses the number of the dead supervisor.
            let dead = Supervisor { started: this.started + 1, ..this };
            let run = folder.path().join("runs/r1");
            let mut supervised = sleeper(this.mark(&run));
            let mut elsewhere = sleeper(dead.mark(&folder.path().with_extension("other")));
            let mut orphans = [sleeper(dead.mark(&run)), sleeper(dead.mark(&run))];
            // A child carries its mark only after exec.
            let of_dead = |supervisor: Supervisor, directory: &Path| {
                directory.starts_with(folder.path()) && !supervisor.is_alive()
            };
            while super::orphans(&of_dead).len() < orphans.len() {
                std::thread::yield_now();
            }
            assert_eq!(end(of_dead), Ended { killed: 2, left: 0 });
            for child in &mut orphans {
                assert!(!child.wait().unwrap().success());
            }
            for child in [&mut supervised, &mut elsewhere] {
                assert_eq!(child.try_wait().unwrap(), None);
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::convert::Infallible;
    use std::ffi::OsString;
    use std::path::Path;

    use super::Ended;

    /// Never exists: there are no marks here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Supervisor(Infallible);

    impl Supervisor {
        pub(super) fn this() -> Option<Supervisor> {
            None
        }

        /// Always `None`.
        pub fn parent() -> Option<Supervisor> {
            None
        }

        pub(super) fn is_alive(self) -> bool {
            match self.0 {}
        }

        pub(super) fn mark(self, _: &Path) -> OsString {
            match self.0 {}
        }
    }

    pub(super) fn end(_: impl Fn(Supervisor, &Path) -> bool) -> Ended {
        Ended::default()
    }
}
