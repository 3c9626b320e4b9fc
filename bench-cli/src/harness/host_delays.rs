//! How late a machine does what it must: read a pipe, wake a process, let a timer expire.
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
//! operation. If tables had it as a delay of any message, one simulated run in five would be late at 200 ms.
//! Of real runs, one in thirty is.
//!
//! Messages of one burst wait for each other, so their delays are alike. The simulation draws each by
//! itself. On an idle machine a stall of more than 2 ms hit several messages twice in the 120 s of the six
//! runs of hub after their start, and never by more than 3.4 ms.

use super::distribution::Distribution;
use super::maelstrom_timing::SLEEP_OVERSHOOT;
use crate::spec::settings::Noise;

/// A machine's delays.
#[derive(Debug)]
pub struct HostDelays {
    /// How much longer than requested a thread that delivers messages sleeps.
    pub overshoot: &'static Distribution,
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

static IDLE: HostDelays = HostDelays {
    overshoot: &SLEEP_OVERSHOOT,
    // 39,942 times.
    stdin: Distribution::new(&[
        (0, 1),
        (500, 4),
        (1_000, 7),
        (2_500, 13),
        (5_000, 21),
        (7_500, 44),
        (9_000, 208),
        (9_500, 323),
        (9_750, 423),
        (9_900, 570),
        (9_990, 1_126),
        (9_999, 1_778),
        (10_000, 2_995),
    ]),
    // 37,307 times.
    wakeup: Distribution::new(&[
        (0, 3),
        (500, 9),
        (1_000, 13),
        (2_500, 21),
        (5_000, 34),
        (7_500, 65),
        (9_000, 221),
        (9_500, 346),
        (9_750, 452),
        (9_900, 605),
        (9_990, 1_085),
        (9_999, 2_610),
        (10_000, 3_527),
    ]),
    // 9,433 times.
    timer: Distribution::new(&[
        (0, 0),
        (500, 63),
        (1_000, 70),
        (2_500, 73),
        (5_000, 79),
        (7_500, 90),
        (9_000, 116),
        (9_500, 144),
        (9_750, 190),
        (9_900, 360),
        (9_990, 1_042),
        (9_999, 3_815),
        (10_000, 3_815),
    ]),
    // 32,617 times.
    stdout: Distribution::new(&[
        (0, 5),
        (500, 10),
        (1_000, 11),
        (2_500, 19),
        (5_000, 32),
        (7_500, 55),
        (9_000, 98),
        (9_500, 196),
        (9_750, 354),
        (9_900, 542),
        (9_990, 1_014),
        (9_999, 2_917),
        (10_000, 3_704),
    ]),
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
    // 28,888 times.
    stdin: Distribution::new(&[
        (0, 1),
        (500, 9),
        (1_000, 12),
        (2_500, 17),
        (5_000, 28),
        (7_500, 208),
        (9_000, 699),
        (9_500, 1_046),
        (9_750, 1_307),
        (9_900, 1_606),
        (9_990, 4_324),
        (9_999, 6_253),
        (10_000, 8_014),
    ]),
    // 28,719 times.
    wakeup: Distribution::new(&[
        (0, 3),
        (500, 9),
        (1_000, 14),
        (2_500, 21),
        (5_000, 23),
        (7_500, 30),
        (9_000, 119),
        (9_500, 267),
        (9_750, 456),
        (9_900, 783),
        (9_990, 1_685),
        (9_999, 4_347),
        (10_000, 8_597),
    ]),
    // 4,888 times.
    timer: Distribution::new(&[
        (0, 13),
        (500, 44),
        (1_000, 63),
        (2_500, 73),
        (5_000, 76),
        (7_500, 106),
        (9_000, 215),
        (9_500, 452),
        (9_750, 796),
        (9_900, 1_240),
        (9_990, 3_453),
        (9_999, 6_024),
        (10_000, 6_024),
    ]),
    // 21,150 times.
    stdout: Distribution::new(&[
        (0, 6),
        (500, 17),
        (1_000, 18),
        (2_500, 20),
        (5_000, 25),
        (7_500, 38),
        (9_000, 119),
        (9_500, 232),
        (9_750, 373),
        (9_900, 620),
        (9_990, 3_772),
        (9_999, 5_062),
        (10_000, 5_412),
    ]),
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

    #[test]
    fn a_sample_has_the_quantiles_of_the_table() {
        let of_hosts = [Noise::Idle, Noise::Busy]
            .map(HostDelays::of)
            .into_iter()
            .flat_map(|host| [host.overshoot, &host.stdin, &host.wakeup, &host.timer, &host.stdout]);
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
