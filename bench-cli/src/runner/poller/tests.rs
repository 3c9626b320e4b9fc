//! Both kernels, and signals through the poller.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::raise;

use super::*;
use crate::runner::signals::CaughtSignals;

const OUT: Source = Source::Stdout(NodeId(70_000));
const IN: Source = Source::Stdin(NodeId(3));

fn ends() -> (Rc<OwnedFd>, Rc<OwnedFd>) {
    let (read, write) = std::io::pipe().expect("a pipe");
    (Rc::new(read.into()), Rc::new(write.into()))
}

/// The sources that are ready now, sorted.
fn ready(poller: &mut Poller) -> Vec<Source> {
    let mut ready = Vec::new();
    poller.wait(Some(Duration::ZERO), &mut ready).expect("a wait");
    ready.sort_unstable();
    ready
}

#[test]
fn a_ready_source_is_reported_as_long_as_it_is_watched() {
    let (read, write) = ends();
    let mut poller = Poller::new().expect("a poller");
    poller.set(OUT, Some(&read)).expect("watched");
    assert_eq!(ready(&mut poller), []);
    rustix::io::write(&write, b"x").expect("written");
    poller.set(IN, Some(&write)).expect("watched");
    poller.set(IN, Some(&write)).expect("watched twice is watched");
    assert_eq!(ready(&mut poller), [IN, OUT]);
    assert_eq!(ready(&mut poller), [IN, OUT], "a byte that was not read is reported again");
    poller.set(IN, None).expect("no longer watched");
    assert_eq!(ready(&mut poller), [OUT]);
    poller.set(OUT, None).expect("no longer watched");
    assert_eq!(ready(&mut poller), []);
}

#[test]
fn an_ended_pipe_is_ready() {
    let (read, write) = ends();
    let mut poller = Poller::new().expect("a poller");
    poller.set(OUT, Some(&read)).expect("watched");
    drop(write);
    assert_eq!(ready(&mut poller), [OUT]);
}

#[test]
fn waits_end_in_time_and_not_early() {
    let mut poller = Poller::new().expect("a poller");
    let mut ready = Vec::new();
    for timeout in [Duration::ZERO, Duration::from_micros(300), Duration::ZERO, Duration::from_millis(3)] {
        let began = Instant::now();
        poller.wait(Some(timeout), &mut ready).expect("a wait");
        assert!(began.elapsed() >= timeout, "{timeout:?}");
    }
    assert_eq!(ready, [], "the timer is not a source");
    let (_read, write) = ends();
    poller.set(IN, Some(&write)).expect("watched");
    poller.wait(None, &mut ready).expect("a wait");
    assert_eq!(ready, [IN]);
}

#[test]
fn both_kernels_report_the_same_and_end_in_time() {
    let (read, write) = ends();
    let watched: FxHashMap<Source, Rc<OwnedFd>> =
        [(OUT, Rc::clone(&read)), (IN, Rc::clone(&write))].into_iter().collect();
    let mut kernel = poll::Kernel::new().expect("nothing to fail");
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

/// Set for the process that the test below starts.
const IS_CHILD: &str = "SIGNALS_TEST_CHILD";

/// Signals concern the whole process, so this test runs in a process of its own.
#[test]
fn signals_are_reported_during_a_run_and_end_the_process_after_it() {
    if std::env::var_os(IS_CHILD).is_some() {
        return raise_signals();
    }
    let this = std::env::current_exe().expect("the tests' path");
    let (_, module) = module_path!().split_once("::").expect("a module in the crate");
    let name = format!("{module}::signals_are_reported_during_a_run_and_end_the_process_after_it");
    let output = Command::new(this).args([&name, "--exact"]).env(IS_CHILD, "1").output().expect("a child");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.signal(), Some(SIGTERM), "{:?}: {stdout}", output.status);
}

fn raise_signals() {
    let open_files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    // To this very thread, so that the signal has been handled when the call returns.
    let raise = |signal| raise(signal).expect("a signal");
    let before = open_files();
    for _ in 0..3 {
        let mut poller = Poller::new().expect("a poller");
        let caught = CaughtSignals::catch().expect("caught signals");
        poller.watch_signals(&caught).expect("watched");
        raise(SIGHUP);
        let mut ready = Vec::new();
        poller.wait(None, &mut ready).expect("a wait");
        assert_eq!(ready, [Source::Signal(TerminationSignal::Hangup)]);
        raise(SIGINT);
        poller.wait(None, &mut ready).expect("a wait");
        assert!(caught.release().is_some(), "a signal that nobody has read is not forgotten");
    }
    assert_eq!(open_files(), before);
    raise(SIGTERM);
}
