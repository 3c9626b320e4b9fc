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
    /// For each block of shares, the segment that its start is in. Every message draws several durations, and
    /// a look-up is cheaper than a search.
    by_block: [u8; SHARES.div_ceil(SHARES_PER_BLOCK) as usize],
}

const MAX_SEGMENTS: usize = 16;

/// The shares that a random one is chosen from, in millionths: fine enough for a table in ten-thousandths,
/// and small enough for exact arithmetic.
const SHARES: u64 = 1_000_000;
/// The number of shares in a block, a power of two. Only the rarest blocks hold several segments.
const SHARES_PER_BLOCK: u64 = 1 << 10;

/// Durations between two quantiles, in nanoseconds, and their shares in millionths.
#[derive(Clone, Copy, Debug)]
struct Segment {
    first_share: u64,
    end_share: u64,
    shortest: u64,
    width: u64,
    /// 2^64 divided by the number of shares, rounded up. A product with it is the quotient, without a
    /// division. That is exact below 2^44 if there are less than 2^20 shares.
    per_share: u64,
}

impl Segment {
    const EMPTY: Segment = Segment { first_share: 0, end_share: 0, shortest: 0, width: 0, per_share: 0 };

    /// From shares in millionths and durations in nanoseconds.
    const fn new((first_share, shortest): (u64, u64), (end_share, longest): (u64, u64)) -> Segment {
        let (shares, width) = (end_share - first_share, longest - shortest);
        assert!(1 < shares && shares < 1 << 20 && width * shares < 1 << 44, "too wide for exact arithmetic");
        Segment { first_share, end_share, shortest, width, per_share: u64::MAX / shares + 1 }
    }

    /// The duration at a share, by linear interpolation.
    fn nanos_at(&self, share: u64) -> u64 {
        let product = self.width * (share - self.first_share);
        self.shortest + ((u128::from(product) * u128::from(self.per_share)) >> 64) as u64
    }
}

impl Distribution {
    /// From pairs of a share in ten-thousandths, from 0 to 10,000, and the duration in microseconds that this
    /// share does not exceed. Both rise.
    pub(super) const fn new(quantiles: &'static [(u64, u64)]) -> Distribution {
        let mut segments = [Segment::EMPTY; MAX_SEGMENTS];
        let mut by_block = [0; SHARES.div_ceil(SHARES_PER_BLOCK) as usize];
        let (mut number, mut block) = (0, 0);
        while number + 1 < quantiles.len() {
            let ((low_share, low), (high_share, high)) = (quantiles[number], quantiles[number + 1]);
            segments[number] = Segment::new((low_share * 100, low * 1_000), (high_share * 100, high * 1_000));
            while block < by_block.len() && (block as u64) * SHARES_PER_BLOCK < high_share * 100 {
                by_block[block] = number as u8;
                block += 1;
            }
            number += 1;
        }
        Distribution {
            #[cfg(test)]
            quantiles,
            segments,
            by_block,
        }
    }

    /// The time that is a random duration after `start`. Between two quantiles all durations are equally
    /// likely.
    #[inline]
    pub fn after(&self, start: Time, rng: &mut RngStream) -> Time {
        Time::from_nanos(start.as_nanos().saturating_add(self.nanos(rng)))
    }

    /// A random duration in nanoseconds.
    #[inline]
    pub(super) fn nanos(&self, rng: &mut RngStream) -> u64 {
        let share = rng.below(SHARES);
        let mut number = usize::from(self.by_block[(share / SHARES_PER_BLOCK) as usize]);
        while share >= self.segments[number].end_share {
            number += 1;
        }
        self.segments[number].nanos_at(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_with_the_reciprocal_is_the_quotient() {
        for (shares, width) in [(100, 10_000_000), (300, 7), (900, 2_730_000), (250_000, 63_000_000)] {
            let segment = Segment::new((50, 1_000), (50 + shares, 1_000 + width));
            for share in 0..shares {
                assert_eq!(segment.nanos_at(50 + share), 1_000 + width * share / shares);
            }
        }
    }
}
