//! The generator of operations and faults: the next one, its time, and the end of the main phase.
//!
//! The intervals between clients' operations, and between the nemesis's, are uniform from zero to twice their
//! mean. Each is counted from the actual dispatch of the previous operation, which is a little late
//! ([`super::maelstrom_timing::DISPATCH_LATENESS`]). So the real rate is about 3 % below a configured 100
//! op/s. The first operation or fault starts the time limit. The phase ends when the next possible one would
//! be at or after the limit.

use std::cmp::Ordering;
use std::time::Duration;

use node::Time;

use super::maelstrom_timing::DISPATCH_LATENESS;
use super::partition::Kind;
use super::rng_streams::{Purpose, RngStream};
use super::targets::Targets;
use crate::spec::settings::{Fault, Settings};

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A free client adds the next value.
    Broadcast(u32),
    /// A free client reads.
    Read,
    /// The nemesis cuts links.
    StartPartition(Kind),
    /// The nemesis heals the network.
    StopPartition,
    /// The nemesis kills nodes.
    Kill(Targets),
    /// The nemesis starts all nodes that do not run.
    Start,
    /// The nemesis stops nodes.
    Pause(Targets),
    /// The nemesis resumes all stopped nodes.
    Resume,
    /// Nothing before this time.
    Wait(Time),
    /// Nothing before a client or the nemesis is free.
    Blocked,
    /// The main phase is over.
    Exhausted,
}

/// The generator of a run's main phase.
#[derive(Debug)]
pub struct Generator {
    clients: Stagger,
    partitions: Stagger,
    processes: Stagger,
    time_limit: Duration,
    cutoff: Option<Time>,
    rng: RngStream,
    nemesis_rng: RngStream,
    process_rng: RngStream,
    dispatch_rng: RngStream,
    /// All clients were busy, so that the next operation waits for one of them and not for its time. The
    /// first operation has no time to wait for.
    blocked: bool,
    next_is_read: bool,
    next_value: u32,
    partitioned: bool,
    /// The kinds of fault that processes suffer, each with whether its end comes next.
    process_faults: Vec<(Fault, bool)>,
}

/// A sequence of points in time.
#[derive(Debug)]
struct Stagger {
    /// The longest interval, in nanoseconds.
    widest: u64,
    /// [`Time::NEVER`] if there is none.
    next: Time,
}

impl Stagger {
    /// No points at all.
    const NONE: Stagger = Stagger { widest: 0, next: Time::NEVER };

    /// Points that follow each other after `mean_seconds` on average. The first is at once.
    fn new(mean_seconds: f64) -> Stagger {
        /// 73 years, so that no interval reaches [`Time::NEVER`].
        const WIDEST: u64 = u64::MAX / 8;
        Stagger { widest: ((2.0 * mean_seconds * 1e9) as u64).min(WIDEST), next: Time::ZERO }
    }

    /// Sets the next point, counted from `from`.
    fn advance(&mut self, from: Time, rng: &mut RngStream) {
        self.next = Time::from_nanos(from.as_nanos() + rng.below(self.widest));
    }
}

impl Generator {
    /// The generator for these settings and this seed.
    pub fn new(settings: &Settings, seed: u64) -> Generator {
        let mut rng = RngStream::new(seed, Purpose::Generator);
        let next_is_read = rng.below(2) == 1;
        let interval = settings.nemesis.interval.as_secs_f64();
        let faults = settings.nemesis.faults;
        let process_faults: Vec<(Fault, bool)> =
            faults.without(Fault::Partition).kinds().map(|kind| (kind, false)).collect();
        let stagger = |exists: bool, mean| if exists { Stagger::new(mean) } else { Stagger::NONE };
        Generator {
            clients: stagger(settings.rate > 0.0, 1.0 / settings.rate),
            partitions: stagger(faults.contains(Fault::Partition), interval),
            processes: stagger(!process_faults.is_empty(), interval),
            time_limit: settings.time_limit,
            cutoff: None,
            rng,
            nemesis_rng: RngStream::new(seed, Purpose::Nemesis),
            process_rng: RngStream::new(seed, Purpose::ProcessFaults),
            dispatch_rng: RngStream::new(seed, Purpose::Dispatch),
            blocked: true,
            next_is_read,
            next_value: 0,
            partitioned: false,
            process_faults,
        }
    }

    /// The random numbers for partitions.
    pub fn nemesis_rng(&mut self) -> &mut RngStream {
        &mut self.nemesis_rng
    }

    /// The random numbers for processes that are killed or stopped.
    pub fn process_rng(&mut self) -> &mut RngStream {
        &mut self.process_rng
    }

    /// Starts the time limit if nothing has, which is necessary if there are no operations (a rate of zero).
    /// Returns its end.
    pub fn start_limit(&mut self, now: Time) -> Time {
        *self.cutoff.get_or_insert_with(|| now + self.time_limit)
    }

    /// Whether clients have anything to do before the final reads.
    pub fn has_operations(&self) -> bool {
        self.clients.next != Time::NEVER
    }

    /// The next step. A step that is due now counts as done: the caller must do it.
    pub fn step(&mut self, now: Time, client_is_free: bool, nemesis_is_free: bool) -> Step {
        self.blocked |= !client_is_free;
        let client = if client_is_free { self.clients.next.max(now) } else { Time::NEVER };
        let fault = self.partitions.next.min(self.processes.next);
        let nemesis = if nemesis_is_free { fault.max(now) } else { Time::NEVER };
        let at = client.min(nemesis);
        if at == Time::NEVER {
            let is_waiting = self.has_operations() || !nemesis_is_free;
            return if is_waiting { Step::Blocked } else { Step::Exhausted };
        }
        let is_nemesis = match nemesis.cmp(&client) {
            Ordering::Less => true,
            // One of the two at random.
            Ordering::Equal => self.rng.below(2) == 1,
            Ordering::Greater => false,
        };
        if at >= self.start_limit(at) {
            return Step::Exhausted;
        }
        if at > now {
            return Step::Wait(at);
        }
        match is_nemesis {
            false => self.take_operation(now),
            true if self.partitions.next <= now => self.take_partition(now),
            true => self.take_process_fault(now),
        }
    }

    fn take_operation(&mut self, now: Time) -> Step {
        // The driver's own lateness is not part of the model. Unless the operation had to wait for a client,
        // the next interval is counted from this operation's planned time.
        let from = if self.blocked { now } else { self.clients.next };
        self.clients.advance(DISPATCH_LATENESS.after(from, &mut self.dispatch_rng), &mut self.rng);
        self.blocked = false;
        let is_read = self.next_is_read;
        self.next_is_read = self.rng.below(2) == 1;
        if is_read {
            return Step::Read;
        }
        let value = self.next_value;
        self.next_value += 1;
        Step::Broadcast(value)
    }

    fn take_partition(&mut self, now: Time) -> Step {
        self.partitions.advance(now, &mut self.nemesis_rng);
        self.partitioned = !self.partitioned;
        if self.partitioned {
            Step::StartPartition(Kind::ALL[self.nemesis_rng.index(Kind::ALL.len())])
        } else {
            Step::StopPartition
        }
    }

    /// One of the kinds at random; each begins and ends in turn.
    fn take_process_fault(&mut self, now: Time) -> Step {
        self.processes.advance(now, &mut self.process_rng);
        let kind = self.process_rng.index(self.process_faults.len());
        let (fault, ends) = &mut self.process_faults[kind];
        let ends = std::mem::replace(ends, !*ends);
        let mut targets = || Targets::ALL[self.process_rng.index(Targets::ALL.len())];
        match (*fault, ends) {
            (Fault::Pause, false) => Step::Pause(targets()),
            (Fault::Pause, true) => Step::Resume,
            (_, false) => Step::Kill(targets()),
            (_, true) => Step::Start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::settings::{Faults, Nemesis};

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// All steps, each with its time, if a client is always free.
    fn steps(settings: &Settings, start: Time) -> Vec<(Time, Step)> {
        let mut generator = Generator::new(settings, 9);
        let (mut now, mut all) = (start, Vec::new());
        loop {
            match generator.step(now, true, true) {
                Step::Wait(at) => now = at,
                Step::Exhausted => return all,
                step => all.push((now, step)),
            }
        }
    }

    #[test]
    fn operations_come_at_the_rate_until_the_limit() {
        let start = Time::from_nanos(123);
        let steps = steps(&Settings::default(), start);
        assert_eq!(steps[0].0, start, "the first operation does not wait");
        // 2,000 less what late dispatch costs.
        assert!((1870..2010).contains(&steps.len()), "{}", steps.len());
        let last = steps.last().expect("there are steps").0;
        assert!(last < start + seconds(20) && last > start + seconds(19));
        let gaps: Vec<Duration> =
            steps.windows(2).map(|pair| pair[1].0.saturating_since(pair[0].0)).collect();
        assert!(gaps.iter().all(|&gap| gap < Duration::from_millis(40)));
        let mean = gaps.iter().sum::<Duration>().as_secs_f64() / gaps.len() as f64;
        assert!((0.0098..0.0108).contains(&mean), "{mean} s");
        let reads = steps.iter().filter(|(_, step)| *step == Step::Read).count();
        assert!((steps.len() * 9 / 20..steps.len() * 11 / 20).contains(&reads), "{reads} reads");
    }

    #[test]
    fn values_count_up_from_zero() {
        let values: Vec<u32> = steps(&Settings::default(), Time::ZERO)
            .iter()
            .filter_map(|(_, step)| if let Step::Broadcast(value) = step { Some(*value) } else { None })
            .collect();
        assert_eq!(values, (0..values.len() as u32).collect::<Vec<_>>());
    }

    #[test]
    fn partitions_start_and_stop_in_turn_at_their_own_pace() {
        let nemesis = Nemesis { faults: Faults::partition(), interval: seconds(4) };
        let settings = Settings { nemesis, time_limit: seconds(4_000), rate: 0.1, ..Settings::default() };
        let faults: Vec<Step> = steps(&settings, Time::ZERO)
            .into_iter()
            .map(|(_, step)| step)
            .filter(|step| matches!(step, Step::StartPartition(_) | Step::StopPartition))
            .collect();
        assert!((930..1070).contains(&faults.len()), "{}", faults.len());
        for (i, fault) in faults.iter().enumerate() {
            assert_eq!(*fault == Step::StopPartition, i % 2 == 1);
        }
        for kind in Kind::ALL {
            let count = faults.iter().filter(|&&fault| fault == Step::StartPartition(kind)).count();
            assert!((90..160).contains(&count), "{kind:?} was chosen {count} times");
        }
    }

    #[test]
    fn without_a_free_client_operations_wait_and_are_not_lost() {
        let mut generator = Generator::new(&Settings::default(), 1);
        assert_eq!(generator.step(Time::ZERO, false, true), Step::Blocked);
        let later = Time::from_nanos(5_000_000_000);
        assert!(matches!(generator.step(later, true, true), Step::Broadcast(0) | Step::Read));
        // The limit runs from the first operation, not from the first question.
        assert_eq!(generator.start_limit(later), later + seconds(20));
    }

    #[test]
    fn a_rate_of_zero_has_no_operations() {
        let mut generator = Generator::new(&Settings { rate: 0.0, ..Settings::default() }, 1);
        assert_eq!(generator.step(Time::ZERO, true, true), Step::Exhausted);
    }

    #[test]
    fn kills_and_pauses_share_one_pace_and_each_ends_before_it_begins_again() {
        let faults = Faults::of([Fault::Kill, Fault::Pause]);
        let nemesis = Nemesis { faults, interval: seconds(4) };
        let settings = Settings { nemesis, time_limit: seconds(4_000), rate: 0.1, ..Settings::default() };
        let steps: Vec<Step> = steps(&settings, Time::ZERO).into_iter().map(|(_, step)| step).collect();
        let mut total = 0;
        let is_kill: fn(&Step) -> bool = |step| matches!(step, Step::Kill(_));
        let is_pause: fn(&Step) -> bool = |step| matches!(step, Step::Pause(_));
        for (begins, ends) in [(is_kill, Step::Start), (is_pause, Step::Resume)] {
            let of_kind: Vec<&Step> = steps.iter().filter(|step| begins(step) || **step == ends).collect();
            assert!(of_kind.iter().enumerate().all(|(i, step)| begins(step) == (i % 2 == 0)));
            assert!((430..570).contains(&of_kind.len()), "{}", of_kind.len());
            total += of_kind.len();
        }
        assert!((930..1070).contains(&total), "{total}");
        for targets in Targets::ALL {
            let count = steps.iter().filter(|&&step| step == Step::Kill(targets)).count();
            assert!((20..70).contains(&count), "{targets:?} was chosen {count} times");
        }
    }

    #[test]
    fn a_busy_nemesis_delays_faults_and_not_operations() {
        let nemesis = Nemesis { faults: Faults::of([Fault::Kill]), interval: seconds(1) };
        let mut generator = Generator::new(&Settings { nemesis, ..Settings::default() }, 1);
        assert!(matches!(generator.step(Time::ZERO, true, false), Step::Broadcast(_) | Step::Read));
        assert!(matches!(generator.step(Time::ZERO, true, true), Step::Kill(_)));
        let mut idle = Generator::new(&Settings { nemesis, rate: 0.0, ..Settings::default() }, 1);
        assert_eq!(idle.step(Time::ZERO, true, false), Step::Blocked);
    }
}
