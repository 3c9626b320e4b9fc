//! Turns Ctrl-C, SIGTERM and SIGHUP into a request to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::supervise::stop::{Stop, StopSignal};

/// From now on the first of these signals asks runs to stop soon, the second to stop now.
///
/// # Errors
/// If the system refuses to have its signals handled.
pub fn listen() -> std::io::Result<StopSignal> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate, &mut hang_up).await;
        eprintln!("stopping what runs; finished runs are kept (once more to stop at once)");
        log::info!("asked to stop");
        sender.send_replace(Stop::Soon);
        next(&mut interrupt, &mut terminate, &mut hang_up).await;
        log::info!("asked to stop at once");
        sender.send_replace(Stop::Now);
        // Dropping the sender would only say that nobody will ask again.
    });
    Ok(StopSignal::new(receiver))
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal, hang_up: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}
