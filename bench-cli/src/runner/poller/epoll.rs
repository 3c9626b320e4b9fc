//! Linux: the kernel keeps the list of watched files (epoll), so a wait costs the same for three nodes and
//! for a thousand.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::{Source, timespec};
use crate::harness::address::NodeId;
use crate::runner::signals::TerminationSignal;

/// How many ready sources one wait returns; the next wait returns the others.
const EVENTS: usize = 256;
/// The event data of the timer.
const TIMER: u64 = u64::MAX;

pub(super) struct Kernel {
    epoll: OwnedFd,
    /// Ends the wait at an exact time. epoll's own time-out counts in whole milliseconds. That of poll may be
    /// late by a thousandth of its length, because the kernel delays it to save wake-ups.
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
        let no_wait = timeout.filter(Duration::is_zero).map(timespec);
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), no_wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let events = self.events.iter().map(|event| event.data.u64());
        ready.extend(events.filter(|&data| data != TIMER).map(decode));
        Ok(())
    }

    /// Sets the timer to become ready after `timeout`. `None` and zero stop it.
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
        Source::Signal(signal) => (0, signal as u32),
        Source::Stdin(node) => (1, node.0),
        Source::Stdout(node) => (2, node.0),
        Source::Stderr(node) => (3, node.0),
    };
    kind << 32 | u64::from(number)
}

fn decode(data: u64) -> Source {
    let node = NodeId(data as u32);
    match data >> 32 {
        0 => Source::Signal(TerminationSignal::ALL[node.index()]),
        1 => Source::Stdin(node),
        2 => Source::Stdout(node),
        _ => Source::Stderr(node),
    }
}
