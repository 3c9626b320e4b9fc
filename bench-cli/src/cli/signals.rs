//! Turns Ctrl-C, SIGTERM and SIGHUP into a request to stop.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

use crate::supervise::stop::{Stop, StopSignal};

/// From now on the first of these signals asks runs to stop soon, the second to stop now.
///
/// # Errors
/// If the system refuses to have its signals handled.
pub fn listen() -> std::io::Result<StopSignal> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = watch::channel(Stop::No);
    std::thread::spawn(move || {
        let mut stops = [Stop::Soon, Stop::Now].into_iter();
        for _ in signals.forever() {
            match stops.next() {
                Some(Stop::Soon) => {
                    eprintln!("stopping; finished runs are saved (press Ctrl-C again to quit now)");
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
