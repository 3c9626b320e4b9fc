//! Delays of real Maelstrom that its source does not state, as measured distributions.
//!
//! The tables come from runs of Maelstrom v0.2.4 (jepsen 0.3.7, Java 17, 25 nodes, 100 op/s) on a 2-core
//! machine. They state how much time its threads and the operating system add to the times in its source. No
//! value was tuned to make results agree.

use std::time::Duration;

use node::Time;

use super::rng_streams::RngStream;

/// A distribution of durations, given by its quantiles.
#[derive(Debug)]
pub struct Distribution {
    #[cfg(test)]
    quantiles: &'static [(u64, u64)],
    /// The stretches between two quantiles. Those after the last one are empty.
    segments: [Segment; MAX_SEGMENTS],
    /// For each thousandth, the segment that it is in. Every message draws several durations, and a
    /// look-up saves the search.
    by_permille: [u8; 1_000],
}

const MAX_SEGMENTS: usize = 16;

/// Durations between two quantiles, in nanoseconds, and their shares in millionths.
#[derive(Clone, Copy, Debug)]
struct Segment {
    first_share: u64,
    shares: u64,
    shortest: u64,
    width: u64,
}

impl Distribution {
    /// From pairs of a share in thousandths, from 0 to 1000, and the duration in microseconds that this share
    /// does not exceed. Both rise.
    const fn new(quantiles: &'static [(u64, u64)]) -> Distribution {
        let mut segments = [Segment { first_share: 0, shares: 1, shortest: 0, width: 0 }; MAX_SEGMENTS];
        let mut by_permille = [0; 1_000];
        let mut number = 0;
        while number + 1 < quantiles.len() {
            let ((low_share, low), (high_share, high)) = (quantiles[number], quantiles[number + 1]);
            segments[number] = Segment {
                first_share: low_share * 1_000,
                shares: (high_share - low_share) * 1_000,
                shortest: low * 1_000,
                width: (high - low) * 1_000,
            };
            let mut permille = low_share as usize;
            while permille < high_share as usize {
                by_permille[permille] = number as u8;
                permille += 1;
            }
            number += 1;
        }
        Distribution {
            #[cfg(test)]
            quantiles,
            segments,
            by_permille,
        }
    }

    /// The time that is a random duration after `start`. Between two quantiles all durations are equally
    /// likely.
    #[inline]
    pub fn after(&self, start: Time, rng: &mut RngStream) -> Time {
        Time::from_nanos(start.as_nanos().saturating_add(self.nanos(rng)))
    }

    /// A random duration in nanoseconds.
    fn nanos(&self, rng: &mut RngStream) -> u64 {
        // A share in millionths: fine enough for a table in thousandths, and small enough for exact
        // arithmetic.
        let share = rng.below(1_000_000);
        let segment = &self.segments[usize::from(self.by_permille[(share / 1_000) as usize])];
        segment.shortest + segment.width * (share - segment.first_share) / segment.shares
    }
}

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
    /// As in real Maelstrom.
    pub const MAELSTROM: DeliveryTiming =
        DeliveryTiming { take_delay: Self::TAKE_DELAY, overshoot: Some(&SLEEP_OVERSHOOT) };
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
    (100, 80),
    (250, 110),
    (500, 170),
    (750, 250),
    (900, 400),
    (950, 800),
    (975, 1_800),
    (990, 3_000),
    (999, 10_000),
    (1_000, 20_000),
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
    (50, 19),
    (100, 40),
    (250, 87),
    (500, 104),
    (750, 130),
    (900, 168),
    (950, 222),
    (975, 353),
    (990, 960),
    (999, 3_650),
    (1_000, 10_000),
]);

// The delays into a node and out of it were measured in two runs of the tree strategy (25 and 100 ms) on an
// idle machine. The node logged its own events on the clock that Maelstrom uses for its journal.

/// From a message's delivery until the node's sleeping reader has it; 39,625 messages.
pub static STDIN_DELAY: Distribution = Distribution::new(&[
    (0, 4),
    (50, 12),
    (100, 14),
    (250, 24),
    (500, 33),
    (750, 47),
    (900, 82),
    (950, 140),
    (975, 257),
    (990, 779),
    (999, 3_334),
    (1_000, 22_594),
]);

/// From then until the sleeping node acts; measured 37,214 times.
pub static WAKEUP_DELAY: Distribution = Distribution::new(&[
    (0, 0),
    (50, 5),
    (100, 8),
    (250, 13),
    (500, 18),
    (750, 35),
    (900, 54),
    (950, 90),
    (975, 181),
    (990, 579),
    (999, 2_552),
    (1_000, 7_041),
]);

/// From a node's deadline until it acts; measured 11,240 times.
pub static TIMER_DELAY: Distribution = Distribution::new(&[
    (0, 0),
    (50, 55),
    (100, 66),
    (250, 71),
    (500, 78),
    (750, 89),
    (900, 120),
    (950, 197),
    (975, 369),
    (990, 1_185),
    (999, 3_428),
    (1_000, 5_050),
]);

/// From then until the first message that the node sends is on the network; measured 32,819 times. This
/// covers the node's work, the pipe and Maelstrom's reader. Further messages follow within some 10 µs.
pub static STDOUT_DELAY: Distribution = Distribution::new(&[
    (0, 9),
    (50, 20),
    (100, 23),
    (250, 28),
    (500, 39),
    (750, 57),
    (900, 89),
    (950, 125),
    (975, 190),
    (990, 521),
    (999, 3_480),
    (1_000, 15_868),
]);

#[cfg(test)]
mod tests {
    use super::super::rng_streams::Purpose;
    use super::*;

    fn sample(distribution: &Distribution) -> Vec<Duration> {
        let mut rng = RngStream::new(1, Purpose::Dispatch);
        let mut sample: Vec<Duration> =
            (0..100_000).map(|_| Duration::from_nanos(distribution.nanos(&mut rng))).collect();
        sample.sort_unstable();
        sample
    }

    #[test]
    fn a_sample_has_the_quantiles_of_the_table() {
        for (sample, table) in
            [&DISPATCH_LATENESS, &SLEEP_OVERSHOOT, &STDIN_DELAY, &WAKEUP_DELAY, &TIMER_DELAY, &STDOUT_DELAY]
                .map(|d| (sample(d), d.quantiles))
        {
            for &(permille, micros) in &table[1..table.len() - 1] {
                let sampled = sample[permille as usize * 100].as_micros() as f64;
                let off = (sampled - micros as f64).abs() / micros as f64;
                assert!(off < 0.15, "{permille}/1000: {sampled} µs, not {micros}");
            }
        }
    }

    #[test]
    fn samples_stay_within_the_table() {
        let sample = sample(&DISPATCH_LATENESS);
        assert!(sample[0] >= Duration::from_micros(50) && sample[99_999] <= Duration::from_millis(20));
    }

    #[test]
    fn the_mean_lateness_is_the_recorded_one() {
        let mean = sample(&DISPATCH_LATENESS).iter().sum::<Duration>() / 100_000;
        assert!((290..350).contains(&mean.as_micros()), "{mean:?}");
    }
}
