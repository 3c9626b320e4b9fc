//! Whether runs are to stop, and how soon.

use tokio::sync::watch;

/// Whether runs are to stop, and how soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// End what runs, giving it a few seconds to clean up.
    Soon,
    /// Kill what runs.
    Now,
}

/// Tells runs when to stop.
#[derive(Clone, Debug)]
pub struct StopSignal(watch::Receiver<Stop>);

impl StopSignal {
    /// Follows `receiver`.
    pub fn new(receiver: watch::Receiver<Stop>) -> StopSignal {
        StopSignal(receiver)
    }

    /// What is asked for at this moment.
    pub fn current(&self) -> Stop {
        *self.0.borrow()
    }

    /// Returns once at least `level` is asked for. Can be dropped and called again.
    pub async fn at_least(&mut self, level: Stop) {
        if self.0.wait_for(|current| *current >= level).await.is_err() {
            // Whoever could ask has gone, so nobody will.
            std::future::pending::<()>().await;
        }
    }
}
