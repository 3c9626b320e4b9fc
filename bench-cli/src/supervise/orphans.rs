//! Processes that have outlived their run, found by a mark that each of them carries, and ended.
//!
//! A run's process group is killed when the run is over, and by [`super::guard`] when this process is killed. Both
//! miss a process that has left its group, and when the guard is killed, too, nobody is left to do anything until the
//! next start. No file can be trusted to name then what is left: process numbers are used again. So each process of a
//! run carries a mark in its environment, which its children inherit: who supervises it, since when, and the run's
//! directory. Marked processes of a run that is over are survivors, and so are those whose supervisor no longer lives.
//!
//! Only Linux shows the environments of processes. Elsewhere nothing is marked and nothing is found.

use std::ffi::OsString;
use std::path::Path;

/// The variable that holds the mark.
pub const VARIABLE: &str = "BENCH_CLI_RUN";

/// The variable and the value that mark the processes of the run in `directory`, which this process supervises.
/// `None` where marks could not be read, or if this process belongs to a marked run itself, whose mark is inherited.
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

/// What became of the survivors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// How many were killed.
    pub killed: usize,
    /// How many could not be.
    pub left: usize,
}

/// Kills what is left of the run in `directory`, which this process has supervised and which is over.
pub fn end_run(directory: &Path) {
    let (Some(this), Ok(directory)) = (system::Supervisor::this(), std::path::absolute(directory)) else {
        return;
    };
    let ended = system::end(|supervisor, of| supervisor == this && of.starts_with(&directory));
    if ended != Ended::default() {
        log::warn!("left by the run in {}: {ended:?}", directory.display());
    }
}

/// Kills what is left of all runs that `supervisor` has supervised, which is about to end or has ended.
pub fn end_all_of(supervisor: Option<Supervisor>) {
    if let Some(supervisor) = supervisor {
        system::end(|other, _| other == supervisor);
    }
}

/// Kills the survivors of runs in or below `folder` whose supervisors have been killed, and says so.
pub fn end(folder: &Path) {
    let Ok(folder) = std::path::absolute(folder) else { return };
    let Ended { killed, left } =
        system::end(|supervisor, directory| directory.starts_with(&folder) && !supervisor.lives());
    if killed > 0 {
        log::warn!("killed {killed} processes of runs below {} whose supervisor is dead", folder.display());
        let processes = if killed == 1 { "process" } else { "processes" };
        eprintln!(
            "ended {killed} {processes} that an earlier, killed run in {} had left behind",
            folder.display()
        );
    }
    if left > 0 {
        eprintln!(
            "warning: {left} processes of an earlier run in {} cannot be ended; they may slow this one down. To see \
             them: grep -lsz ^{VARIABLE}= /proc/[0-9]*/environ",
            folder.display()
        );
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

    /// A process, told from all others that have or had its number by when it started.
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

        /// The process that has started this one. `None` if it has ended.
        pub fn parent() -> Option<Supervisor> {
            Supervisor::of(rustix::process::getppid()?)
        }

        fn of(process: Pid) -> Option<Supervisor> {
            let process = process.as_raw_nonzero().get();
            Some(Supervisor { process, started: started(process)? })
        }

        pub(super) fn lives(self) -> bool {
            started(self.process) == Some(self.started)
        }

        pub(super) fn mark(self, directory: &Path) -> OsString {
            let mut mark = OsString::from(format!("{} {} ", self.process, self.started));
            mark.push(directory);
            mark
        }

        /// The supervisor and the directory that a mark names.
        pub(super) fn read(mark: &[u8]) -> Option<(Supervisor, &Path)> {
            let mut parts = mark.splitn(3, |&byte| byte == b' ');
            let mut number = || std::str::from_utf8(parts.next()?).ok();
            let (process, started) = (number()?.parse().ok()?, number()?.parse().ok()?);
            Some((Supervisor { process, started }, Path::new(OsStr::from_bytes(parts.next()?))))
        }
    }

    /// When a process started that has not ended, by the 22nd field of its `stat`.
    fn started(process: i32) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let ended = ["Z", "X"].contains(&fields.next()?);
        fields.nth(18)?.parse().ok().filter(|_| !ended)
    }

    /// Whether `process` carries a mark that `is_over` says is that of a survivor.
    fn survives(process: i32, is_over: &impl Fn(Supervisor, &Path) -> bool) -> bool {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let mark = environment
            .split(|&byte| byte == 0)
            .find_map(|entry| entry.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="));
        let of = mark.and_then(Supervisor::read);
        of.is_some_and(|(supervisor, directory)| is_over(supervisor, directory))
    }

    fn survivors(is_over: &impl Fn(Supervisor, &Path) -> bool) -> Vec<i32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let numbers = entries.filter_map(|entry| entry.file_name().into_string().ok()?.parse().ok());
        numbers.filter(|&process| survives(process, is_over)).collect()
    }

    /// Kills the survivors, and those that they start meanwhile.
    pub(super) fn end(is_over: impl Fn(Supervisor, &Path) -> bool) -> Ended {
        /// A process that waits for a disk takes its time to die.
        const ROUNDS: u32 = 100;
        const PAUSE: Duration = Duration::from_millis(10);
        let mut killed = BTreeSet::new();
        let mut left = survivors(&is_over);
        for _ in 0..ROUNDS {
            if left.is_empty() {
                break;
            }
            killed.extend(left.iter().copied().filter(|&process| kill(process, &is_over)));
            std::thread::sleep(PAUSE);
            left = survivors(&is_over);
        }
        let left: BTreeSet<i32> = left.into_iter().collect();
        Ended { killed: killed.difference(&left).count(), left: left.len() }
    }

    /// Kills a survivor. The descriptor holds on to the process that is looked at, so that another one that has got
    /// its number by now is not hit.
    fn kill(process: i32, is_over: &impl Fn(Supervisor, &Path) -> bool) -> bool {
        let Some(pid) = Pid::from_raw(process) else { return false };
        let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        survives(process, is_over) && pidfd_send_signal(held, Signal::KILL).is_ok()
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
        fn a_mark_says_who_and_where() {
            let this = Supervisor::this().unwrap();
            assert!(this.lives());
            let mark = this.mark(Path::new("/où ça/1 2"));
            let bytes = mark.clone().into_vec();
            assert_eq!(Supervisor::read(&bytes), Some((this, Path::new("/où ça/1 2"))));
            for broken in ["", "7", "7 x /a", "x 7 /a", "7 7"] {
                assert_eq!(Supervisor::read(broken.as_bytes()), None, "{broken}");
            }
        }

        #[test]
        fn only_processes_without_a_supervisor_are_killed_and_only_below_the_folder() {
            let folder = tempfile::tempdir().unwrap();
            let this = Supervisor::this().unwrap();
            // The number is in use again: the process that has it is not the one that supervised.
            let dead = Supervisor { started: this.started + 1, ..this };
            let run = folder.path().join("runs/r1");
            let mut supervised = sleeper(this.mark(&run));
            let mut elsewhere = sleeper(dead.mark(&folder.path().with_extension("other")));
            let mut survivors = [sleeper(dead.mark(&run)), sleeper(dead.mark(&run))];
            // A child has its mark only when the program has taken its place.
            let of_dead = |supervisor: Supervisor, directory: &Path| {
                directory.starts_with(folder.path()) && !supervisor.lives()
            };
            while super::survivors(&of_dead).len() < survivors.len() {
                std::thread::yield_now();
            }
            assert_eq!(end(of_dead), Ended { killed: 2, left: 0 });
            for child in &mut survivors {
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

    /// Nobody: there are no marks here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Supervisor(Infallible);

    impl Supervisor {
        pub(super) fn this() -> Option<Supervisor> {
            None
        }

        /// Nobody.
        pub fn parent() -> Option<Supervisor> {
            None
        }

        pub(super) fn lives(self) -> bool {
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
