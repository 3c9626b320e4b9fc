//! The request to stop runs.

use tokio::sync::watch;

/// Whether runs are to stop, and how soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Do not stop.
    #[default]
    No,
    /// End running processes, with a few seconds to clean up.
    Soon,
    /// Kill running processes.
    Now,
}

/// The signal by which runs learn that they are to stop.
#[derive(Clone, Debug)]
pub struct StopSignal(watch::Receiver<Stop>);

impl StopSignal {
    /// Follows `receiver`.
    pub fn new(receiver: watch::Receiver<Stop>) -> StopSignal {
        StopSignal(receiver)
    }

    /// A signal that never comes.
    pub fn never() -> StopSignal {
        StopSignal(watch::channel(Stop::No).1)
    }

    /// The last request so far.
    pub fn current(&self) -> Stop {
        *self.0.borrow()
    }

    /// Returns once at least `level` is requested. Safe to cancel.
    pub async fn at_least(&mut self, level: Stop) {
        if self.0.wait_for(|current| *current >= level).await.is_err() {
            // The sender is gone, so no request can come.
            std::future::pending::<()>().await;
        }
    }
}
