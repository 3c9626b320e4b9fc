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

use super::poller::{Source, Watch};

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

/// Whether these signals end this process by themselves, because no run is there to be told of them.
///
/// A handler that is removed leaves its signal ignored, so these stay for good and are told when they apply.
static DEFAULT_APPLIES: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn default_applies() -> io::Result<&'static AtomicBool> {
    if DEFAULT_APPLIES.get().is_none() {
        let applies = Arc::new(AtomicBool::new(true));
        for interrupted in Interrupted::ALL {
            flag::register_conditional_default(interrupted.signal(), Arc::clone(&applies))?;
        }
        // If two threads come here at once, the second one's handlers stand as well and do the default as long as
        // no run of theirs is told otherwise; there is one run at a time.
        let _ = DEFAULT_APPLIES.set(applies);
    }
    Ok(DEFAULT_APPLIES.get().expect("it has just been set"))
}

/// As long as this is there, the signals do not end this process: a run's watch tells them instead.
pub(super) struct Caught {
    handlers: Vec<SigId>,
    pipes: Vec<(Interrupted, Rc<OwnedFd>)>,
}

impl Caught {
    /// From now on `watch` tells the signals.
    pub(super) fn by(watch: &mut Watch) -> io::Result<Caught> {
        let mut caught = Caught { handlers: Vec::new(), pipes: Vec::new() };
        let default_applies = default_applies()?;
        for interrupted in Interrupted::ALL {
            let (ours, handlers) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            caught.handlers.push(signal_hook::low_level::pipe::register(interrupted.signal(), handlers)?);
            let ours = Rc::new(OwnedFd::from(ours));
            watch.set(Source::Signal(interrupted), Some(&ours))?;
            caught.pipes.push((interrupted, ours));
        }
        default_applies.store(false, Ordering::SeqCst);
        Ok(caught)
    }

    /// From now on the signals end this process again. Says which one came that nobody has been told of.
    pub(super) fn release(mut self) -> Option<Interrupted> {
        self.stop();
        let came = |pipe: &OwnedFd| matches!(rustix::io::read(pipe, &mut [0; 1]), Ok(1));
        self.pipes.iter().find(|(_, pipe)| came(pipe)).map(|&(interrupted, _)| interrupted)
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

impl Drop for Caught {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::low_level::raise;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    /// Set for the process that the test below starts.
    const IS_CHILD: &str = "SIGNALS_TEST_CHILD";

    /// Signals are the whole process's, so this happens in one of its own.
    #[test]
    fn signals_are_told_during_a_run_and_end_the_process_after_it() {
        if std::env::var_os(IS_CHILD).is_some() {
            return be_signalled();
        }
        let this = std::env::current_exe().expect("the tests' path");
        // The test's name has no crate in it.
        let (_, module) = module_path!().split_once("::").expect("a module");
        let name = format!("{module}::signals_are_told_during_a_run_and_end_the_process_after_it");
        let output =
            Command::new(this).args([&name, "--exact"]).env(IS_CHILD, "1").output().expect("a child");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.signal(), Some(SIGTERM), "{:?}: {said}", output.status);
    }

    fn be_signalled() {
        let open_files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        // To this very thread, so that the signal has been handled when the call returns.
        let raise = |signal| raise(signal).expect("a signal");
        let before = open_files();
        for _ in 0..3 {
            let mut watch = Watch::new().expect("a watch");
            let caught = Caught::by(&mut watch).expect("caught signals");
            raise(SIGHUP);
            let mut ready = Vec::new();
            watch.wait(None, &mut ready).expect("a wait");
            assert_eq!(ready, [Source::Signal(Interrupted::Hangup)]);
            raise(SIGINT);
            watch.wait(None, &mut ready).expect("a wait");
            assert!(caught.release().is_some(), "a signal that nobody read is not forgotten");
        }
        assert_eq!(open_files(), before);
        raise(SIGTERM);
    }
}
