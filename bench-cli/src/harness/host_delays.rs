//! How late a machine does what it must: read a pipe, wake a process, let a timer expire.
//!
//! The tables are measured, and no value was tuned to make results agree. An instrumented node and runner
//! noted the times of every message on one clock, on a machine with 2 cores: 25 nodes, 100 op/s, real
//! processes under the embedded runner.
//!
//! - **Idle**: one run after the other and nothing else. @IDLE@
//! - **Busy**: an endless loop for each core at the same time. @BUSY@
//!
//! The first 1.5 s of each run are left out. While 25 processes start, the runner is busy with that for up to
//! 47 ms, and whatever a node has written waits. It happens once, to all nodes, and before the first
//! operation. If tables had it as a delay of any message, one simulated run in five would be late at 200 ms.
//! Of real runs, one in thirty is.
//!
//! # Quiet and crowded
//!
//! A client's request mostly comes alone, and so does the moment at which the hub flushes. After the flush, 24
//! nodes wake at once and share the cores. So each stage has two tables: one for a node that is alone, and one
//! for a node while another got a message within the last 400 µs. @FIG@
//!
//! Messages of one burst wait for each other, so their delays are alike. The simulation draws each by itself.

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
    quiet: StageDelays,
    crowded: StageDelays,
}

/// How long a node and its pipes take to do what they must.
#[derive(Debug)]
pub struct StageDelays {
    /// From a message's delivery until the node's sleeping reader has it.
    pub stdin: Distribution,
    /// From then until the sleeping node acts.
    pub wakeup: Distribution,
    /// From a node's deadline until it acts.
    pub timer: Distribution,
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
}

/// Which nodes compete for the machine: those that have just got messages.
#[derive(Debug)]
pub struct Host {
    delays: &'static HostDelays,
    /// The node of the latest delivery, and its time.
    latest: Option<(NodeId, Time)>,
    /// The latest delivery to any other node.
    latest_elsewhere: Option<Time>,
}

impl Host {
    /// A machine that has delivered nothing so far.
    pub fn new(delays: &'static HostDelays) -> Host {
        Host { delays, latest: None, latest_elsewhere: None }
    }

    /// A message is delivered to a node now.
    pub fn on_delivery(&mut self, now: Time, node: NodeId) {
        if let Some((latest, at)) = self.latest
            && latest != node
        {
            self.latest_elsewhere = Some(at);
        }
        self.latest = Some((node, now));
    }

    /// The delays of this node now: those of a crowded machine if another node has got a message within
    /// [`CROWDED_FOR`].
    pub fn stages(&self, now: Time, node: NodeId) -> &'static StageDelays {
        let elsewhere = match self.latest {
            Some((latest, at)) if latest != node => Some(at),
            _ => self.latest_elsewhere,
        };
        match elsewhere {
            Some(at) if now.saturating_since(at) <= CROWDED_FOR => &self.delays.crowded,
            _ => &self.delays.quiet,
        }
    }
}

/// How long a delivery to another node counts as recent.
const CROWDED_FOR: Duration = Duration::from_micros(400);

static IDLE: HostDelays = HostDelays {
    overshoot: &SLEEP_OVERSHOOT,
    quiet: StageDelays {
        // 9,017 times.
        stdin: Distribution::new(&[
            (0, 3),
            (500, 6),
            (1_000, 9),
            (2_500, 14),
            (5_000, 23),
            (7_500, 36),
            (9_000, 48),
            (9_500, 57),
            (9_750, 73),
            (9_900, 101),
            (9_990, 221),
            (9_999, 499),
            (10_000, 1_523),
        ]),
        // 8,372 times.
        wakeup: Distribution::new(&[
            (0, 0),
            (500, 8),
            (1_000, 13),
            (2_500, 17),
            (5_000, 26),
            (7_500, 51),
            (9_000, 92),
            (9_500, 123),
            (9_750, 140),
            (9_900, 196),
            (9_990, 950),
            (9_999, 2_567),
            (10_000, 3_338),
        ]),
        // 2,700 times.
        timer: Distribution::new(&[
            (0, 12),
            (500, 70),
            (1_000, 71),
            (2_500, 75),
            (5_000, 81),
            (7_500, 96),
            (9_000, 120),
            (9_500, 154),
            (9_750, 180),
            (9_900, 231),
            (9_990, 575),
            (9_999, 1_264),
            (10_000, 1_362),
        ]),
        // 8,879 times.
        stdout: Distribution::new(&[
            (0, 4),
            (500, 8),
            (1_000, 9),
            (2_500, 17),
            (5_000, 35),
            (7_500, 70),
            (9_000, 112),
            (9_500, 145),
            (9_750, 175),
            (9_900, 232),
            (9_990, 931),
            (9_999, 2_393),
            (10_000, 3_213),
        ]),
    },
    crowded: StageDelays {
        // 9,407 times.
        stdin: Distribution::new(&[
            (0, 3),
            (500, 6),
            (1_000, 11),
            (2_500, 15),
            (5_000, 31),
            (7_500, 136),
            (9_000, 271),
            (9_500, 359),
            (9_750, 453),
            (9_900, 601),
            (9_990, 1_067),
            (9_999, 1_214),
            (10_000, 1_381),
        ]),
        // 9,045 times.
        wakeup: Distribution::new(&[
            (0, 0),
            (500, 9),
            (1_000, 13),
            (2_500, 19),
            (5_000, 36),
            (7_500, 115),
            (9_000, 262),
            (9_500, 344),
            (9_750, 416),
            (9_900, 505),
            (9_990, 878),
            (9_999, 1_925),
            (10_000, 2_219),
        ]),
        // 1,175 times.
        timer: Distribution::new(&[
            (0, 3),
            (500, 59),
            (1_000, 69),
            (2_500, 72),
            (5_000, 77),
            (7_500, 85),
            (9_000, 98),
            (9_500, 111),
            (9_750, 132),
            (9_900, 203),
            (9_990, 517),
            (9_999, 2_224),
            (10_000, 2_448),
        ]),
        // 6,130 times.
        stdout: Distribution::new(&[
            (0, 4),
            (500, 8),
            (1_000, 9),
            (2_500, 15),
            (5_000, 28),
            (7_500, 58),
            (9_000, 160),
            (9_500, 252),
            (9_750, 374),
            (9_900, 502),
            (9_990, 762),
            (9_999, 1_351),
            (10_000, 1_379),
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
    quiet: StageDelays {
        // 6,429 times.
        stdin: Distribution::new(&[
            (0, 3),
            (500, 6),
            (1_000, 11),
            (2_500, 17),
            (5_000, 21),
            (7_500, 30),
            (9_000, 46),
            (9_500, 133),
            (9_750, 1_290),
            (9_900, 1_807),
            (9_990, 7_282),
            (9_999, 14_432),
            (10_000, 15_214),
        ]),
        // 6,355 times.
        wakeup: Distribution::new(&[
            (0, 3),
            (500, 4),
            (1_000, 6),
            (2_500, 16),
            (5_000, 20),
            (7_500, 24),
            (9_000, 33),
            (9_500, 49),
            (9_750, 95),
            (9_900, 1_011),
            (9_990, 4_149),
            (9_999, 11_980),
            (10_000, 13_127),
        ]),
        // 3,706 times.
        timer: Distribution::new(&[
            (0, 19),
            (500, 48),
            (1_000, 66),
            (2_500, 75),
            (5_000, 77),
            (7_500, 92),
            (9_000, 133),
            (9_500, 310),
            (9_750, 1_119),
            (9_900, 2_947),
            (9_990, 6_460),
            (9_999, 11_186),
            (10_000, 13_779),
        ]),
        // 10,276 times.
        stdout: Distribution::new(&[
            (0, 5),
            (500, 12),
            (1_000, 13),
            (2_500, 15),
            (5_000, 19),
            (7_500, 28),
            (9_000, 44),
            (9_500, 65),
            (9_750, 123),
            (9_900, 661),
            (9_990, 4_251),
            (9_999, 11_095),
            (10_000, 11_184),
        ]),
    },
    crowded: StageDelays {
        // 6,396 times.
        stdin: Distribution::new(&[
            (0, 3),
            (500, 12),
            (1_000, 13),
            (2_500, 44),
            (5_000, 193),
            (7_500, 622),
            (9_000, 1_021),
            (9_500, 1_187),
            (9_750, 1_312),
            (9_900, 1_480),
            (9_990, 13_264),
            (9_999, 13_695),
            (10_000, 13_780),
        ]),
        // 6,337 times.
        wakeup: Distribution::new(&[
            (0, 3),
            (500, 12),
            (1_000, 16),
            (2_500, 19),
            (5_000, 22),
            (7_500, 95),
            (9_000, 315),
            (9_500, 529),
            (9_750, 687),
            (9_900, 1_117),
            (9_990, 3_798),
            (9_999, 5_004),
            (10_000, 5_023),
        ]),
        // 64 times.
        timer: Distribution::new(&[
            (0, 33),
            (500, 39),
            (1_000, 53),
            (2_500, 75),
            (5_000, 80),
            (7_500, 117),
            (9_000, 165),
            (9_500, 363),
            (9_750, 1_769),
            (9_900, 6_922),
            (9_990, 12_380),
            (9_999, 12_926),
            (10_000, 12_986),
        ]),
        // 2,011 times.
        stdout: Distribution::new(&[
            (0, 7),
            (500, 17),
            (1_000, 21),
            (2_500, 32),
            (5_000, 99),
            (7_500, 228),
            (9_000, 410),
            (9_500, 570),
            (9_750, 768),
            (9_900, 3_637),
            (9_990, 16_394),
            (9_999, 16_538),
            (10_000, 16_573),
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

    fn of_stages(stages: &StageDelays) -> [&Distribution; 4] {
        [&stages.stdin, &stages.wakeup, &stages.timer, &stages.stdout]
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
