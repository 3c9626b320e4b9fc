//! Delays of real Maelstrom that its source does not state, as measured distributions.
//!
//! The tables come from runs of Maelstrom v0.2.4 (jepsen 0.3.7, Java 17, 25 nodes, 100 op/s) on a 2-core
//! machine. They state how much time its threads and the operating system add to the times in its source. No
//! value was tuned to make results agree.

use std::time::Duration;

use super::distribution::Distribution;
use super::host_delays::HostDelays;
use crate::spec::settings::Noise;

/// How the thread that delivers messages to a node keeps time.
///
/// Both engines imitate Maelstrom's. The operating system's timers are more precise than those of a JVM
/// thread. Where both ends of a hop tick in phase, a tenth of a millisecond decides whether two messages
/// become one batch.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryTiming {
    /// From sending to an idle node until its delivery thread looks at the message. The thread then sleeps
    /// for the rest of the latency, rounded down to whole milliseconds. So with any delay at all, it sleeps
    /// 99 ms for a message of 100 ms.
    pub take_delay: Duration,
    /// How much longer than requested a sleep takes.
    pub overshoot: Option<&'static Distribution>,
}

impl DeliveryTiming {
    /// As in real Maelstrom on such a machine.
    pub fn maelstrom(noise: Noise) -> DeliveryTiming {
        DeliveryTiming { take_delay: Self::TAKE_DELAY, overshoot: Some(HostDelays::of(noise).overshoot) }
    }

    /// A round figure for waking a thread. Its size does not matter, since any delay costs the same
    /// millisecond.
    const TAKE_DELAY: Duration = Duration::from_micros(50);
}

/// From the time that jepsen's generator sets for an operation until its interpreter dispatches it.
///
/// Intervals between operations are uniform from 0 to 2/rate plus this lateness, since each interval is
/// counted from the actual dispatch of the previous operation. Hence the density of the recorded intervals
/// below 1 ms is proportional to the lateness's distribution function, and the share of intervals above
/// 2/rate gives its tail. Measured on 23,268 intervals of 12 recorded runs. Their mean lateness was 0.31 ms
/// (0.06 to 0.70 ms in single runs), which lowers the rate from 100 op/s to 97.
pub static DISPATCH_LATENESS: Distribution = Distribution::new(&[
    (0, 50),
    (1_000, 80),
    (2_500, 110),
    (5_000, 170),
    (7_500, 250),
    (9_000, 400),
    (9_500, 800),
    (9_750, 1_800),
    (9_900, 3_000),
    (9_990, 10_000),
    (10_000, 20_000),
]);

/// How much longer than requested the delivery thread of a node sleeps.
///
/// From the journals of 18 runs of this repository's tree strategy (batch timeout 25 ms) on an idle machine,
/// 522,170 deliveries. The thread is free for a message once the message is sent and the previous one
/// delivered. The overshoot is the time from then until the delivery, less the requested whole milliseconds
/// and less [`DeliveryTiming::take_delay`].
///
/// The overshoot does not depend on how many messages are due at about the same time, so samples are
/// independent. Only the hub's 24 messages at once wait for each other, by a median of 1.7 ms on a busy
/// machine. That is not modelled.
pub static SLEEP_OVERSHOOT: Distribution = Distribution::new(&[
    (0, 0),
    (500, 19),
    (1_000, 40),
    (2_500, 87),
    (5_000, 104),
    (7_500, 130),
    (9_000, 168),
    (9_500, 222),
    (9_750, 353),
    (9_900, 960),
    (9_990, 3_650),
    (10_000, 10_000),
]);
