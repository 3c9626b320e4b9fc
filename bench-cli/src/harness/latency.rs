//! Random latencies of messages between nodes, in whole milliseconds as in Maelstrom.

use node::Time;

use super::rng_streams::RngStream;
use crate::spec::settings::{Latency, LatencyDistribution};

/// Whether Maelstrom supports this latency. Its random distributions need a mean above 0.
///
/// Here a mean of 0 means no latency with any distribution.
pub fn is_maelstroms(latency: Latency) -> bool {
    latency.distribution == LatencyDistribution::Constant || !latency.mean.is_zero()
}

/// Chooses the latency of each message: a [`Latency`], converted once and not for every message.
///
/// Uniform latencies range from 0 up to, but not including, twice the mean. Exponential ones are rounded down
/// to whole milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum LatencySampler {
    /// All latencies are the same.
    Constant {
        /// In nanoseconds.
        nanos: u64,
    },
    /// Latencies are uniform.
    Uniform {
        /// Twice the mean, in milliseconds.
        end_millis: u64,
    },
    /// Latencies are exponential.
    Exponential {
        /// In milliseconds.
        mean_millis: u64,
    },
}

impl LatencySampler {
    /// Latencies of this kind.
    pub fn new(latency: Latency) -> LatencySampler {
        let mean = u64::try_from(latency.mean.as_millis()).unwrap_or(u64::MAX);
        match latency.distribution {
            LatencyDistribution::Constant => {
                LatencySampler::Constant { nanos: mean.saturating_mul(MILLISECOND) }
            }
            LatencyDistribution::Uniform => LatencySampler::Uniform { end_millis: mean.saturating_mul(2) },
            LatencyDistribution::Exponential => LatencySampler::Exponential { mean_millis: mean },
        }
    }

    /// When a message that is sent at `sent` arrives.
    #[inline]
    pub fn after(self, sent: Time, rng: &mut RngStream) -> Time {
        let latency = match self {
            LatencySampler::Constant { nanos } => nanos,
            LatencySampler::Uniform { end_millis } => rng.below(end_millis).saturating_mul(MILLISECOND),
            LatencySampler::Exponential { mean_millis } => {
                exponential(mean_millis, rng).saturating_mul(MILLISECOND)
            }
        };
        Time::from_nanos(sent.as_nanos().saturating_add(latency))
    }
}

const MILLISECOND: u64 = 1_000_000;

/// ⌊mean × X⌋ for an exponential X of mean 1.
///
/// Von Neumann's method (1951) only compares uniform numbers. A logarithm's last digit would differ between
/// platforms. The first number of a falling run of odd length, plus the count of even runs before it, is
/// exponential.
fn exponential(mean: u64, rng: &mut RngStream) -> u64 {
    let mut whole = 0_u64;
    loop {
        let first = rng.bits();
        let (mut last, mut run) = (first, 1_u32);
        loop {
            let next = rng.bits();
            if next >= last {
                break;
            }
            last = next;
            run += 1;
        }
        if run % 2 == 1 {
            let fraction = (u128::from(mean) * u128::from(first)) >> 64;
            return mean.saturating_mul(whole).saturating_add(fraction as u64);
        }
        whole += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng_streams::Purpose;
    use std::time::Duration;

    use super::*;

    const N: u32 = 100_000;

    fn millis(latency: Latency, rng: &mut RngStream) -> u64 {
        LatencySampler::new(latency).after(Time::ZERO, rng).as_nanos() / MILLISECOND
    }

    fn sample_of(distribution: LatencyDistribution) -> Vec<f64> {
        let latency = Latency { mean: Duration::from_millis(100), distribution };
        let mut rng = RngStream::new(5, Purpose::Network);
        (0..N).map(|_| millis(latency, &mut rng) as f64).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / f64::from(N)
    }

    #[test]
    fn constant_is_constant() {
        assert!(sample_of(LatencyDistribution::Constant).iter().all(|&ms| ms == 100.0));
    }

    #[test]
    fn uniform_spans_twice_the_mean() {
        let values = sample_of(LatencyDistribution::Uniform);
        assert!((mean(&values) - 99.5).abs() < 0.7, "{}", mean(&values));
        assert_eq!(values.iter().copied().fold(f64::MAX, f64::min), 0.0);
        assert_eq!(values.iter().copied().fold(0.0, f64::max), 199.0);
    }

    #[test]
    fn exponential_has_its_mean_and_its_tail() {
        let values = sample_of(LatencyDistribution::Exponential);
        // Truncation to whole milliseconds takes half a millisecond off the mean.
        assert!((mean(&values) - 99.5).abs() < 1.2, "{}", mean(&values));
        for (limit, share) in [(100.0, (-1.0_f64).exp()), (300.0, (-3.0_f64).exp())] {
            let beyond = values.iter().filter(|&&ms| ms >= limit).count() as f64 / f64::from(N);
            assert!((beyond - share).abs() < 0.005, "a share of {beyond} reaches {limit} ms, not {share}");
        }
    }

    #[test]
    fn no_mean_is_too_long() {
        for &distribution in LatencyDistribution::ALL {
            let latency = Latency { mean: Duration::MAX, distribution };
            let sampler = LatencySampler::new(latency);
            let arrival = sampler.after(Time::from_nanos(1), &mut RngStream::new(1, Purpose::Network));
            assert!(arrival > Time::from_nanos(u64::MAX / 1_000), "{distribution:?}: {arrival:?}");
        }
    }

    #[test]
    fn a_mean_of_zero_means_no_latency() {
        for &distribution in LatencyDistribution::ALL {
            let latency = Latency { mean: Duration::ZERO, distribution };
            assert_eq!(millis(latency, &mut RngStream::new(1, Purpose::Network)), 0);
        }
    }
}
