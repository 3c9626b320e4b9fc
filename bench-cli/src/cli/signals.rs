//! Turns Ctrl-C, SIGTERM and SIGHUP into a request to stop.
//!
//! A SIGHUP that this process was started to ignore stays ignored, so that `nohup` protects a sweep.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

use crate::supervise::stop::{Stop, StopSignal};

/// What a user reads after the first signal of a command that executes runs.
pub const STOPPING: &str = "stopping; finished runs are saved (press Ctrl-C again to quit now)";
/// The same of a command that follows runs elsewhere.
pub const DETACHING: &str = "detaching; nothing is stopped";

/// From now on the first of these signals prints `notice` and asks runs to stop soon, the second to stop now.
///
/// # Errors
/// If the system refuses to have its signals handled.
pub fn listen(notice: &'static str) -> std::io::Result<StopSignal> {
    let stopping = [SIGINT, SIGTERM].into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP));
    let mut signals = Signals::new(stopping)?;
    let (sender, receiver) = watch::channel(Stop::No);
    std::thread::spawn(move || {
        let mut stops = [Stop::Soon, Stop::Now].into_iter();
        for _ in signals.forever() {
            match stops.next() {
                Some(Stop::Soon) => {
                    eprintln!("{notice}");
                    log::info!("asked to stop");
                    sender.send_replace(Stop::Soon);
                }
                Some(stop) => {
                    log::info!("asked to stop at once");
                    sender.send_replace(stop);
                }
                None => {}
            }
        }
    });
    Ok(StopSignal::new(receiver))
}

/// Whether this process inherited that a signal is ignored. Only Linux says so without `unsafe`; elsewhere
/// the answer is no.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
