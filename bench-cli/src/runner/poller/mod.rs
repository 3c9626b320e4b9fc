//! Waiting until a node's pipe can be read or written, a signal arrives, or a time has come.

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(any(test, not(target_os = "linux")))]
mod poll;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::event::Timespec;

use super::signals::{CaughtSignals, TerminationSignal};
use crate::harness::address::NodeId;

#[cfg(target_os = "linux")]
use self::epoll::Kernel;
#[cfg(not(target_os = "linux"))]
use self::poll::Kernel;

/// Something that may become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    /// The signal has arrived.
    Signal(TerminationSignal),
    /// The node's stdin accepts more.
    Stdin(NodeId),
    /// The node has written to stdout or closed it.
    Stdout(NodeId),
    /// The node has written to stderr or closed it.
    Stderr(NodeId),
}

impl Source {
    fn is_written(self) -> bool {
        matches!(self, Source::Stdin(_))
    }
}

/// The watched sources.
pub(super) struct Poller {
    watched: FxHashMap<Source, Rc<OwnedFd>>,
    kernel: Kernel,
}

impl Poller {
    /// A poller without sources.
    pub(super) fn new() -> io::Result<Poller> {
        Ok(Poller { watched: FxHashMap::default(), kernel: Kernel::new()? })
    }

    /// From now on watches `fd` for this source; `None` ends that. A source keeps its file while it is
    /// watched.
    pub(super) fn set(&mut self, source: Source, fd: Option<&Rc<OwnedFd>>) -> io::Result<()> {
        match (fd, self.watched.contains_key(&source)) {
            (Some(fd), false) => {
                self.kernel.add(source, fd)?;
                self.watched.insert(source, Rc::clone(fd));
            }
            (None, true) => {
                if let Some(fd) = self.watched.remove(&source) {
                    self.kernel.remove(&fd)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// From now on watches for the caught signals.
    pub(super) fn watch_signals(&mut self, caught: &CaughtSignals) -> io::Result<()> {
        for (signal, pipe) in caught.pipes() {
            self.set(Source::Signal(*signal), Some(pipe))?;
        }
        Ok(())
    }

    /// Waits until a source is ready or `timeout` is over (`None`: without limit). Appends the ready sources.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Source>) -> io::Result<()> {
        self.kernel.wait(&self.watched, timeout, ready)
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}
