//! Durations of real Maelstrom that its source does not state, as measured distributions to draw from.
//!
//! The tables were read off runs of Maelstrom v0.2.4 (jepsen 0.3.7, Java 17, 25 nodes, 100 op/s) on a 2-core
//! machine. They say what its threads and the operating system add to the times that its source asks for; nothing
//! in them was chosen to make results agree.

use std::time::Duration;

use super::draws::Draws;

/// A distribution, given by its quantiles.
#[derive(Clone, Copy, Debug)]
pub struct Distribution {
    /// Shares, in 1/1000 from 0 to 1000, with the duration in microseconds that this share does not exceed; both
    /// rise.
    quantiles: &'static [(u64, u64)],
}

impl Distribution {
    /// Draws a duration. Between two quantiles all durations are equally likely.
    pub fn draw(&self, draws: &mut Draws) -> Duration {
        // A share in millionths: fine enough for a table in thousandths, and small enough for exact arithmetic.
        let share = draws.below(1_000_000);
        let above = self.quantiles.partition_point(|&(permille, _)| permille * 1_000 <= share);
        let (low_share, low) = self.quantiles[above - 1];
        let (high_share, high) = self.quantiles[above];
        let width = (high_share - low_share) * 1_000;
        let nanos = (high - low) * 1_000 * (share - low_share * 1_000) / width;
        Duration::from_nanos(low * 1_000 + nanos)
    }
}

/// How late jepsen's interpreter dispatches an operation, after the time that its generator set for it.
///
/// Intervals between operations are uniform from 0 to 2/rate plus this lateness, since each interval is counted
/// from the actual dispatch of the operation before. Hence the density of the recorded intervals below 1 ms is
/// proportional to the lateness's distribution function, and the share of intervals above 2/rate gives its tail.
/// From 23,268 intervals of 12 recorded runs; their mean lateness was 0.31 ms (0.06 to 0.70 ms in single runs), which
/// lowers the rate from 100 op/s to 97.
pub const DISPATCH_LATENESS: Distribution = Distribution {
    quantiles: &[
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
    ],
};

/// How much longer than asked for the thread that delivers messages to a node sleeps.
///
/// From the journals of four runs of this repository's tree (batch timeouts 25, 50, 100 and 200 ms): the time from when the
/// thread was free for a message (the message was sent, or the one before delivered) until its delivery, less the
/// whole milliseconds that the thread is asked to sleep and less [`super::network::Timing::take_delay`].
///
/// The machine had other work at that time, which is no part of Maelstrom. Whether a processor was free at a moment
/// is seen from the other nodes' threads: only those deliveries count (25,872 of 38,835) for which four fifths of
/// all others within 15 ms before and after were less than 0.25 ms late. This selection does not look at the delivery
/// itself. Without it the median is 95 µs, 99 % lie below 1.9 ms and 99.9 % below 7.7 ms.
///
/// The lateness does not depend on how many messages are due at about the same time (medians from 0.12 to 0.14 ms
/// for none to more than ten within the 2 ms before), and little on the run's age (means of 0.28 ms in the first two
/// seconds, 0.12 to 0.18 ms from the eighth on), so draws are independent. Only the hub's 24 messages at once wait
/// for each other, a median of 1.7 ms; that is not modelled.
pub const SLEEP_OVERSHOOT: Distribution = Distribution {
    quantiles: &[
        (0, 0),
        (50, 36),
        (100, 44),
        (250, 57),
        (500, 87),
        (750, 151),
        (900, 270),
        (950, 394),
        (975, 561),
        (990, 908),
        (999, 3_709),
        (1_000, 14_503),
    ],
};

/// How long it takes from a message's delivery until the node's reader has it.
pub const HEARING_DELAY: Distribution = Distribution {
    quantiles: &[
        (0, 4),
        (50, 12),
        (100, 15),
        (250, 22),
        (500, 30),
        (750, 44),
        (900, 102),
        (950, 240),
        (975, 400),
        (990, 600),
        (999, 1_000),
        (1_000, 5_000),
    ],
};
/// How long it takes from then until the node, if it slept, acts.
pub const WAKING_DELAY: Distribution = Distribution {
    quantiles: &[
        (0, 0),
        (50, 6),
        (100, 9),
        (250, 13),
        (500, 19),
        (750, 33),
        (900, 79),
        (950, 221),
        (975, 400),
        (990, 600),
        (999, 1_000),
        (1_000, 5_000),
    ],
};
/// How much later than its deadline a node acts.
pub const TIMER_DELAY: Distribution = Distribution {
    quantiles: &[
        (0, 50),
        (50, 65),
        (100, 69),
        (250, 73),
        (500, 80),
        (750, 105),
        (900, 200),
        (950, 300),
        (975, 400),
        (990, 600),
        (999, 1_000),
        (1_000, 5_000),
    ],
};

/// How long it takes from what makes a node speak until its words are on the network: the pipe to the node, the node
/// itself, the pipe back, and Maelstrom's reading of the message.
///
/// From the same journals, and selected in the same way: the time from the delivery of a message until the reply to
/// it is sent; 26,465 of 41,138 replies of this repository's node. For ticks, whose own times no journal shows, the same is
/// true as far as it can be seen: their messages scatter as much (half of them within 0.07 ms of the earliest), and
/// values that were delivered up to 0.07 ms before the earliest still go with the tick.
pub const SPEAKING_DELAY: Distribution = Distribution {
    quantiles: &[
        (0, 25),
        (50, 61),
        (100, 72),
        (250, 89),
        (500, 118),
        (750, 179),
        (900, 284),
        (950, 399),
        (975, 562),
        (990, 895),
        (999, 2_798),
        (1_000, 6_216),
    ],
};

#[cfg(test)]
mod tests {
    use super::super::draws::Purpose;
    use super::*;

    fn sample(distribution: Distribution) -> Vec<Duration> {
        let mut draws = Draws::new(1, Purpose::Dispatch);
        let mut sample: Vec<Duration> = (0..100_000).map(|_| distribution.draw(&mut draws)).collect();
        sample.sort_unstable();
        sample
    }

    #[test]
    fn a_sample_has_the_quantiles_of_the_table() {
        for (sample, table) in
            [DISPATCH_LATENESS, SLEEP_OVERSHOOT, SPEAKING_DELAY].map(|d| (sample(d), d.quantiles))
        {
            for &(permille, micros) in &table[1..table.len() - 1] {
                let drawn = sample[permille as usize * 100].as_micros() as f64;
                let off = (drawn - micros as f64).abs() / micros as f64;
                assert!(off < 0.15, "{permille}/1000: {drawn} µs, not {micros}");
            }
        }
    }

    #[test]
    fn draws_stay_within_the_table() {
        let sample = sample(DISPATCH_LATENESS);
        assert!(sample[0] >= Duration::from_micros(50) && sample[99_999] <= Duration::from_millis(20));
    }

    #[test]
    fn the_mean_lateness_is_the_recorded_one() {
        let mean = sample(DISPATCH_LATENESS).iter().sum::<Duration>() / 100_000;
        assert!((290..350).contains(&mean.as_micros()), "{mean:?}");
    }
}
