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
/// From the journals of 16 recorded runs: the time from sending a message of 100 ms to a node that waited for nothing
/// else until its delivery, less the 99 ms that the thread is asked to sleep and less
/// [`super::network::Timing::take_delay`]; 24,047 messages. The median delivery came after 99.147 ms: nothing
/// makes up for the millisecond that rounding takes away. Beyond 99 % the other load of the machine (2 to 10)
/// shows more than Maelstrom: the largest were 20 ms. The table ends at 5 ms, a judgement: with 20 ms the hub's maximum at
/// 400 ms came out at 553 ms, where real runs (480 ms: 582, 380 ms: 484) keep within 104 ms of the timeout.
pub const SLEEP_OVERSHOOT: Distribution = Distribution {
    quantiles: &[
        (0, 0),
        (50, 27),
        (100, 43),
        (250, 64),
        (500, 97),
        (750, 195),
        (900, 468),
        (950, 767),
        (975, 1_117),
        (990, 2_676),
        (1_000, 5_000),
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
        for (sample, table) in [DISPATCH_LATENESS, SLEEP_OVERSHOOT].map(|d| (sample(d), d.quantiles)) {
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
