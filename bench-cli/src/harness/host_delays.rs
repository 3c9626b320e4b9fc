//! The delays of a machine: reading a pipe, waking a process, expiring a timer.
//!
//! The tables are measured, and no value was tuned to make results agree. An instrumented node and runner
//! noted the times of every message on one clock, on a machine with 2 cores: 25 nodes, 100 op/s, real
//! processes under the embedded runner.
//!
//! - **Idle**: one run after the other and nothing else. Three runs each of hub at 200 and 490 ms, two of
//!   tree at 100 ms.
//! - **Busy**: an endless loop for each core at the same time. Four runs each of hub at 200 and 490 ms in
//!   parallel, and one alone.
//!
//! The first 1.5 s of each run are left out. While 25 processes start, the runner is busy with that for up to
//! 47 ms, and whatever a node has written waits. It happens once, to all nodes, and before the first
//! operation. If the tables included these delays, the maximum of one simulated hub run in five would be 20
//! ms too long at 200 ms. Of 42 real ones, none is.
//!
//! # Quiet and crowded
//!
//! A client's request mostly comes alone, and so does the moment at which the hub flushes. After the flush,
//! 24 nodes wake at once and share the cores. So each stage has two tables: one for a machine on which 4
//! nodes in a row have got messages within the last 400 µs, and one for all other moments. With one table
//! for all, a lone request would be as slow as one of 24:
//!
//! | what a request takes if it is not held up (hub, 200 ms) | median (µs) | p95 (µs) |
//! |---|---:|---:|
//! | simulated, one table | 136 | 708 |
//! | simulated, two tables | 101 | 369 |
//! | real, one run at a time | 141 | 270 |
//! | real, six runs at a time | 85 | 215 |
//!
//! Messages of one burst wait for each other, so their delays are alike. The simulation chooses each
//! independently.

use std::time::Duration;

use node::Time;

use super::address::NodeId;
use super::distribution::Distribution;
use super::maelstrom_timing::SLEEP_OVERSHOOT;
use crate::spec::settings::Noise;

/// A machine's delays.
#[derive(Debug)]
pub struct HostDelays {
    /// How much longer than requested a thread that delivers messages sleeps.
    pub overshoot: &'static Distribution,
    /// From a node's deadline until it acts.
    pub timer: Distribution,
    quiet: StageDelays,
    crowded: StageDelays,
}

/// How long a message's way into a node and out of it takes.
#[derive(Debug)]
pub struct StageDelays {
    /// From a message's delivery until the node's sleeping reader has it.
    pub stdin: Distribution,
    /// From then until the sleeping node acts.
    pub wakeup: Distribution,
    /// From then until the first message that the node sends is on the network: the node's work, the pipe and
    /// the reader at its other end.
    pub stdout: Distribution,
}

impl HostDelays {
    /// Those of such a machine.
    pub fn of(noise: Noise) -> &'static HostDelays {
        match noise {
            Noise::Idle => &IDLE,
            Noise::Busy => &BUSY,
        }
    }

    /// How long nodes take at a time.
    #[inline]
    pub fn stages(&self, now: Time, recent: &RecentDeliveries) -> &StageDelays {
        if recent.is_crowded(now) { &self.crowded } else { &self.quiet }
    }
}

/// The deliveries that decide whether nodes compete for the machine.
#[derive(Debug, Default)]
pub struct RecentDeliveries {
    /// The node of the latest delivery.
    latest: Option<NodeId>,
    /// Until when the first message in a row to each of the last nodes counts as recent, latest first.
    recent_until: [Time; CROWD],
}

/// A machine is crowded while so many nodes in a row have got messages within the last 400 µs.
const CROWD: usize = 4;
/// A message counts as recent for less than this, and so up to 400 µs.
const RECENT: Duration = Duration::from_nanos(400_001);

impl RecentDeliveries {
    /// A message is delivered to a node now.
    pub fn on_delivery(&mut self, now: Time, node: NodeId) {
        if self.latest.replace(node) != Some(node) {
            self.recent_until.rotate_right(1);
            self.recent_until[0] = now + RECENT;
        }
    }

    /// Whether the machine is crowded now.
    fn is_crowded(&self, now: Time) -> bool {
        now < self.recent_until[CROWD - 1]
    }
}

static IDLE: HostDelays = HostDelays {
    overshoot: &SLEEP_OVERSHOOT,
    // 9,090 times.
    timer: Distribution::new(&[
        (0, 2),
        (500, 65),
        (1_000, 70),
        (2_500, 74),
        (5_000, 83),
        (7_500, 102),
        (9_000, 147),
        (9_500, 187),
        (9_750, 226),
        (9_900, 297),
        (9_990, 562),
        (9_999, 2_151),
        (10_000, 3_017),
    ]),
    quiet: StageDelays {
        // 26,901 times.
        stdin: Distribution::new(&[
            (0, 1),
            (500, 5),
            (1_000, 8),
            (2_500, 14),
            (5_000, 22),
            (7_500, 35),
            (9_000, 52),
            (9_500, 68),
            (9_750, 97),
            (9_900, 172),
            (9_990, 742),
            (9_999, 1_406),
            (10_000, 4_709),
        ]),
        // 25,154 times.
        wakeup: Distribution::new(&[
            (0, 0),
            (500, 8),
            (1_000, 11),
            (2_500, 16),
            (5_000, 26),
            (7_500, 43),
            (9_000, 76),
            (9_500, 100),
            (9_750, 126),
            (9_900, 219),
            (9_990, 883),
            (9_999, 2_827),
            (10_000, 3_713),
        ]),
        // 27,841 times.
        stdout: Distribution::new(&[
            (0, 3),
            (500, 8),
            (1_000, 10),
            (2_500, 16),
            (5_000, 32),
            (7_500, 57),
            (9_000, 93),
            (9_500, 123),
            (9_750, 158),
            (9_900, 204),
            (9_990, 476),
            (9_999, 1_791),
            (10_000, 2_451),
        ]),
    },
    crowded: StageDelays {
        // 8,467 times.
        stdin: Distribution::new(&[
            (0, 1),
            (500, 13),
            (1_000, 15),
            (2_500, 30),
            (5_000, 104),
            (7_500, 212),
            (9_000, 332),
            (9_500, 407),
            (9_750, 482),
            (9_900, 589),
            (9_990, 828),
            (9_999, 1_058),
            (10_000, 1_145),
        ]),
        // 8,283 times.
        wakeup: Distribution::new(&[
            (0, 0),
            (500, 13),
            (1_000, 17),
            (2_500, 30),
            (5_000, 69),
            (7_500, 183),
            (9_000, 319),
            (9_500, 384),
            (9_750, 439),
            (9_900, 527),
            (9_990, 743),
            (9_999, 1_084),
            (10_000, 1_233),
        ]),
        // 3,548 times.
        stdout: Distribution::new(&[
            (0, 5),
            (500, 13),
            (1_000, 17),
            (2_500, 32),
            (5_000, 80),
            (7_500, 185),
            (9_000, 331),
            (9_500, 442),
            (9_750, 526),
            (9_900, 630),
            (9_990, 1_131),
            (9_999, 1_569),
            (10_000, 1_623),
        ]),
    },
};

/// The overshoot of an idle machine's JVM thread, plus how late the embedded runner was with 25,428
/// deliveries on a busy one.
static BUSY_OVERSHOOT: Distribution = Distribution::new(&[
    (0, 1),
    (500, 54),
    (1_000, 81),
    (2_500, 118),
    (5_000, 162),
    (7_500, 401),
    (9_000, 840),
    (9_500, 1_182),
    (9_750, 1_775),
    (9_900, 2_885),
    (9_990, 5_546),
    (9_999, 9_601),
    (10_000, 11_345),
]);

static BUSY: HostDelays = HostDelays {
    overshoot: &BUSY_OVERSHOOT,
    // 4,455 times.
    timer: Distribution::new(&[
        (0, 18),
        (500, 46),
        (1_000, 65),
        (2_500, 74),
        (5_000, 77),
        (7_500, 86),
        (9_000, 116),
        (9_500, 150),
        (9_750, 230),
        (9_900, 633),
        (9_990, 4_447),
        (9_999, 5_204),
        (10_000, 5_537),
    ]),
    quiet: StageDelays {
        // 13,561 times.
        stdin: Distribution::new(&[
            (0, 3),
            (500, 7),
            (1_000, 12),
            (2_500, 16),
            (5_000, 21),
            (7_500, 30),
            (9_000, 58),
            (9_500, 516),
            (9_750, 1_137),
            (9_900, 1_415),
            (9_990, 3_492),
            (9_999, 5_346),
            (10_000, 6_674),
        ]),
        // 13,516 times.
        wakeup: Distribution::new(&[
            (0, 2),
            (500, 4),
            (1_000, 8),
            (2_500, 14),
            (5_000, 20),
            (7_500, 23),
            (9_000, 32),
            (9_500, 43),
            (9_750, 79),
            (9_900, 265),
            (9_990, 1_469),
            (9_999, 3_576),
            (10_000, 6_328),
        ]),
        // 16,626 times.
        stdout: Distribution::new(&[
            (0, 5),
            (500, 13),
            (1_000, 14),
            (2_500, 16),
            (5_000, 21),
            (7_500, 31),
            (9_000, 48),
            (9_500, 79),
            (9_750, 173),
            (9_900, 580),
            (9_990, 4_687),
            (9_999, 5_412),
            (10_000, 5_429),
        ]),
    },
    crowded: StageDelays {
        // 10,324 times.
        stdin: Distribution::new(&[
            (0, 2),
            (500, 7),
            (1_000, 13),
            (2_500, 23),
            (5_000, 133),
            (7_500, 432),
            (9_000, 799),
            (9_500, 1_007),
            (9_750, 1_164),
            (9_900, 1_322),
            (9_990, 2_148),
            (9_999, 3_206),
            (10_000, 4_295),
        ]),
        // 10,275 times.
        wakeup: Distribution::new(&[
            (0, 3),
            (500, 10),
            (1_000, 13),
            (2_500, 19),
            (5_000, 21),
            (7_500, 36),
            (9_000, 167),
            (9_500, 314),
            (9_750, 455),
            (9_900, 672),
            (9_990, 1_359),
            (9_999, 1_696),
            (10_000, 2_096),
        ]),
        // 2,974 times.
        stdout: Distribution::new(&[
            (0, 10),
            (500, 22),
            (1_000, 28),
            (2_500, 61),
            (5_000, 135),
            (7_500, 248),
            (9_000, 440),
            (9_500, 644),
            (9_750, 984),
            (9_900, 2_781),
            (9_990, 4_381),
            (9_999, 4_624),
            (10_000, 4_640),
        ]),
    },
};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::maelstrom_timing::DISPATCH_LATENESS;
    use super::super::rng_streams::{Purpose, RngStream};
    use super::*;

    fn sample(distribution: &Distribution) -> Vec<Duration> {
        let mut rng = RngStream::new(1, Purpose::Dispatch);
        let mut sample: Vec<Duration> =
            (0..100_000).map(|_| Duration::from_nanos(distribution.nanos(&mut rng))).collect();
        sample.sort_unstable();
        sample
    }

    fn of_stages(stages: &StageDelays) -> [&Distribution; 3] {
        [&stages.stdin, &stages.wakeup, &stages.stdout]
    }

    #[test]
    fn a_machine_is_crowded_while_several_nodes_have_just_got_messages() {
        let delays = HostDelays::of(Noise::Idle);
        let us = |us: u64| Time::ZERO + Duration::from_micros(us);
        let crowded =
            |recent: &RecentDeliveries, at| std::ptr::eq(delays.stages(us(at), recent), &delays.crowded);
        let mut recent = RecentDeliveries::default();
        // One node may get as many messages as it likes.
        for at in 0..10 {
            recent.on_delivery(us(at), NodeId(7));
        }
        assert!(!crowded(&recent, 10));
        for (at, node) in [(100, 1), (200, 2), (300, 3)] {
            recent.on_delivery(us(at), NodeId(node));
        }
        assert!(crowded(&recent, 400) && !crowded(&recent, 401), "the first of them was at 0");
    }

    #[test]
    fn a_sample_has_the_quantiles_of_the_table() {
        let of_hosts = [Noise::Idle, Noise::Busy].map(HostDelays::of).into_iter().flat_map(|host| {
            [host.overshoot].into_iter().chain(of_stages(&host.quiet)).chain(of_stages(&host.crowded))
        });
        for (sample, table) in of_hosts.chain([&DISPATCH_LATENESS]).map(|d| (sample(d), d.quantiles)) {
            // Of the rarest ten-thousandth the sample has ten.
            for &(share, micros) in table[1..table.len() - 1].iter().filter(|(share, _)| *share <= 9_990) {
                let sampled = sample[share as usize * 10].as_micros() as f64;
                let off = (sampled - micros as f64).abs() / micros as f64;
                assert!(off < 0.15, "{share}/10000: {sampled} µs, not {micros}");
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
