//! Random numbers for jitter: small, seeded, the same on every platform.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): passes the usual tests, needs one word of state.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..limit`; zero if `limit` is zero.
    pub(crate) fn below(&mut self, limit: Duration) -> Duration {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        // The high word of the 128-bit product: no division, bias below 2^-32 for limits under 4 s.
        let nanos = (u128::from(self.next()) * u128::from(limit)) >> 64;
        Duration::from_nanos(nanos as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_cover_the_range_and_repeat_with_the_seed() {
        let limit = Duration::from_millis(50);
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..1000).map(|_| rng.below(limit)).collect::<Vec<_>>()
        };
        let a = draw(7);
        assert_eq!(a, draw(7));
        assert_ne!(a, draw(8));
        assert!(a.iter().all(|d| *d < limit));
        let mean = a.iter().sum::<Duration>() / 1000;
        assert!(mean > limit * 45 / 100 && mean < limit * 55 / 100, "mean {mean:?}");
        assert_eq!(Rng::new(1).below(Duration::ZERO), Duration::ZERO);
    }
}
