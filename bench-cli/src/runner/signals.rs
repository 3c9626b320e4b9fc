//! Signals that end a run.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A signal that ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TerminationSignal {
    /// SIGINT (Ctrl-C).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
}

impl TerminationSignal {
    /// Every signal, at the index that is its number (`as usize`).
    pub(super) const ALL: [TerminationSignal; 3] =
        [TerminationSignal::Interrupt, TerminationSignal::Terminate, TerminationSignal::Hangup];

    const fn number(self) -> i32 {
        match self {
            TerminationSignal::Interrupt => SIGINT,
            TerminationSignal::Terminate => SIGTERM,
            TerminationSignal::Hangup => SIGHUP,
        }
    }

    /// The exit status of a process that such a signal ended: 128 plus the signal's number.
    pub fn exit_status(self) -> u8 {
        128 + self.number() as u8
    }
}

/// Whether these signals end this process at once, because no run is there to handle them.
///
/// Removing a handler leaves its signal ignored. So these handlers stay installed, and this flag switches
/// them.
static DEFAULT_APPLIES: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn default_applies() -> io::Result<&'static AtomicBool> {
    if DEFAULT_APPLIES.get().is_none() {
        let applies = Arc::new(AtomicBool::new(true));
        for signal in TerminationSignal::ALL {
            flag::register_conditional_default(signal.number(), Arc::clone(&applies))?;
        }
        // If two threads come here at once, both threads' handlers are installed, and the second one's flag
        // stays true. There is only one run at a time.
        let _ = DEFAULT_APPLIES.set(applies);
    }
    Ok(DEFAULT_APPLIES.get().expect("it has just been set"))
}

/// While this exists, the signals do not end this process. Each makes a pipe readable instead.
pub(super) struct CaughtSignals {
    handlers: Vec<SigId>,
    pipes: Vec<(TerminationSignal, Rc<OwnedFd>)>,
}

impl CaughtSignals {
    /// Starts to catch the signals.
    pub(super) fn catch() -> io::Result<CaughtSignals> {
        let mut caught = CaughtSignals { handlers: Vec::new(), pipes: Vec::new() };
        let default_applies = default_applies()?;
        for signal in TerminationSignal::ALL {
            let (ours, handlers) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            caught.handlers.push(signal_hook::low_level::pipe::register(signal.number(), handlers)?);
            caught.pipes.push((signal, Rc::new(OwnedFd::from(ours))));
        }
        default_applies.store(false, Ordering::SeqCst);
        Ok(caught)
    }

    /// The pipe that becomes readable with each signal.
    pub(super) fn pipes(&self) -> &[(TerminationSignal, Rc<OwnedFd>)] {
        &self.pipes
    }

    /// From now on the signals end this process again. Returns a signal that has arrived and not been read.
    pub(super) fn release(mut self) -> Option<TerminationSignal> {
        self.stop();
        let has_arrived = |pipe: &OwnedFd| matches!(rustix::io::read(pipe, &mut [0; 1]), Ok(1));
        self.pipes.iter().find(|(_, pipe)| has_arrived(pipe)).map(|&(signal, _)| signal)
    }

    fn stop(&mut self) {
        if let Some(default_applies) = DEFAULT_APPLIES.get() {
            default_applies.store(true, Ordering::SeqCst);
        }
        for handler in self.handlers.drain(..) {
            signal_hook::low_level::unregister(handler);
        }
    }
}

impl Drop for CaughtSignals {
    fn drop(&mut self) {
        self.stop();
    }
}
