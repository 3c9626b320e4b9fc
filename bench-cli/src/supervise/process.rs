//! Processes in a group of their own, which is ended as a whole.
//!
//! To kill only the process itself would leave the nodes that it started. A group of its own also keeps the
//! terminal's Ctrl-C from the process, so that the supervisor decides.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use super::guard;
use super::stop::{Stop, StopSignal};

/// How long a group may take to end after SIGTERM: a JVM's shutdown hooks take a second or two.
const GRACE: Duration = Duration::from_secs(5);
/// How often to check whether a group has ended after SIGTERM.
const POLL: Duration = Duration::from_millis(20);
/// How often [`supervise`] calls `on_tick`.
const TICK: Duration = Duration::from_millis(200);

/// How a supervised process ended.
#[derive(Debug)]
pub enum Exit {
    /// It ended by itself.
    Ended(ExitStatus),
    /// It was killed at its deadline.
    TimedOut,
    /// It was killed on request.
    Interrupted,
}

/// Runs `command` until it ends, `deadline` is over or `stop` asks for it. Calls `on_tick` every 200 ms. No
/// process of its group is left afterwards.
///
/// # Errors
/// If the process cannot be started.
pub async fn supervise(
    mut command: Command,
    deadline: Duration,
    mut stop: StopSignal,
    mut on_tick: impl FnMut() + Send,
) -> io::Result<Exit> {
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    // Its drop ends the group on every way out, even a panic.
    let group = Group::of(&child);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let deadline = sleep(deadline);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            biased;
            status = child.wait() => return Ok(Exit::Ended(status?)),
            () = stop.at_least(Stop::Soon) => {
                group.end(&mut child, &mut stop).await;
                return Ok(Exit::Interrupted);
            }
            () = &mut deadline => {
                log::info!("{group} has reached its deadline");
                group.end(&mut child, &mut stop).await;
                return Ok(Exit::TimedOut);
            }
            _ = ticks.tick() => on_tick(),
        }
    }
}

/// The processor time of all processes that this one has started and waited for, and of theirs.
pub fn children_cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let part = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs());
    part(usage.user_time()) + part(usage.system_time())
}

/// A process group, killed when dropped.
struct Group(Option<Pid>);

impl Group {
    /// The group that `child` leads.
    fn of(child: &Child) -> Group {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            guard::watch(group);
        }
        let group = Group(group);
        log::debug!("started {group}");
        group
    }

    /// Ends the group by SIGTERM and, after [`GRACE`] or at [`Stop::Now`], by SIGKILL.
    async fn end(&self, child: &mut Child, stop: &mut StopSignal) {
        let Some(pid) = self.0 else { return };
        if stop.current() < Stop::Now && kill_process_group(pid, Signal::TERM).is_ok() {
            let until = Instant::now() + GRACE;
            tokio::select! {
                () = stop.at_least(Stop::Now) => {}
                () = gone(pid, child, until) => {}
            }
        }
        log::debug!("ending {self}");
        // ESRCH: it has already ended.
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = child.wait().await;
    }
}

/// Returns when no process of the group is left, or at `until`.
async fn gone(group: Pid, leader: &mut Child, until: Instant) {
    // Without a wait, the leader would stay in the group as a zombie.
    if timeout_at(until, leader.wait()).await.is_err() {
        return;
    }
    while test_kill_process_group(group).is_ok() && Instant::now() < until {
        sleep(POLL).await;
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(leader) => write!(f, "process group {}", leader.as_raw_nonzero()),
            None => f.write_str("a process that has ended"),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // The leader may have left processes behind. ESRCH: it has not.
            let _ = kill_process_group(pid, Signal::KILL);
            guard::forget(pid);
        }
    }
}
