//! Distributions of durations, given as measured.

use node::Time;

use super::rng_streams::RngStream;

/// A distribution of durations, given by its quantiles.
#[derive(Debug)]
pub struct Distribution {
    #[cfg(test)]
    pub(super) quantiles: &'static [(u64, u64)],
    /// The stretches between two quantiles. Those after the last one are empty.
    segments: [Segment; MAX_SEGMENTS],
    /// For each thousandth, the segment that its start is in. Every message draws several durations, and a
    /// look-up costs a quarter of a search.
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
    /// From pairs of a share in ten-thousandths, from 0 to 10,000, and the duration in microseconds that this
    /// share does not exceed. Both rise.
    pub(super) const fn new(quantiles: &'static [(u64, u64)]) -> Distribution {
        let mut segments = [Segment { first_share: 0, shares: 1, shortest: 0, width: 0 }; MAX_SEGMENTS];
        let mut by_permille = [0; 1_000];
        let mut number = 0;
        while number + 1 < quantiles.len() {
            let ((low_share, low), (high_share, high)) = (quantiles[number], quantiles[number + 1]);
            segments[number] = Segment {
                first_share: low_share * 100,
                shares: (high_share - low_share) * 100,
                shortest: low * 1_000,
                width: (high - low) * 1_000,
            };
            let mut permille = low_share.div_ceil(10) as usize;
            while permille * 10 < high_share as usize {
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
    pub(super) fn nanos(&self, rng: &mut RngStream) -> u64 {
        // A share in millionths: fine enough for a table in ten-thousandths, and small enough for exact
        // arithmetic.
        let share = rng.below(1_000_000);
        let mut number = usize::from(self.by_permille[(share / 1_000) as usize]);
        // Only the rarest thousandth may hold several segments.
        while share >= self.segments[number].first_share + self.segments[number].shares {
            number += 1;
        }
        let segment = &self.segments[number];
        segment.shortest + segment.width * (share - segment.first_share) / segment.shares
    }
}
