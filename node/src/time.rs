//! Time as the state machine sees it: nanoseconds since an epoch that the driver chooses.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time, in nanoseconds since the driver's epoch.
/// The protocol never reads a clock. The runtime passes in real time, a simulation virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The time at which the driver started its clock.
    pub const ZERO: Time = Time(0);

    /// Later than any other: the deadline of what is never due.
    pub const NEVER: Time = Time(u64::MAX);

    /// The point `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The earliest of those that are set.
    pub fn earliest<const N: usize>(times: [Option<Time>; N]) -> Option<Time> {
        let earlier = |a: Option<Time>, b: Option<Time>| a.zip(b).map_or(a.or(b), |(a, b)| Some(a.min(b)));
        times.iter().fold(None, |earliest, time| earlier(earliest, *time))
    }

    /// The time that passed from `earlier` to here, zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration that is added to times for each message, in nanoseconds. A [`Duration`] would cost a
/// multiplication and a carry each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(u64);

impl Nanos {
    pub(crate) const fn new(nanos: u64) -> Nanos {
        Nanos(nanos)
    }

    /// The duration, at most 584 years.
    pub const fn of(duration: Duration) -> Nanos {
        Nanos(nanos(duration))
    }

    /// The time that passed from `earlier` to `later`, zero if `earlier` is later.
    pub(crate) const fn between(earlier: Time, later: Time) -> Nanos {
        Nanos(later.0.saturating_sub(earlier.0))
    }

    /// The number of nanoseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) const fn saturating_sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }
}

impl Add<Nanos> for Time {
    type Output = Time;

    fn add(self, nanos: Nanos) -> Time {
        Time(self.0.saturating_add(nanos.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates at the end of time (584 years) instead of wrapping.
    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    /// Saturates at the epoch.
    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(nanos(duration)))
    }
}

/// The first of the times `grid`, `grid + period`, `grid + 2 * period` and so on that is not before `now`.
pub(crate) fn next_point(grid: Time, period: Duration, now: Time) -> Time {
    let period = Nanos::of(period).get();
    let periods = Nanos::between(grid, now).get().div_ceil(period);
    grid + Nanos(periods.saturating_mul(period))
}

/// The duration in nanoseconds, at most `u64::MAX`. In `u64`, because a simulation does this many times for
/// each message.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_saturate() {
        let second = Duration::from_secs(1);
        assert_eq!((Time::from_nanos(5) + second).as_nanos(), 1_000_000_005);
        assert_eq!(Time::from_nanos(5) - second, Time::ZERO);
        assert_eq!((Time::from_nanos(5) + Duration::MAX).as_nanos(), u64::MAX);
        assert_eq!(Time::from_nanos(u64::MAX) - Duration::MAX, Time::ZERO);
    }

    #[test]
    fn the_earliest_is_one_that_is_set() {
        let at = |nanos| Some(Time::from_nanos(nanos));
        assert_eq!(Time::earliest([None, at(3), None, at(2), at(4)]), at(2));
        assert_eq!(Time::earliest([None, None]), None);
    }
}
