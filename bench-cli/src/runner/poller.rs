//! Waiting until something can be read or written, or until a time has come.
//!
//! On Linux the kernel keeps the list of what is watched (epoll), so that waiting costs the same for three nodes and
//! for a thousand; elsewhere the whole list is handed over each time (poll).

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::event::Timespec;
use rustix::io::Errno;

use super::signals::Interrupted;
use crate::harness::network::NodeId;

#[cfg(not(target_os = "linux"))]
use self::polled::Kernel;
#[cfg(target_os = "linux")]
use self::queued::Kernel;

/// What may become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    /// The signal has come.
    Signal(Interrupted),
    /// The node's stdin takes more.
    Stdin(NodeId),
    /// There is something on the node's stdout, or it has ended.
    Stdout(NodeId),
    /// There is something on the node's stderr, or it has ended.
    Stderr(NodeId),
}

impl Source {
    fn is_written(self) -> bool {
        matches!(self, Source::Stdin(_))
    }
}

/// What is watched.
pub(super) struct Watch {
    watched: FxHashMap<Source, Rc<OwnedFd>>,
    kernel: Kernel,
}

impl Watch {
    /// Watches nothing.
    pub(super) fn new() -> io::Result<Watch> {
        Ok(Watch { watched: FxHashMap::default(), kernel: Kernel::new()? })
    }

    /// From now on watches `fd` for this source, or nothing. A source's file stays the same while it is watched.
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

    /// Waits until something is ready, or the time is over (`None`: for ever), and adds what is ready.
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

/// The kernel keeps the list.
#[cfg(target_os = "linux")]
mod queued {
    use super::*;
    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
    };

    /// How many sources are told at once; the next wait tells the others.
    const EVENTS: usize = 256;
    /// What the timer is told as.
    const TIMER: u64 = u64::MAX;

    pub(super) struct Kernel {
        epoll: OwnedFd,
        /// Ends the wait. The time that epoll itself waits is in whole milliseconds, and that of poll may be late by a
        /// thousandth of it, which the kernel takes as leave to save wake-ups; this one is exact.
        timer: OwnedFd,
        is_armed: bool,
        events: Vec<Event>,
    }

    impl Kernel {
        pub(super) fn new() -> io::Result<Kernel> {
            let epoll = epoll::create(CreateFlags::CLOEXEC)?;
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
            epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
            Ok(Kernel { epoll, timer, is_armed: false, events: Vec::with_capacity(EVENTS) })
        }

        pub(super) fn add(&mut self, source: Source, fd: &OwnedFd) -> io::Result<()> {
            let interest = if source.is_written() { EventFlags::OUT } else { EventFlags::IN };
            Ok(epoll::add(&self.epoll, fd, EventData::new_u64(encode(source)), interest)?)
        }

        pub(super) fn remove(&mut self, fd: &OwnedFd) -> io::Result<()> {
            Ok(epoll::delete(&self.epoll, fd)?)
        }

        pub(super) fn wait(
            &mut self,
            _: &FxHashMap<Source, Rc<OwnedFd>>,
            timeout: Option<Duration>,
            ready: &mut Vec<Source>,
        ) -> io::Result<()> {
            self.arm(timeout)?;
            let at_once = timeout.filter(Duration::is_zero).map(timespec);
            self.events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut self.events), at_once.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let told = self.events.iter().map(|event| event.data.u64());
            ready.extend(told.filter(|&data| data != TIMER).map(decode));
            Ok(())
        }

        /// Sets the timer, which then is not ready until the time is over; `None` or no time at all stop it.
        fn arm(&mut self, timeout: Option<Duration>) -> io::Result<()> {
            let timeout = timeout.unwrap_or_default();
            if timeout.is_zero() && !self.is_armed {
                return Ok(());
            }
            let time = Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(timeout) };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &time)?;
            self.is_armed = !timeout.is_zero();
            Ok(())
        }
    }

    fn encode(source: Source) -> u64 {
        let (kind, number) = match source {
            Source::Signal(interrupted) => (0, interrupted as u32),
            Source::Stdin(node) => (1, node.0),
            Source::Stdout(node) => (2, node.0),
            Source::Stderr(node) => (3, node.0),
        };
        kind << 32 | u64::from(number)
    }

    fn decode(data: u64) -> Source {
        let node = NodeId(data as u32);
        match data >> 32 {
            0 => Source::Signal(Interrupted::ALL[node.index()]),
            1 => Source::Stdin(node),
            2 => Source::Stdout(node),
            _ => Source::Stderr(node),
        }
    }
}

/// The kernel is handed the list each time.
#[cfg(any(test, not(target_os = "linux")))]
mod polled {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

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
            // Where there is no ppoll, poll counts in milliseconds; the rest is slept.
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const OUT: Source = Source::Stdout(NodeId(70_000));
    const IN: Source = Source::Stdin(NodeId(3));

    fn ends() -> (Rc<OwnedFd>, Rc<OwnedFd>) {
        let (read, write) = std::io::pipe().expect("a pipe");
        (Rc::new(read.into()), Rc::new(write.into()))
    }

    /// What is ready now, in order.
    fn ready(watch: &mut Watch) -> Vec<Source> {
        let mut ready = Vec::new();
        watch.wait(Some(Duration::ZERO), &mut ready).expect("a wait");
        ready.sort_unstable();
        ready
    }

    #[test]
    fn what_is_ready_is_told_until_it_is_not_watched_any_more() {
        let (read, write) = ends();
        let mut watch = Watch::new().expect("a watch");
        watch.set(OUT, Some(&read)).expect("watched");
        assert_eq!(ready(&mut watch), []);
        rustix::io::write(&write, b"x").expect("written");
        watch.set(IN, Some(&write)).expect("watched");
        watch.set(IN, Some(&write)).expect("watched twice is watched");
        assert_eq!(ready(&mut watch), [IN, OUT]);
        assert_eq!(ready(&mut watch), [IN, OUT], "a byte that was not read is told again");
        watch.set(IN, None).expect("no longer watched");
        assert_eq!(ready(&mut watch), [OUT]);
        watch.set(OUT, None).expect("no longer watched");
        assert_eq!(ready(&mut watch), []);
    }

    #[test]
    fn an_ended_pipe_is_ready() {
        let (read, write) = ends();
        let mut watch = Watch::new().expect("a watch");
        watch.set(OUT, Some(&read)).expect("watched");
        drop(write);
        assert_eq!(ready(&mut watch), [OUT]);
    }

    #[test]
    fn waits_end_in_time_and_not_before() {
        let mut watch = Watch::new().expect("a watch");
        let mut ready = Vec::new();
        for timeout in [Duration::ZERO, Duration::from_micros(300), Duration::ZERO, Duration::from_millis(3)]
        {
            let began = Instant::now();
            watch.wait(Some(timeout), &mut ready).expect("a wait");
            assert!(began.elapsed() >= timeout, "{timeout:?}");
        }
        assert_eq!(ready, [], "a timer is nothing to be read");
        let (_read, write) = ends();
        watch.set(IN, Some(&write)).expect("watched");
        watch.wait(None, &mut ready).expect("a wait");
        assert_eq!(ready, [IN]);
    }

    #[test]
    fn both_ways_of_waiting_tell_the_same_and_end_in_time() {
        let (read, write) = ends();
        let watched: FxHashMap<Source, Rc<OwnedFd>> =
            [(OUT, Rc::clone(&read)), (IN, Rc::clone(&write))].into_iter().collect();
        let mut kernel = polled::Kernel::new().expect("nothing to fail");
        kernel.add(OUT, &read).expect("nothing to fail");
        let mut ready = Vec::new();
        kernel.wait(&watched, Some(Duration::from_secs(60)), &mut ready).expect("a wait");
        assert_eq!(ready, [IN]);
        ready.clear();
        kernel.remove(&write).expect("nothing to fail");
        let watched = [(OUT, read)].into_iter().collect();
        for timeout in [Duration::from_micros(300), Duration::from_micros(2_500)] {
            let began = Instant::now();
            while began.elapsed() < timeout {
                let left = timeout.saturating_sub(began.elapsed());
                kernel.wait(&watched, Some(left), &mut ready).expect("a wait");
            }
            assert_eq!(ready, []);
        }
    }
}
