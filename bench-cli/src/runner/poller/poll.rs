//! Systems without epoll: each wait passes the whole list of watched files to the kernel (poll).

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Source, timespec};

pub(super) struct Kernel;

impl Kernel {
    pub(super) fn new() -> io::Result<Kernel> {
        Ok(Kernel)
    }

    pub(super) fn add(&mut self, _: Source, _: &OwnedFd) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn remove(&mut self, _: &OwnedFd) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn wait(
        &mut self,
        watched: &FxHashMap<Source, Rc<OwnedFd>>,
        timeout: Option<Duration>,
        ready: &mut Vec<Source>,
    ) -> io::Result<()> {
        let interest = |source: Source| if source.is_written() { PollFlags::OUT } else { PollFlags::IN };
        let (sources, mut fds): (Vec<Source>, Vec<PollFd<'_>>) =
            watched.iter().map(|(&source, fd)| (source, PollFd::new(fd, interest(source)))).unzip();
        // Without ppoll, poll counts in milliseconds. A rest below that is slept.
        let (in_poll, asleep) = match timeout {
            Some(timeout) if timeout < Duration::from_millis(1) => (Some(Duration::ZERO), timeout),
            Some(timeout) => (Some(Duration::from_millis(timeout.as_millis() as u64)), Duration::ZERO),
            None => (None, Duration::ZERO),
        };
        match poll(&mut fds, in_poll.map(timespec).as_ref()) {
            Ok(0) if !asleep.is_zero() => std::thread::sleep(asleep),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |(_, fd): &(Source, &PollFd<'_>)| !fd.revents().is_empty();
        ready.extend(sources.into_iter().zip(&fds).filter(is_ready).map(|(source, _)| source));
        Ok(())
    }
}
