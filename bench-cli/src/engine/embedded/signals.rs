//! Signals that end a run.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::ready::{Source, Watch};

/// A signal that ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Interrupted {
    /// SIGINT (Ctrl-C).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
}

impl Interrupted {
    /// Every one of them, each in the place that its number (`as usize`) says.
    pub(super) const ALL: [Interrupted; 3] =
        [Interrupted::Interrupt, Interrupted::Terminate, Interrupted::Hangup];

    const fn signal(self) -> i32 {
        match self {
            Interrupted::Interrupt => SIGINT,
            Interrupted::Terminate => SIGTERM,
            Interrupted::Hangup => SIGHUP,
        }
    }

    /// The exit status of a process that such a signal ended: 128 and the signal's number.
    pub fn exit_status(self) -> u8 {
        128 + self.signal() as u8
    }
}

/// From now on these signals do not end this process: `watch` tells them instead.
pub(super) fn catch(watch: &mut Watch) -> io::Result<()> {
    for interrupted in Interrupted::ALL {
        let (ours, handlers) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(interrupted.signal(), handlers)?;
        watch.set(Source::Signal(interrupted), Some(&Rc::new(OwnedFd::from(ours))))?;
    }
    Ok(())
}
